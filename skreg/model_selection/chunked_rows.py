"""Rows in chunks as a search reads them again: all of them, those of a fold, all but a fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.model_selection.parts import Folded
from skreg.rows import Chunks
from skreg.rows.chunk import Chunk, FoldsOf, Work
from skreg.rows.features import refuse_checkpoint
from skreg.rows.stream import ROWS, Feed, RowBlock


@dataclass(frozen=True)
class _Count(Work):
    """How many rows each fold has."""

    folds_of: FoldsOf

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        for fold, rows in chunk.by_fold(self.folds_of):
            sums[fold] = sums.get(fold, 0) + (len(chunk.y) if rows is None else len(rows))


@dataclass(frozen=True)
class Part:
    """Which rows are wanted: those not in the fold of this number, or with ``tests`` those in it.

    All rows where ``fold`` is None.
    """

    fold: int | None = None
    tests: bool = False

    def rows(self, places: NDArray[np.int64]) -> NDArray | slice:
        """Those, of rows in the folds of these numbers."""
        if self.fold is None:
            return slice(None)
        return np.flatnonzero((places == self.fold) == self.tests)


WHOLE = Part()


class ChunkedRows:
    """Rows in chunks, which are read again for whatever is fitted to some of them.

    Parameters
    ----------
    chunks : Chunks
    cv : None, int, str or HashKFold, default=False
        As for `Folded`; False for rows that are all in one fold.

    Attributes
    ----------
    folds : dict
        From the name of a fold to its number of rows, in ascending order.
    """

    def __init__(self, chunks: Chunks, cv: Any = False) -> None:
        if isinstance(chunks.source, Iterator):
            raise ValueError(
                "the source of chunks can be read once only, and several passes are needed. Give a "
                "function that returns the chunks anew."
            )
        refuse_checkpoint(chunks)
        self.chunks, self.folds, self._folded = chunks, {None: 0}, None
        if cv is False:
            return
        self._folded = folded = Folded.of(chunks, cv, chunks.may_lack)
        self.chunks = folded.chunks.read_as(may_lack=chunks.may_lack, has_labels=chunks.has_labels)
        found = self.chunks.reduced(_Count(folded))
        folded.check(found)
        if len(found) < 2:
            raise ValueError("cross-validation needs the rows of at least two folds, got 1.")
        self.folds = {name: found[name] for name in sorted(found)}

    def moments(self) -> list[Any]:
        """Those of each fold, in a pass."""
        sums = self.chunks.sums(self._folded)
        return [sums[name] for name in self.folds]

    @property
    def splits(self) -> list[tuple[Any, range]]:
        """A stand-in for the indices of each split: how many rows it tests."""
        return [(None, range(n)) for n in self.folds.values()]

    def blocks(self, part: Part = WHOLE) -> Iterator[RowBlock]:
        """Some of the rows, in blocks that do not depend on how the source cuts them."""
        return Feed(block.take(part.rows(block.numbers)) for block in self._cut()).parts(ROWS)

    def by_part(self, parts: Sequence[Part]) -> Iterator[list[RowBlock]]:
        """One pass: of each block of rows, those of every part."""
        for block in Feed(self._cut()).parts(ROWS):
            yield [block.take(part.rows(block.numbers)) for part in parts]

    def _cut(self) -> Iterator[RowBlock]:
        """The rows as they are cut, with the numbers of their folds."""
        for chunk in self.chunks:
            yield RowBlock(chunk.X, chunk.y, chunk.weights, self._places(chunk))

    def _places(self, chunk: Chunk) -> NDArray[np.int64]:
        out, names = np.zeros(len(chunk.y), dtype=np.int64), list(self.folds)
        if self._folded is None:
            return out
        for fold, rows in chunk.by_fold(self._folded):
            out[rows] = names.index(fold)
        return out
