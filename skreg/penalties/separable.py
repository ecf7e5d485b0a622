"""The linear models' penalty: an elastic net with a factor for each feature, θ ≥ 0 on request."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Separable:
    """J(θ) = Σⱼ fⱼ·(ρ|θⱼ| + (1−ρ)·½θⱼ²), infinite where θ < 0 if ``positive``.

    A feature with fⱼ = 0 is not penalised: it is in every model, and λ_max is taken with such
    features at their best.

    Parameters
    ----------
    l1_ratio : float in [0, 1], default=1.0
        ρ: 1 is the lasso's penalty, 0 the ridge's (Zou & Hastie, 2005).
    factors : None or ndarray of shape (p,), default=None
        f ≥ 0; None stands for ones.
    positive : bool, default=False
        θ ≥ 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties.separable import Separable
    >>> penalty = Separable(factors=np.array([0.0, 1.0, 2.0]))
    >>> penalty.prox(np.array([3.0, 3.0, -3.0]), step=1.0)
    array([ 3.,  2., -1.])
    >>> penalty.alpha_max(np.array([0.0, 3.0, -4.0]))
    3.0
    """

    l1_ratio: float = 1.0
    factors: np.ndarray | None = None
    positive: bool = False

    def l1(self, p):
        """Weights of |θⱼ|, shape (p,); λ multiplies them."""
        return self.l1_ratio * self._factors(p)

    def l2(self, p):
        """Weights of ½θⱼ², shape (p,); λ multiplies them."""
        return (1.0 - self.l1_ratio) * self._factors(p)

    def _factors(self, p):
        return np.ones(p) if self.factors is None else np.asarray(self.factors, dtype=np.float64)

    def unpenalised(self, p):
        """Mask of the features with fⱼ = 0."""
        return self._factors(p) == 0

    def value(self, theta):
        """J(θ) for θ of shape (…, p); shape (…)."""
        p = np.shape(theta)[-1]
        total = np.zeros(np.shape(theta)[:-1])
        if self.l1_ratio > 0:
            total = np.einsum("...j,j->...", np.abs(theta), self.l1(p))
        if self.l1_ratio < 1:
            total = total + 0.5 * np.einsum("...j,...j,j->...", theta, theta, self.l2(p))
        if self.positive:
            total = np.where((np.asarray(theta) < 0).any(axis=-1), np.inf, total)
        return float(total) if np.ndim(total) == 0 else total

    def prox(self, theta, step):
        """argmin_u ½‖u − θ‖² + step·J(u); ``step`` may be one for each feature."""
        p = np.shape(theta)[-1]
        threshold = step * self.l1(p)
        if self.positive:
            kept = np.maximum(theta - threshold, 0.0)
        else:
            # Adding 0 turns the −0.0 of a negative component switched off into 0.0.
            kept = np.sign(theta) * np.maximum(np.abs(theta) - threshold, 0.0) + 0.0
        return kept / (1.0 + step * self.l2(p))

    def alpha_max(self, gradient_at_zero):
        """The smallest λ at which θ = 0 is optimal for every penalised feature; may be infinite.

        ``gradient_at_zero`` is ∇R, shape (…, p), where these are 0 and the others at their best.
        """
        outward = pull(-np.asarray(gradient_at_zero), self.positive)
        p = outward.shape[-1]
        outward = outward[..., ~self.unpenalised(p)]
        if outward.max(initial=0.0) <= 0:
            return 0.0
        if self.l1_ratio == 0:
            return float("inf")
        return float((outward / self.l1(p)[~self.unpenalised(p)]).max())


def pull(slope, positive):
    """How strongly each component at 0 is drawn away from it, by the slope −∂R/∂θ of the risk.

    It stays at 0 where that is at most its weight of |θⱼ|.
    """
    return slope if positive else np.abs(slope)
