"""Rows kept by reference: centred and weighted a block at a time, never copied whole."""

from functools import cached_property

import numpy as np
from scipy.linalg.blas import dsyrk

from skreg.quadratic.blas import product

# A block's copy stays in the second-level cache or near it.
_BLOCK_BYTES = 2**21


def slices(length, width, at_least=32):
    """Slices of ``range(length)`` so that a float64 block of that many lines fits the cache."""
    step = max(_BLOCK_BYTES // (8 * max(width, 1)), at_least)
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


class Rows:
    """A = diag(√(w/W))·(X − x̄) and b likewise, so that H = AᵀA; X itself is only referred to.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    y : ndarray of shape (n, q)
    weights : None or ndarray of shape (n,)
    centred : bool
        False leaves out x̄ and ȳ (a model without an intercept).
    means : None or (ndarray of shape (p,), ndarray of shape (q,))
        x̄ and ȳ, where they are known already.
    """

    def __init__(self, X, y, weights, centred, means=None):
        n, p = X.shape
        self.X = X
        self.n_rows = n if weights is None else int(np.count_nonzero(weights))
        self.weight = float(n) if weights is None else float(weights.sum())
        share = np.full(n, 1.0 / n) if weights is None else weights / self.weight
        self.root = np.sqrt(share)[:, None]
        self.x_mean, self.y_mean = means or (np.zeros(p), np.zeros(y.shape[1]))
        if centred and means is None:
            for columns in slices(p, n):
                self.x_mean[columns] = _mean(X[:, columns], share)
            self.y_mean = _mean(y, share)
        self.b = (y - self.y_mean) * self.root
        # Centring takes one dimension from the rows' span.
        self.max_rank = min(self.n_rows - bool(centred), p)

    @property
    def shape(self):
        return self.X.shape

    def row_blocks(self):
        """Yield (A[rows], b[rows])."""
        # A QR step costs (rows + p)·p²: taller blocks waste less.
        for rows in slices(*self.shape, at_least=4 * self.shape[1]):
            block = np.subtract(self.X[rows], self.x_mean, dtype=np.float64)
            block *= self.root[rows]
            yield block, self.b[rows]

    def column_blocks(self, at_least=32):
        """Yield (columns, A[:, columns])."""
        for columns in slices(*self.shape[::-1], at_least):
            yield columns, self.columns(columns)

    def columns(self, which):
        """A[:, which] as a new array."""
        block = np.subtract(self.X[:, which], self.x_mean[which], dtype=np.float64)
        block *= self.root
        return block

    def dot(self, theta):
        """Aθ, for θ of shape (p, k)."""
        if self._direct:
            return (product(self.X, theta) - product(self.x_mean[None], theta)) * self.root
        out = np.zeros((self.shape[0], theta.shape[1]))
        for columns, block in self.column_blocks():
            out += product(block, theta[columns])
        return out

    def transposed_dot(self, r):
        """Aᵀr, for r of shape (n, k)."""
        if self._direct:
            r = self.root * r
            return product(self.X.T, r) - np.outer(self.x_mean, r.sum(axis=0))
        out = np.empty((self.shape[1], r.shape[1]))
        for columns, block in self.column_blocks():
            out[columns] = product(block.T, r)
        return out

    @cached_property
    def _direct(self):
        """Whether products may be centred afterwards: no copy of blocks, and no digits lost."""
        if self.X.dtype != np.float64 or not self.X.flags.forc:
            return False
        return bool((np.abs(self.x_mean) <= 100 * np.sqrt(self.column_norms)).all())

    @cached_property
    def column_norms(self):
        """‖A[:, j]‖² for every j: the diagonal of H."""
        out = np.empty(self.shape[1])
        for columns, block in self.column_blocks():
            out[columns] = np.einsum("ij,ij->j", block, block)
        return out

    def outer_gram(self):
        """AAᵀ (n × n); its lower triangle is not filled in. n²·p flops."""
        n = self.shape[0]
        gram = np.zeros((n, n), order="F")
        for _, block in self.column_blocks():
            if block.flags.f_contiguous:
                gram = dsyrk(1.0, block, 1.0, gram, trans=0, lower=0, overwrite_c=1)
            else:
                gram = dsyrk(1.0, block.T, 1.0, gram, trans=1, lower=0, overwrite_c=1)
        return gram


def _mean(block, share):
    """Weighted mean to rounding, however large it is beside the spread."""
    origin = block[np.argmax(share > 0)].astype(np.float64)
    return origin + np.einsum("i,ij->j", share, np.subtract(block, origin, dtype=np.float64))
