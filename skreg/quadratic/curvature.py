"""The Hessian of a risk at a point, as an array: formed once, factored for each λ."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri

from skreg.rows.products import eigen, product

EPS = np.finfo(np.float64).eps
# Where a loss is linear (huber's tails) the Hessian takes this share of its largest curvature.
_FLOOR = 1e-6
# A squared Cholesky pivot below this share of the diagonal: the matrix counts as singular.
_SINGULAR = 1e-13


@dataclass(frozen=True, eq=False)
class Curvature:
    """Second derivatives of R in θ (K·p numbers, class by class) and b, about the design's centre.

    The intercepts are eliminated: ``hessian`` is that of min_b R(θ, b). For the multinomial log
    loss R does not change when the same vector is added to every class, and ``gauge`` is what
    `factor` adds to H along those directions, to which every gradient is orthogonal.

    Attributes
    ----------
    hessian : ndarray of shape (K·p, K·p)
    mixed : ndarray of shape (K, K·p), or (0, K·p) without an intercept
        ∂²R/∂b∂θ.
    inverse_bb : ndarray of shape (K, K), or (0, 0)
        Pseudo-inverse of ∂²R/∂b².
    diagonal : ndarray of shape (K·p,)
        Of ``hessian``.
    gauge : ndarray of shape (p,) or None
    """

    hessian: np.ndarray
    mixed: np.ndarray
    inverse_bb: np.ndarray
    diagonal: np.ndarray
    gauge: np.ndarray | None

    @classmethod
    def of(cls, risk, curvature):
        """From what `LinearRisk.derivatives_at` says of the curvature."""
        p, K = risk.n_features, risk.n_outputs
        H, mixed, bb = np.zeros((K, p, K, p)), np.zeros((K, K, p)), np.zeros((K, K))
        for k in range(K):
            for l in range(k, K):
                weights = row_weights(risk, curvature, k, l)
                if weights is None:
                    continue
                sign = 1.0 if k == l else -1.0
                gram, sums = risk.design.gram(weights)
                H[k, :, l] = H[l, :, k] = sign * gram
                mixed[k, l] = mixed[l, k] = sign * sums
                bb[k, l] = bb[l, k] = sign * weights.sum()
        H, mixed = H.reshape(K * p, K * p), mixed.reshape(K, K * p)
        inverse_bb = invert_bb(bb, risk.loss.coupled)
        if risk.fit_intercept:
            H -= product(np.ascontiguousarray(mixed.T), product(inverse_bb, mixed))
        else:
            mixed, inverse_bb = mixed[:0], inverse_bb[:0, :0]
        diagonal = np.maximum(np.diag(H), 0.0)
        gauge = None
        if risk.loss.coupled:
            gauge = np.maximum(diagonal.reshape(K, p).sum(axis=0), EPS)
        return cls(H, mixed, inverse_bb, diagonal, gauge)

    def factor(self, ridge):
        """H + diag(ridge) ready to be solved with; ridge ≥ 0 of shape (K·p,)."""
        return Factor(self, ridge)


class Factor:
    """Solves with H + diag(ridge): Cholesky, or the pseudo-inverse where that is singular."""

    def __init__(self, curvature, ridge):
        self._curvature, self._ridge = curvature, ridge
        matrix = self._matrix()
        diagonal = np.diag(matrix).copy()
        self._lower, info = dpotrf(matrix, lower=1, overwrite_a=1, clean=1)
        pivots = np.diag(self._lower) ** 2
        self.is_definite = info == 0 and bool((pivots > _SINGULAR * diagonal).all())
        if not self.is_definite:
            matrix = self._matrix()
            # Scaled to a unit diagonal unless λ = 0, where the solution of least norm is wanted.
            scale = np.ones(len(matrix))
            if ridge.any():
                scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
            values, vectors = eigen(scale[:, None] * matrix * scale)
            kept = values > len(values) * EPS * max(values[-1], 0.0)
            self._vectors, self._values = scale[:, None] * vectors[:, kept], values[kept]

    def _matrix(self):
        matrix, gauge = np.array(self._curvature.hessian, order="F"), self._curvature.gauge
        if gauge is not None:
            p, K = len(gauge), len(matrix) // len(gauge)
            at = np.arange(p)
            for k in range(K):
                for l in range(K):
                    matrix[k * p + at, l * p + at] += gauge / K
        matrix[np.diag_indices_from(matrix)] += self._ridge
        return matrix

    def solve(self, slope_theta, slope_b, tol=None):
        """The Newton step (d_θ, d_b) for these gradients; ``tol`` is for methods that iterate."""
        c = self._curvature
        with_b = c.inverse_bb @ slope_b[: len(c.inverse_bb)]
        step = -self.inverse_times(slope_theta - with_b @ c.mixed)
        step_b = np.zeros_like(slope_b)
        step_b[: len(with_b)] = -with_b - c.inverse_bb @ (c.mixed @ step)
        return step, step_b

    def inverse_times(self, g):
        """(H + diag(ridge))⁻¹g, of least norm where that is singular and ridge = 0."""
        if self.is_definite:
            return dpotrs(self._lower, g, lower=1)[0]
        return self._vectors @ ((self._vectors.T @ g) / self._values)

    def half_inverse(self):
        """L with LᵀL = (H + diag(ridge))⁻¹, shape (rank, K·p)."""
        if self.is_definite:
            return dtrtri(self._lower, lower=1)[0]
        return np.ascontiguousarray((self._vectors / np.sqrt(self._values)).T)

    def dof(self):
        """tr(H(H + diag(ridge))⁻¹), without the gauge."""
        half = self.half_inverse()
        out = len(half) - self._ridge @ np.einsum("ij,ij->j", half, half)
        gauge = self._curvature.gauge
        if gauge is not None:
            out -= np.sum(gauge / (gauge + self._ridge[: len(gauge)]))
        return float(out)


def invert_bb(bb, coupled):
    """Inverse of ∂²R/∂b² (K × K), the direction common to all classes made definite."""
    if len(bb) == 1:
        return np.divide(1.0, bb, out=np.zeros_like(bb), where=bb > 0)
    if coupled:
        bb = bb + np.trace(bb) / len(bb)
    return np.linalg.pinv(bb, rcond=1e-13, hermitian=True)


def intercept_block(risk, curvature):
    """∂²R/∂b², shape (K, K), from what `LinearRisk.derivatives_at` says of the curvature."""
    if not risk.loss.coupled:
        return np.diag(curvature.sum(axis=0))
    weighted = risk.share[:, None] * curvature
    return np.diag(weighted.sum(axis=0)) - weighted.T @ curvature


def rows_times(risk, curvature, change):
    """Second derivatives of the rows' losses times a change of raw predictions, (n, K, …)."""
    more = (1,) * (change.ndim - 2)
    curvature = curvature.reshape(*curvature.shape, *more)
    if not risk.loss.coupled:
        return curvature * change
    share = risk.share.reshape(-1, 1, *more)
    return share * curvature * (change - np.sum(curvature * change, axis=1, keepdims=True))


def row_weights(risk, curvature, k, l):
    """Weights of rows in ±∂²R/∂θₖ∂θₗ (minus for k ≠ l), or None where that is 0."""
    if risk.loss.coupled:
        p_k = curvature[:, k]
        return risk.share * p_k * ((1.0 - p_k) if k == l else curvature[:, l])
    if k != l:
        return None
    return floored(risk, curvature)[:, k]


def floored(risk, curvature):
    """The curvature, of which a loss that is linear somewhere gets some there."""
    if not risk.loss.has_flat_parts:
        return curvature
    return np.maximum(curvature, _FLOOR * risk.share[:, None])
