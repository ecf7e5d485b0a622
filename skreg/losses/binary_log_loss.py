"""Log loss of two classes."""

import numpy as np
from scipy.special import expit, log_expit

from skreg.losses.base import Loss, entropy, first_bad


class BinaryLogLoss(Loss):
    """ℓ(y, f) = log(1 + exp(f)) − y·f with y in {0, 1}: the logistic model's −log P(y).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import BinaryLogLoss
    >>> round(BinaryLogLoss().value(np.array([[1.0]]), np.array([[0.0]])), 4)
    0.6931
    """

    name = "binary_log_loss"
    out_activation = "logistic"

    def conjugate(self, y, u):
        """v·log v + (1 − v)·log(1 − v) with v = y + u in [0, 1]."""
        v = y + u
        return (entropy(v) + entropy(1.0 - v)).sum(axis=1)

    def check_targets(self, y):
        """Targets are 0, 1 or a probability."""
        bad = ~((y >= 0) & (y <= 1))
        if bad.any():
            value, row = first_bad(y, bad)
            raise ValueError(
                f"y must lie in [0, 1] for the binary log loss, got {value} in row {row}. Encode "
                "the two classes as 0 and 1."
            )

    def inverse_link(self, raw):
        """P(class 0), P(class 1) from f of shape (n, 1)."""
        return np.hstack([expit(-raw), expit(raw)])

    def log_inverse_link(self, raw):
        """The logarithm of the probabilities, finite where they round to 0."""
        return np.hstack([log_expit(-raw), log_expit(raw)])
