"""What every penalty offers."""

from typing import Protocol

import numpy as np


class Penalty(Protocol):
    """A penalty J(θ). Its strength λ is always an argument, so that a path mutates nothing.

    Attributes
    ----------
    l1_share, l2_share : float
        J(θ) = l1_share·‖θ‖₁ + l2_share·½‖θ‖₂². Compiled kernels take these two numbers, each times
        λ.
    """

    @property
    def l1_share(self) -> float: ...

    @property
    def l2_share(self) -> float: ...

    def value(self, theta: np.ndarray) -> float:
        """J(θ)."""

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """∇J(θ); where J has a kink, the sub-gradient nearest to 0."""

    def prox(self, theta: np.ndarray, step: float) -> np.ndarray:
        """argmin_u ½‖u − θ‖² + step·J(u)."""

    def alpha_max(self, gradient_at_zero: np.ndarray) -> float:
        """The smallest λ at which θ = 0 is optimal, given ∇R(0); infinite if there is none."""

    def support(self, theta: np.ndarray) -> np.ndarray:
        """Mask of the components that the penalty has not switched off."""
