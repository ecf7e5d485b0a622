"""Log loss of two classes."""

import numpy as np
from scipy.special import expit, log_expit

from skreg.losses.base import Loss


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

    def inverse_link(self, raw):
        """P(class 0), P(class 1) from f of shape (n, 1)."""
        return np.hstack([expit(-raw), expit(raw)])

    def log_inverse_link(self, raw):
        """The logarithm of the probabilities, finite where they round to 0."""
        return np.hstack([log_expit(-raw), log_expit(raw)])
