"""What objects are saved as: plain data under names that outlast a refactoring.

pickle, joblib, skops and `skreg.save` all ask an object for its state. Here it is made of
parameters, fitted attributes and, by public names, what else the object needs; no class of the
package that is not public is in it, and public classes are found by their public path
(`published`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any, ClassVar, cast

from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from skreg._version import __version__
from skreg._warnings import warn_user

#: Version of what states hold. It grows when a state of before can no longer be taken.
STATE_VERSION = 1
_VERSIONS = ("skreg_version", "state_version")


class OtherVersionWarning(InconsistentVersionWarning):
    """A pickle or skops file was written by another version of skreg.

    Parameters
    ----------
    estimator_name, current_sklearn_version, original_sklearn_version : str
        As for scikit-learn's warning; the versions are those of skreg.
    """

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was pickled by skreg {self.original_sklearn_version}, and this "
            f"is {self.current_sklearn_version}: what it says may differ. Files that skreg.save "
            "writes are for every later version."
        )


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Held:
    """How a private attribute is saved: under which name, as what, and what it is made of again."""

    name: str
    out: Callable[[Any], Any] = _same
    back: Callable[[Any], Any] = _same


class Stored:
    """A base of what is saved: its state is plain, and says which version wrote it.

    Examples
    --------
    >>> from skreg import QuadraticApproxRidge
    >>> state = QuadraticApproxRidge(alpha=0.5).fit([[0.0], [1.0]], [0.0, 1.0]).__getstate__()
    >>> state["coef_"], state["fitted_loss"], state["state_version"]
    (array([0.33333333]), {'name': 'squared_error'}, 1)
    """

    #: By attribute; None for what can be worked out again. Others are saved as they are.
    _held: ClassVar[Mapping[str, Held | None]] = {}

    def __getstate__(self) -> dict[str, Any]:
        state = dict(cast(Any, super()).__getstate__() or {})
        for attribute, held in self._held.items():
            if attribute in state:
                value = state.pop(attribute)
                if held is not None:
                    state[held.name] = None if value is None else held.out(value)
        return state | dict(zip(_VERSIONS, (__version__, STATE_VERSION), strict=True))

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_versions(type(self).__name__, *(state.get(name) for name in _VERSIONS))
        vars(self).update(self._unpacked(state))

    def _unpacked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes that a state stands for."""
        found = {name: value for name, value in state.items() if name not in _VERSIONS}
        for attribute, held in self._held.items():
            if held is not None and held.name in found:
                value = found.pop(held.name)
                found[attribute] = None if value is None else held.back(value)
        return found | {
            k: v for k, v in _defaults(cast(Hashable, type(self))).items() if k not in found
        }


@cache
def _defaults(kind: Any) -> dict[str, Any]:
    """Of an estimator, for parameters that it had not when it was saved."""
    if not issubclass(kind, BaseEstimator):
        return {}
    made = signature(cast(Any, kind)).parameters.values()
    return {one.name: one.default for one in made if one.default is not one.empty}


def check_versions(name: str, version: str | None, layout: int | None) -> None:
    """Raise ValueError for a state that cannot be taken; warn of one by another version."""
    if layout != STATE_VERSION:
        by = "a skreg that did not write its version" if version is None else f"skreg {version}"
        remedy = "fit it again" if version is None else f"load it with skreg {version}"
        raise ValueError(
            f"this {name} was pickled by {by}, in a layout that skreg {__version__} does not take: "
            f"{remedy}, and save it by skreg.save, whose files later versions load."
        )
    if version != __version__:
        told = OtherVersionWarning(
            estimator_name=name,
            current_sklearn_version=__version__,
            original_sklearn_version=str(version),
        )
        warn_user(told)


def published(package: str, *public: Any) -> None:
    """Let pickles and skops find classes and functions by the package that they are public in."""
    for one in public:
        one.__module__ = package
