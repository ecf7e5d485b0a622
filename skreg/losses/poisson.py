"""Half the Poisson deviance, for counts."""

import numpy as np

from skreg.losses.base import Loss, entropy, first_bad


class Poisson(Loss):
    """ℓ(y, f) = y·log(y/μ) − y + μ with μ = exp(f): half the unit deviance, log link.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Poisson
    >>> Poisson().pointwise(np.array([[0.0], [2.0]]), np.log([[3.0], [2.0]]))[0].round(12)
    array([3., 0.])
    """

    name = "poisson"
    out_activation = "exponential"

    def conjugate(self, y, u):
        """v·log v − y·log y − u with v = y + u ≥ 0."""
        return (entropy(y + u) - entropy(y) - u).sum(axis=1)

    def check_targets(self, y):
        """Targets are not negative, and not all 0."""
        bad = ~(y >= 0)
        if bad.any():
            value, row = first_bad(y, bad)
            raise ValueError(
                f"y must not be negative for loss='poisson', got {value} in row {row}. Use "
                "loss='squared_error' or loss='huber' for such targets."
            )
        if not y.any():
            raise ValueError(
                "y is 0 in every row, and for loss='poisson' the log of its mean is not finite. "
                "Give at least one positive target."
            )

    def inverse_link(self, raw):
        """The mean μ = exp(f)."""
        return np.exp(raw)
