"""What all columns of a walk over λ have in common, and what is known of their Hessians."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property, partial

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from skreg.quadratic.point import own_weights
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array, Indices, slices, symmetric, together
from skreg.rows.sums import gram_about
from skreg.solvers.descent import gradient_scales
from skreg.solvers.fold_rows import RowHessians

# A feature without a penalty counts with this share of the largest factor in the model of H.
_FREE = 1e-8
# Of the time of a pass, in flops: what it takes whatever the size, and a row's loss; and what X
# takes to come from memory, in columns.
_OVERHEAD, _LOSS, _MEMORY = 2e6, 50.0, 6.0
# What the calls for a factor, or a Gram matrix, take, in flops of a pass.
_CALLS = 1.5e6
# A flop of a factor takes so many times as long as one of a pass, or of a Gram matrix.
_FACTOR_FLOP = 3.0
# Numbers that may be held in any case; of a column, vectors that a pass makes of raw predictions,
# and points, those of the BFGS correction among them.
_HELD, _VECTORS, _POINTS = 2**22, 5, 16
# How often a matrix that is not definite as rounded is raised, each time a hundredfold.
_TRIALS = 6


class FoldModel:
    """The problem of all rows, and the Hessians of some of its points, which serve every column.

    With K outputs it is the K diagonal blocks Hₖ = ∂²R/∂(θₖ, bₖ)² that are kept: p² numbers each.
    Between the λ of these points they are interpolated in log λ.

    Where the rows that training parts lack are disjoint, the same products of rows, summed for each
    of these by itself, give a Hessian to every part: that of all rows less theirs. Each is then
    factored for each λ, p³/3 flops a column, which has to be less than a pass takes. Elsewhere the
    Hessian of all rows, factored once for a λ, serves every part.

    Parameters
    ----------
    risk : EmpiricalRisk
    factors : ndarray of shape (p,)
    weights : ndarray of shape (n, P)
        Of the rows in each training part, and at last in all rows.

    Attributes
    ----------
    shares : ndarray of shape (n, P)
        Those weights, to sums of 1.
    in_one_pass : bool
        Whether kernels take both products with X in one pass.
    scale : ndarray of shape (K, p + 1)
        What gradients are divided by for their norms.
    bend : float
        Σ wᵢ ∂²ℓᵢ/∂fₖ² over rows and outputs in the null model.
    by_rows : RowHessians or None
        Where rows are few enough for a Hessian of each column.
    """

    def __init__(self, risk: EmpiricalRisk, factors: Array, weights: Array):
        self.risk, self.factors = risk, factors
        self.shares = np.ascontiguousarray(weights / weights.sum(axis=0))
        self.in_one_pass = (
            risk.loss.is_compiled and isinstance(risk.X, np.ndarray) and risk.n_features > 0
        )
        held = np.maximum(factors, _FREE * factors.max(initial=0.0) or 1.0)
        self._held = np.append(held, EPS)
        curvature = risk.null.curvature
        bends = np.maximum(own_weights(risk, curvature).sum(axis=0), EPS)
        self.bend = bends.sum()
        squares = risk.about_mean(risk.design.squares(risk.share), risk.share)
        slope_scale, b_scale = gradient_scales(risk, np.outer(bends, squares), curvature)
        self.scale = np.concatenate([slope_scale, b_scale[:, None]], axis=1)
        self.by_rows = RowHessians.of(risk, factors)
        self._lacking = _disjoint(weights) if self._is_worth_a_factor() else None
        # By log λ, of shape (P or 1, K, p + 1, p + 1).
        self._hessians: dict[float, Array] = {}
        self._factors: dict[tuple[float, int], list[Array]] = {}

    def _is_worth_a_factor(self) -> bool:
        """Whether a factor for each column takes less than one pass does."""
        risk, p = self.risk, self.risk.n_features
        is_dense = isinstance(risk.X, np.ndarray)
        factor = _FACTOR_FLOP * p**3 / 3 + _CALLS
        return is_dense and factor < self._pass_of_one() / risk.n_outputs

    def _pass_of_one(self) -> float:
        """About the flops of a pass with one column."""
        (n, p), K = self.risk.X.shape, self.risk.n_outputs
        return K * (4 * getattr(self.risk.X, "nnz", n * p) + 2 * p**2 + _LOSS * n)

    def passes(self, n_columns: int) -> float:
        """Passes with one column, of so many, that `renew` takes the time of."""
        (n, p), K = self.risk.X.shape, self.risk.n_outputs
        size = getattr(self.risk.X, "nnz", n * p)
        own = K * (size / n * size + _FACTOR_FLOP * p**3 / 3 + _CALLS)
        shared = _OVERHEAD + self.in_one_pass * _MEMORY * self._pass_of_one()
        return own / (self._pass_of_one() + shared / n_columns)

    @cached_property
    def room(self) -> int:
        """Columns that there is room for: for their points, factors and raw predictions."""
        own = self.scale.size * _POINTS
        if self.by_rows is None:
            sharing = 1 if self._lacking is not None else self.shares.shape[1]
            own += self.scale.size * self.scale.shape[1] // sharing
        return n_held(self.risk) // (own if self.in_one_pass else own + size_of_raw(self.risk))

    def raw(self, theta: Array) -> Array:
        """Raw predictions (n, C, K) of all rows at points (C, K, p + 1)."""
        flat = theta.reshape(-1, theta.shape[2]).T
        out = (self.risk.design.dot(np.ascontiguousarray(flat[:-1])) + flat[-1]).reshape(
            -1, *theta.shape[:2]
        )
        return out if self.risk.offset is None else out + self.risk.offset[:, None]

    # Hessians -------------------------------------------------------------------------------------

    @property
    def has_own(self) -> bool:
        """Whether every part has a Hessian of its own."""
        return self._lacking is not None

    @property
    def has_hessian(self) -> bool:
        return bool(self._hessians)

    def renew(self, alpha: float, theta: Array, part: int) -> None:
        """Take the Hessian at a point (K, p + 1) of a part, near its solution for λ = ``alpha``."""
        risk = self.risk
        curvature = risk.derivatives_at(np.ascontiguousarray(self.raw(theta[None])[:, 0]))[2]
        weights = np.ascontiguousarray(own_weights(risk, curvature).T)
        if self._lacking is None:
            weights = weights * self.shares[:, part] / np.where(risk.share > 0, risk.share, 1.0)
        blocks = np.stack([self._blocks(w) for w in weights], axis=1)
        if not risk.fit_intercept:
            blocks[..., -1, :] = blocks[..., -1] = 0.0
            blocks[..., -1, -1] = 1.0
        self._hessians[float(np.log(alpha))] = blocks
        while len(self._hessians) > max(1, n_held(risk) // blocks.size):
            del self._hessians[next(iter(self._hessians))]
        self.forget()

    def _blocks(self, weights: Array) -> Array:
        """Σ wᵢ(x − c, 1)(x − c, 1)ᵀ of every part, (P, p + 1, p + 1), or of all rows."""
        if self._lacking is None:
            gram, sums = self.risk.design.gram(weights)
            block = np.empty((1, len(gram) + 1, len(gram) + 1))
            block[:, :-1, :-1], block[:, :-1, -1], block[:, -1, :-1] = gram, sums, sums
            block[:, -1, -1] = weights.sum()
            return block
        sums = np.array(together(partial(self._block, weights), [(s,) for s in self._lacking]))
        total = sums.sum(axis=0)
        shares = np.array([self.risk.share[rows].sum() for rows in self._lacking[:-1]])
        return (total - sums[:-1]) / (1.0 - shares / self.risk.share.sum())[:, None, None]

    def _block(self, weights: Array, rows: Indices) -> Array:
        """Their sum over some rows."""
        X, center = self.risk.X, self.risk.design.center
        total, none = np.zeros((X.shape[1] + 1,) * 2), np.empty((len(X), 0))
        for block in slices(len(rows), len(total)):
            total = gram_about(X, none, weights, rows[block], center, total)
        return symmetric(total)

    def _hessian(self, alpha: float, part: int) -> Array:
        """(K, p + 1, p + 1)."""
        nodes, at = sorted(self._hessians), float(np.log(alpha))
        above = min(bisect_left(nodes, at), len(nodes) - 1)
        low, high = nodes[max(above - 1, 0)], nodes[above]
        share = min(max((at - low) / (high - low), 0.0), 1.0) if high > low else 1.0
        low, high = self._hessians[low][part], self._hessians[high][part]
        return low + share * (high - low)

    def solve(self, g: Array, alphas: Array, parts: Indices) -> Array:
        """(H + λF)⁻¹g for g of shape (A, K, p + 1), λ of shape (A,) and their parts."""
        columns: dict[tuple[float, int], list[int]] = {}
        parts = parts if self._lacking is not None else np.zeros_like(parts)
        for a, key in enumerate(zip(alphas.tolist(), parts.tolist(), strict=True)):
            columns.setdefault(key, []).append(a)
        out = np.empty_like(g)
        for key, some in columns.items():
            for k, lower in enumerate(self._at(*key)):
                out[some, k] = dpotrs(lower, g[some, k].T, lower=1)[0].T
        return out

    def forget(self) -> None:
        """Free the factors: their λ are solved."""
        self._factors = {}

    def _at(self, alpha: float, part: int) -> list[Array]:
        """The factors of Hₖ + λF."""
        key = alpha, part
        if key not in self._factors:
            ridge = alpha * self._held
            self._factors[key] = [_factored(H, ridge) for H in self._hessian(alpha, part)]
        return self._factors[key]


def _disjoint(weights: Array) -> list[Indices] | None:
    """The rows that each part lacks, and those that none does; None if two parts lack the same."""
    lacks = (weights == 0.0) & (weights[:, -1:] > 0.0)
    if lacks.sum(axis=1).max(initial=0) > 1:
        return None
    return [np.flatnonzero(rows) for rows in (*lacks.T, ~lacks.any(axis=1))]


def _factored(block: Array, ridge: Array) -> Array:
    """The lower triangle of a Cholesky factor of H + diag(ridge), raised where rounding asks."""
    diagonal = np.arange(len(block))
    more = EPS
    for _ in range(_TRIALS):
        matrix = block.T.copy(order="F")  # it is symmetric
        matrix[diagonal, diagonal] += ridge
        lower, info = dpotrf(matrix, lower=1, overwrite_a=1)
        if info == 0:
            return lower
        more *= 100.0
        ridge = ridge + more * (block[diagonal, diagonal] + ridge)
    raise np.linalg.LinAlgError("a Hessian is not positive definite")


def n_held(risk: EmpiricalRisk) -> int:
    """Numbers that may be held beside those of X: as many, and some in any case."""
    return max(getattr(risk.X, "nnz", risk.X.size), _HELD)


def size_of_raw(risk: EmpiricalRisk) -> int:
    """Numbers that raw predictions of a column, and what is made of them, take."""
    return _VECTORS * len(risk.y) * risk.n_outputs


def groups_of(columns: Indices, room: int) -> list[Indices]:
    """Columns that go together: ``room`` at most, and one at least."""
    n_groups = -(-len(columns) // max(room, 1))
    return np.array_split(columns, min(n_groups, len(columns)))
