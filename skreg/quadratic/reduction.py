"""p > n: the penalized features seen from the rows, n columns at most, with nothing lost."""

import numpy as np
from scipy.linalg import svd

from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.quadratic.spectrum import triangle_of
from skreg.rows.products import EPS, Array, eigen, product

# Eigenvalues of ZZᵀ below this share of the largest have lost half their digits.
_SQUARED = 1e-8


class RowSpace:
    """A ridge problem on p features as one on at most n, of the same objective.

    A minimizer of R + λ·½Σⱼfⱼθⱼ² has √f·θ in the span of the rows of Z = (X − x̄)·diag(f^-½), so
    with Z = U·S·Vᵀ, from the eigenvectors of ZZᵀ (n²·p flops), it is enough to know γ = Vᵀ√f·θ:
    the features U·S with factors 1. Features with f = 0 stay as they are.

    Attributes
    ----------
    risk : EmpiricalRisk
        The risk of the new features.
    factors : ndarray
        Their factors.
    """

    def __init__(self, risk: EmpiricalRisk, factors: Array) -> None:
        design, self._factors = risk.design, factors
        self._free = np.flatnonzero(factors == 0)
        self._scale = np.divide(
            1.0, np.sqrt(factors), out=np.zeros_like(factors), where=factors > 0
        )
        mean = design.mean(risk.share) if risk.fit_intercept else np.zeros(len(factors))
        self._rows = design.about(mean)
        # The free columns are about the design's center, the others about x̄.
        self._origin = np.where(factors == 0, design.center, mean)
        self._left, self._singular = self._decompose()
        rank = len(self._singular)
        columns = np.empty((len(self._left), rank + len(self._free)), order="F")
        np.multiply(self._left, self._singular, out=columns[:, :rank])
        columns[:, rank:] = design.columns(self._free)
        weights = risk.share * risk.weight
        self.risk = EmpiricalRisk(
            columns, risk.y, risk.loss, weights, risk.offset, risk.fit_intercept
        )
        self.factors = np.repeat([1.0, 0.0], [rank, len(self._free)])

    @property
    def condition(self) -> float:
        """Largest singular value over the smallest: digits that `lift` loses."""
        return float(self._singular.max(initial=1.0) / self._singular.min(initial=1.0))

    def _decompose(self) -> tuple[Array, Array]:
        """U and S: from ZZᵀ, or where squares would lose small singular values, from Z = RᵀQᵀ."""
        values, vectors = eigen(self._rows.outer_gram(self._scale))
        largest = max(values[-1], 0.0)
        kept = values > len(values) * EPS * largest
        # Centering takes one dimension, which is no loss.
        lost = len(values) - np.count_nonzero(kept) > self._rows.is_centered
        if not (lost or (values[kept] < _SQUARED * largest).any()):
            return vectors[:, kept], np.sqrt(values[kept])
        n, blocks = len(values), self._rows.column_blocks(at_least=4 * len(values))
        triangle = triangle_of(((block * self._scale[some]).T for some, block in blocks), n)
        _, singular, right = svd(triangle, full_matrices=False, check_finite=False)
        kept = singular > max(self._rows.shape) * EPS * singular.max(initial=0.0)
        return np.ascontiguousarray(right[kept].T), singular[kept]

    def step(
        self, curvature: Array, slope: Array, total: Array, alpha: float
    ) -> tuple[Array, Array]:
        """Newton's step (d_θ, d_b) in terms of the p features, from gradients about x̄."""
        held = np.where(self._factors > 0, self._scale**2, 0.0)
        image = self._rows.dot((held * slope).T)
        gamma = (self._left.T @ image / self._singular[:, None]).T
        slope = np.hstack([gamma, slope[:, self._free]])
        ridge = np.tile(alpha * self.factors, len(total))
        d, d_b = DenseHessian(self.risk, curvature).factor(ridge).solve(slope.ravel(), total)
        d = d.reshape(len(total), -1)
        d, d_b = self.lift(d[None], (d_b - d @ self.risk.design.center)[None])
        return d[0], d_b[0]

    def lower(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        """coef (K, p) and intercept (K,) in terms of the new features: the inverse of `lift`."""
        penalized = coef.copy()
        penalized[:, self._free] = 0.0
        gamma = self._left.T @ self._rows.dot(penalized.T) / self._singular[:, None]
        return np.hstack([gamma.T, coef[:, self._free]]), intercept + coef @ self._origin

    def lift(self, coefs: Array, intercepts: Array) -> tuple[Array, Array]:
        """coefs (m, K, rank + free) and intercepts (m, K) in terms of the p features."""
        m, K, _ = coefs.shape
        rank = len(self._singular)
        flat = coefs[:, :, :rank].reshape(m * K, rank).T / self._singular[:, None]
        rows = product(self._left, np.ascontiguousarray(flat))
        theta = (self._scale[:, None] ** 2 * self._rows.transposed_dot(rows)).T
        theta[:, self._free] = coefs[:, :, rank:].reshape(m * K, -1)
        theta = theta.reshape(m, K, -1)
        return theta, intercepts - theta @ self._origin
