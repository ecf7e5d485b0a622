"""The elastic net, of which L1, L2 and no penalty are the corners."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ElasticNet:
    """J(θ) = ρ‖θ‖₁ + (1−ρ)·½‖θ‖₂² with ρ = ``l1_ratio`` (Zou & Hastie, 2005).

    Parameters
    ----------
    l1_ratio : float in [0, 1]
        ρ: 1 is the lasso's penalty, 0 the ridge's.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import ElasticNet
    >>> ElasticNet(0.5).prox(np.array([2.0, -0.2, 0.0]), step=1.0)
    array([1., 0., 0.])
    """

    l1_ratio: float

    @property
    def l1_share(self):
        """Weight of ‖θ‖₁ in J."""
        return self.l1_ratio

    @property
    def l2_share(self):
        """Weight of ½‖θ‖₂² in J."""
        return 1.0 - self.l1_ratio

    def value(self, theta):
        """J(θ)."""
        l1 = np.abs(theta).sum() if self.l1_share else 0.0
        half_l2 = 0.5 * np.vdot(theta, theta) if self.l2_share else 0.0
        return float(self.l1_share * l1 + self.l2_share * half_l2)

    def gradient(self, theta):
        """∇J(θ), with sign(0) = 0 at the kink."""
        return self.l1_share * np.sign(theta) + self.l2_share * theta

    def prox(self, theta, step):
        """argmin_u ½‖u − θ‖² + step·J(u): soft-thresholding, then shrinkage."""
        kept = np.maximum(np.abs(theta) - step * self.l1_share, 0.0)
        # Adding 0 turns the −0.0 of a negative component switched off into 0.0.
        return np.sign(theta) * kept / (1.0 + step * self.l2_share) + 0.0

    def alpha_max(self, gradient_at_zero):
        """‖∇R(0)‖∞ / ρ, infinite for a pure L2 penalty."""
        largest = np.abs(gradient_at_zero).max(initial=0.0)
        return largest / self.l1_share if self.l1_share > 0 else np.inf

    def support(self, theta):
        """Mask of the non-zero components (all of them for a pure L2 penalty)."""
        return np.not_equal(theta, 0) if self.l1_share > 0 else np.ones(np.shape(theta), bool)
