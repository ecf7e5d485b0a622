"""Exact leave-one-out of a ridge on squared error: every row and every λ from one decomposition.

Without row i the weights sum to W − wᵢ, and R + λJ is in the units of all rows

    Σ_{k≠i} sₖ½(yₖ − b − xₖᵀθ)² + λ(1 − sᵢ)·½Σfⱼθⱼ²,        sᵢ = wᵢ/W:

row i leaves, and λ becomes λ' = λ(1 − sᵢ). So its residual follows from the fit of all rows *at λ'*
(Allen, 1974; Golub, Heath & Wahba, 1979):

    yᵢ − ŷ₋ᵢ = (yᵢ − ŷᵢ)/(1 − hᵢ),    hᵢ = sᵢ(1 + (xᵢ − x̄)ᵀ(H + λ'F)⁻¹(xᵢ − x̄)),

without the 1 if there is no intercept. With more features than rows h → 1 as λ → 0 and this is
0/0, but the quotient is [M b]ᵢ/[M]ᵢᵢ with M = P(AAᵀ + λ'I)⁻¹P, where P projects out the intercept
and the features without a penalty; nothing cancels there, and λ = 0 is as good as any.

Cost, n ≥ p: the rows in the coordinates of the eigenvectors, 2np² flops, then 4np for each λ, or
for each of the fifteen functions or so that many λ are made of. p > n: 4n² for each λ. The first,
most of the time, is done in single precision where a ``tol`` lets it (`SingleSums`).
"""

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import rows as row_kernels
from skreg.quadratic import factored
from skreg.quadratic.quadratic import Quadratic
from skreg.rows import WeightedRows
from skreg.rows.products import EPS, by_halves, product, slices
from skreg.solvers.left_out_sums import SingleSums, Sums

# A row of a larger share has a λ' of its own; the others' are expanded about one that serves all.
_HEAVY = 0.05
# Where 1 − h is below this a subtraction has left fewer than ten digits: the row is left out.
_CLOSE = 1e-6
# Multiply-adds of the rotation from which a second thread pays.
_WORTH_TWO = 1e8
# Multiply-adds of the rotation, features, and rows for each of them from which single precision
# pays: up to so many features all else takes longer, and with fewer rows leverages are large.
_WORTH_SINGLE, _WIDE, _MANY = 2e7, 80, 4
# Means of up to so many standard deviations cost a fit no more than a digit: single precision then
# takes the rows as they are, and not a copy less the means.
_NEAR = 10.0
# Of what its error may be, the share up to which that of a mean row tells that most rows' are less.
_MARGIN = 0.75


def left_out_predictions(model, alphas, factors=None, tol=0.0):
    """ŷ₋ᵢ, shape (n_alphas, n, q): for each λ, what the fit to all rows but i predicts for row i.

    ``model`` is a `Quadratic` that refers to its rows; λ ≥ 0 is against the mean loss of the rows
    that are left, and ``factors`` (p,) are fⱼ ≥ 0. ValueError if fewer than two rows have a weight,
    or there is no spectrum.

    ``tol`` is the error that the mean of squared residuals may have, as a share of its standard
    error. That is about the mean over √n, so y − ŷ₋ᵢ may be off by tol/(2√n) of itself: where a
    bound allows it, leverages are then made in single precision.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.solvers.ridge_left_out import left_out_predictions
    >>> X, y = np.array([[0.0], [1.0], [3.0]]), np.array([0.0, 1.0, 5.0])
    >>> left_out_predictions(QuadraticModel.from_data(X, y).problem, np.zeros(1))[0, :, 0]
    array([-1.        ,  1.66666667,  3.        ])
    """
    X, y, weights = model.data
    if model.n_rows < 2:
        raise ValueError("a single row has a weight: nothing is left without it. Give more rows.")
    share = np.full(len(y), 1.0 / len(y)) if weights is None else weights / model.weight
    rows = _AllRows(model, np.asarray(alphas, dtype=np.float64), factors, share, tol)
    out, doubtful = rows.wide() if len(y) <= X.shape[1] + 1 else rows.tall()
    for i in np.flatnonzero(doubtful):
        out[:, i] = _without(i, model, alphas, factors, share)
    return out


def _without(i, model, alphas, factors, share):
    """Row i's predictions, by leaving it out."""
    X, y, _ = model.data
    weights = share.copy()
    weights[i] = 0.0
    left = Quadratic.from_rows(X, y, weights, model.centered)
    thetas = left.ridge(alphas, factors)
    return left.y_mean + thetas @ (_dense(X[[i]])[0] - left.x_mean)


def _dense(rows):
    return rows.toarray() if issparse(rows) else rows


class _AllRows:
    """All rows, all λ."""

    def __init__(self, model, alphas, factors, share, tol):
        self.model, self.alphas, self.factors, self.share = model, alphas, factors, share
        self.X, self.y, _ = model.data
        self.centered = model.centered
        self.least = float(alphas.min() * (1.0 - share.max()))
        self.enough = 0.5 * tol / np.sqrt(model.n_rows)

    def groups(self):
        """(rows, share s₀, offsets s − s₀): all but the heavy rows together."""
        heavy = np.flatnonzero(self.share > _HEAVY)
        light = np.flatnonzero(self.share <= _HEAVY)
        for i in heavy:
            yield np.array([i]), self.share[i], np.zeros(1)
        if light.size:
            share = self.share[light]
            middle = 0.5 * (share.min() + share.max())
            yield light, middle, share - middle

    # n > p + 1 -----------------------------------------------------------------------------------

    def tall(self):
        spectrum = self.model.spectrum(self.least, self.factors)
        X = self.X.tocsr() if issparse(self.X) else self.X
        n, p = X.shape
        out = np.empty((len(self.alphas), n, self.y.shape[1]))
        least = np.empty(n)
        groups = list(self.groups())
        place = np.empty(n, dtype=int)
        for k, (members, _, _) in enumerate(groups):
            place[members] = k
        sums = [Sums(spectrum, self.alphas, s0, near, briefly=True) for _, s0, near in groups]
        single = self._in_single(spectrum, sums)

        def in_double(x, rows):
            seen = spectrum.seen_by(x)
            if len(groups) == 1:
                told = sums[0](seen.u, self.share[rows])
                least[rows] = self._leave(told, rows, out, seen.fitted, seen.leverage)
                return
            for k in np.unique(place[rows]):
                which = np.flatnonzero(place[rows] == k)
                mine = rows.start + which
                told = sums[k](seen.u[which], self.share[mine])
                known = seen.fitted[which], seen.leverage[which]
                least[mine] = self._leave(told, mine, out, *known)

        def some(start, stop):
            if single is None:
                for rows, x in self._blocks(X, start, stop, self.model.x_mean):
                    in_double(x, rows)
                return
            for rows in self._in_doubt(single, X, start, stop, out, least):
                in_double(_dense(X[rows]) - self.model.x_mean, rows)

        by_halves(some, n, n * p * p > _WORTH_TWO)
        return out, least < _CLOSE

    def _in_doubt(self, single, X, start, stop, out, least):
        """Leave rows out in single precision; those of which the bound does not tell, by blocks."""
        size, some = np.empty(stop - start), slice(start, stop)
        for rows, x in self._blocks(X, start, stop, self.model.x_mean - single.mean):
            told, size[rows.start - start : rows.stop - start] = single(x, self.share[rows])
            least[rows] = self._leave(told, rows, out)
        sure = single.error(1.0 - least[some], size) < self.enough * least[some]
        unsure = start + np.flatnonzero(~(sure & np.isfinite(least[some])))
        return [unsure[block] for block in self._cut(len(unsure))]

    def _cut(self, n):
        """Slices of n rows: the cache holds one, its image, and what all λ make of it."""
        return slices(n, 2 * (self.X.shape[1] + len(self.alphas)))

    def _blocks(self, X, start, stop, origin):
        """Slices of the rows, and these less an origin."""
        blocks, moved = self._cut(stop - start), origin.any()
        room = np.empty((blocks[0].stop if moved else 0, X.shape[1]))
        for block in blocks:
            rows = slice(start + block.start, start + block.stop)
            x = _dense(X[rows])
            x = np.subtract(x, origin, out=room[: len(x)]) if moved else x
            yield rows, np.ascontiguousarray(x, dtype=np.float64)

    def _in_single(self, spectrum, sums):
        """`SingleSums` where they tell a row of mean leverage and spread, else None."""
        n, p = self.X.shape
        pays = p >= _WIDE and n >= _MANY * p and n * p * p >= _WORTH_SINGLE
        if not (self.enough > 0 and pays) or len(sums) > 1 or self.factors is not None:
            return None
        spread = np.sqrt(self.model.diagonal)
        mean = self.model.x_mean
        mean = mean if (np.abs(mean) <= _NEAR * spread).all() else np.zeros(p)
        single = SingleSums(sums[0], spectrum.basis.vectors, spread, mean)
        leverage = (spectrum.sigma @ sums[0].largest + self.centered)[0] / self.model.n_rows
        error = single.error(leverage, np.count_nonzero(spread) / self.model.n_rows)
        return single if error < _MARGIN * self.enough * (1.0 - leverage) else None

    def _leave(self, sums, rows, out, fitted=0.0, leverage=0.0):
        """Set ŷ₋ᵢ of some rows; the least 1 − h of each."""
        (power, lines), share = sums, self.share[rows]
        y = np.ascontiguousarray(self.y[rows].T, dtype=np.float64)
        rest = 1.0 - share * (leverage + self.centered)
        off = np.ascontiguousarray(self.model.y_mean[:, None] + np.transpose(fitted) - y)
        for t, line in enumerate(lines):
            least = row_kernels.leave_out(power, share, rest, off[t], y[t], line)
            out[:, rows, t] = line
        return least

    # n ≤ p + 1 -----------------------------------------------------------------------------------

    def wide(self):
        spectrum = self._row_spectrum()
        left, b, outside, full = _row_side(spectrum, self._rows)
        root, left = self._rows.root[:, 0], left[:, : spectrum.rank]
        if spectrum.rank == full:  # P is UUᵀ
            outside, rest = np.zeros_like(outside), np.zeros_like(b)
        else:
            outside = outside - np.einsum("ij,ij->i", left, left)
            outside = np.where(outside > 64 * len(b) * EPS, outside, 0.0)
            rest = np.where(outside[:, None] > 0, b - product(left, product(left.T, b)), 0.0)
        out = np.empty((len(self.alphas), *self.y.shape))
        doubtful = np.zeros(len(b), dtype=bool)
        for rows, middle, offsets in self.groups():
            sums = Sums(spectrum, self.alphas, middle, offsets, spectrum.rank)
            m_ii, lines = sums(left[rows], self.share[rows])
            scale = self.alphas[:, None] * (1.0 - self.share[rows])
            scale = np.where(outside[rows] > 0, scale, 1.0)  # else it cancels
            m_ii = scale * m_ii + outside[rows]
            m_b = scale[:, :, None] * np.stack(lines, axis=2) + rest[rows]
            doubtful[rows] = ((outside[rows] > 0) & (m_ii < _CLOSE)).any(axis=0)
            unit = root[rows, None] * np.where(m_ii > 0, m_ii, 1.0)[:, :, None]
            doubtful[rows] |= (m_ii <= 0).any(axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                out[:, rows] = self.y[rows] - m_b / unit
        self._weightless(out)
        doubtful &= root > 0
        return out, doubtful

    def _weightless(self, out):
        """Rows of no weight: the fit does not change without them."""
        rows = np.flatnonzero(self.share == 0)
        if rows.size:
            thetas = self.model.ridge(self.alphas, self.factors)
            fitted = (_dense(self.X[rows]) - self.model.x_mean) @ np.moveaxis(thetas, 2, 1)
            out[:, rows] = self.model.y_mean + fitted

    def _row_spectrum(self):
        """The n × n side; for n = p and n = p + 1 the model holds the other."""
        model = self.model
        if not model.holds_hessian and not model.is_tall:
            self._rows = model.rows
            made = model.spectrum(self.least, self.factors)
        else:
            means = (model.x_mean, model.y_mean)
            X, y, weights = model.data
            self._rows = WeightedRows(X, y, weights, model.centered, means=means)
            made = factored.from_wide_rows(self._rows, self.factors, accurate=False)
        # Whatever λ is: of a small σ, U keeps few digits of what sets it apart from the intercept.
        if made.serves(0.0):
            return made
        return factored.from_wide_rows(self._rows, self.factors, accurate=True)


def _row_side(spectrum, rows):
    """U, P b, the diagonal of P, and its rank."""
    outside, rank = np.ones(len(rows.b)), rows.n_rows - rows.centered
    if rows.centered:
        outside -= rows.root[:, 0] ** 2
    view = spectrum.basis.rows
    if spectrum.free_rank:
        outside -= np.einsum("ij,ij->i", view.q, view.q)
    return spectrum.basis.left, view.b, outside, rank - spectrum.free_rank
