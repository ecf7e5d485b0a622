"""Predictions of collections of Dask: made where the rows are, once they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, cast

from sklearn.utils.validation import check_is_fitted

from skreg.rows import dask_chunks

Method = TypeVar("Method", bound=Callable[..., Any])


def lazily(method: Method) -> Method:
    """A method of X whose answer for a collection of Dask is another one."""

    @wraps(method)
    def called(self: Any, X: Any, **options: Any) -> Any:
        if isinstance(X, list | tuple) or not dask_chunks.serves(X):
            return method(self, X, **options)
        check_is_fitted(self)
        given = [
            name for name, value in options.items() if value is not None and value is not False
        ]
        if given:
            raise ValueError(
                f"{given[0]} does not go with X as a collection of Dask. Leave it out, or use "
                "X.map_partitions or X.map_blocks."
            )
        return dask_chunks.mapped(X, partial(method, self))

    return cast(Method, called)
