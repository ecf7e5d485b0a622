"""Rows of a sparse matrix: centered in the formulas, so that they stay sparse."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import rows as row_kernels
from skreg._kernels import sparse as line_kernels
from skreg.rows.base import Rows
from skreg.rows.products import (
    Array,
    Indices,
    Some,
    add_gram,
    dot,
    exact_mean,
    product,
    slices,
    sum_of_outer_grams,
    symmetric,
)

# Denser than this, products of dense blocks are faster.
_DENSE = 0.05
# A feature's mean that exceeds its spread by this factor's root would cost digits if it were taken
# away from sums. Such a column has so few zeros that holding it dense needs no more than X does.
_FAR = 100.0


class SparseRows(Rows):
    """`Rows` of a CSR or CSC matrix: X − c is never formed.

    Columns whose mean is large beside their spread, and those only, are centered in a dense copy.

    Parameters
    ----------
    X : CSR or CSC of shape (n, p)
    center : ndarray of shape (p,), default=None
        None stands for 0.
    share : ndarray of shape (n,), default=None
        Weights of sum 1 whose mean is c up to rounding, which is then mended.
    """

    def __init__(self, X: Any, center: Array | None = None, share: Array | None = None):
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        self.X, self.shape = X, X.shape
        n, p = self.shape
        self.is_centered = center is not None and bool(center.any())
        self.center = np.zeros(p) if center is None else center
        self._far, self._far_columns = np.zeros(0, dtype=np.intp), np.empty((n, 0))
        if self.is_centered:
            self._find_far(share)
        self._is_far = np.isin(np.arange(p), self._far)

    @classmethod
    def about_mean(cls, X: Any, share: Array, mean: Array | None = None) -> "SparseRows":
        """About the mean, or what is given for it; held by columns."""
        by_column = X.tocsc()
        if mean is None:
            mean = line_kernels.line_sums(*_lines(by_column), share)[0]
        rows = cls(by_column, mean, share)
        if X.format == "csr":
            rows.csr = X
        return rows

    def about(self, center: Array) -> "SparseRows":
        return SparseRows(self.X, center)

    def _find_far(self, share: Array | None) -> None:
        """Columns far from 0, centered; c made exact there where it is the mean by ``share``."""
        n = self.shape[0]
        sums, squares = self._sums(np.full(n, 1.0 / n) if share is None else share)
        level = sums**2
        self._far = np.flatnonzero((level > _FAR * (squares - level)) & (level > 0))
        if not self._far.size:
            return
        self.center = self.center.copy()
        self._far_columns = np.empty((n, len(self._far)), order="F")
        for k, j in enumerate(self._far):
            column = self.csc[:, [j]].toarray().astype(np.float64)
            if share is not None:
                self.center[j] = exact_mean(column, share)[0]
            self._far_columns[:, [k]] = column - self.center[j]

    @cached_property
    def csr(self) -> Any:
        """X by rows; kept once it was asked for."""
        return self.X.tocsr()

    @cached_property
    def csc(self) -> Any:
        """X by columns; kept once it was asked for."""
        return self.X.tocsc()

    @property
    def is_all_sparse(self) -> bool:
        return not self._far.size

    @property
    def _is_dense(self) -> bool:
        return self.X.nnz > _DENSE * self.shape[0] * self.shape[1]

    # Products with matrices -----------------------------------------------------------------------

    def dot(self, theta: Array) -> Array:
        if self.X.format == "csc" or self._far.size:
            return self.some_dot(np.arange(self.shape[1]), theta)
        (n, _), k = self.shape, theta.shape[1]
        theta, out = np.ascontiguousarray(theta, dtype=np.float64), np.empty((n, k))
        line_kernels.line_dots(*_lines(self.X), theta, np.ones(n), self.center @ theta, out)
        return out

    def some_dot(self, which: Indices, theta: Array) -> Array:
        theta = np.array(theta, dtype=np.float64, order="C")
        out = np.zeros((self.shape[0], theta.shape[1]))
        far = np.flatnonzero(self._is_far[which]) if self._far.size else self._far
        if far.size:
            columns = self._far_columns[:, np.searchsorted(self._far, which[far])]
            dense = product(columns, theta[far])
            theta[far] = 0.0
        line_kernels.add_lines(*_lines(self.csc), which, theta, out)
        if self.is_centered:
            out -= self.center[which] @ theta
        return out + dense if far.size else out

    def transposed_dot(self, r: Array) -> Array:
        r = np.ascontiguousarray(r, dtype=np.float64)
        sums = r.sum(axis=0)
        if self.X.format == "csc":
            out = np.empty((self.shape[1], r.shape[1]))
            line_kernels.line_dots(*_lines(self.X), r, self.center, sums, out)
        else:
            out = np.zeros((self.shape[1], r.shape[1]))
            line_kernels.add_lines(*_lines(self.X), np.arange(self.shape[0]), r, out)
            if self.is_centered:
                out -= np.outer(self.center, sums)
        if self._far.size:
            out[self._far] = product(self._far_columns.T, r)
        return out

    # Products of rows with each other -------------------------------------------------------------

    def gram(self, weights: Array) -> tuple[Array, Array]:
        p = self.shape[1]
        weights = np.ascontiguousarray(weights)
        sums, gram = self.transposed_dot(weights[:, None])[:, 0], np.zeros((p, p))
        if self._is_dense:
            root = np.sqrt(weights)[:, None]
            for rows, block in self.row_blocks():
                gram = add_gram(block * root[rows], gram)
            return symmetric(gram), sums
        line_kernels.gram(*_lines(self.csr), weights, gram)
        total = float(weights.sum())
        if self.is_centered and total > 0:
            # Σw(x − c)(x − c)ᵀ = Σwxxᵀ − ssᵀ/W + ttᵀ/W for s = Σwx and t = Σw(x − c).
            row_kernels.subtract_outer(gram, sums + total * self.center, 1.0 / total)
            row_kernels.subtract_outer(gram, sums, -1.0 / total)
            symmetric(gram)
        if self._far.size:
            gram[:, self._far] = self.transposed_dot(weights[:, None] * self._far_columns)
            gram[self._far] = gram[:, self._far].T
        return gram, sums

    def products(self, some: Indices, others: Indices, weights: Array) -> Array:
        """`gram` of weights whose mean is c, at [some][:, others]."""
        out = line_kernels.line_products(*_lines(self.csc), weights, some, others)
        if self.is_centered:
            out -= np.outer(weights.sum() * self.center[some], self.center[others])
        if self._far.size:
            self._correct(out, some, others, weights)
            self._correct(out.T, others, some, weights)
        return out

    def _correct(self, out: Array, some: Indices, others: Indices, weights: Array) -> None:
        """Rows of ``out`` that belong to far columns."""
        at = np.flatnonzero(self._is_far[some])
        if at.size:
            columns = self._far_columns[:, np.searchsorted(self._far, some[at])]
            out[at] = self.transposed_dot(weights[:, None] * columns)[others].T

    def outer_gram(self, scale: Array | None = None) -> Array:
        n, p = self.shape
        square = np.ones(p) if scale is None else scale**2
        level = dot(square * self.center, self.center)
        is_large = level and level > square @ self.squares(np.full(n, 1.0 / n))
        if self._is_dense or self._far.size or is_large:
            root = np.sqrt(square)
            return sum_of_outer_grams(n, (b * root[some] for some, b in self.column_blocks()))
        gram = np.zeros((n, n))
        line_kernels.gram(*_lines(self.csc), square, gram)
        if self.is_centered:
            image = self.dot((square * self.center)[:, None])[:, 0] + 0.5 * level
            for rows in slices(n, n):
                gram[rows] -= image[rows, None] + image
        return gram

    def squares(self, weights: Array) -> Array:
        sums, squares = self._sums(np.ascontiguousarray(weights))
        if not self.is_centered:
            return squares
        total = weights.sum()
        out = np.maximum(squares - self.center * (2.0 * sums - total * self.center), 0.0)
        out[self._far] = weights @ np.square(self._far_columns)
        return out

    def _sums(self, weights: Array) -> Array:
        """Σwx and Σwx² of every column, shape (2, p)."""
        X, (n, p) = self.X, self.shape
        if X.format == "csc":
            return line_kernels.line_sums(*_lines(X), weights)
        out = np.zeros((2, p, 1))
        for total, data in zip(out, (X.data, np.square(X.data, dtype=np.float64)), strict=True):
            line_kernels.add_lines(X.indptr, X.indices, data, np.arange(n), weights[:, None], total)
        return out[:, :, 0]

    # Parts ----------------------------------------------------------------------------------------

    def columns(self, which: Some) -> Array:
        block = self.csc[:, which].toarray(order="F").astype(np.float64, copy=False)
        if self.is_centered:
            block -= self.center[which]
        return block

    def kept_columns(self, which: Some) -> Any:
        if self.is_centered:
            return self.columns(which)
        return self.csc[:, which].astype(np.float64)

    def block(self, rows: Some) -> Array:
        block = self.csr[rows].toarray().astype(np.float64, copy=False)
        return block - self.center if self.is_centered else block

    def row_blocks(
        self, which: Some | None = None, at_least: int = 32
    ) -> Iterator[tuple[slice, Array]]:
        part = self
        if which is not None:
            part = SparseRows(self.csc[:, which].tocsr())
            part.center, part.is_centered = self.center[which], self.is_centered
        for rows in slices(*part.shape, at_least):
            yield rows, part.block(rows)


def _lines(X: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return X.indptr, X.indices, X.data
