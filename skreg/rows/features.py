"""How columns of tables become the numbers of X."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from numbers import Integral, Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.rows.products import Array
from skreg.rows.tables import Table, twofold

#: Values of a column of text that become features without being declared.
MOST_LEVELS = 1000


class Features:
    """Columns of numbers as they are, and columns of categories as indicators of their levels.

    Parameters
    ----------
    columns : list of str
        The columns of every table, in the order of their features.
    levels : dict of str to list
        The levels of those that are categories.
    may_lack : bool
        Whether missing numbers become NaN, rather than an error.

    Attributes
    ----------
    names : list of str
        Of the features.
    """

    def __init__(self, columns: list[str], levels: dict[str, list[Any]], may_lack: bool) -> None:
        self._columns, self._levels, self._may_lack = columns, levels, may_lack
        self._buffer = np.empty(0)
        self.names: list[str] = []
        for name in columns:
            one = name not in levels
            self.names += [name] if one else [f"{name}_{level}" for level in levels[name]]
        if twice := twofold(self.names):
            raise ValueError(f"two features are named {twice!r}. Rename a column, or exclude one.")

    def matrix(self, table: Table, start: int) -> Array:
        """The features of a table whose first row has the number ``start``, by columns.

        The array is used again for the next table.
        """
        require(table, self._columns)
        X, j = self._room(len(table), len(self.names)), 0
        for name in self._columns:
            if name in self._levels:
                width = len(self._levels[name])
                X[:, j : j + width] = self._indicators(table, name, start)
            else:
                width = 1
                X[:, j] = self._numbers(table, name, start)
            j += width
        if not self._may_lack:
            refuse_missing(X, start, self.names)
        return X

    def _room(self, m: int, p: int) -> Array:
        """An array of this shape by columns: that of the chunk before, if there is one as large."""
        if self._buffer.size < m * p:
            self._buffer = np.empty(m * p)
        return self._buffer[: m * p].reshape((m, p), order="F")

    def _numbers(self, table: Table, name: str, start: int) -> Array:
        if table.is_numeric(name):
            return table.numbers(name)
        if not table.codes(name)[1]:  # a column without any value has no type
            return np.full(len(table), np.nan)
        raise ValueError(
            f"column {name!r} holds other values than numbers from row {start} on, and no "
            f"categories are known. Give categories={{{name!r}: […]}}, or numbers."
        )

    def _indicators(self, table: Table, name: str, start: int) -> Array:
        levels = {level: k for k, level in enumerate(self._levels[name])}
        codes, met = table.codes(name)
        place = np.array([levels.get(level, -1) for level in met], dtype=np.intp)
        index = np.where(codes >= 0, place[codes] if len(met) else -1, -1)
        if (index < 0).any():
            i = int(np.flatnonzero(index < 0)[0])
            value = "missing" if codes[i] < 0 else repr(met[codes[i]])
            raise ValueError(
                f"column {name!r} is {value} in row {start + i}, which is none of its "
                f"{len(levels)} categories. Declare it in categories, or leave such rows out."
            )
        return index[:, None] == np.arange(len(levels))


def refuse_missing(X: Array, start: int, names: list[str] | None = None) -> None:
    """Raise where a number is missing or not finite in rows of which the first is ``start``."""
    if np.isfinite(X.sum()):
        return
    where = np.argwhere(~np.isfinite(X))
    if not len(where):  # the sum alone is too large
        return
    row, j = where[0]
    what = f"feature {j} of X" if names is None else f"column {names[j]!r}"
    raise ValueError(
        f"{what} is missing or not finite in row {start + row}. Fill in missing values, for "
        "example by a SimpleImputer ahead of the model, or leave such rows out."
    )


def refuse_late_names(nameless: bool, start: int) -> None:
    """Raise for a table after arrays, whose columns might be others."""
    if nameless:
        raise ValueError(
            f"X of the chunk that begins at row {start} is a table, and one before it an array "
            "without names. Give tables in all chunks, or arrays."
        )


def names_given(what: str, names: Any) -> list[str]:
    """A list of names as it was given, none for None; ValueError for anything else."""
    if names is None:
        return []
    given: list[Any] = [None]
    if isinstance(names, Iterable) and not isinstance(names, str):
        given = list(names)
    if len(set(given)) < len(given) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"{what} must be a list of different names of columns, got {names!r}.")
    return given


def levels_given(categories: Any) -> dict[str, list[Any]]:
    """Declared categories; ValueError where there are none, or values are twice or missing."""
    from pandas import isna  # which takes a while to import

    if not isinstance(categories, Mapping):
        raise ValueError(
            f"categories must be a dict from names of columns to values, got {categories!r}."
        )
    for name, values in categories.items():
        if isinstance(values, str) or not len(values) or len(set(values)) < len(values):
            raise ValueError(f"categories[{name!r}] must list different values, got {values!r}.")
        if any(isna(value) for value in values):
            raise ValueError(
                f"categories[{name!r}] holds a missing value, got {values!r}. Leave it out, and "
                "give missing values a name of their own in the column."
            )
    return {name: list(values) for name, values in categories.items()}


def refuse_targets(features: list[str] | None, targets: list[str]) -> None:
    """Raise where a target is to be among the features, which would tell all of it."""
    for name in features or []:
        if name in targets:
            raise ValueError(f"features holds {name!r}, which is the target. Take it out.")


def rows_given(shuffle_buffer: Any) -> int:
    """A number of rows as it was given; ValueError for anything else."""
    if not isinstance(shuffle_buffer, Integral) or shuffle_buffer < 2:
        raise ValueError(
            f"shuffle_buffer must be a number of rows, at least 2, got {shuffle_buffer!r}."
        )
    return int(shuffle_buffer)


def refuse_checkpoint(chunks: Any) -> None:
    """Raise for `Chunks` with a checkpoint, where more is needed than the sums of one pass."""
    if chunks.checkpoint is not None:
        raise ValueError(
            f"checkpoint={chunks.checkpoint!r} keeps the sums of one pass, and here rows are read "
            "for other ends. Leave it None."
        )


def text_levels(table: Table, name: str) -> list[Any]:
    """The values of a column that become its categories; ValueError for dates and the like."""
    for value in type(table)(table.frame[:100]).values(name):  # nested ones have no codes
        plain = isinstance(value, str | Number) and not isinstance(value, complex)
        if not (plain or value is None):
            raise ValueError(
                f"column {name!r} holds values such as {value!r}, neither numbers nor text. "
                f"Convert it, or give exclude=[{name!r}] or categories={{{name!r}: […]}}."
            )
    levels = table.codes(name)[1]
    refuse_many(name, levels)
    return levels


def together(met: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """The levels of columns of text that were met in all chunks, in their order."""
    seen: dict[str, dict[Any, None]] = {}
    for levels in met:
        for name, values in levels.items():
            seen.setdefault(name, {}).update(dict.fromkeys(values))
            refuse_many(name, seen[name])
    # A column without any value may be one of numbers, which are missing.
    return {name: sorted(values, key=str) for name, values in seen.items() if values}


def refuse_many(name: str, levels: Sized) -> None:
    """Raise for a column of which nobody declared as many categories, such as one of names."""
    if len(levels) > MOST_LEVELS:
        raise ValueError(
            f"column {name!r} holds more than {MOST_LEVELS} values, and each would become a "
            f"feature. Leave it out, exclude=[{name!r}] of Chunks, or declare them in categories."
        )


def target_of(table: Table, name: str, start: int, role: str = "target") -> Array:
    """A column of numbers of which none is missing."""
    if not table.is_numeric(name):
        raise ValueError(f"the {role} {name!r} must hold numbers. Convert it before.")
    out = table.numbers(name)
    if not np.isfinite(out).all():
        row = start + int(np.flatnonzero(~np.isfinite(out))[0])
        raise ValueError(
            f"the {role} {name!r} is missing or not finite in row {row}. Leave such rows out."
        )
    return out


def labels_of(table: Table, name: str, start: int) -> NDArray:
    """A column of labels of which none is missing: numbers, truth values or text."""
    codes, levels = table.codes(name)
    if (codes < 0).any():
        row = start + int(np.argmax(codes < 0))
        raise ValueError(f"the target {name!r} is missing in row {row}. Leave such rows out.")
    return np.asarray(levels)[codes] if levels else np.empty(0)


def require(table: Table, names: Iterable[str]) -> None:
    """Raise where a table has not all of these columns."""
    have = set(table.names)
    if len(have) < len(table.names):
        raise ValueError(f"a chunk has two columns {twofold(table.names)!r}. Rename one.")
    if lost := [name for name in names if name not in have]:
        raise ValueError(f"a chunk has no column {lost[0]!r}. {known(table)}")


def no_rows(source: Any) -> str:
    """What to say of a source that gives none."""
    why = "A generator can be read once, and a function returns a new one each time."
    return "the source of chunks holds no rows. " + (
        why if callable(source) or isinstance(source, Iterator) else "Give at least two."
    )


def known(table: Table | None) -> str:
    """What to say of the columns of a table."""
    if table is None:
        return "Its columns have no names."
    shown = ", ".join(table.names[:8]) + (", …" if len(table.names) > 8 else "")
    return f"Its columns are {shown}."
