"""The gradient of an objective at coefficients as users see them, on the rows as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skreg.quadratic.hessian import Hessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows import make_rows
from skreg.rows.products import Array, slices
from skreg.solvers.descent import gradient_scales


class OriginalRows:
    """Gradients of R(θ, b) + λ·½Σⱼfⱼθⱼ² that share no rounding with the method that found θ.

    Coefficients of features far from 0 carry more into the predictions, by their rounding alone,
    than a solver that works about a center knows of; so may those that were found in the span of
    the rows. Predictions are (X − c)θ + (cθ + b) for a center c amid the rows, the second part in
    long double, which loses nothing to the distance of X from 0.

    Parameters
    ----------
    risk : EmpiricalRisk
    factors : ndarray of shape (p,)
        f; inf for features that are excluded, of which gradients say nothing.
    """

    def __init__(self, risk: EmpiricalRisk, factors: Array):
        self.risk, self._kept = risk, np.isfinite(factors)
        self.factors = np.where(self._kept, factors, 0.0)
        self.rows = risk.design if risk.fit_intercept else make_rows(risk.X)
        self._shift = self.rows.transposed_dot(risk.share[:, None])[:, 0]
        curvature = risk.null.curvature
        diagonal = Hessian(risk, curvature).diagonal.reshape(risk.n_outputs, -1)
        self._scale, self._scale_b = gradient_scales(risk, diagonal, curvature)

    @classmethod
    def is_far(cls, risk: EmpiricalRisk) -> bool:
        """Whether features lie so far from 0 that coefficients are rounded too much."""
        return risk.design.is_centered if risk.fit_intercept else make_rows(risk.X).is_centered

    def raw(self, coef: Array, b: Array) -> Array:
        """Raw predictions of θ (K, p) and b (K,), shape (n, K)."""
        far = self.rows.center.astype(np.longdouble) @ coef.T.astype(np.longdouble)
        out = self.rows.dot(coef.T)
        out += (far + b).astype(np.float64)
        if self.risk.offset is not None:
            out += self.risk.offset
        return out

    def residual(self, coef: NDArray, b: NDArray) -> Array:
        """Raw predictions less y, (n, K), of θ (K, p) and b (K,): both and all sums in long double.

        Where they are far smaller than y, float64 would leave them few digits.
        """
        risk, out = self.risk, np.empty(self.risk.y.shape)
        theta, b = coef.T.astype(np.longdouble), np.asarray(b, dtype=np.longdouble)
        for some in slices(*risk.X.shape):
            raw = risk.X[some] @ theta + b
            if risk.offset is not None:
                raw += risk.offset[some]
            out[some] = raw - risk.y[some]
        return out

    def gradient(self, raw: Array, coef: Array, alpha: float) -> tuple[Array, Array, Array]:
        """∂/∂θ (K, p), about the mean where there is an intercept, ∂/∂b (K,), and the curvature."""
        _, residual, curvature = self.risk.derivatives_at(raw)
        return *self.slopes(residual, coef, alpha), curvature

    def slopes(self, residual: Array, coef: Array, alpha: float) -> tuple[Array, Array]:
        """The first two of `gradient`, from share·∂ℓ/∂f (n, K)."""
        total = residual.sum(axis=0)
        slope = self.rows.transposed_dot(residual).T + alpha * self.factors * coef
        if self.risk.fit_intercept:
            return slope - np.outer(total, self._shift), total
        return slope + np.outer(total, self.rows.center), np.zeros_like(total)

    def norm(self, slope: Array, total: Array) -> float:
        """The gradient norm as `Newton` measures it."""
        largest = np.max(np.abs(slope) / self._scale, initial=0.0, where=self._kept)
        return float(max(largest, np.max(np.abs(total) / self._scale_b, initial=0.0)))

    def norms(self, alphas: Array, coefs: NDArray, intercepts: NDArray) -> Array:
        """Norms at coefficients as users see them, one for each λ, in the precision of X."""
        out, shape = np.empty(len(alphas)), (self.risk.n_outputs, self.risk.n_features)
        for i, alpha in enumerate(alphas):
            coef = coefs[i].astype(np.float64).reshape(shape)
            b = np.atleast_1d(intercepts[i]).astype(np.float64)
            if self.risk.loss.has_identity_link:
                y, raw = np.zeros(self.risk.y.shape), self.residual(coef, b)
            else:
                y, raw = self.risk.y, self.raw(coef, b)
            share = self.risk.share[:, None]
            slopes = self.slopes(share * self.risk.loss.derivatives(y, raw)[1], coef, alpha)
            out[i] = self.norm(*slopes)
        return out
