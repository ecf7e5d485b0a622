"""Log loss of three classes or more."""

from scipy.special import log_softmax, softmax

from skreg.losses.base import Loss


class MultinomialLogLoss(Loss):
    """ℓ(y, f) = log Σₖ exp(fₖ) − Σₖ yₖfₖ with y the indicator of the class.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import MultinomialLogLoss
    >>> round(MultinomialLogLoss().value(np.eye(3)[:1], np.zeros((1, 3))), 4)
    1.0986
    """

    name = "multinomial_log_loss"
    out_activation = "softmax"

    def inverse_link(self, raw):
        """P(class k) for every k."""
        return softmax(raw, axis=1)

    def log_inverse_link(self, raw):
        """The logarithm of the probabilities, finite where they round to 0."""
        return log_softmax(raw, axis=1)
