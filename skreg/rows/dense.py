"""Rows kept by reference: centred and weighted a block at a time, never copied whole."""

from functools import cached_property

import numpy as np

from skreg._kernels import thin_products
from skreg.rows.column_cache import ColumnCache
from skreg.rows.products import add_gram, dot, product, symmetric

EPS = np.finfo(np.float64).eps
# A block's copy stays in the second-level cache or near it.
_BLOCK_BYTES = 2**21
# Rows that are asked how large means are beside the spread.
_FEW_ROWS = 8


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
        self.X, self.centred = X, bool(centred)
        self.n_rows = n if weights is None else int(np.count_nonzero(weights))
        self.weight = float(n) if weights is None else float(weights.sum())
        share = np.full(n, 1.0 / n) if weights is None else weights / self.weight
        self.root = np.sqrt(share)[:, None]
        self.x_mean, self.y_mean = means or (np.zeros(p), np.zeros(y.shape[1]))
        if centred and means is None:
            self.x_mean, self.y_mean = self._means(share), mean(y, share)
        self.b = (y - self.y_mean) * self.root
        # Centring takes one dimension from the rows' span.
        self.max_rank = max(min(self.n_rows - self.centred, p), 0)

    is_all_sparse = False

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

    def some_dot(self, which, theta):
        """A[:, which]·θ, for θ of shape (len(which), k)."""
        return product(self.columns(which), theta)

    def working_columns(self):
        """H on a set of features that grows."""
        return ColumnCache(self)

    def rescale(self, scale):
        """Multiply A and b by a number."""
        self.root, self.b = self.root * scale, self.b * scale
        self.__dict__.pop("column_norms", None)

    def gram(self):
        """AᵀA (p × p)."""
        columns = self.columns(slice(None))
        return product(columns.T, columns)

    def transposed_dot(self, r):
        """Aᵀr, for r of shape (n, k)."""
        if self._direct:
            r = self.root * r
            out, sums = self._transposed_product(r), r.sum(axis=0)
            # Residuals and singular vectors of centred rows sum to nothing but rounding.
            if (np.abs(sums) > EPS * np.abs(r).sum(axis=0)).any():
                out -= product(self.x_mean[:, None], sums[None])
            return out
        out = np.empty((self.shape[1], r.shape[1]))
        for columns, block in self.column_blocks():
            out[columns] = product(block.T, r)
        return out

    def _transposed_product(self, r):
        """Xᵀr."""
        if 0 < r.shape[1] <= 2:
            first, last = np.ascontiguousarray(r[:, 0]), np.ascontiguousarray(r[:, -1])
            return thin_products.transposed_pair(self.X, first, last)[: r.shape[1]].T
        return product(self.X.T, r)

    @cached_property
    def _direct(self):
        """Whether products may be centred afterwards: no copy of blocks, and no digits lost."""
        return self._plain and self._amid_spread()

    @property
    def _plain(self):
        """Whether BLAS reads X as it is."""
        return self.X.dtype == np.float64 and self.X.flags.forc

    def _amid_spread(self):
        """Whether each feature's mean is at most a hundred times its spread.

        A few rows say so of most designs; where they do not, all rows are asked.
        """
        size = np.abs(self.x_mean)
        if not size.any():
            return True
        few = slice(None, None, self._stride)
        block = (self.X[few] - self.x_mean) * self.root[few]
        spread = np.sqrt(np.einsum("ij,ij->j", block, block))
        if (size <= 100 * spread).all():
            return True
        return bool((size <= 100 * np.sqrt(self.column_norms)).all())

    def _means(self, share):
        """x̄: one product where the means are not large beside the spread, else with more care."""
        if self._plain:
            self.x_mean = product(self.X.T, share[:, None])[:, 0]
            if self._amid_spread():
                self._direct = True
                return self.x_mean
            self.__dict__.pop("column_norms", None)  # they were about the first estimate
        x_mean = np.empty(self.shape[1])
        for columns in slices(*self.shape[::-1]):
            x_mean[columns] = mean(self.X[:, columns], share)
        return x_mean

    @property
    def is_finite(self):
        """False where X holds a NaN or an infinity (or overflows)."""
        if self.x_mean.any():
            return bool(np.isfinite(np.square(self.x_mean).sum()))
        return bool(np.isfinite(self.column_norms).all())

    @cached_property
    def column_norms(self):
        """‖A[:, j]‖² for every j: the diagonal of H."""
        out = np.empty(self.shape[1])
        for columns, block in self.column_blocks():
            out[columns] = np.einsum("ij,ij->j", block, block)
        return out

    def outer_gram(self):
        """AAᵀ (n × n). n²·p flops."""
        # Centring the products afterwards costs no digit where 0 lies amid the rows.
        if self._direct and dot(self.x_mean, self.x_mean) <= 0.1 * self._spread():
            return self._centred_afterwards(symmetric(add_gram(self.X.T, None)))
        return sum_of_outer_grams(self.shape[0], (block for _, block in self.column_blocks()))

    @property
    def _stride(self):
        """From one of a few rows to the next."""
        return max(self.shape[0] // _FEW_ROWS, 1)

    def _spread(self):
        """About Σ‖A[:, j]‖², from a few rows."""
        few = slice(None, None, self._stride)
        power = np.square((self.X[few] - self.x_mean) * self.root[few]).sum()
        return float(power / max(np.square(self.root[few]).sum(), EPS))

    def _centred_afterwards(self, gram):
        """AAᵀ from XXᵀ, in place: (x_i − x̄)·(x_k − x̄) from x_i·x_k and X x̄ = XXᵀ·share."""
        root = self.root[:, 0]
        if self.x_mean.any():
            share = self.root**2 / np.sum(self.root**2)
            side = product(gram, share)[:, 0]
            level = side @ share[:, 0]
            gram -= side[:, None] + (side - level)
        gram *= root
        gram *= self.root
        return gram


def sum_of_outer_grams(n, blocks):
    """Σ BBᵀ (n × n) over blocks B of columns."""
    gram = np.zeros((n, n))
    for block in blocks:
        gram = add_gram(block.T, gram)
    return symmetric(gram)


def mean(block, share):
    """Weighted mean to rounding, however large it is beside the spread."""
    origin = block[np.argmax(share > 0)].astype(np.float64)
    return origin + np.einsum("i,ij->j", share, np.subtract(block, origin, dtype=np.float64))
