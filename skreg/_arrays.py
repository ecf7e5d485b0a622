"""Arrays of other libraries, as scikit-learn's array API dispatch hands them out.

They are worked on as NumPy's, and what is found goes back to the namespace and the device of X. On
the CPU, where torch and NumPy share memory, nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from sklearn import config_context, get_config
from sklearn.externals.array_api_compat import is_array_api_obj, is_dask_array, is_numpy_array
from sklearn.utils import get_tags
from sklearn.utils._array_api import (
    _estimator_with_converted_arrays,
    check_same_namespace,
    get_namespace_and_device,
    move_to,
)
from sklearn.utils.validation import check_is_fitted

Method = TypeVar("Method", bound=Callable[..., Any])
#: What a fit finds, where it is more than one number.
_FITTED = "coef_", "intercept_", "alpha_"


@dataclass(frozen=True, eq=False)
class Place:
    """A namespace other than NumPy, and a device of it."""

    xp: Any
    device: Any

    @classmethod
    def of(cls, X: Any) -> Place | None:
        """Where X is; None for NumPy, tables and lists, and where nothing is dispatched."""
        if type(X) is np.ndarray or not get_config()["array_api_dispatch"]:
            return None
        if is_numpy_array(X) or is_dask_array(X) or not is_array_api_obj(X):
            return None
        xp, _, device = get_namespace_and_device(X)
        return cls(xp, device)

    def give(self, values: Any) -> Any:
        """Arrays of NumPy, or a tuple of them, here; anything else as it is."""
        if isinstance(values, tuple):
            return tuple(map(self.give, values))
        if not isinstance(values, np.ndarray):
            return values
        return move_to(values, xp=self.xp, device=self.device)

    def follow(self, estimator: Any) -> Any:
        """A fitted estimator or Pipeline with its arrays here, if all of it can be used so."""
        steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
        if not all(isinstance(step, str) or get_tags(step).array_api_support for step in steps):
            return estimator
        return _estimator_with_converted_arrays(estimator, self.give)


def as_numpy(values: Any) -> Any:
    """An array that scikit-learn dispatches as one of NumPy's; anything else as it is."""
    return values if Place.of(values) is None else move_to(values, xp=np, device="cpu")


def fitted_as_numpy(values: Any) -> Any:
    """A fitted number or array as NumPy has it, whether scikit-learn dispatches now or not."""
    if not is_array_api_obj(values) or is_numpy_array(values):
        return values
    with config_context(array_api_dispatch=True):
        return as_numpy(values)


def moved(estimator: Any, convert: Callable[[Any], Any]) -> Any:
    """A copy of a fitted estimator with its numbers converted, which shares the rest."""
    twin = object.__new__(type(estimator))
    twin.__dict__.update(vars(estimator))
    for name in _FITTED:
        twin.__dict__[name] = convert(getattr(estimator, name))
    return twin


def fit_where_x_is(
    method: Callable[..., Any], estimator: Any, X: Any, *args: Any, **options: Any
) -> Any:
    """Call a method that fits, and hand what it finds to the namespace and the device of X."""
    if (place := Place.of(X)) is None:
        return method(estimator, X, *args, **options)
    options = {name: as_numpy(value) for name, value in options.items()}
    method(estimator, as_numpy(X), *map(as_numpy, args), **options)
    for name in _FITTED:
        if hasattr(estimator, name):
            setattr(estimator, name, place.give(getattr(estimator, name)))
    if hasattr(estimator, "best_estimator_"):
        estimator.best_estimator_ = place.follow(estimator.best_estimator_)
    return estimator


def follows_x(method: Method) -> Method:
    """A method of a fitted estimator that takes and gives arrays in the namespace of the fit's X.

    Raises
    ------
    ValueError
        If scikit-learn dispatches, and X is of another namespace or device.
    """

    @wraps(method)
    def called(self: Any, X: Any, *args: Any, **options: Any) -> Any:
        place = Place.of(X)
        if place is None and type(vars(self).get("coef_")) in (np.ndarray, type(None)):
            return method(self, X, *args, **options)
        check_is_fitted(self, "coef_")
        check_same_namespace(X, self, attribute="coef_", method=method.__name__)
        options = {name: as_numpy(value) for name, value in options.items()}
        found = method(moved(self, fitted_as_numpy), as_numpy(X), *map(as_numpy, args), **options)
        return found if place is None else place.give(found)

    return cast(Method, called)
