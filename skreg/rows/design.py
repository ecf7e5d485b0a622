"""The rows X of a linear model, dense or sparse, and the four products that solvers take of them.

Every product is of X − c for a fixed centre c: 0, unless columns lie so far from 0 that a product
of X itself would lose digits. Sums are float64 whatever X is, and no product copies more than a
block of X.
"""

from functools import cached_property

import numpy as np
from scipy import sparse

from skreg.rows.dense import slices
from skreg.rows.products import add_gram, by_halves, product, symmetric

# |mean| / spread of a column beyond which it is centred; a product of X itself loses that factor.
_FAR = 100.0
# Rows looked at to find such columns.
_SAMPLE = 256
# Density of sparse rows above which a Gram matrix is faster by dense blocks.
_DENSE = 0.05
# Multiply-adds of a Gram matrix beyond which each half of the rows is summed by a thread.
_WORTH_TWO = 1e8


def design(X, may_centre=True):
    """The products of X: ndarray, or CSR/CSC matrix or array, of shape (n, p)."""
    return SparseDesign(X) if sparse.issparse(X) else DenseDesign(X, may_centre)


class DenseDesign:
    """Products of X − c for an array X in any memory order, float64 or float32."""

    def __init__(self, X, may_centre=True):
        self.X = X
        self.shape = X.shape
        self.centre = _centre(X) if may_centre else np.zeros(X.shape[1])
        self.is_centred = bool(self.centre.any())
        self._direct = X.dtype == np.float64 and X.flags.forc and not self.is_centred
        self._order = "F" if X.flags.f_contiguous and not X.flags.c_contiguous else "C"

    def dot(self, theta):
        """(X − c)θ for θ of shape (p, k)."""
        if self._direct:
            return product(self.X, theta)
        out = np.empty((self.shape[0], theta.shape[1]))
        for rows in slices(*self.shape):
            out[rows] = product(self._block(rows), theta)
        return out

    def transposed_dot(self, r):
        """(X − c)ᵀr for r of shape (n, k)."""
        if self._direct:
            return product(self.X.T, r)
        out = np.zeros((self.shape[1], r.shape[1]))
        for rows in slices(*self.shape):
            out += product(self._block(rows).T, r[rows])
        return out

    @property
    def has_plain_rows(self):
        """Whether X itself, c being 0, lies row by row in memory."""
        to_next_row, to_next = self.X.strides
        size = self.X.itemsize
        return not self.is_centred and to_next == size and to_next_row % size == 0

    def gram(self, weights):
        """Σᵢ wᵢ(xᵢ − c)(xᵢ − c)ᵀ and Σᵢ wᵢ(xᵢ − c) for w ≥ 0: n·p² flops, one pass over X."""
        n, p = self.shape
        root = np.sqrt(weights)[:, None]

        def part(start, stop):
            return self._upper_gram(start, stop, root)

        parts = by_halves(part, n, n * p * p > _WORTH_TWO)
        grams, sums = zip(*parts, strict=True)
        return symmetric(sum(grams[1:], start=grams[0])), sum(sums)

    def _upper_gram(self, start, stop, root):
        """Both sums over a range of rows; of the matrix the upper triangle."""
        blocks = slices(stop - start, self.shape[1])
        buffer = np.empty((blocks[0].stop, self.shape[1]), order=self._order)
        gram, total = None, 0.0
        for block in blocks:
            rows = slice(start + block.start, start + block.stop)
            scaled = buffer[: block.stop - block.start]
            if self.is_centred:
                np.subtract(self.X[rows], self.centre, out=scaled)
                scaled *= root[rows]
            else:
                np.multiply(self.X[rows], root[rows], out=scaled)
            gram = add_gram(scaled, gram)
            total = total + product(scaled.T, root[rows])[:, 0]
        return gram, total

    def outer_gram(self, scale, centre):
        """ZZᵀ (n × n) for Z = (X − centre)·diag(scale)."""
        n, p = self.shape
        gram = None
        for columns in slices(p, n):
            block = np.subtract(self.X[:, columns], centre[columns], dtype=np.float64)
            block *= scale[columns]
            gram = add_gram(block.T, gram)
        return symmetric(gram)

    def mean(self, share):
        """Σᵢ shareᵢ·xᵢ for shares of sum 1."""
        return self.centre + self.transposed_dot(share[:, None])[:, 0]

    def columns(self, which):
        """(X − c)[:, which] as a new float64 array."""
        return np.subtract(self.X[:, which], self.centre[which], dtype=np.float64)

    def squares(self, weights):
        """The diagonal of `gram`."""
        out = np.zeros(self.shape[1])
        for rows in slices(*self.shape):
            block = self._block(rows)
            out += np.einsum("i,ij,ij->j", weights[rows], block, block)
        return out

    def block(self, rows):
        """(X − c)[rows] for a slice of rows: float64, and not to be written to."""
        return self.X[rows] if self._direct else self._block(rows)

    def _block(self, rows):
        return np.subtract(self.X[rows], self.centre, dtype=np.float64)


class SparseDesign:
    """Products of sparse rows; what is not stored stays so."""

    is_centred = False
    has_plain_rows = False

    def __init__(self, X):
        self.X = X
        self.shape = X.shape
        self.centre = np.zeros(X.shape[1])

    def dot(self, theta):
        return np.asarray(self.X @ theta)

    def transposed_dot(self, r):
        return np.asarray(self.X.T @ r)

    def gram(self, weights):
        n, p = self.shape
        sums = self.transposed_dot(weights[:, None])[:, 0]
        if self.X.nnz > _DENSE * n * p:
            return self._gram_by_blocks(weights), sums
        scaled = self.X.T @ sparse.diags_array(weights).tocsr() @ self.X
        return np.asarray(scaled.toarray(), dtype=np.float64), sums

    def _gram_by_blocks(self, weights):
        gram, root = None, np.sqrt(weights)[:, None]
        rows_of = self._by_row
        for rows in slices(*self.shape):
            gram = add_gram(rows_of[rows].toarray() * root[rows], gram)
        return symmetric(gram)

    def outer_gram(self, scale, centre):
        scaled = self.X @ sparse.diags_array(scale).tocsr()
        gram = np.asarray((scaled @ scaled.T).toarray(), dtype=np.float64)
        cross = np.asarray(scaled @ (scale * centre))
        return gram - cross[:, None] - cross + float(np.sum((scale * centre) ** 2))

    def mean(self, share):
        return self.transposed_dot(share[:, None])[:, 0]

    def columns(self, which):
        return self._by_column[:, which].toarray().astype(np.float64)

    def squares(self, weights):
        X = self.X
        squared = type(X)((np.square(X.data, dtype=np.float64), X.indices, X.indptr), X.shape)
        return np.asarray(squared.T @ weights)

    def block(self, rows):
        return self._by_row[rows].toarray().astype(np.float64, copy=False)

    @cached_property
    def _by_row(self):
        return self.X.tocsr()

    @cached_property
    def _by_column(self):
        return self.X.tocsc()


def _centre(X):
    """A point amid the rows in the columns that lie far from 0, and 0 in the others."""
    sample = X[:: max(1, len(X) // _SAMPLE)].astype(np.float64)
    if not len(sample):
        return np.zeros(X.shape[1])
    origin = sample[0].copy()
    sample -= origin
    mean = origin + sample.mean(axis=0)
    far = np.abs(mean) > _FAR * sample.std(axis=0)
    # A constant column has to vanish, so its centre is its value.
    constant = ~sample.any(axis=0)
    return np.where(far, np.where(constant, origin, mean), 0.0)
