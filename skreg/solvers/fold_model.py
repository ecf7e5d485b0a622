"""What all columns of a walk over λ have in common, and what is known of their Hessians."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from skreg.quadratic.point import own_weights
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array, Indices
from skreg.solvers.descent import gradient_scales
from skreg.solvers.fold_rows import RowHessians

# A feature without a penalty counts with this share of the largest factor in the model of H.
_FREE = 1e-8
# Of the time of a pass: what it takes whatever the size, in flops, and a row's loss.
_OVERHEAD, _LOSS = 2e6, 50.0
# Flops of a Gram matrix or a factor take this share of the time of flops of a pass.
_DENSE_FLOP = 0.3
# How often a matrix that is not definite as rounded is raised, each time a hundredfold.
_TRIALS = 6


class FoldModel:
    """The problem of all rows, and the Hessian of one of its points, which serves every column.

    With K outputs it is the K diagonal blocks Hₖ = ∂²R/∂(θₖ, bₖ)² that are kept: p² numbers each.
    Each is factored once for a λ, p³/3 flops, and solved with for all columns at a time.

    Attributes
    ----------
    scale : ndarray of shape (K, p + 1)
        What gradients are divided by for their norms.
    bend : float
        Σ wᵢ ∂²ℓᵢ/∂fₖ² over rows and outputs in the null model.
    by_rows : RowHessians or None
        Where rows are few enough for a Hessian of each column.
    """

    def __init__(self, risk: EmpiricalRisk, factors: Array):
        self.risk, self.factors = risk, factors
        held = np.maximum(factors, _FREE * factors.max(initial=0.0) or 1.0)
        self._held = np.append(held, EPS)
        curvature = risk.null.curvature
        bends = np.maximum(own_weights(risk, curvature).sum(axis=0), EPS)
        self.bend = bends.sum()
        squares = risk.about_mean(risk.design.squares(risk.share), risk.share)
        slope_scale, b_scale = gradient_scales(risk, np.outer(bends, squares), curvature)
        self.scale = np.concatenate([slope_scale, b_scale[:, None]], axis=1)
        self.by_rows = RowHessians.of(risk, factors)
        self._blocks: list[Array] = []
        self._factors: dict[float, list[Array]] = {}

    def patience(self, n_columns: int) -> float:
        """Passes over X, of so many columns, that `renew` takes the time of."""
        (n, p), K = self.risk.X.shape, self.risk.n_outputs
        size = getattr(self.risk.X, "nnz", n * p)
        own = K * (size / n * size + p**3 / 3)
        one = K * (4 * size + 2 * p**2 + _LOSS * n)
        return _DENSE_FLOP * own / (n_columns * one + _OVERHEAD) + 1.0

    def renew(self, raw: Array) -> None:
        """Take the Hessian at raw predictions (n, K) of all rows."""
        risk = self.risk
        curvature = risk.derivatives_at(np.ascontiguousarray(raw))[2]
        self._blocks, self._factors = [], {}
        for weights in np.ascontiguousarray(own_weights(risk, curvature).T):
            gram, sums = risk.design.gram(weights)
            block = np.empty((len(gram) + 1,) * 2)
            block[:-1, :-1], block[-1, -1] = gram, weights.sum() if risk.fit_intercept else 1.0
            block[-1, :-1] = block[:-1, -1] = sums if risk.fit_intercept else 0.0
            self._blocks.append(block)

    def solve(self, g: Array, alphas: Array) -> Array:
        """(H + λF)⁻¹g for g of shape (A, K, p + 1) and λ of shape (A,)."""
        out = np.empty_like(g)
        for alpha in np.unique(alphas).tolist():
            some = np.flatnonzero(alphas == alpha)
            for k, lower in enumerate(self._at(alpha)):
                out[some, k] = dpotrs(lower, g[some, k].T, lower=1)[0].T
        return out

    def forget(self) -> None:
        """Free the factors: their λ are solved."""
        self._factors = {}

    def _at(self, alpha: float) -> list[Array]:
        """The factors of Hₖ + λF."""
        if alpha not in self._factors:
            self._factors[alpha] = [_factored(H, alpha * self._held) for H in self._blocks]
        return self._factors[alpha]


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


def groups_of(columns: Indices, room: int) -> list[Indices]:
    """Columns that go together: ``room`` at most, and one at least."""
    n_groups = -(-len(columns) // max(room, 1))
    return np.array_split(columns, min(n_groups, len(columns)))
