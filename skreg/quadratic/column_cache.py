"""Columns of A once seen, and their products: H on a set of features that grows."""

import numpy as np

from skreg._kernels import thin_products as kernel
from skreg.quadratic.products import product

# Products of more numbers than this are worth the tiles, and threads.
_LARGE = 10**6


class ColumnCache:
    """H = AᵀA on the features known so far, in the order they became known.

    Parameters
    ----------
    rows : Rows
        A by reference.

    Attributes
    ----------
    known : ndarray of int
    """

    def __init__(self, rows):
        self._rows = rows
        self.known = np.zeros(0, dtype=np.intp)
        # By features, with room for more: what is in use stands first.
        self._columns = np.empty((0, rows.shape[0]))
        self._gram = np.empty((0, 0))

    def extend(self, new):
        """Get to know the features ``new``; H over all that are known, a view."""
        size, total = len(self.known), len(self.known) + len(new)
        self.known = np.concatenate([self.known, new])
        if total > len(self._gram):
            self._grow(size, max(64, 2 * size, total))
        self._columns[size:total] = self._rows.columns(new).T
        cross = self._gram[size:total, :total]
        _products(self._columns[size:total], self._columns[:total], cross)
        self._gram[:total, size:total] = cross.T
        return self._gram[:total, :total]

    def slopes(self, theta, direction, b):
        """(Aᵀ(b − Aθ), Hd) over all features, for θ and d over the known ones: one pass over A."""
        fitted, image = kernel.transposed_pair(self._columns[: len(self.known)], theta, direction)
        both = self._rows.transposed_dot(np.stack([b - fitted, image], axis=1))
        return np.ascontiguousarray(both.T)

    def _grow(self, size, room):
        columns, gram = np.empty((room, self._columns.shape[1])), np.empty((room, room))
        columns[:size], gram[:size, :size] = self._columns[:size], self._gram[:size, :size]
        self._columns, self._gram = columns, gram


def _products(new, all_ones, out):
    """out ← new·all_onesᵀ."""
    if new.size * len(all_ones) > _LARGE:
        out[:] = product(new, all_ones.T)
        return
    for i in range(0, len(new), 2):
        out[i : i + 2] = kernel.transposed_pair(all_ones.T, new[i], new[min(i + 1, len(new) - 1)])[
            : len(new) - i
        ]
