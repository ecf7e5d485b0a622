"""Least squares by reference to weighted rows."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skreg.rows.base import Rows
from skreg.rows.column_cache import ColumnCache, GrowingGram, SparseGram
from skreg.rows.dense import DenseRows
from skreg.rows.products import Array, Indices, Some, exact_mean
from skreg.rows.sparse import SparseRows


def make_rows(X: Any, may_centre: bool = True) -> Rows:
    """The products of X, of shape (n, p).

    About 0, but for the features of an array that lie so far from 0 that digits would be lost.
    ``may_centre=False`` leaves them there.
    """
    if issparse(X):
        return SparseRows(X)
    return DenseRows.about_safe_center(X) if may_centre else DenseRows(X, np.zeros(X.shape[1]))


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
    centred : bool
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
        centred: bool,
        means: tuple[Array, Array] | None = None,
    ):
        n, p = self.shape = X.shape
        self.centred = bool(centred)
        self.n_rows = n if weights is None else int(np.count_nonzero(weights))
        self.weight = float(n) if weights is None else float(weights.sum())
        share = np.full(n, 1.0 / n) if weights is None else weights / self.weight
        self.root = np.sqrt(share)[:, None]
        x_mean = None
        if means is None and centred:
            self.y_mean = exact_mean(y, share)
        else:
            x_mean, self.y_mean = means or (np.zeros(p), np.zeros(y.shape[1]))
        self.rows = rows_about_mean(X, share, x_mean)
        self.b = (y - self.y_mean) * self.root
        # Centering takes one dimension from the rows' span.
        self.max_rank = max(min(self.n_rows - self.centred, p), 0)

    @property
    def X(self) -> Any:
        return self.rows.X

    @property
    def x_mean(self) -> Array:
        """x̄."""
        return self.rows.centre

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
