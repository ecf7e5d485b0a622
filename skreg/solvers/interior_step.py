"""A Newton step of the interior-point method, a ridge regression with weights of rows; its end."""

from typing import Any

import numpy as np
from scipy.linalg import svd
from scipy.linalg.lapack import dpotrs

from skreg._kernels import rows as row_kernels
from skreg.rows.products import EPS, Array

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
        self._factor(at.l2 + self.stiffness)

    def _factor(self, ridge):
        at, (n, p) = self.at, self.at.risk.X.shape
        # By rows its inverse is what counts, which must not be too large.
        size = at.size if p > n else np.minimum(at.size, at.spread)
        steady = _STEADY * size**2 / (at.risk.null_risk or 1.0)
        self.ridge = np.where(ridge > 0, ridge, steady)
        self.ridge[at.out] = np.inf
        self.outer: Cholesky | None = None
        if p > n:
            self.root = np.sqrt(self.weights)
            matrix = at.design.outer_gram(np.sqrt(1.0 / self.ridge))
            matrix *= self.root
            matrix *= self.root[:, None]
            matrix[np.diag_indices(n)] += 1.0
            self.outer = Cholesky(matrix)
            return
        matrix = np.zeros((p + 1, p + 1))
        matrix[:p, :p], sums = at.design.gram(self.weights)
        matrix[p, :p] = matrix[:p, p] = sums
        matrix[:, :p][:, at.out] = matrix[:p][at.out] = 0.0
        matrix[p, p] = self.weights.sum()
        matrix[np.diag_indices(p)[0], np.diag_indices(p)[0]] += np.where(at.out, 1.0, self.ridge)
        if not at.risk.fit_intercept:
            matrix[p, :p] = matrix[:p, p] = 0.0
        self.inner = Cholesky(matrix)

    def _solve(self, residual, off):
        """dθ, db, da of W⁻¹da + Xdθ + db = residual, Xᵀda − Λdθ = off, 1ᵀda = −1ᵀa."""
        return (self._by_rows if self.outer else self._by_features)(residual, off)

    def _by_features(self, residual, off):
        """From (XᵀWX + Λ)dθ + XᵀW1·db = XᵀW·residual − off."""
        at, weighted = self.at, self.weights * residual
        slope = at.transposed(weighted) - np.where(at.out, 0.0, off)
        total = weighted.sum() + at.a.sum() if at.risk.fit_intercept else 0.0
        step = self.inner.solve(np.append(slope, total))
        theta, b = np.where(at.out, 0.0, step[:-1]), float(step[-1])
        return theta, b, self.weights * (residual - at.raw(theta, b))

    def _by_rows(self, residual, off):
        """From (W⁻¹ + XΛ⁻¹Xᵀ)da + db = residual + XΛ⁻¹·off."""
        at = self.at
        right = self.root * (residual + at.design.dot((off / self.ridge)[:, None])[:, 0])
        assert self.outer is not None  # or `_by_features` serves
        inverse = self.root[:, None] * self.outer.solve(np.column_stack([right, self.root]))
        b = 0.0
        if at.risk.fit_intercept:
            b = float((inverse[:, 0].sum() + at.a.sum()) / inverse[:, 1].sum())
        a = inverse[:, 0] - b * inverse[:, 1]
        return (at.transposed(a) - off) / self.ridge, b, a

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
        theta, b, a = self._solve(residual, off)
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
    u, sizes, v = svd(scaled, full_matrices=False)
    kept = sizes > EPS * max(scaled.shape) * sizes[0]
    u, v, sizes = u[:, kept], v[kept].T, sizes[kept]
    z = u @ (v.T @ pull / sizes)
    x, rest = np.zeros(block.shape[1]), root * y
    for _ in range(2):
        x = x + v @ (u.T @ rest / sizes)
        rest = root * y - scaled @ x
    if not bends:
        return x, z
    rest = rest - u @ (u.T @ rest)  # what rounding left of y may be as large as z
    return x - v @ (u.T @ z / sizes), root * (rest + z)


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
