"""Sparse rows by reference: centred in the formulas, so that they stay sparse."""

from functools import cached_property

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import sparse as kernel
from skreg.rows.column_cache import GrowingGram
from skreg.rows.dense import Rows, mean, slices, sum_of_outer_grams
from skreg.rows.products import add_gram, dot, product, symmetric

# Denser than this, products of dense blocks are faster.
_DENSE = 0.05
# A feature's mean that exceeds its spread by this factor's root would cost digits if it were taken
# away from sums. Such a column has so few zeros that holding it dense needs no more than X does.
_FAR = 100.0


class SparseRows(Rows):
    """`Rows` of a CSR or CSC matrix: A = diag(root)·(X − x̄) is never formed.

    Columns whose mean is large beside their spread, and those only, are centred in a dense copy.
    """

    def __init__(self, X, y, weights, centred, means=None):
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        self._by_row = X if X.format == "csr" else None
        super().__init__(X.tocsc(), y, weights, centred, means)
        self._far, self._far_columns = self._find_far()
        self._is_far = np.isin(np.arange(self.shape[1]), self._far)

    def _means(self, share):
        return kernel.line_sums(*self._lines, share)[0]

    def _find_far(self):
        """Columns far from 0, their means made exact, and A's columns there."""
        size = self.x_mean**2
        far = np.flatnonzero((size > _FAR * (self._squares - size)) & (size > 0))
        if far.size:
            self.x_mean = self.x_mean.copy()
        columns = np.empty((self.shape[0], len(far)), order="F")
        for k, j in enumerate(far):
            column = self.X[:, [j]].toarray()
            self.x_mean[j] = mean(column, self._share)[0]
            columns[:, [k]] = (column.astype(np.float64) - self.x_mean[j]) * self.root
        return far, columns

    @property
    def _lines(self):
        return self.X.indptr, self.X.indices, self.X.data

    @property
    def _share(self):
        return np.ascontiguousarray(self.root[:, 0] ** 2)

    @property
    def _total(self):
        """Σ root²: 1, unless they were rescaled."""
        return float(self._share.sum())

    @property
    def csr(self):
        """X by rows; kept once it was asked for."""
        if self._by_row is None:
            self._by_row = self.X.tocsr()
        return self._by_row

    @property
    def is_finite(self):
        return bool(np.isfinite(self._squares).all())

    @cached_property
    def _squares(self):
        return kernel.line_sums(*self._lines, self._share)[1]

    @cached_property
    def column_norms(self):
        norms = np.maximum(self._squares - self._total * self.x_mean**2, 0.0)
        norms[self._far] = np.einsum("ij,ij->j", self._far_columns, self._far_columns)
        return norms

    def row_blocks(self):
        for rows in slices(*self.shape, at_least=4 * self.shape[1]):
            block = (self.csr[rows].toarray() - self.x_mean).astype(np.float64, copy=False)
            block *= self.root[rows]
            yield block, self.b[rows]

    def columns(self, which):
        """A[:, which] as a new, dense array."""
        block = self.X[:, which].toarray(order="F") - self.x_mean[which]
        block *= self.root
        return block

    def dot(self, theta):
        return self.some_dot(np.arange(self.shape[1]), theta)

    def some_dot(self, which, theta):
        theta = np.array(theta, dtype=np.float64, order="C")
        out = np.zeros((self.shape[0], theta.shape[1]))
        far = np.flatnonzero(self._is_far[which]) if self._far.size else self._far
        if far.size:
            columns = self._far_columns[:, np.searchsorted(self._far, which[far])]
            dense = product(columns, theta[far])
            theta[far] = 0.0
        kernel.add_lines(*self._lines, which, theta, out)
        out -= self.x_mean[which] @ theta
        out *= self.root
        return out + dense if far.size else out

    def transposed_dot(self, r):
        scaled = np.ascontiguousarray(self.root * r)
        out = np.empty((self.shape[1], r.shape[1]))
        kernel.line_dots(*self._lines, scaled, self.x_mean, scaled.sum(axis=0), out)
        if self._far.size:
            out[self._far] = product(self._far_columns.T, r)
        return out

    def outer_gram(self):
        level = dot(self.x_mean, self.x_mean)
        if self._is_dense or self._far.size or level > self.column_norms.sum():
            return sum_of_outer_grams(self.shape[0], (b for _, b in self.column_blocks()))
        gram = np.zeros((self.shape[0],) * 2)
        kernel.gram(*self._lines, np.ones(self.shape[1]), gram)
        return self._centred_afterwards(gram)

    def gram(self):
        """H = AᵀA (p × p)."""
        p = self.shape[1]
        if self._is_dense:
            gram = np.zeros((p, p))
            for block, _ in self.row_blocks():
                gram = add_gram(block, gram)
            return symmetric(gram)
        gram, rows = np.zeros((p, p)), self.csr
        kernel.gram(rows.indptr, rows.indices, rows.data, self._share, gram)
        gram -= np.outer(self._total * self.x_mean, self.x_mean)
        if self._far.size:
            gram[:, self._far] = self.transposed_dot(self._far_columns)
            gram[self._far] = gram[:, self._far].T
        return gram

    @property
    def is_all_sparse(self):
        """Whether no column is held dense."""
        return not self._far.size

    def working_columns(self):
        return SparseGram(self)

    def rescale(self, scale):
        super().rescale(scale)
        self._far_columns *= scale
        self.__dict__.pop("_squares", None)

    @property
    def _is_dense(self):
        return self.X.nnz > _DENSE * self.shape[0] * self.shape[1]

    def products(self, some, others):
        """AᵀA[some][:, others]."""
        out = kernel.line_products(*self._lines, self._share, some, others)
        out -= np.outer(self._total * self.x_mean[some], self.x_mean[others])
        if self._far.size:
            self._correct(out, some, others)
            self._correct(out.T, others, some)
        return out

    def _correct(self, out, some, others):
        """Rows of ``out`` that belong to far columns."""
        at = np.flatnonzero(self._is_far[some])
        if at.size:
            columns = self._far_columns[:, np.searchsorted(self._far, some[at])]
            out[at] = self.transposed_dot(columns)[others].T


class SparseGram(GrowingGram):
    """H on a set of features that grows; the columns stay in X."""

    def _take(self, new, cross):
        cross[:] = self._rows.products(self.known, np.ascontiguousarray(new)).T

    def slopes(self, theta, direction, b):
        """(Aᵀ(b − Aθ), Hd) over all features, for θ and d over the known ones."""
        both = self._rows.some_dot(self.known, np.stack([-theta, direction], axis=1))
        both[:, 0] += b
        return np.ascontiguousarray(self._rows.transposed_dot(both).T)


def make_rows(X, y, weights, centred, means=None):
    """`SparseRows` or `Rows`."""
    return (SparseRows if issparse(X) else Rows)(X, y, weights, centred, means)
