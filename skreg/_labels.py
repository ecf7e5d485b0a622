"""Checks of labels, beside scikit-learn's."""

from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets


def refuse_missing(y: Any) -> None:
    """Raise for a y of objects in which one is missing: None, NaN or pandas' NA.

    Examples
    --------
    >>> refuse_missing(["a", None])
    Traceback (most recent call last):
        ...
    ValueError: y holds None in row 1, a missing value. Leave such rows out, or name a value for ...
    """
    if getattr(getattr(y, "dtype", None), "kind", "O") != "O" or issparse(y):
        return
    array = np.asarray(y)
    if array.dtype.kind != "O" or not array.ndim:
        return
    from pandas import isna  # which takes a while to import

    missing = np.argwhere(isna(array))
    if len(missing):
        row, value = missing[0][0], array[tuple(missing[0])]
        raise ValueError(
            f"y holds {value!r} in row {row}, a missing value. Leave such rows out, or name a "
            "value for them."
        )


def refuse_name(y: str) -> NoReturn:
    """Raise for a y that names a column, where X is rows in memory."""
    raise ValueError(
        f"y={y!r} names a column, which is for rows in chunks. Give Chunks(X, {y!r}) where X is a "
        "table, or the values of y."
    )


def check_classes(y: Any) -> None:
    """``check_classification_targets`` without a warning of many classes in few rows.

    It warns of rows that may be numbers rather than classes; a classifier was chosen here.
    """
    with suppress(TypeError):  # not to be sorted: the check has the words for it
        y = np.repeat(np.unique(y), 3)
    check_classification_targets(y)
