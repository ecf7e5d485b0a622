"""p > n: the penalised features seen from the rows, n columns at most, with nothing lost."""

import numpy as np

from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import eigen, product

EPS = np.finfo(np.float64).eps


class RowSpace:
    """A ridge problem on p features as one on at most n, of the same objective.

    A minimiser of R + λ·½Σⱼfⱼθⱼ² has √f·θ in the span of the rows of Z = (X − x̄)·diag(f^-½), so
    with Z = U·S·Vᵀ, from the eigenvectors of ZZᵀ (n²·p flops), it is enough to know γ = Vᵀ√f·θ:
    the features U·S with factors 1. Features with f = 0 stay as they are.

    Attributes
    ----------
    risk : EmpiricalRisk
        The risk of the new features.
    factors : ndarray
        Their factors.
    """

    def __init__(self, risk, factors):
        design, self._share = risk.design, risk.share
        self._design, self._factors = design, factors
        self._free = np.flatnonzero(factors == 0)
        self._scale = np.divide(
            1.0, np.sqrt(factors), out=np.zeros_like(factors), where=factors > 0
        )
        self._mean = design.mean(risk.share) if risk.fit_intercept else np.zeros(len(factors))
        self._rows = design.about(self._mean)
        values, vectors = eigen(self._rows.outer_gram(self._scale))
        kept = values > len(values) * EPS * max(values[-1], 0.0)
        self._left, self._singular = vectors[:, kept], np.sqrt(values[kept])
        rank = len(self._singular)
        columns = np.empty((len(vectors), rank + len(self._free)), order="F")
        np.multiply(self._left, self._singular, out=columns[:, :rank])
        columns[:, rank:] = design.columns(self._free)
        weights = risk.share * risk.weight
        self.risk = EmpiricalRisk(
            columns, risk.y, risk.loss, weights, risk.offset, risk.fit_intercept
        )
        self.factors = np.repeat([1.0, 0.0], [rank, len(self._free)])

    def lower(self, coef, intercept):
        """coef (K, p) and intercept (K,) in terms of the new features: the inverse of `lift`."""
        penalized = coef.copy()
        penalized[:, self._free] = 0.0
        gamma = self._left.T @ self._rows.dot(penalized.T) / self._singular[:, None]
        origin = self._mean.copy()
        origin[self._free] = self._design.centre[self._free]
        return np.hstack([gamma.T, coef[:, self._free]]), intercept + coef @ origin

    def lift(self, coefs, intercepts):
        """coefs (m, K, rank + free) and intercepts (m, K) in terms of the p features."""
        m, K, _ = coefs.shape
        rank = len(self._singular)
        flat = coefs[:, :, :rank].reshape(m * K, rank).T / self._singular[:, None]
        rows = product(self._left, np.ascontiguousarray(flat))
        theta = (self._scale[:, None] ** 2 * self._rows.transposed_dot(rows)).T
        theta[:, self._free] = coefs[:, :, rank:].reshape(m * K, -1)
        theta = theta.reshape(m, K, -1)
        # The free columns were about the design's centre, the others about x̄.
        origin = self._mean.copy()
        origin[self._free] = self._design.centre[self._free]
        return theta, intercepts - theta @ origin
