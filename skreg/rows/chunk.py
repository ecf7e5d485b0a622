"""Some of the rows, as numbers, and what they add to the sums of folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skreg.rows.features import known
from skreg.rows.missing import MissingMoments, amid
from skreg.rows.moment_sum import MomentSum
from skreg.rows.products import Array, together
from skreg.rows.sources import ROWS
from skreg.rows.sums import taken
from skreg.rows.tables import Table

# Multiply-adds for which folds are summed side by side.
_LARGE = 1e7
#: From a `Chunk` to the fold of each row; None for one fold of all rows.
FoldsOf: TypeAlias = "Callable[[Chunk], NDArray] | None"


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some of the rows, as numbers.

    Attributes
    ----------
    X : ndarray of shape (m, p)
        By columns where the source keeps columns, and then only until the next chunk is read.
    y : ndarray of shape (m, q)
    weights : ndarray of shape (m,) or None
    start : int
        How many rows come before.
    table : Table or None
        The columns as they came.
    names : list of str or None
        Of the features, where they have any.
    """

    X: Any
    y: Array
    weights: Array | None
    start: int
    table: Table | None = None
    names: list[str] | None = None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The numbers of the rows, from 0 for the first of all."""
        return np.arange(self.start, self.start + len(self.y))

    def column(self, name: str) -> NDArray:
        """A column of the table as it came."""
        if self.table is None or name not in self.table.names:
            raise ValueError(f"the chunks have no column {name!r}. {known(self.table)}")
        return self.table.values(name)

    def by_fold(self, folds_of: FoldsOf) -> list[tuple[Any, NDArray[np.intp] | None]]:
        """The folds of its rows, and which rows are in each; one of all rows is None."""
        if folds_of is None:
            return [(None, None)]
        names, index = np.unique(folds_of(self), return_inverse=True)
        plain = [n if isinstance(n, int | float | str) else str(n) for n in names.tolist()]
        return [(fold, np.flatnonzero(index == k)) for k, fold in enumerate(plain)]


class Work(Protocol):
    """What a pass does with every chunk, wherever that is: it travels to the workers of a cluster.

    Sums are kept by key, and those of different rows add with ``+``.
    """

    def begun(self, chunk: Chunk) -> Self:
        """The work as it goes on, once a first chunk was looked at."""
        return self

    @property
    def looks_first(self) -> bool:
        """Whether `begun` has to do anything."""
        return False

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add what the rows of a chunk contribute."""

    def ended(self, sums: dict[Any, Any]) -> dict[Any, Any]:
        """The sums as they add to those of other rows."""
        return sums


@dataclass(frozen=True)
class MomentWork(Work):
    """The moments of each fold; `MissingMoments` about a ``stand_in`` where values ``may_lack``."""

    folds_of: FoldsOf = None
    may_lack: bool = False
    stand_in: Array | None = None

    @property
    def looks_first(self) -> bool:
        """Missing values need a number amid those that are there."""
        return self.may_lack and self.stand_in is None

    def begun(self, chunk: Chunk) -> Self:
        """With the ``stand_in``."""
        return replace(self, stand_in=amid(chunk.X)) if self.looks_first else self

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add the moments of the rows of each fold to those of other chunks."""
        folds = chunk.by_fold(self.folds_of)
        if self.stand_in is not None:
            for fold, rows in folds:
                some = taken(chunk.X, chunk.y, chunk.weights, rows)
                sums[fold] = sums.get(fold, 0) + MissingMoments.of(*some, self.stand_in)
            return
        for some_rows in _blocks(folds, len(chunk.y)):
            pieces = [
                (sums.setdefault(fold, MomentSum()), chunk.X, chunk.y, chunk.weights, rows)
                for fold, rows in some_rows
            ]
            if min(len(chunk.y), ROWS) * chunk.X.shape[1] ** 2 > _LARGE:
                together(MomentSum.add, pieces)
            else:
                for piece in pieces:
                    MomentSum.add(*piece)

    def ended(self, sums: dict[Any, Any]) -> dict[Any, Any]:
        """The `Moments`."""
        return {f: s.total() if isinstance(s, MomentSum) else s for f, s in sums.items()}


def _blocks(folds: list[tuple[Any, Any]], n_rows: int) -> Iterator[list[tuple[Any, Any]]]:
    """The rows of each fold within blocks that stay in the cache until every fold has had its."""
    if n_rows <= ROWS or len(folds) == 1:
        yield folds
        return
    for start in range(0, n_rows, ROWS):
        block = []
        for fold, rows in folds:
            some = rows[slice(*np.searchsorted(rows, (start, start + ROWS)))]
            if len(some):
                block.append((fold, some))
        yield block
