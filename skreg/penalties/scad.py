"""The smoothly clipped absolute deviation."""

from dataclasses import dataclass

from skreg._validation import lies_between
from skreg.penalties.base import Array
from skreg.penalties.concave import Concave, Piece


@dataclass(frozen=True, eq=False)
class SCAD(Concave):
    """P(θ; λ) = λ|θ| up to λ, (2γλ|θ| − θ² − λ²)/(2(γ−1)) up to γλ, then ½(γ+1)λ² (Fan & Li, 2001).

    Like the lasso for small coefficients; those beyond γλ are not shrunk at all.

    Parameters
    ----------
    gamma : float > 2, default=3.7
        γ: as γ → ∞ the penalty tends to the lasso's. 3.7 as in R's ncvreg.
    factors : None or ndarray of shape (p,), default=None
        f ≥ 0 multiplies λ; 0 leaves a feature unpenalized, inf excludes it.

    Raises
    ------
    ValueError
        If γ ≤ 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import SCAD
    >>> SCAD().prox(np.array([0.5, 1.5, 4.0]), step=1.0)
    array([0. , 0.5, 4. ])
    """

    gamma: float = 3.7

    def __post_init__(self):
        if not lies_between(self.gamma, 2, None):
            raise ValueError(f"gamma must be larger than 2 for SCAD, got {self.gamma!r}. Use 3.7.")

    def pieces(self, strength: Array | float) -> list[Piece]:
        """λt, then a parabola, then a constant."""
        g = self.gamma
        return [
            (strength, 0.0, strength, 0.0),
            (g * strength, -(strength**2) / (2 * (g - 1)), g * strength / (g - 1), -1 / (g - 1)),
            (float("inf"), 0.5 * (g + 1) * strength**2, 0.0, 0.0),
        ]
