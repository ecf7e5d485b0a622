"""Columns of A once seen, and their products: H on a set of features that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skreg._kernels import thin_products
from skreg.rows.products import Array, Indices, product

if TYPE_CHECKING:
    from skreg.rows.weighted import WeightedRows


# Products of more numbers than this are worth the tiles, and threads.
_LARGE = 10**6


class GrowingGram:
    """H = AᵀA on the features ``known`` so far, in the order they became so; targets b (n, q)."""

    def __init__(self, rows: WeightedRows, b: Array):
        self._rows, self._b = rows, b
        self.known = np.zeros(0, dtype=np.intp)
        self._gram = np.empty((0, 0))  # with room for more

    def extend(self, new: Indices) -> Array:
        """Get to know the features ``new``; H over all that are known, a view."""
        size, total = len(self.known), len(self.known) + len(new)
        self.known = np.concatenate([self.known, new])
        if total > len(self._gram):
            self._grow(size, max(64, 2 * size, total))
        cross = self._gram[size:total, :total]
        self._take(new, cross)
        self._gram[:total, size:total] = cross.T
        return self._gram[:total, :total]

    def among(self, which: Indices) -> Array:
        """H on any features; those that are not known become so."""
        if (new := np.setdiff1d(which, self.known)).size:
            self.extend(new)
        order = np.argsort(self.known)
        place = order[np.searchsorted(self.known, which, sorter=order)]
        return np.ascontiguousarray(self._gram[np.ix_(place, place)])

    def slopes(self, thetas: Array, direction: Array | None) -> tuple[Array, Array | float]:
        """Aᵀ(b − Aθ) and Hd over all features, (q, p) each; θ (q, m) and d (m,) on those known."""
        q = len(thetas)
        images = self._images(thetas if direction is None else np.vstack([thetas, direction]))
        np.subtract(self._b, images[:, :q], out=images[:, :q])
        both = np.ascontiguousarray(self._rows.transposed_dot(images).T)
        return both[:q], both[q:] if direction is not None else 0.0

    def _images(self, vectors: Array) -> Array:
        """A[:, known] times k vectors (k, m): (n, k)."""
        raise NotImplementedError

    def _grow(self, size: int, room: int) -> None:
        self._gram = _roomier(self._gram, size, (room, room))

    def _take(self, new: Indices, cross: Array) -> None:
        """cross ← the rows of H that belong to ``new``, the last of those known."""
        raise NotImplementedError


class ColumnCache(GrowingGram):
    """H and the columns themselves, dense."""

    def __init__(self, rows: WeightedRows, b: Array):
        super().__init__(rows, b)
        self._columns = np.empty((0, rows.shape[0]))  # by features

    def _images(self, vectors: Array) -> Array:
        known = self._columns[: len(self.known)]
        if len(vectors) == 2:
            return np.stack(thin_products.transposed_pair(known, *vectors), axis=1)
        return product(known.T, vectors.T)

    def _grow(self, size: int, room: int) -> None:
        super()._grow(size, room)
        self._columns = _roomier(self._columns, size, (room, self._columns.shape[1]))

    def _take(self, new: Indices, cross: Array) -> None:
        size, total = len(self.known) - len(new), len(self.known)
        self._columns[size:total] = self._rows.columns(new).T
        _products(self._columns[size:total], self._columns[:total], cross)


class SparseGram(GrowingGram):
    """H alone; the columns stay in X."""

    def _take(self, new: Indices, cross: Array) -> None:
        cross[:] = self._rows.products(self.known, np.ascontiguousarray(new)).T

    def _images(self, vectors: Array) -> Array:
        return self._rows.some_dot(self.known, vectors.T)


def _roomier(array: Array, size: int, shape: tuple[int, int]) -> Array:
    """A larger array that begins with the first ``size`` lines of this one."""
    out = np.empty(shape)
    out[:size, : array.shape[1]] = array[:size]
    return out


def _products(new: Array, all_ones: Array, out: Array) -> None:
    """out ← new·all_onesᵀ."""
    if new.size * len(all_ones) > _LARGE:
        out[:] = product(new, all_ones.T)
        return
    for i in range(0, len(new), 2):
        last = min(i + 1, len(new) - 1)
        both = thin_products.transposed_pair(all_ones.T, new[i], new[last])
        out[i : i + 2] = both[: len(new) - i]
