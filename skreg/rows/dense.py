"""Rows of an array: centered a block at a time, never copied whole."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import thin_products
from skreg.rows.base import Rows
from skreg.rows.products import (
    EPS,
    Array,
    Indices,
    Some,
    add_gram,
    by_halves,
    dot,
    exact_mean,
    product,
    slices,
    sum_of_outer_grams,
    symmetric,
)

# |c| / spread of a feature beyond which a product of X itself would lose digits.
_FAR = 100.0
# Rows looked at to find such features.
_SAMPLE = 256
# Rows that are asked first how large c is beside the spread.
_FEW_ROWS = 8
# Columns that are centered one by one, which a product of so few would take longer to do.
_FEW_COLUMNS = 4
# Multiply-adds of a Gram matrix beyond which each half of the rows is summed by a thread.
_WORTH_TWO = 1e8


class DenseRows(Rows):
    """`Rows` of an array in any memory order, float64 or float32.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    center : ndarray of shape (p,)
    share : ndarray of shape (n,), default=None
        Weights of sum 1 that the features' spread is measured by; None stands for equal ones.
    """

    def __init__(self, X: NDArray[Any], center: Array, share: Array | None = None):
        self.X, self.shape, self.center = X, X.shape, center
        self.is_centered = bool(center.any())
        self._share = np.full(len(X), 1.0 / max(len(X), 1)) if share is None else share
        self._is_mean = False  # whether c is known to be the mean by these shares

    @classmethod
    def about_mean(cls, X: NDArray[Any], share: Array, mean: Array | None = None) -> "DenseRows":
        """About the mean, or what is given for it.

        It is one product where it is not large beside the spread, else taken with more care.
        """
        if mean is not None:
            return cls(X, mean, share)
        if X.dtype == np.float64 and X.flags.forc:
            rows = cls(X, product(X.T, share[:, None])[:, 0], share)
            if rows._direct:
                rows._is_mean = True
                return rows
        center = np.empty(X.shape[1])
        for columns in slices(*X.shape[::-1]):
            center[columns] = exact_mean(X[:, columns], share)
        return cls(X, center, share)

    @classmethod
    def about_safe_center(cls, X: NDArray[Any]) -> "DenseRows":
        """About a point amid the rows in the features that lie far from 0, and 0 in the others."""
        sample = X[:: max(1, -(-len(X) // _SAMPLE))].astype(np.float64)
        if not len(sample):
            return cls(X, np.zeros(X.shape[1]))
        origin = sample[0].copy()
        sample -= origin
        mean = np.add.reduce(sample, axis=0) / len(sample)
        # A row of the sample being its origin, the difference has digits to tell.
        variance = np.einsum("ij,ij->j", sample, sample) / len(sample) - mean**2
        middle = origin + mean
        far = middle**2 > _FAR**2 * variance
        if not far.any():
            return cls(X, np.zeros(X.shape[1]))
        # A constant feature has to vanish, so its center is its value.
        constant = ~sample.any(axis=0)
        return cls(X, np.where(far, np.where(constant, origin, middle), 0.0))

    def about(self, center: Array) -> "DenseRows":
        return DenseRows(self.X, center, self._share)

    @property
    def has_plain_rows(self) -> bool:
        to_next_row, to_next = self.X.strides
        size = self.X.itemsize
        return not self.is_centered and to_next == size and to_next_row % size == 0

    # Products with matrices -----------------------------------------------------------------------

    def dot(self, theta: Array) -> Array:
        if self._direct:
            out = product(self.X, theta)
            if self.is_centered:
                out -= product(self.center[None], theta)
            return out
        out = np.zeros((self.shape[0], theta.shape[1]))
        for rows, columns in self._blocks():
            out[rows] += product(self._copy(rows, columns), theta[columns])
        return out

    def some_dot(self, which: Indices, theta: Array) -> Array:
        return product(self.columns(which), theta)

    def transposed_dot(self, r: Array) -> Array:
        if self._direct:
            if r.shape[1] == 2 and self.X.flags.c_contiguous:  # one pass over X
                out = thin_products.transposed_pair(self.X, *np.ascontiguousarray(r.T)).T
            else:
                out = product(self.X.T, r)
            if not self.is_centered:
                return out
            sums = r.sum(axis=0)
            if len(sums) <= _FEW_COLUMNS:
                for column, total in zip(out.T, sums, strict=True):
                    column -= total * self.center
            else:
                # Residuals and singular vectors of centered rows sum to nothing but rounding.
                if (np.abs(sums) > EPS * np.abs(r).sum(axis=0)).any():
                    out -= product(self.center[:, None], sums[None])
            return out
        out = np.zeros((self.shape[1], r.shape[1]))
        for rows, columns in self._blocks():
            out[columns] += product(self._copy(rows, columns).T, r[rows])
        return out

    @cached_property
    def _direct(self) -> bool:
        """Whether products may be centered afterwards: no copy of blocks, and no digits lost.

        That is so where |c| is at most a hundred times the spread of each feature. A few rows say
        so of most designs; where they do not, all rows are asked.
        """
        if not (self.X.dtype == np.float64 and self.X.flags.forc):
            return False
        if not self.is_centered:
            return True
        size = np.abs(self.center)
        few = self._few_rows
        block = self._copy(few) * np.sqrt(self._share[few])[:, None]
        if (size <= _FAR * np.sqrt(np.einsum("ij,ij->j", block, block))).all():
            return True
        return bool((size <= _FAR * np.sqrt(self.squares(self._share))).all())

    @property
    def _few_rows(self) -> slice:
        return slice(None, None, max(self.shape[0] // _FEW_ROWS, 1))

    # Products of rows with each other -------------------------------------------------------------

    def gram(self, weights: Array) -> tuple[Array, Array]:
        n, p = self.shape
        root = np.sqrt(weights)[:, None]

        def part(start: int, stop: int) -> tuple[Array, Array]:
            return self._upper_gram(start, stop, root)

        grams, sums = zip(*by_halves(part, n, n * p * p > _WORTH_TWO), strict=True)
        return symmetric(sum(grams[1:], start=grams[0])), sum(sums)

    def _upper_gram(self, start: int, stop: int, root: Array) -> tuple[Array, Array]:
        """Both sums over a range of rows; of the matrix the upper triangle."""
        blocks = slices(stop - start, self.shape[1])
        by_column = self.X.flags.f_contiguous and not self.X.flags.c_contiguous
        buffer = np.empty((blocks[0].stop, self.shape[1]), order="F" if by_column else "C")
        gram, total = np.zeros((self.shape[1],) * 2), np.zeros(self.shape[1])
        for block in blocks:
            rows = slice(start + block.start, start + block.stop)
            scaled = buffer[: block.stop - block.start]
            if self.is_centered:
                np.subtract(self.X[rows], self.center, out=scaled)
                scaled *= root[rows]
            else:
                np.multiply(self.X[rows], root[rows], out=scaled)
            gram = add_gram(scaled, gram)
            total += product(scaled.T, root[rows])[:, 0]
        return gram, total

    def outer_gram(self, scale: Array | None = None) -> Array:
        n = self.shape[0]
        if scale is not None:
            return sum_of_outer_grams(n, (b * scale[some] for some, b in self.column_blocks()))
        # Centering the products afterwards costs no digit where 0 lies amid the rows.
        level = dot(self.center, self.center)
        if not self._direct or level > 0.1 * self._spread():
            return sum_of_outer_grams(n, (block for _, block in self.column_blocks()))
        gram = symmetric(add_gram(self.X.T, None))
        if self.is_centered:
            if self._is_mean:  # Xc for c = Xᵀs, without a pass over X
                image = product(gram, self._share[:, None])[:, 0] - level
            else:
                image = self.dot(self.center[:, None])[:, 0]
            image += 0.5 * level
            for rows in slices(n, n):
                gram[rows] -= image[rows, None] + image
        return gram

    def _spread(self) -> float:
        """About the mean of ‖x − c‖², from a few rows."""
        few = self._few_rows
        share = self._share[few]
        power = np.square(self._copy(few) * np.sqrt(share)[:, None]).sum()
        return float(power / max(share.sum(), EPS))

    def squares(self, weights: Array) -> Array:
        root, out = np.sqrt(weights)[:, None], np.zeros(self.shape[1])
        if not self.is_centered and self._direct and (weights == 1.0).all():
            return np.einsum("ij,ij->j", self.X, self.X)
        for rows, columns in self._blocks():
            block = self._copy(rows, columns)
            block *= root[rows]
            out[columns] += np.einsum("ij,ij->j", block, block)
        return out

    # Parts ----------------------------------------------------------------------------------------

    def columns(self, which: Some) -> Array:
        if self.is_centered or isinstance(which, slice):
            return self._copy(slice(None), which)
        return self.X[:, which].astype(np.float64, copy=False)  # a copy as it is

    def block(self, rows: Some) -> Array:
        return self.X[rows] if self._direct and not self.is_centered else self._copy(rows)

    def row_blocks(
        self, which: Some | None = None, at_least: int = 32
    ) -> Iterator[tuple[slice, Array]]:
        which = slice(None) if which is None else which
        center, by_row = self.center[which], self.X.flags.c_contiguous
        for rows in slices(self.shape[0], len(center), at_least):
            part = self.X[rows]
            take = by_row and not isinstance(which, slice)
            block = part.take(which, axis=1) if take else part[:, which]
            yield rows, np.subtract(block, center, dtype=np.float64)

    def _blocks(self) -> list[tuple[slice, slice]]:
        """Rows and columns of blocks that fit the cache, whole rows or whole columns."""
        n, p = self.shape
        if n >= p:
            return [(rows, slice(None)) for rows in slices(n, p)]
        return [(slice(None), columns) for columns in slices(p, n)]

    def _copy(self, rows: Some, columns: Some = slice(None)) -> Array:
        return np.subtract(self.X[rows, columns], self.center[columns], dtype=np.float64)
