"""A Newton step of the interior-point method, a ridge regression with weights of rows; its end."""

from typing import Any

import numpy as np
from scipy.linalg import svd
from scipy.linalg.lapack import dpotrs

from skreg._kernels import rows as row_kernels
from skreg.rows import Rows
from skreg.rows.products import EPS, Array, sum_of_outer_grams

# Ridge of features without a penalty in the equations of a step, beside X²/R of the null model.
_STEADY = 1e-9
# What is added to a unit diagonal, in turn, to make a matrix definite.
_RAISED = (1e-15, 1e-14, 1e-13, 1e-12, 1e-10, 1e-8)


class NewtonStep:
    """The equations of a step at an `Iterate`, factored once for predictor and corrector."""

    def __init__(self, at: Any) -> None:
        self.at = at
        one = np.ones_like
        self.c_plus = np.where(at.rows, at.high - at.a, 1.0)
        self.c_minus = np.where(at.rows, at.a - at.low, 1.0)
        self.z_plus = np.where(at.up, at.l1 - at.q, one(at.q))
        self.z_minus = np.where(at.down, at.l1 + at.q, one(at.q))
        spread = at.bend + at.r_plus / self.c_plus + at.r_minus / self.c_minus
        self.weights = np.where(at.rows, 1.0 / spread, 0.0)
        give = at.t_plus * at.up / self.z_plus + at.t_minus * at.down / self.z_minus
        self.held = at.up | at.down
        self.stiffness = np.where(self.held, 1.0 / np.where(self.held, give, 1.0), 0.0)
        ridge, (n, p) = at.l2 + self.stiffness, at.risk.X.shape
        # By rows its inverse is what counts, which must not be too large.
        size = at.size if p > n else np.minimum(at.size, at.spread)
        steady = _STEADY * size**2 / (at.risk.null_risk or 1.0)
        ridge = np.where(at.out, np.inf, np.where(ridge > 0, ridge, steady))
        self.system = WeightedRidge(at.design, self.weights, ridge, at.risk.fit_intercept, p > n)

    def direction(self, mu, predicted):
        """The step toward products of ``mu``, with the second-order terms of a predicted one."""
        at = self.at
        second = dict.fromkeys(("r_plus", "r_minus", "t_plus", "t_minus", "a", "q"), 0.0)
        second = second if predicted is None else predicted
        r_plus = (mu + second["r_plus"] * second["a"]) / self.c_plus
        r_minus = (mu - second["r_minus"] * second["a"]) / self.c_minus
        t_plus = np.where(at.up, (mu + second["t_plus"] * second["q"]) / self.z_plus, 0.0)
        t_minus = np.where(at.down, (mu - second["t_minus"] * second["q"]) / self.z_minus, 0.0)
        residual = at.y - at.raw() - r_plus + r_minus - at.bend * at.a
        kink = np.where(self.held, at.theta - t_plus + t_minus, 0.0)
        off = at.q - at.transposed(at.a) + at.l2 * at.theta + self.stiffness * kink
        theta, b, a = self.system.solve(residual, off, -at.a.sum())
        q = np.where(self.held, self.stiffness * (theta + kink), -at.q)
        return {
            "theta": theta,
            "b": b,
            "a": a,
            "q": q,
            "r_plus": np.where(at.rows, r_plus - at.r_plus + at.r_plus / self.c_plus * a, 0.0),
            "r_minus": np.where(at.rows, r_minus - at.r_minus - at.r_minus / self.c_minus * a, 0.0),
            "t_plus": np.where(at.up, t_plus - at.t_plus + at.t_plus / self.z_plus * q, 0.0),
            "t_minus": np.where(at.down, t_minus - at.t_minus - at.t_minus / self.z_minus * q, 0.0),
        }


class WeightedRidge:
    """The equations of a ridge regression, its rows weighted by w and its ridges λ, factored.

        a/w + Xθ + b = r,      Xᵀa − λθ = q,      Σa = t,

    by way of XᵀWX + Λ or, ``by_rows``, of W⁻¹ + XΛ⁻¹Xᵀ, which does not suffer from a small λ. Rows
    of w = 0 have a = 0, features of λ = ∞ θ = 0, and without an intercept b = 0, whatever Σa is. By
    rows λ may be 0, too.
    """

    def __init__(
        self, design: Rows, weights: Array, ridge: Array, fit_intercept: bool, by_rows: bool
    ) -> None:
        self.design, self.weights, self.ridge = design, weights, ridge
        self.fit_intercept, self.by_rows = fit_intercept, by_rows
        self.out, self.free = np.isinf(ridge), ridge == 0
        (self._factor_by_rows if by_rows else self._factor_by_features)()

    def _factor_by_features(self) -> None:
        p = len(self.ridge)
        matrix = np.zeros((p + 1, p + 1))
        matrix[:p, :p], sums = self.design.gram(self.weights)
        matrix[p, :p] = matrix[:p, p] = sums if self.fit_intercept else 0.0
        matrix[:, :p][:, self.out] = matrix[:p][self.out] = 0.0
        matrix[p, p] = self.weights.sum()
        matrix[np.diag_indices(p)] += np.where(self.out, 1.0, self.ridge)
        self.inverse = Cholesky(matrix)

    def _factor_by_rows(self) -> None:
        self.on = on = np.flatnonzero(self.weights)
        self.give = np.divide(1.0, self.ridge, out=np.zeros(len(self.ridge)), where=~self.free)
        root, n = np.sqrt(self.give), len(self.weights)
        if len(on) == n:
            matrix = self.design.outer_gram(root)
        else:
            blocks = (block[on] * root[some] for some, block in self.design.column_blocks())
            matrix = sum_of_outer_grams(len(on), blocks)
        matrix[np.diag_indices(len(on))] += 1.0 / self.weights[on]
        self.inverse = Cholesky(matrix)
        self.beside = np.ones((n, int(self.fit_intercept)))
        if any_free := bool(self.free.any()):
            free = self.design.columns(np.flatnonzero(self.free))
            self.beside = np.hstack([self.beside, free])
        self.solved = self.inverse.solve(self.beside[on])
        schur = self.beside[on].T @ self.solved
        # Beside an intercept alone what is not a number is for the caller to see.
        self.schur = np.linalg.pinv(schur, hermitian=True) if any_free else 1.0 / schur

    def solve(self, r: Array, q: Array, t: float) -> tuple[Array, float, Array]:
        """θ, b and a."""
        return (self._by_rows if self.by_rows else self._by_features)(r, q, t)

    def _by_features(self, r: Array, q: Array, t: float) -> tuple[Array, float, Array]:
        """From (XᵀWX + Λ)θ + XᵀW1·b = XᵀWr − q."""
        weighted = self.weights * r
        back = self.design.transposed_dot(weighted[:, None])[:, 0] if weighted.any() else 0.0
        slope = np.where(self.out, 0.0, back - q)
        total = weighted.sum() - t if self.fit_intercept else 0.0
        step = self.inverse.solve(np.append(slope, total))
        theta, b = np.where(self.out, 0.0, step[:-1]), float(step[-1])
        return theta, b, self.weights * (r - self.design.dot(theta[:, None])[:, 0] - b)

    def _by_rows(self, r: Array, q: Array, t: float) -> tuple[Array, float, Array]:
        """From (W⁻¹ + XΛ⁻¹Xᵀ)a + b = r + XΛ⁻¹q, features of λ = 0 beside b."""
        on, has_b = self.on, int(self.fit_intercept)
        right = (r + self.design.dot((self.give * q)[:, None])[:, 0])[on]
        alone, sums = self.inverse.solve(right), np.append(np.full(has_b, t), q[self.free])
        z = self.schur @ (self.beside[on].T @ alone - sums)
        a = np.zeros(len(r))
        a[on] = alone - self.solved @ z
        theta = self.give * (self.design.transposed_dot(a[:, None])[:, 0] - q)
        theta[self.free] = z[has_b:]
        return theta, float(z[0]) if has_b else 0.0, a


def saddle_point(block: Array, bend: Array, y: Array, pull: Array) -> tuple[Array, Array]:
    """x and a with bend·a + Bx = y and Bᵀa = pull, by least squares where there are none.

    With C = B/√bend, least squares for Cx = y/√bend leaves a rest to which z, the least solution of
    Cᵀz = pull, is added: a = (rest + z)/√bend, and x has to move by −C⁺z. Where the loss has a
    kink, bend is 0 in every row, the rest counts for nothing, and a = z. ``block``, B, has shape
    (m, k), ``pull`` and x (k,), and all else (m,).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.solvers.interior_step import saddle_point
    >>> x, a = saddle_point(np.ones((2, 1)), np.ones(2), np.array([1.0, 3.0]), np.array([0.5]))
    >>> x.round(12), a.round(12)
    (array([1.75]), array([-0.75,  1.25]))
    """
    bends = bool(bend.any())
    root = 1.0 / np.sqrt(bend) if bends else np.ones(len(y))
    scaled = root[:, None] * block
    u, sizes, v = _thin_svd(scaled)
    z = u @ (v.T @ pull / sizes)
    x, rest = np.zeros(block.shape[1]), root * y
    for _ in range(2):
        x = x + v @ (u.T @ rest / sizes)
        rest = root * y - scaled @ x
    if not bends:
        return x, z
    rest = rest - u @ (u.T @ rest)  # what rounding left of y may be as large as z
    return x - v @ (u.T @ z / sizes), root * (rest + z)


def penalized_saddle_point(block: Array, l2: Array, y: Array, pull: Array) -> tuple[Array, Array]:
    """x and a with Bx = y and Bᵀa − l2·x = pull: where ½xᵀΛx + pullᵀx is least for Bx = y.

    With C = B/√l2 of the features that have an L2 part and w = √l2·x + pull/√l2 this is the least
    ‖w‖ with Cw + Fx = y + C·pull/√l2, F the columns that have none. ``block``, B, has shape (m, k),
    ``l2``, ``pull`` and x (k,), ``y`` and a (m,).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.solvers.interior_step import penalized_saddle_point
    >>> block, zero = np.array([[1.0, 2.0]]), np.zeros(2)
    >>> x, a = penalized_saddle_point(block, np.ones(2), np.array([5.0]), zero)
    >>> x.round(12), a.round(12)
    (array([1., 2.]), array([1.]))
    """
    free = l2 == 0
    root = np.sqrt(l2[~free])
    scaled = block[:, ~free] / root
    u, sizes, v = _thin_svd(block[:, free])
    # What the projection leaves of the directions of F is rounding.
    beside, widths, way = _thin_svd(scaled - u @ (u.T @ scaled), len(y) - len(sizes))
    x, a = np.zeros(len(l2)), np.zeros(len(y))
    for _ in range(3):  # what rounding has left of both equations is solved for again
        left, missing = y - block @ x, pull + l2 * x - block.T @ a
        shift = missing[~free] / root
        fixed = u @ (v.T @ missing[free] / sizes)
        target, w = left + scaled @ shift, scaled.T @ fixed
        moved = beside.T @ (target - scaled @ w) / widths
        w += way @ moved
        a += fixed + beside @ (moved / widths)
        x[~free] += (w - shift) / root
        x[free] += v @ (u.T @ (target - scaled @ w) / sizes)
    return x, a


def _thin_svd(matrix: Array, most: int | None = None) -> tuple[Array, Array, Array]:
    """U, the singular values above rounding, ``most`` at most, and V; none of an empty matrix."""
    if not matrix.size:
        return np.zeros((len(matrix), 0)), np.zeros(0), np.zeros((matrix.shape[1], 0))
    u, sizes, v = svd(matrix, full_matrices=False)
    kept = np.flatnonzero(sizes > EPS * max(matrix.shape) * sizes[0])[:most]
    return u[:, kept], sizes[kept], v[kept].T


class Cholesky:
    """Of a matrix brought to a unit diagonal: weights of rows differ by many decades.

    Rounding may leave it indefinite; the diagonal is then raised until it is not, which the next
    steps make up for. All of it in the place of the matrix, in C order, which is overwritten.
    """

    def __init__(self, matrix: Array) -> None:
        diagonal = np.diag(matrix)
        self._scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        matrix *= self._scale
        matrix *= self._scale[:, None]
        self._factor = matrix = np.ascontiguousarray(matrix)
        for raised in (0.0, *_RAISED):
            matrix[np.diag_indices(len(matrix))] = 1.0 + raised
            if row_kernels.factor(matrix):
                return

    def solve(self, right: Array) -> Array:
        """The inverse times ``right``, of shape (m,) or (m, k)."""
        scale = self._scale.reshape(-1, *(1,) * (right.ndim - 1))
        return scale * dpotrs(self._factor.T, scale * right, lower=0)[0]
