"""Columns of a table, or of an array of objects, that hold no numbers where numbers are wanted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import numpy as np

#: What is told apart from numbers; of other objects NumPy has the words.
_DATES = (date, timedelta, np.datetime64, np.timedelta64)


@contextmanager
def columns_named(estimator: Any, X: Any, reset: bool) -> Iterator[None]:
    """Tell of the column of X that is to blame for an error in here; ``reset`` as in a fit."""
    try:
        yield
    except (TypeError, ValueError):
        fitted = () if reset else vars(estimator).get("feature_names_in_", ())
        refuse_columns(X, type(estimator).__name__, fitted)
        raise


def refuse_columns(X: Any, owner: str, fitted: Sequence[str] = ()) -> None:
    """Raise for an X of which a column of text, categories or dates is no number.

    Parameters
    ----------
    X : object
        What was given in the place of a matrix of numbers.
    owner : str
        Name of the estimator.
    fitted : sequence of str, default=()
        Names of the features that it was fitted on: rows in chunks make one of each category.

    Raises
    ------
    ValueError
        That names the column, the value and what to do.

    Examples
    --------
    >>> import pandas as pd
    >>> refuse_columns(pd.DataFrame({"size": [1.0], "kind": ["flat"]}), "QuadraticApproxRidge")
    Traceback (most recent call last):
        ...
    ValueError: column 'kind' of X holds 'flat' in row 0, and QuadraticApproxRidge takes ...
    """
    columns = dict(_columns(X))
    made = {name: _made_of(name, fitted) for name in columns if name not in fitted}
    if encoded := [name for name in made if made[name]]:
        raise ValueError(
            f"column {encoded[0]!r} of X holds categories, and {owner} was fitted on a feature for "
            f"each of them, such as {made[encoded[0]]!r}. Give these: pandas.get_dummies(X, "
            f"columns={encoded}).reindex(columns=feature_names_in_, fill_value=0)."
        )
    for name, values in columns.items():
        if (found := _no_number(np.asarray(values))) is None:
            continue
        row, value = found
        remedy = (
            "Put a ColumnTransformer ahead of the model, with a OneHotEncoder for columns of "
            "categories"
        )
        if isinstance(value, _DATES):
            value, remedy = str(value), "Convert it to a number in a unit of your choice"
        raise ValueError(
            f"column {name!r} of X holds {value!r:.60} in row {row}, and {owner} takes numbers. "
            f"{remedy}, or leave the column out."
        )


def _made_of(name: Any, fitted: Sequence[str]) -> str | None:
    """A feature that chunks made of a category of this column."""
    return next((one for one in fitted if one.startswith(f"{name}_")), None)


def _columns(X: Any) -> Iterator[tuple[Any, Any]]:
    """Names, or numbers, and values of columns; none of what has no columns of its own."""
    if hasattr(X, "iter_columns"):  # Polars
        yield from ((column.name, column) for column in X.iter_columns())
    elif hasattr(X, "columns") and hasattr(X, "items"):  # pandas
        yield from X.items()
    elif isinstance(X, np.ndarray | list | tuple):
        array = np.asarray(X)
        if array.ndim == 2 and array.dtype.kind in "OUS":
            yield from enumerate(array.T)


def _no_number(array: np.ndarray) -> tuple[int, Any] | None:
    """Row and value of the first text that is no number, or of the first date."""
    if array.dtype.kind in "mM" and array.size:
        return 0, array.ravel()[0]
    for row, value in enumerate(array.tolist() if array.dtype.kind in "OUS" else ()):
        if isinstance(value, _DATES) or (isinstance(value, str | bytes) and not _is_number(value)):
            return row, value
    return None


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
