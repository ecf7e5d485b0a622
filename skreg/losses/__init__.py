"""Losses ℓ(y, f) of raw predictions f; what joins them to features lives elsewhere."""

from skreg.losses.base import Loss
from skreg.losses.binary_log_loss import BinaryLogLoss
from skreg.losses.gamma import Gamma
from skreg.losses.huber import Huber
from skreg.losses.multinomial_log_loss import MultinomialLogLoss
from skreg.losses.poisson import Poisson
from skreg.losses.quantile import Quantile
from skreg.losses.squared_error import SquaredError

#: Every loss by its name.
LOSSES = {
    loss.name: loss
    for loss in (
        SquaredError,
        Huber,
        Quantile,
        Poisson,
        Gamma,
        BinaryLogLoss,
        MultinomialLogLoss,
    )
}


def get_loss(name, **parameters):
    """The loss of that name.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> get_loss("huber", delta=2.0).delta
    2.0
    """
    if name not in LOSSES:
        raise ValueError(f"loss must be one of {sorted(LOSSES)}, got {name!r}.")
    return LOSSES[name](**parameters)


__all__ = [
    "LOSSES",
    "BinaryLogLoss",
    "Gamma",
    "Huber",
    "Loss",
    "MultinomialLogLoss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "get_loss",
]
