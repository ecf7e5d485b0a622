"""Folds that need no count of the rows: in memory and in chunks they are the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator, PredefinedSplit
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _num_samples

from skreg.rows.hashing import mixed

# What stands before the name of a column as a value of ``cv``.
_COLUMN = "column:"


class ColumnOfFolds(StrOptions):
    """The constraint of a ``cv`` that names the column of the folds."""

    def __init__(self) -> None:
        super().__init__({f"{_COLUMN}NAME"})

    def is_satisfied_by(self, val: Any) -> bool:
        return column_of_folds(val) is not None


def column_of_folds(cv: Any) -> str | None:
    """The column that a ``cv`` names, each of whose values is a fold; None for others.

    Examples
    --------
    >>> column_of_folds("column:site")
    'site'
    """
    is_named = isinstance(cv, str) and cv.startswith(_COLUMN) and cv != _COLUMN
    return cv.removeprefix(_COLUMN) if is_named else None


def column_that_decides(cv: Any) -> str | None:
    """The column that folds are made by, as values or their hashes; None for others."""
    return cv.by if isinstance(cv, HashKFold) else column_of_folds(cv)


def by_column(X: Any, name: str) -> PredefinedSplit:
    """The splitter of rows in memory whose folds are the values of a column."""
    values = values_of(X, name)
    require_order(values, name)
    return PredefinedSplit(np.unique(values, return_inverse=True)[1])


def values_of(X: Any, name: str) -> NDArray:
    """A column of a DataFrame; ValueError where there is none of this name."""
    if name not in getattr(X, "columns", ()):
        raise ValueError(
            f"{name!r} names no column of X by which rows fall into folds. Give a DataFrame that "
            "has it, and leave the column out ahead of the model."
        )
    return whole_values(np.asarray(X[name]), name)


def whole_values(values: NDArray, name: str, start: int = 0) -> NDArray:
    """Values that decide the folds of rows from ``start`` on; ValueError where one is missing."""
    if values.dtype.kind not in "iubU":
        from pandas import isna  # which takes a while to import

        if (missing := isna(values)).any():
            raise ValueError(
                f"{name!r} decides the folds, and is missing in row "
                f"{start + int(np.argmax(missing))}. Fill it in, or leave such rows out."
            )
    return values


def require_order(values: Any, name: str) -> None:
    """Raise ValueError where values that are folds are of kinds that have no order."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return
    try:
        sorted(set(values))
    except TypeError:
        kinds = {type(value).__name__: value for value in values}
        raise ValueError(
            f"{name!r} decides the folds, and holds values of different kinds, such as "
            f"{' and '.join(map(repr, list(kinds.values())[:2]))}. Convert the column to one kind, "
            f"or give HashKFold(5, by={name!r})."
        ) from None


class HashKFold(BaseCrossValidator):
    """K folds by a hash of the number of a row, or of a value that it has.

    A row's fold depends on nothing but its number, counted from 0, or its value, so that folds need
    no pass over the data: rows that come in chunks are in the folds that they would be in if all
    of them were in memory. Folds are of about the same size. Rows with the same value are in
    the same fold, as by `GroupKFold`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    by : None or str, default=None
        The column whose values decide. None is the number of the row, unless `split` is given
        ``groups``.
    random_state : int, default=0
        Another value gives other folds. Whole numbers of 64 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.model_selection import HashKFold
    >>> [len(test) for _, test in HashKFold(3).split(np.zeros((300, 1)))]
    [99, 98, 103]
    """

    def __init__(self, n_splits: int = 5, *, by: str | None = None, random_state: int = 0) -> None:
        self.n_splits = n_splits
        self.by = by
        self.random_state = random_state

    def fold_of(self, values: ArrayLike) -> NDArray[np.int64]:
        """The fold, from 0 to K − 1, of each row number or value."""
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(f"n_splits must be an integer of at least 2, got {self.n_splits!r}.")
        if not isinstance(self.random_state, Integral):
            raise ValueError(f"random_state must be an integer, got {self.random_state!r}.")
        values = np.asarray(values)
        if values.ndim != 1:
            raise ValueError(f"values must be one for each row, got shape {values.shape}.")
        words = values.astype(np.uint64) if values.dtype.kind in "iub" else _words(values)
        seed = np.uint64(self.random_state % 2**64)
        return (mixed(mixed(words) ^ seed) % np.uint64(self.n_splits)).astype(np.int64)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[NDArray, NDArray]]:
        """Indices of the training and the test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            With ``by``, a DataFrame that has this column, unless there are ``groups``.
        y : None
            Not used.
        groups : None or array-like of shape (n_samples,), default=None
            Values to hash in the place of those of the column ``by``.

        Yields
        ------
        train, test : ndarray of int
        """
        if groups is not None:
            values = whole_values(np.asarray(groups), "groups")
        elif self.by is not None:
            values = values_of(X, self.by)
        else:
            values = np.arange(_num_samples(X))
        folds = self.fold_of(values)
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """K."""
        return self.n_splits


def _words(values: NDArray) -> NDArray[np.uint64]:
    """64 bits of each value, the same in whatever array; whole numbers stay as they are."""
    from pandas import Series
    from pandas.util import hash_array  # which takes a while to import

    # NumPy hands on times as such, unless they are in nanoseconds.
    nano = values.dtype == "datetime64[ns]"
    objects = Series(values).to_numpy(dtype=object) if nano else values.astype(object)
    words = np.empty(len(objects), dtype=np.uint64)
    whole = np.array([isinstance(value, Integral) for value in objects], dtype=bool)
    words[whole] = [int(value) % 2**64 for value in objects[whole]]
    texts = [v if isinstance(v, str | bytes) else str(v) for v in objects[~whole]]
    words[~whole] = hash_array(np.array(texts, dtype=object))
    return words
