"""Methods that an estimator has only with some parameters."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def only_where(missing: Callable[[Any], str]) -> Callable[[F], F]:
    """Make a method one that an estimator has only where ``missing(estimator)`` is empty.

    Elsewhere ``hasattr`` is False, and the AttributeError says what is missing: scikit-learn's
    `available_if` with a reason.
    """

    class Method:
        def __init__(self, function):
            self.function = function
            functools.update_wrapper(cast(Any, self), function)

        def __get__(self, instance, owner=None):
            if instance is None:
                return self.function
            if reason := missing(instance):
                raise AttributeError(reason)
            return self.function.__get__(instance, owner)

    return cast(Callable[[F], F], Method)
