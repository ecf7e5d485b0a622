"""Rows one after the other, in parts that do not depend on how their source cuts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack

from skreg.rows.hashing import mixed
from skreg.rows.products import Array

#: Rows that are looked at together, where what is found must not depend on how chunks are cut.
ROWS = 4096


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Some of the rows, which nobody else writes to.

    Attributes
    ----------
    X : ndarray or CSR array of shape (m, p)
    y : ndarray of shape (m, q)
    weights : ndarray of shape (m,) or None
    numbers : ndarray of shape (m,)
        Of the rows, from 0 for the first of all.
    """

    X: Any
    y: NDArray
    weights: Array | None
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: NDArray | slice) -> RowBlock:
        """Copies of some of them, by rows."""
        X = self.X[rows].copy() if issparse(self.X) else np.array(self.X[rows], order="C")
        weights = None if self.weights is None else self.weights[rows].copy()
        return RowBlock(X, self.y[rows].copy(), weights, self.numbers[rows].copy())

    def put(self, slots: NDArray, rows: RowBlock) -> RowBlock:
        """The block with other rows in these slots; itself unless X is sparse."""
        self.y[slots], self.numbers[slots] = rows.y, rows.numbers
        if self.weights is not None:
            self.weights[slots] = rows.weights
        if not issparse(self.X):
            self.X[slots] = rows.X
            return self
        place = np.arange(len(self))
        place[slots] = len(self) + np.arange(len(rows))
        return replace(self, X=vstack([self.X, rows.X], format="csr")[place])


def joined(blocks: list[RowBlock]) -> RowBlock:
    """The rows of all, one after the other; those without weights have weight 1."""
    if len(blocks) == 1:
        return blocks[0]
    weights = None
    if any(block.weights is not None for block in blocks):
        given = [np.ones(len(b)) if b.weights is None else b.weights for b in blocks]
        weights = np.concatenate(given)
    parts = [block.X for block in blocks]
    X = vstack(parts, format="csr") if any(map(issparse, parts)) else np.concatenate(parts)
    return RowBlock(
        X, np.concatenate([b.y for b in blocks]), weights,
        np.concatenate([b.numbers for b in blocks]),
    )  # fmt: skip


class Feed:
    """Rows of blocks one after the other, as many at a time as are asked for.

    Parameters
    ----------
    blocks : iterable of RowBlock
        Their rows are copied, so that blocks may be written to once the next one is asked for.
    """

    def __init__(self, blocks: Iterable[RowBlock]) -> None:
        self._blocks = iter(blocks)
        self._rest: RowBlock | None = None

    def take(self, n: int) -> RowBlock | None:
        """The next n rows, fewer where they end; None at the end."""
        parts: list[RowBlock] = []
        while n > 0:
            block = self._rest if self._rest is not None else next(self._blocks, None)
            if block is None:
                break
            part = block.take(slice(n))
            parts.append(part)
            n -= len(part)
            more = len(part) < len(block)
            self._rest = _from(block, len(part)) if more else None
        return joined(parts) if parts else None

    def parts(self, n: int) -> Iterator[RowBlock]:
        """All rows that are left, n at a time."""
        while (block := self.take(n)) is not None:
            yield block


def _from(block: RowBlock, start: int) -> RowBlock:
    """Views of the rows of a block from one on."""
    weights = None if block.weights is None else block.weights[start:]
    return RowBlock(block.X[start:], block.y[start:], weights, block.numbers[start:])


class HashSample:
    """A random part of the rows, by a hash of their numbers: the same however they are cut.

    Parameters
    ----------
    size : int
        How many rows.
    seed : int
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self._seed = size, seed
        self._limit: np.uint64 | None = None
        self._blocks: list[RowBlock] = []

    def order(self, numbers: NDArray) -> NDArray[np.uint64]:
        """Those of the rows with the least numbers are taken."""
        return mixed(mixed(numbers.astype(np.uint64)) ^ np.uint64(self._seed))

    def add(self, block: RowBlock) -> None:
        """Have a look at these rows, too."""
        if self._limit is not None:
            block = block.take(self.order(block.numbers) < self._limit)
        self._blocks.append(block)
        if sum(map(len, self._blocks)) > 2 * self.size:
            self._blocks = [self.rows()]
            self._limit = self.order(self._blocks[0].numbers)[-1]

    def rows(self) -> RowBlock:
        """The rows, those with the least numbers first."""
        block = joined(self._blocks)
        return block.take(np.argsort(self.order(block.numbers), kind="stable")[: self.size])
