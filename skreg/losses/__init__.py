"""Losses ℓ(y, f) of raw predictions f; what joins them to features lives elsewhere."""

from typing import Any

from skreg._state import published
from skreg._validation import Registry
from skreg.losses.base import CompiledLoss, Loss
from skreg.losses.binary_log_loss import BinaryLogLoss
from skreg.losses.gamma import Gamma
from skreg.losses.huber import Huber
from skreg.losses.multinomial_log_loss import MultinomialLogLoss
from skreg.losses.negative_binomial import NegativeBinomial
from skreg.losses.poisson import Poisson
from skreg.losses.quantile import Quantile
from skreg.losses.squared_error import SquaredError
from skreg.losses.tweedie import Tweedie

_KINDS: tuple[type[Loss], ...] = (
    SquaredError,
    Huber,
    Quantile,
    Poisson,
    Gamma,
    Tweedie,
    NegativeBinomial,
    BinaryLogLoss,
    MultinomialLogLoss,
)
#: Every loss by its name; `register` adds one.
LOSSES: Registry[Loss] = Registry("loss", Loss, {loss.name: loss for loss in _KINDS})
get_loss, loss_of = LOSSES.make, LOSSES.of

#: Names of those for numbers: what regressors take. A live set, which `register` adds to.
REGRESSION_LOSSES = {loss.name for loss in _KINDS if not loss.is_for_classes}


def register(loss: type[Loss]) -> type[Loss]:
    """Make a loss known by its name, to estimators too. Serves as a decorator.

    Parameters
    ----------
    loss : type
        A subclass of `Loss` with a ``name`` that is not taken. Parameters of its constructor that
        estimators have under the same name are handed on if ``parameters`` lists them; for others,
        give the estimator an instance, ``loss=MyLoss(2.0)``.

    Returns
    -------
    type
        The same.

    Raises
    ------
    ValueError
        If the name is taken by another loss.

    Examples
    --------
    >>> from skreg.losses import Poisson, get_loss, register
    >>> register(Poisson) is Poisson
    True
    """
    if LOSSES.get(loss.name, loss) is not loss:
        raise ValueError(
            f"a loss named {loss.name!r} exists already: {LOSSES[loss.name]!r}. Choose another "
            "name."
        )
    LOSSES[loss.name] = loss
    if not loss.is_for_classes:
        REGRESSION_LOSSES.add(loss.name)
    return loss


def plain_loss(loss: Loss) -> Any:
    """A loss of the package as its name and parameters; any other as it is.

    Examples
    --------
    >>> from skreg.losses import Huber, plain_loss
    >>> plain_loss(Huber(2.0))
    {'name': 'huber', 'delta': 2.0}
    """
    if type(loss) not in _KINDS:
        return loss
    return {"name": loss.name} | {name: getattr(loss, name) for name in loss.parameters}


def loss_from_plain(plain: Any) -> Loss:
    """The loss that `plain_loss` was given."""
    return plain if isinstance(plain, Loss) else get_loss(**plain)


published(__name__, *_KINDS, Loss, CompiledLoss)

__all__ = [
    "LOSSES",
    "REGRESSION_LOSSES",
    "BinaryLogLoss",
    "CompiledLoss",
    "Gamma",
    "Huber",
    "Loss",
    "MultinomialLogLoss",
    "NegativeBinomial",
    "Poisson",
    "Quantile",
    "SquaredError",
    "Tweedie",
    "get_loss",
    "loss_of",
    "register",
]
