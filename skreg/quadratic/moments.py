"""Weight, means and centred second moments of rows: all that squared error needs of them."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dgemm, dsyrk

from skreg.quadratic.rows import slices

# Blocks that share one origin; the next group takes a new one (see `Moments.from_rows`).
_GROUP = 64


@dataclass(frozen=True, eq=False)
class Moments:
    """An immutable statistic of (X, y, sample_weight) that can be added and subtracted.

    ``a + b`` is the statistic of both sets of rows together, ``(a + b) - b`` is ``a`` again up to
    rounding (Chan, Golub & LeVeque, 1983). Second moments are about the means, so features with a
    large mean and a small spread lose nothing. Everything is float64, whatever X is.

    Attributes
    ----------
    weight : float
        W = Σᵢ wᵢ.
    n_rows : int
        Number of rows with a positive weight.
    x_mean : ndarray of shape (p,)
    y_mean : ndarray of shape (q,)
    xx : ndarray of shape (p, p)
        Σᵢ wᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ.
    xy : ndarray of shape (p, q)
        Σᵢ wᵢ (xᵢ − x̄)(yᵢ − ȳ)ᵀ.
    yy : ndarray of shape (q,)
        Σᵢ wᵢ (yᵢ − ȳ)², for each target.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.quadratic import Moments
    >>> X, y = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [6.0]])
    >>> whole = Moments.from_rows(X, y)
    >>> parts = Moments.from_rows(X[:1], y[:1]) + Moments.from_rows(X[1:], y[1:])
    >>> whole.x_mean, parts.xx, (parts - Moments.from_rows(X[:1], y[:1])).y_mean
    (array([2.]), array([[8.]]), array([4.]))
    """

    weight: float
    n_rows: int
    x_mean: np.ndarray
    y_mean: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    def __post_init__(self):
        for array in (self.x_mean, self.y_mean, self.xx, self.xy, self.yy):
            array.flags.writeable = False

    @classmethod
    def from_rows(cls, X, y, weights=None):
        """The statistic of the rows of X (n, p) and y (n, q), weighted by ``weights`` (n,).

        Cost: n·p² flops in BLAS (a symmetric product) and one pass over X, in blocks that fit the
        cache; a copy is made of one block at a time, never of X.

        A group of blocks is accumulated about the mean of its first block and moved to the group's
        own mean at the end; groups are merged by ``+``. The origin lies within the group's spread,
        so the move cancels at most two digits, and only when the rows are sorted. Where 0 is within
        that spread too, as it is for standardised features, it serves as origin and nothing is
        copied.
        """
        blocks = slices(*X.shape)
        total = None
        for start in range(0, len(blocks), _GROUP):
            part = cls._from_group(X, y, weights, blocks[start : start + _GROUP])
            total = part if total is None else total + part
        return total

    @classmethod
    def _from_group(cls, X, y, weights, blocks):
        p, q = X.shape[1], y.shape[1]
        whole = slice(blocks[0].start, blocks[-1].stop)
        w = None if weights is None else weights[blocks[0]]
        x_origin, near_zero = _origin(X[blocks[0]], w)
        y_origin, _ = _origin(y[blocks[0]], w)
        by_column = X.flags.f_contiguous and not X.flags.c_contiguous
        as_it_is = near_zero and weights is None and X.dtype == np.float64
        as_it_is = as_it_is and X[whole].flags.forc
        if as_it_is:
            blocks, x_origin = [whole], np.zeros(p)
        else:
            height = max(rows.stop - rows.start for rows in blocks)
            buffer = np.empty((height, p), order="F" if by_column else "C")
        xx = np.zeros((p, p), order="F")
        # The last column stands for 1: products with it are sums.
        xy, yy = np.zeros((p, q + 1), order="F"), np.zeros((q + 1, 2))
        n_rows = 0
        for rows in blocks:
            size = rows.stop - rows.start
            a = X[rows] if as_it_is else np.subtract(X[rows], x_origin, out=buffer[:size])
            b = np.ones((size, q + 1), order="F")
            np.subtract(y[rows], y_origin, out=b[:, :q])
            n_rows += size
            if weights is not None:
                root = np.sqrt(weights[rows])[:, None]
                a *= root
                b *= root
                n_rows -= size - np.count_nonzero(root)
            # BLAS reads Fortran order; C order is its transpose. Both calls add in place.
            a, plain = (a, 0) if by_column else (a.T, 1)
            xx = dsyrk(1.0, a, 1.0, xx, trans=1 - plain, lower=0, overwrite_c=1)
            xy = dgemm(1.0, a, b, 1.0, xy, trans_a=1 - plain, overwrite_c=1)
            yy += np.column_stack([np.einsum("ij,ij->j", b, b), np.einsum("ij,i->j", b, b[:, q])])
        weight = float(yy[q, 0])
        xy, x_sum, yy, y_sum = xy[:, :q], xy[:, q], yy[:q, 0], yy[:q, 1]
        if weight > 0:
            xx -= np.outer(x_sum, x_sum / weight)
            xy -= np.outer(x_sum, y_sum / weight)
            yy = np.maximum(yy - y_sum * y_sum / weight, 0.0)
            x_origin, y_origin = x_origin + x_sum / weight, y_origin + y_sum / weight
        return cls(weight, n_rows, x_origin, y_origin, _mirrored(xx).T, xy, yy)

    def __add__(self, other):
        if not isinstance(other, Moments):
            return NotImplemented
        self._check_shape(other)
        if self.weight == 0.0 or other.weight == 0.0:
            return other if self.weight == 0.0 else self
        weight = self.weight + other.weight
        share = other.weight / weight
        return self._merged(other, weight, 1, share, self.weight * share)

    def __sub__(self, other):
        if not isinstance(other, Moments):
            return NotImplemented
        self._check_shape(other)
        if other.weight == 0.0:
            return self
        weight, n_rows = self.weight - other.weight, self.n_rows - other.n_rows
        if weight <= 0 or n_rows <= 0:
            raise ValueError(
                f"cannot take {other.n_rows} rows of weight {other.weight} from {self.n_rows} rows "
                f"of weight {self.weight}: nothing is left. Subtract a proper part."
            )
        share = -other.weight / weight
        return self._merged(other, weight, -1, share, self.weight * share)

    def _merged(self, other, weight, sign, share, between):
        """Pool with ``sign`` = ±1 times ``other``: Chan's update, the same for both signs.

        With d = mean(other) − mean(self): mean ← mean + share·d and S ← S ± S_other + between·ddᵀ,
        share = ±W_other / W_new, between = W_self · share.
        """
        dx, dy = other.x_mean - self.x_mean, other.y_mean - self.y_mean
        return Moments(
            weight,
            self.n_rows + sign * other.n_rows,
            self.x_mean + share * dx,
            self.y_mean + share * dy,
            self.xx + sign * other.xx + np.outer(dx, between * dx),
            self.xy + sign * other.xy + np.outer(dx, between * dy),
            np.maximum(self.yy + sign * other.yy + between * dy * dy, 0.0),
        )

    def _check_shape(self, other):
        if self.xy.shape != other.xy.shape:
            raise ValueError(
                "moments of different shapes do not add: (n_features, n_targets) is "
                f"{self.xy.shape} in one and {other.xy.shape} in the other."
            )


def _origin(block, weights):
    """A point amid these rows, and whether 0 is one as well."""
    if weights is not None and weights.any():
        block, weights = block[weights > 0], weights[weights > 0]
    else:
        weights = None
    mean = np.average(block, axis=0, weights=weights).astype(np.float64)
    # The mean of equal numbers may miss them by a rounding; a constant feature must vanish.
    mean = np.where((block == block[0]).all(axis=0), block[0], mean)
    square = np.einsum("ij,ij->j", block, block, dtype=np.float64) / len(block)
    return mean, bool((mean**2 <= 0.9 * square).all())


def _mirrored(upper):
    """The symmetric matrix with this upper triangle."""
    below = np.tril_indices_from(upper, -1)
    upper[below] = upper.T[below]
    return upper
