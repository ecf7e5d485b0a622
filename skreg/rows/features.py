"""How columns of tables become the numbers of X."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skreg.rows.products import Array
from skreg.rows.tables import Table


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
        if not (self._may_lack or np.isfinite(X.sum())):
            self._refuse_missing(X, start)
        return X

    def _refuse_missing(self, X: Array, start: int) -> None:
        where = np.argwhere(~np.isfinite(X))
        if not len(where):  # the sum alone is too large
            return
        row, j = where[0]
        raise ValueError(
            f"column {self.names[j]!r} is missing or not finite in row "
            f"{start + row}. Fill in missing values, for example by a SimpleImputer ahead of the "
            "model, or leave such rows out."
        )

    def _room(self, m: int, p: int) -> Array:
        """An array of this shape by columns: that of the chunk before, if there is one as large."""
        if self._buffer.size < m * p:
            self._buffer = np.empty(m * p)
        return self._buffer[: m * p].reshape((m, p), order="F")

    def _numbers(self, table: Table, name: str, start: int) -> Array:
        if not table.is_numeric(name):
            raise ValueError(
                f"column {name!r} holds numbers in the first chunk and other values from row "
                f"{start} on. Give categories={{{name!r}: […]}}, or numbers."
            )
        return table.numbers(name)

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


def target_of(table: Table, name: str, start: int) -> Array:
    """A column of numbers of which none is missing."""
    if not table.is_numeric(name):
        raise ValueError(f"the target {name!r} must hold numbers. Convert it before.")
    out = table.numbers(name)
    if not np.isfinite(out).all():
        row = start + int(np.flatnonzero(~np.isfinite(out))[0])
        raise ValueError(
            f"the target {name!r} is missing or not finite in row {row}. Leave such rows out."
        )
    return out


def require(table: Table, names: Iterable[str]) -> None:
    """Raise where a table has not all of these columns."""
    have = set(table.names)
    if lost := [name for name in names if name not in have]:
        raise ValueError(f"a chunk has no column {lost[0]!r}. {known(table)}")


def known(table: Table | None) -> str:
    """What to say of the columns of a table."""
    if table is None:
        return "Its columns have no names."
    shown = ", ".join(table.names[:8]) + (", …" if len(table.names) > 8 else "")
    return f"Its columns are {shown}."
