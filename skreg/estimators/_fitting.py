"""How every estimator is fitted: wholly or not at all, and by the methods that it has."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix
from sklearn.base import _fit_context

#: What X may be.
MatrixLike = ArrayLike | sparray | spmatrix
F = TypeVar("F", bound=Callable[..., Any])


def all_or_nothing(method):
    """Make ``fit`` restore every attribute of the estimator if it raises.

    It stands outside ``_fit_context``, so that callbacks are torn down before. Arrays that belong
    to the estimator must be replaced by ``fit`` and not written to.
    """

    @functools.wraps(method)
    def fit(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return fit


def validated_fit(method: F) -> F:
    """`all_or_nothing` around scikit-learn's checks of the parameters; the signature is kept."""
    return cast(F, all_or_nothing(_fit_context(prefer_skip_nested_validation=True)(method)))


def only_where(missing: Callable[[Any], str]) -> Callable[[F], F]:
    """Make a method one that an estimator has only where ``missing(estimator)`` is empty.

    Elsewhere ``hasattr`` is False, and the AttributeError says what is missing: scikit-learn's
    `available_if` with a reason.
    """

    class Method:
        def __init__(self, function):
            self.function = function
            functools.update_wrapper(self, function)

        def __get__(self, instance, owner=None):
            if instance is None:
                return self.function
            if reason := missing(instance):
                raise AttributeError(reason)
            return self.function.__get__(instance, owner)

    return cast(Callable[[F], F], Method)
