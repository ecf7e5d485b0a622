"""Half the gamma deviance, for positive targets whose spread grows with their mean."""

import numpy as np

from skreg.losses.base import Loss, entropy, first_bad


class Gamma(Loss):
    """ℓ(y, f) = log(μ/y) + y/μ − 1 with μ = exp(f): half the unit deviance, log link.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Gamma
    >>> Gamma().pointwise(np.array([[2.0], [6.0]]), np.log([[2.0], [2.0]]))[0].round(4)
    array([0.    , 0.9014])
    """

    name = "gamma"
    out_activation = "exponential"

    def conjugate(self, y, u):
        """u·log y + v·log v + u with v = 1 − u ≥ 0."""
        return (u * (np.log(y) + 1.0) + entropy(1.0 - u)).sum(axis=1)

    def check_targets(self, y):
        """Targets are positive."""
        bad = ~(y > 0)
        if bad.any():
            value, row = first_bad(y, bad)
            raise ValueError(
                f"y must be positive for loss='gamma', got {value} in row {row}. Use "
                "loss='poisson' for targets that may be 0, loss='squared_error' for any."
            )

    def inverse_link(self, raw):
        """The mean μ = exp(f)."""
        return np.exp(raw)
