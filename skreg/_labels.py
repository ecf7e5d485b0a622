"""Checks of targets, numbers or labels, beside scikit-learn's."""

from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite


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


def as_numbers(y: Any) -> Any:
    """y as float64 where it holds text or objects; anything else as it is.

    Examples
    --------
    >>> as_numbers(["1.5", "2"])
    array([1.5, 2. ])
    >>> as_numbers(["1.5", "two"])
    Traceback (most recent call last):
        ...
    ValueError: y must hold numbers, got 'two' in row 1. Encode categories, or fit a classifier.
    """
    if getattr(getattr(y, "dtype", None), "kind", "O") not in "OUSMm" or issparse(y):
        return y
    array = np.asarray(y)
    if array.dtype.kind in "Mm":
        raise ValueError(
            f"y must hold numbers, got dates or durations ({array.dtype}). Convert them to a "
            "number in a unit of your choice."
        )
    if array.dtype.kind not in "OUS":
        return y
    try:
        numeric = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        row, value = _first_not_number(array)
        raise ValueError(
            f"y must hold numbers, got {value!r:.60} in row {row}. Encode categories, or fit a "
            "classifier."
        ) from None
    assert_all_finite(numeric, input_name="y")
    return numeric


def _first_not_number(array):
    """Row and value of the first element that float does not take."""
    width = array[0].size if array.ndim > 1 else 1
    for i, value in enumerate(array.ravel().tolist()):
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return i // width, value
    return 0, array.dtype
