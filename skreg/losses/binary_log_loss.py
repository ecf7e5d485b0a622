"""Log loss of two classes."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

from skreg._kernels import losses as kernels
from skreg.losses.base import RARE, Array, CompiledLoss, by_row, first_bad
from skreg.losses.intercept import root


class BinaryLogLoss(CompiledLoss):
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
    is_for_classes = True
    has_likelihood = True
    no_minimum = "the classes can be separated"

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """v·log v + (1 − v)·log(1 − v) with v = y + u in [0, 1]."""
        return by_row(kernels.entropy(y + u, of_both=True))

    def check_targets(self, y: NDArray) -> None:
        """Targets are 0, 1 or a probability."""
        bad = ~((y >= 0) & (y <= 1))
        if bad.any():
            value, row = first_bad(y, bad)
            raise ValueError(
                f"y must lie in [0, 1] for the binary log loss, got {value} in row {row}. Encode "
                "the two classes as 0 and 1."
            )

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """log(ȳ / (1 − ȳ)); with an offset by Newton's method."""
        mean = np.clip(share @ y, RARE, 1.0 - RARE)
        log_odds = np.log(mean) - np.log1p(-mean)
        if offset is None:
            return log_odds
        offset = offset.reshape(len(y), 1)
        low, high = log_odds[0] - offset.max(), log_odds[0] - offset.min()
        return np.array([root(self, y, share, offset, low, high)])

    def is_separated(self, y: NDArray, raw: NDArray) -> bool:
        """Every row is strictly on the side of its class."""
        return bool(((y == 0) | (y == 1)).all() and ((2.0 * y - 1.0) * raw > 0).all())

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """2nR."""
        return 2.0 * n * risk

    def link(self, mean: NDArray) -> NDArray:
        """log(p / (1 − p)) with p = P(class 1), from P(class 0), P(class 1)."""
        return logit(mean[:, 1:])

    def inverse_link(self, raw: NDArray) -> NDArray:
        """P(class 0), P(class 1) from f of shape (n, 1)."""
        return np.hstack([expit(-raw), expit(raw)])

    def log_inverse_link(self, raw: NDArray) -> NDArray:
        """The logarithm of the probabilities, finite where they round to 0."""
        return np.hstack([log_expit(-raw), log_expit(raw)])
