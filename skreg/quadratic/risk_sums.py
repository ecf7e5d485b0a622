"""What a pass over rows in chunks tells of a risk at many points: sums over rows, which add.

A point is a θ and b on some training part, which is all rows, or all but those of a fold. Points of
all parts share the pass: products with a block of rows serve all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skreg._labels import check_classes, refuse_missing
from skreg.losses import Loss
from skreg.quadratic.point import FLOOR
from skreg.rows.chunk import Chunk, MomentWork, Work
from skreg.rows.products import Array, add_gram, product, symmetric
from skreg.rows.sums import taken

#: The part that holds all rows.
WHOLE = -1
# Numbers in the arrays of a block of rows, of which there are a few for each point.
_BLOCK = 2**18


@dataclass(frozen=True, eq=False)
class Places:
    """Points to look at in a pass; every array has a row for each.

    Attributes
    ----------
    parts : ndarray of int, shape (m,)
        The fold that is left out, or `WHOLE`.
    thetas : ndarray of shape (m, K, p)
        For features about the common center.
    intercepts : ndarray of shape (m, K)
    bends : ndarray of bool, shape (m,)
        Whether second derivatives are wanted.
    ways : ndarray of shape (n_ways, K, p + 1), default=None
        For the first so many points, steps of θ and b: by how much do they move predictions?
    """

    parts: NDArray[np.intp]
    thetas: Array
    intercepts: Array
    bends: NDArray[np.bool_]
    ways: Array | None = None


@dataclass(eq=False)
class RiskSums:
    """Sums over the rows of each point's part, weighted and not divided by their weight; they add.

    Attributes
    ----------
    n_rows : int
        Of all parts together, each counted once.
    mark : int
        The sum of the bits of their numbers modulo 2⁶⁴: the same in any order, another of others.
    value : ndarray of shape (m,)
    gradient, total : ndarray of shape (m, K, p) and (m, K)
        By θ and by b.
    hessian, mixed, bb : ndarray of shape (h, K·p, K·p), (h, K, K·p) and (h, K, K)
        Second derivatives by θ, by b and θ, and by b, of the points whose ``bends`` are wanted.
    unseparated : ndarray of shape (m,)
        How many blocks hold a row that is not strictly on the right side, see `Loss.is_separated`.
    moved : ndarray of shape (m,)
        The largest change of a raw prediction along the ``ways``; that of two parts is the larger.
    """

    n_rows: int
    mark: int
    value: Array
    gradient: Array
    total: Array
    hessian: Array
    mixed: Array
    bb: Array
    unseparated: Array
    moved: Array

    @classmethod
    def zeros(cls, places: Places) -> RiskSums:
        """Those of no rows."""
        m, K, p = places.thetas.shape
        h = int(places.bends.sum())
        shapes = (m,), (m, K, p), (m, K), (h, K * p, K * p), (h, K, K * p), (h, K, K), (m,), (m,)
        return cls(0, 0, *map(np.zeros, shapes))

    def __add__(self, other: RiskSums) -> RiskSums:
        mine, its = vars(self), vars(other)
        both = {name: mine[name] + its[name] for name in mine}
        return RiskSums(**both | {"moved": np.maximum(self.moved, other.moved)})

    def __radd__(self, other: Any) -> RiskSums:
        """0 + sums, with which ``sum`` begins."""
        return self if isinstance(other, int) and other == 0 else NotImplemented


@dataclass(frozen=True, eq=False)
class RowsOfParts:
    """How the rows of a chunk are read: targets as the loss takes them, and the fold of each row.

    Attributes
    ----------
    loss : Loss
    center : ndarray of shape (p,)
        What is subtracted from every row.
    folds_of : callable or None
        See `Chunk.by_fold`.
    places : dict
        The number of each fold.
    classes : ndarray of shape (n_classes,) or None
    """

    loss: Loss
    center: Array
    folds_of: Callable[[Chunk], NDArray] | None = None
    places: dict[Any, int] = field(default_factory=lambda: {None: WHOLE})
    classes: NDArray | None = None

    def targets(self, chunk: Chunk) -> Array:
        """y, (n, K); ValueError where the loss does not take it."""
        if self.classes is not None:
            return indicators(chunk, self.classes)
        if chunk.y.shape[1] > 1:
            raise ValueError(
                f"loss={self.loss.name!r} takes one target, but y has {chunk.y.shape[1]} columns. "
                "Fit one after the other, or use loss='squared_error'."
            )
        try:  # one that may be beside others: a chunk of zeros alone is none of counts
            self.loss.check_targets(np.append(chunk.y, 1.0))
            self.loss.check_infimum(chunk.y)
        except ValueError as error:
            raise ValueError(f"In the chunk that begins at row {chunk.start}: {error}") from error
        return chunk.y

    def blocks(
        self, chunk: Chunk, width: int, size: int = _BLOCK
    ) -> Iterator[tuple[int, Array, Array, Array]]:
        """The number of a fold, X about the center, y and the weights, for a few rows at a time.

        Rows without weight are left out. ``width`` is how many numbers a row takes, ``size`` how
        many a block may.
        """
        y, X = self.targets(chunk), chunk.X
        weights = np.ones(len(y)) if chunk.weights is None else chunk.weights
        step = max(size // max(width, 1), 64)
        used = None if weights.all() else weights > 0
        for fold, rows in chunk.by_fold(self.folds_of):
            if used is not None:
                rows = np.flatnonzero(used) if rows is None else rows[used[rows]]
            for start in range(0, len(y) if rows is None else len(rows), step):
                some = slice(start, start + step)
                x, *others = taken(X, y, weights, some if rows is None else rows[some])
                x = x.toarray() if issparse(x) else x
                yield self.places[fold], x - self.center, *others


def indicators(chunk: Chunk, classes: NDArray) -> Array:
    """0 and 1 for two classes, (n, 1); for more a column for each, (n, K)."""
    labels = chunk.y[:, 0]
    place = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    if (other := classes[place] != labels).any():
        i = int(np.argmax(other))
        raise ValueError(
            f"y is {labels[i : i + 1].tolist()[0]!r} in row {chunk.start + i}, none of the classes "
            f"{classes.tolist()}. Declare all of them in categories."
        )
    return place[:, None].astype(np.float64) if len(classes) == 2 else np.eye(len(classes))[place]


@dataclass(frozen=True, eq=False)
class TargetMoments(Work):
    """The `Moments` of each fold, of targets as the loss takes them."""

    rows: RowsOfParts

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        read = replace(chunk, y=self.rows.targets(chunk))
        MomentWork(self.rows.folds_of).add_to(sums, read)

    def ended(self, sums: dict[Any, Any]) -> dict[Any, Any]:
        """The moments."""
        return MomentWork().ended(sums)


@dataclass(frozen=True, eq=False)
class LabelCounts(Work):
    """The labels of the target, each with the number of its rows of positive weight."""

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add those of a chunk."""
        labels = chunk.y[:, 0]
        if chunk.y.shape[1] > 1:
            raise ValueError(
                f"y has {chunk.y.shape[1]} columns, and a classifier takes one of labels."
            )
        if labels.dtype.kind not in "biuU":
            refuse_missing(labels)
            check_classes(labels)
        used = np.ones(len(labels)) if chunk.weights is None else chunk.weights > 0
        for label in np.unique(labels):
            count = int(used[labels == label].sum())
            label = label.item() if isinstance(label, np.generic) else label
            sums[label] = sums.get(label, 0) + count


@dataclass(frozen=True, eq=False)
class RiskWork(Work):
    """`RiskSums` at some `Places`, under the key None."""

    rows: RowsOfParts
    at: Places

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        if None not in sums:
            sums[None] = RiskSums.zeros(self.at)
        m, K, p = self.at.thetas.shape
        for fold, *block in self.rows.blocks(chunk, m * K + p):
            which = np.flatnonzero((self.at.parts != fold) | (self.at.parts == WHOLE))
            self._add(sums[None], which, *block)

    def _add(self, sums: RiskSums, which: NDArray[np.intp], x: Array, y: Array, w: Array) -> None:
        """Add rows x (n, p) to the sums of the points ``which``."""
        loss, (_, K, p), n = self.rows.loss, self.at.thetas.shape, len(x)
        sums.n_rows += n
        sums.mark += bits_of(x) + bits_of(y)
        if not which.size:
            return
        raw = product(x, self.at.thetas[which].reshape(-1, p).T)
        raw += self.at.intercepts[which].ravel()
        raw = np.ascontiguousarray(raw.T.reshape(-1, K, n).transpose(0, 2, 1))
        targets = np.broadcast_to(y, (len(which), n, K)).reshape(-1, K)
        losses, slopes, bends = loss.derivatives(targets, raw.reshape(-1, K))
        # A step far too long ends where exponentials are infinite, and is taken back.
        with np.errstate(over="ignore", invalid="ignore"):
            sums.value[which] += losses.reshape(-1, n) @ w
            slopes = slopes.reshape(-1, n, K) * w[:, None]
            sums.total[which] += slopes.sum(axis=1)
            flat = np.ascontiguousarray(slopes.transpose(0, 2, 1)).reshape(-1, n)
            sums.gradient[which] += product(flat, x).reshape(-1, K, p)
        for i, point in enumerate(which):
            if self.at.bends[point]:
                h = int(self.at.bends[:point].sum())
                self._add_bends(sums, h, x, bends.reshape(-1, n, K)[i], w)
            self._look_at_separation(sums, int(point), x, y, raw[i])

    def _add_bends(self, sums: RiskSums, h: int, x: Array, bends: Array, w: Array) -> None:
        """Add second derivatives; of ``hessian`` the upper triangles of its blocks."""
        K, p = bends.shape[1], x.shape[1]
        blocks = sums.hessian[h].reshape(K, p, K, p)
        if not self.rows.loss.coupled:
            least = FLOOR if self.rows.loss.has_flat_parts else 0.0
            weights = w * np.maximum(bends[:, 0], least)
            add_gram(np.sqrt(weights)[:, None] * x, sums.hessian[h])
            sums.mixed[h, 0] += weights @ x
            sums.bb[h, 0, 0] += weights.sum()
            return
        for k in range(K):
            for l in range(k, K):
                weights = w * bends[:, k] * (float(k == l) - bends[:, l])
                sums.bb[h, k, l] += weights.sum()
                sums.mixed[h, k, l * p : (l + 1) * p] += weights @ x
                blocks[k, :, l] += product(x.T, weights[:, None] * x)

    def _look_at_separation(
        self, sums: RiskSums, point: int, x: Array, y: Array, raw: Array
    ) -> None:
        ways = self.at.ways
        if ways is None or point >= len(ways):
            return
        sums.unseparated[point] += not self.rows.loss.is_separated(y, raw)
        moved = product(x, ways[point, :, :-1].T) + ways[point, :, -1]
        sums.moved[point] = max(sums.moved[point], np.abs(moved).max())


def bits_of(numbers: Array) -> int:
    """The sum of the bits of numbers, read as integers modulo 2⁶⁴."""
    return int(numbers.ravel(order="K").view(np.uint64).sum())


def completed(sums: RiskSums) -> RiskSums:
    """The same with the other halves of symmetric matrices, in place."""
    _, K, size = sums.mixed.shape
    p = size // K
    for matrix, mixed, bb in zip(sums.hessian, sums.mixed, sums.bb, strict=True):
        if K == 1:
            symmetric(matrix)
            continue
        blocks = matrix.reshape(K, p, K, p)
        for k in range(K):
            for l in range(k):
                blocks[k, :, l] = blocks[l, :, k].T
                mixed[k, l * p : (l + 1) * p] = mixed[l, k * p : (k + 1) * p]
                bb[k, l] = bb[l, k]
    return sums
