"""Losses ℓ(y, f) of raw predictions f; what joins them to features lives elsewhere."""

from typing import Any

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

#: Every loss by its name; `register` adds one.
LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
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
}


#: Names of those for numbers: what regressors take. A live set, which `register` adds to.
REGRESSION_LOSSES = {name for name, loss in LOSSES.items() if not loss.is_for_classes}


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


def get_loss(name: str, **parameters: float) -> Loss:
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
    kind = LOSSES[name]
    # Where a loss with these parameters has a simpler form, that one.
    return getattr(kind, "from_parameters", kind)(**parameters)


def loss_of(estimator: Any) -> Loss:
    """The loss that an estimator's ``loss`` names, with the parameters the estimator has for it.

    Parameters
    ----------
    estimator : object
        With ``loss``, a name or a `Loss`.

    Raises
    ------
    ValueError
        If there is no such loss, or it refuses its parameters.

    Examples
    --------
    >>> from skreg import QuadraticApproxRidge
    >>> loss_of(QuadraticApproxRidge(loss="huber", delta=2.0)).delta
    2.0
    """
    name = estimator.loss
    if isinstance(name, Loss):
        return name
    known = LOSSES[name].parameters if name in LOSSES else ()
    return get_loss(name, **{p: getattr(estimator, p) for p in known if hasattr(estimator, p)})


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
