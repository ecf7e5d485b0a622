"""Least squares by reference to weighted rows, and H on a set of features that grows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import thin_products
from skreg.rows.base import Rows
from skreg.rows.dense import DenseRows
from skreg.rows.products import Array, Indices, Some, exact_mean, product, with_room
from skreg.rows.sparse import SparseRows

# Products of more numbers than this are worth the tiles, and threads.
_LARGE = 10**6


def make_rows(X: Any, may_center: bool = True) -> Rows:
    """The products of X, of shape (n, p).

    About 0, but for the features of an array that lie so far from 0 that digits would be lost.
    ``may_center=False`` leaves them there.
    """
    if issparse(X):
        return SparseRows(X)
    return DenseRows.about_safe_center(X) if may_center else DenseRows(X, np.zeros(X.shape[1]))


def rows_about_mean(X: Any, share: Array, mean: Array | None = None) -> Rows:
    """The products of X − x̄ for the mean x̄ under shares of the rows, of sum 1.

    ``mean`` is x̄ where that is known already, or what is to take its place.
    """
    return (SparseRows if issparse(X) else DenseRows).about_mean(X, share, mean)


class WeightedRows:
    """A = diag(√(w/W))·(X − x̄) and b likewise, so that H = AᵀA; X itself is only referred to.

    Parameters
    ----------
    X : ndarray, CSR or CSC of shape (n, p)
    y : ndarray of shape (n, q)
    weights : None or ndarray of shape (n,)
    centered : bool
        False leaves out x̄ and ȳ (a model without an intercept).
    means : None or (ndarray of shape (p,), ndarray of shape (q,))
        x̄ and ȳ, where they are known already.

    Attributes
    ----------
    root : ndarray of shape (n, 1)
        √(w/W).
    b : ndarray of shape (n, q)
    max_rank : int
        What the rank of A is at most.
    """

    def __init__(
        self,
        X: Any,
        y: Array,
        weights: Array | None,
        centered: bool,
        means: tuple[Array, Array] | None = None,
    ):
        n, p = self.shape = X.shape
        self.centered = bool(centered)
        self.n_rows = n if weights is None else int(np.count_nonzero(weights))
        self.weight = float(n) if weights is None else float(weights.sum())
        share = np.full(n, 1.0 / n) if weights is None else weights / self.weight
        self.root = np.sqrt(share)[:, None]
        x_mean = None
        if means is None and centered:
            self.y_mean = exact_mean(y, share)
        else:
            x_mean, self.y_mean = means or (np.zeros(p), np.zeros(y.shape[1]))
        self.rows = rows_about_mean(X, share, x_mean)
        self.b = (y - self.y_mean) * self.root
        # Centering takes one dimension from the rows' span.
        self.max_rank = max(min(self.n_rows - self.centered, p), 0)

    @property
    def X(self) -> Any:
        return self.rows.X

    @property
    def x_mean(self) -> Array:
        """x̄."""
        return self.rows.center

    @property
    def share(self) -> Array:
        """The squares of `root`, shape (n,)."""
        return np.ascontiguousarray(self.root[:, 0] ** 2)

    def rescale(self, scale: float) -> None:
        """Multiply A and b by a number."""
        self.root, self.b = self.root * scale, self.b * scale
        self.__dict__.pop("column_norms", None)

    def dot(self, theta: Array) -> Array:
        """Aθ, for θ of shape (p, k)."""
        out = self.rows.dot(theta)
        out *= self.root
        return out

    def some_dot(self, which: Indices, theta: Array) -> Array:
        """A[:, which]·θ, for θ of shape (len(which), k)."""
        out = self.rows.some_dot(which, theta)
        out *= self.root
        return out

    def transposed_dot(self, r: Array) -> Array:
        """Aᵀr, for r of shape (n, k)."""
        return self.rows.transposed_dot(self.root * r)

    def gram(self) -> Array:
        """AᵀA (p × p)."""
        return self.rows.gram(self.share)[0]

    def products(self, some: Indices, others: Indices) -> Array:
        """AᵀA[some][:, others] of sparse rows."""
        assert isinstance(self.rows, SparseRows)
        return self.rows.products(some, others, self.share)

    def outer_gram(self) -> Array:
        """AAᵀ (n × n)."""
        gram = self.rows.outer_gram()
        gram *= self.root
        gram *= self.root.T
        return gram

    @cached_property
    def column_norms(self) -> Array:
        """‖A[:, j]‖² for every j: the diagonal of H."""
        return self.rows.squares(self.share)

    @property
    def is_all_sparse(self) -> bool:
        """See `Rows.is_all_sparse`."""
        return self.rows.is_all_sparse

    @property
    def is_finite(self) -> bool:
        """False where X holds a NaN or an infinity (or overflows)."""
        if self.x_mean.any() and not issparse(self.X):
            return bool(np.isfinite(np.square(self.x_mean).sum()))
        return bool(np.isfinite(self.column_norms).all())

    def columns(self, which: Some) -> Array:
        """A[:, which] as a new array."""
        block = self.rows.columns(which)
        block *= self.root
        return block

    def column_blocks(self, at_least: int = 32) -> Iterator[tuple[slice, Array]]:
        """Yield (columns, A[:, columns])."""
        for columns, block in self.rows.column_blocks(at_least):
            block *= self.root
            yield columns, block

    def row_blocks(self) -> Iterator[tuple[Array, Array]]:
        """Yield (A[rows], b[rows])."""
        # A QR step costs (rows + p)·p²: taller blocks waste less.
        for rows, block in self.rows.row_blocks(at_least=4 * self.shape[1]):
            block *= self.root[rows]
            yield block, self.b[rows]

    def working_columns(self, b: Array) -> GrowingGram:
        """H on a set of features that grows, and the slopes of targets b (n, q)."""
        return (SparseGram if issparse(self.X) else ColumnCache)(self, b)


class GrowingGram:
    """H = AᵀA on the features ``known`` so far, in the order they became so; targets b (n, q)."""

    def __init__(self, rows: WeightedRows, b: Array):
        self._rows, self._b = rows, b
        self.known = np.zeros(0, dtype=np.intp)
        self._gram = np.empty((0, 0))

    def extend(self, new: Indices) -> Array:
        """Get to know the features ``new``; H over all that are known, a view."""
        size, total = len(self.known), len(self.known) + len(new)
        self.known = np.concatenate([self.known, new])
        self._gram = gram = with_room(self._gram, (total, total))
        self._take(new, gram[size:])
        gram[:, size:] = gram[size:].T
        return gram

    def among(self, which: Indices) -> Array:
        """H on any features; those that are not known become so."""
        if (new := np.setdiff1d(which, self.known)).size:
            self.extend(new)
        order = np.argsort(self.known)
        place = order[np.searchsorted(self.known, which, sorter=order)]
        return np.ascontiguousarray(self._gram[np.ix_(place, place)])

    def residuals(self, thetas: Array, direction: Array | None) -> Array:
        """b − Aθ and Ad, (n, q + 1), for θ (q, m) and d (m,) on the features known."""
        q = len(thetas)
        images = self._images(thetas if direction is None else np.vstack([thetas, direction]))
        np.subtract(self._b, images[:, :q], out=images[:, :q])
        return images

    def _images(self, vectors: Array) -> Array:
        """A[:, known] times k vectors (k, m): (n, k)."""
        raise NotImplementedError

    def _take(self, new: Indices, cross: Array) -> None:
        """cross ← the rows of H that belong to ``new``, the last of those known."""
        raise NotImplementedError


class ColumnCache(GrowingGram):
    """H and the columns themselves, dense."""

    def __init__(self, rows: WeightedRows, b: Array):
        super().__init__(rows, b)
        self._columns = np.empty((0, rows.shape[0]))  # by features

    def _images(self, vectors: Array) -> Array:
        if len(vectors) == 2:
            return np.stack(thin_products.transposed_pair(self._columns, *vectors), axis=1)
        return product(self._columns.T, vectors.T)

    def _take(self, new: Indices, cross: Array) -> None:
        size, total = len(self.known) - len(new), len(self.known)
        self._columns = columns = with_room(self._columns, (total, self._columns.shape[1]))
        columns[size:] = self._rows.columns(new).T
        _products(columns[size:], columns, cross)


class SparseGram(GrowingGram):
    """H alone; the columns stay in X."""

    def _take(self, new: Indices, cross: Array) -> None:
        cross[:] = self._rows.products(self.known, np.ascontiguousarray(new)).T

    def _images(self, vectors: Array) -> Array:
        return self._rows.some_dot(self.known, vectors.T)


def _products(new: Array, all_ones: Array, out: Array) -> None:
    """out ← new·all_onesᵀ."""
    if new.size * len(all_ones) > _LARGE:
        out[:] = product(new, all_ones.T)
        return
    for i in range(0, len(new), 2):
        last = min(i + 1, len(new) - 1)
        both = thin_products.transposed_pair(all_ones.T, new[i], new[last])
        out[i : i + 2] = both[: len(new) - i]
