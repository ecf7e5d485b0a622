"""The minimax concave penalty."""

from dataclasses import dataclass

from skreg._validation import lies_between
from skreg.penalties.base import Array
from skreg.penalties.concave import Concave, Piece


@dataclass(frozen=True, eq=False)
class MCP(Concave):
    """P(θ; λ) = λ|θ| − θ²/(2γ) for |θ| ≤ γλ, ½γλ² beyond (Zhang, 2010).

    The lasso's zeros without its shrinkage: coefficients beyond γλ are not shrunk at all.

    Parameters
    ----------
    gamma : float > 1, default=3.0
        γ: as γ → ∞ the penalty tends to the lasso's, as γ → 1 to hard-thresholding. 3 as in R's
        ncvreg.
    factors : None or ndarray of shape (p,), default=None
        f ≥ 0 multiplies λ; 0 leaves a feature unpenalized, inf excludes it.

    Raises
    ------
    ValueError
        If γ ≤ 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import MCP
    >>> MCP().prox(np.array([0.5, 2.0, 4.0]), step=1.0)
    array([0. , 1.5, 4. ])
    """

    gamma: float = 3.0

    def __post_init__(self):
        if not lies_between(self.gamma, 1, None):
            raise ValueError(f"gamma must be larger than 1 for MCP, got {self.gamma!r}. Use 3.")

    def pieces(self, strength: Array | float) -> list[Piece]:
        """λt − t²/2γ, then a constant."""
        return [
            (self.gamma * strength, 0.0, strength, -1.0 / self.gamma),
            (float("inf"), 0.5 * self.gamma * strength**2, 0.0, 0.0),
        ]
