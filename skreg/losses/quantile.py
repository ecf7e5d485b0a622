"""The pinball loss, for quantiles of the target."""

import numpy as np
from numpy.typing import NDArray

from skreg._validation import lies_between
from skreg.losses.base import Array, CompiledLoss


class Quantile(CompiledLoss):
    """ℓ(y, f) = τ(y − f) for y ≥ f, else (1 − τ)(f − y) (Koenker & Bassett, 1978).

    Its minimizer is the τ-quantile. It has a kink at y = f, where the gradient is given as 0, and
    no curvature: linear models go by `skreg.solvers.interior_point`, or
    `skreg.solvers.penalized_interior`.

    Parameters
    ----------
    quantile : float, default=0.5
        τ in (0, 1); 0.5 is half the absolute error.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Quantile
    >>> Quantile(0.9).pointwise(np.array([[1.0], [1.0]]), np.array([[0.0], [2.0]]))[0].round(12)
    array([0.9, 0.1])
    """

    name = "quantile"
    out_activation = "identity"
    parameters = ("quantile",)
    has_curvature = False

    def __init__(self, quantile: float = 0.5) -> None:
        if not lies_between(quantile, 0, 1):
            raise ValueError(
                f"quantile must lie between 0 and 1, got {quantile!r}. Use 0.5 for the median."
            )
        self.quantile = self.parameter = float(quantile)
        self.linear_sides = (self.quantile, 1.0 - self.quantile)

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """Σⱼ uⱼyⱼ for −τ ≤ uⱼ ≤ 1 − τ."""
        slack = 8 * np.finfo(np.float64).eps
        inside = (u >= -self.quantile - slack) & (u <= 1 - self.quantile + slack)
        return np.where(inside, u * y, np.inf).sum(axis=1)

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """The τ-quantile of y − o, the least value that a share τ of the rows does not exceed."""
        residual = y if offset is None else y - offset.reshape(len(y), -1)
        order = np.argsort(residual, axis=0, kind="stable")
        below = np.cumsum(share[order], axis=0)
        slack = len(y) * np.finfo(np.float64).eps
        place = np.argmax(below >= self.quantile - slack, axis=0)
        columns = np.arange(y.shape[1])
        return residual[order[place, columns], columns]

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The prediction is f itself."""
        return raw
