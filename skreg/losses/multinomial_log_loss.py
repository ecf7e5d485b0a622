"""Log loss of three classes or more."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from skreg._kernels import losses as kernels
from skreg.losses.base import RARE, Array, CompiledLoss, first_bad


class MultinomialLogLoss(CompiledLoss):
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
    coupled = True
    is_for_classes = True
    has_likelihood = True
    no_minimum = "the classes can be separated"

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """Σₖ vₖ·log vₖ with v = y + u in the unit simplex."""
        v = y + u
        off = np.abs(u.sum(axis=1)) > 1e-14 * (1 + np.abs(u).sum(axis=1)) * u.shape[1]
        return np.where(off, np.inf, kernels.entropy(v).sum(axis=1))

    def check_targets(self, y: NDArray) -> None:
        """A row of targets holds the shares of the classes: not negative, of sum 1."""
        bad = (y < 0).any(axis=1) | ~(np.abs(y.sum(axis=1) - 1) <= 1e-6)
        if bad.any():
            row = first_bad(bad, bad)[1]
            raise ValueError(
                f"y must hold probabilities of sum 1 for the multinomial log loss, got {y[row]} in "
                f"row {row}. Encode the classes as rows of an identity matrix."
            )

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """log of the classes' shares, of mean 0: an offset common to all changes nothing."""
        if offset is not None and offset.ndim == 2:
            return super().null_intercept(y, share, offset)
        log_share = np.log(np.maximum(share @ y, RARE))
        return log_share - log_share.mean()

    def is_separated(self, y: NDArray, raw: NDArray) -> bool:
        """The raw prediction of every row's class is above those of the others."""
        own = np.sum(np.where(y == 1, raw, 0.0), axis=1)
        others = np.max(np.where(y == 1, -np.inf, raw), axis=1)
        return bool(((y == 0) | (y == 1)).all() and (own > others).all())

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """2nR."""
        return 2.0 * n * risk

    def link(self, mean: NDArray) -> NDArray:
        """log pₖ."""
        return np.log(mean)

    def inverse_link(self, raw: NDArray) -> NDArray:
        """P(class k) for every k."""
        return softmax(raw, axis=1)

    def log_inverse_link(self, raw: NDArray) -> NDArray:
        """The logarithm of the probabilities, finite where they round to 0."""
        return log_softmax(raw, axis=1)
