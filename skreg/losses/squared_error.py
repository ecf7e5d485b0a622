"""Squared error, for regression."""

from skreg.losses.base import Loss


class SquaredError(Loss):
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

    def conjugate(self, y, u):
        """Σⱼ uⱼyⱼ + ½uⱼ²."""
        return (u * (y + 0.5 * u)).sum(axis=1)

    def inverse_link(self, raw):
        """The prediction is f itself."""
        return raw
