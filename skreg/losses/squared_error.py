"""Squared error, for regression."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from skreg.losses.base import Array, CompiledLoss


class SquaredError(CompiledLoss):
    """ℓ(y, f) = ½‖y − f‖².

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import SquaredError
    >>> SquaredError().value(np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]]))
    1.0
    """

    name = "squared_error"
    out_activation = "identity"
    is_quadratic = True
    scored_by_r2 = True
    has_likelihood = True

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """Σⱼ uⱼyⱼ + ½uⱼ²."""
        return (u * (y + 0.5 * u)).sum(axis=1)

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """The mean of y − o."""
        mean = share @ y
        return mean if offset is None else mean - share @ offset

    def explained(self, y: NDArray, mean: NDArray, sample_weight: Array | None = None) -> float:
        """R², of several targets their mean."""
        return r2_score(y, mean, sample_weight=sample_weight)

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """Of Gaussian noise of the likeliest variance, 2R."""
        with np.errstate(divide="ignore"):
            return n * (np.log(2.0 * np.pi * 2.0 * risk) + 1.0)

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The prediction is f itself."""
        return raw
