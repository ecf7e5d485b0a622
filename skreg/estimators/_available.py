"""Methods that an estimator has only with some parameters, or for rows in memory."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from skreg._not_in_memory import refuse_chunks
from skreg._validation import is_in_memory

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


def takes_rows(method: F) -> F:
    """Make a method name rows in chunks, in the place of X, before it misses the y beside them."""

    @functools.wraps(method)
    def call(self, X, *args, **kwargs):
        if not is_in_memory(X):
            refuse_chunks(X, type(self).__name__, method.__name__)
        return method(self, X, *args, **kwargs)

    return cast(F, call)
