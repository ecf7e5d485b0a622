"""Losses and penalties by the names that parameters of estimators give them."""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, signature
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(dict[str, Callable[..., T]], Generic[T]):
    """What a parameter of an estimator may name, and what makes it; add to it as to a dict.

    Parameters
    ----------
    parameter : str
        Of estimators: "loss", "penalty".
    base : type
        Of what is made. An instance may take the place of a name.
    kinds : mapping of str to callable
    """

    def __init__(self, parameter: str, base: type[Any], kinds: Mapping[str, Callable[..., T]]):
        super().__init__(kinds)
        self.parameter, self.base = parameter, base

    def make(self, name: str, **parameters: Any) -> T:
        """What the name stands for.

        Parameters
        ----------
        name : str
        **parameters
            Arguments of its kind, or, where it has one, of its ``from_parameters``, which may
            answer with something simpler.

        Raises
        ------
        ValueError
            If the name is unknown, or a parameter does not belong to this kind.

        Examples
        --------
        >>> from skreg.losses import get_loss
        >>> from skreg.penalties import make_penalty
        >>> get_loss("huber", delta=2.0).delta
        2.0
        >>> make_penalty("mcp", gamma=2.5)
        MCP(gamma=2.5, factors=None)
        """
        if name not in self:
            raise ValueError(f"{self.parameter} must be one of {sorted(self)}, got {name!r}.")
        kind = getattr(self[name], "from_parameters", self[name])
        taken = parameters_of(kind)
        for given in parameters:
            if given not in taken and not _takes_any(taken):
                # Estimators know it by this name.
                shown = "penalty_factors" if given == "factors" else given
                raise ValueError(
                    f"{shown} does not go with {self.parameter}={name!r}, which takes "
                    f"{', '.join(taken)}. Leave {shown} at its default."
                )
        return kind(**parameters)

    def of(self, estimator: Any) -> T:
        """What the parameter of an estimator names, with the parameters the estimator has for it.

        Raises
        ------
        ValueError
            If there is none of this name, or it refuses its parameters.

        Examples
        --------
        >>> from skreg import QuadraticApproxRidge
        >>> from skreg.losses import loss_of
        >>> loss_of(QuadraticApproxRidge(loss="huber", delta=2.0)).delta
        2.0
        """
        chosen = getattr(estimator, self.parameter)
        if isinstance(chosen, self.base):
            return chosen
        known = getattr(self[chosen], "parameters", ()) if chosen in self else ()
        given = {name: getattr(estimator, name) for name in known if hasattr(estimator, name)}
        return self.make(chosen, **given)


@cache
def parameters_of(kind: Callable[..., Any]) -> Mapping[str, Parameter]:
    """What something is made with; a fit asks each time."""
    return signature(kind).parameters


def _takes_any(parameters: Mapping[str, Parameter]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in parameters.values())
