"""Sums over the coordinates of a row, for every λ: its leverage and its fit."""

import numpy as np
from scipy.linalg import qr

from skreg._kernels import products as tiles
from skreg._kernels import rows as row_kernels
from skreg._threads import one_blas_thread
from skreg.rows.products import EPS, product

# The unit of rounding in single precision.
_UNIT = float(np.finfo(np.float32).eps) / 2


class Sums:
    """Σₖ uₖ²/(σₖ + λ(1 − s)) and Σₖ uₖzₖ/(σₖ + λ(1 − s)) for rows u whose shares s lie near s₀.

    With g = 1/(σ + λ(1 − s₀)) the quotient is Σⱼ g·[λ(s − s₀)g]ʲ: a geometric series of ratio at
    most |s − s₀|/(1 − s₀), one term where all weights are equal.

    ``briefly`` takes all λ from a few functions of σ: see `few_functions`. The sums then have
    absolute errors of a rounding, beside a leverage of 1 and beside y.
    """

    def __init__(self, spectrum, alphas, middle, offsets, n_directions=None, briefly=False):
        inverse = spectrum.inverse(alphas * (1.0 - middle))[:, :n_directions]
        self.middle, self.reach = middle, np.abs(offsets).max(initial=0.0)
        ratio = self.reach / max(1.0 - middle, EPS)
        n_terms = 1 if ratio < EPS else int(np.ceil(np.log(EPS) / np.log(ratio))) + 1
        step = alphas[:, None] * self.reach * inverse
        self.table = np.concatenate([inverse * step**j for j in range(n_terms)]).T
        functions, self.mix = self.table, None
        if briefly:
            self.largest, self.shapes, self.mix = few_functions(self.table)
            functions = self.largest * self.shapes
        self.n_terms, self._n_alphas = n_terms, len(alphas)
        self._squares = np.asfortranarray(functions)
        self.lines = [
            np.asfortranarray(functions * z[:, None]) for z in spectrum.rotated[:n_directions].T
        ]

    def __call__(self, u, share):
        """Arrays of shape (n_alphas, m): of squares one, of lines q. ``u`` is overwritten."""
        lines = [self.of(self._each(u, line), share) for line in self.lines]
        return self.of(self._each(np.square(u, out=u), self._squares), share), lines

    def _each(self, u, functions):
        """u·functions."""
        if self.mix is None:
            return product(u, functions)
        # Of so few functions the kernel takes rows of u by sixes.
        return product(functions.T, u.T).T

    def of(self, sums, share, mix=None):
        """For every λ, shape (n_alphas, m), from the sums of the functions that it is made of."""
        mix = self.mix if mix is None else mix
        sums = sums if mix is None else product(sums, mix)
        total, *terms = sums.T.reshape(self.n_terms, self._n_alphas, len(share))
        for j, term in enumerate(terms, 1):
            total += ((share - self.middle) / self.reach) ** j * term
        return np.ascontiguousarray(total)


def few_functions(table):
    """The largest entry in each row, and F and M: their FM is ``table`` to a rounding of it.

    The columns are smooth functions of σ that have much in common: over six decades 15 make up 50.
    The first columns of F, with as many rows of M, make up the most.
    """
    largest = table.max(axis=1, initial=0.0, keepdims=True)
    largest[largest == 0] = 1.0
    with one_blas_thread():
        q, r, order = qr(table / largest, mode="economic", pivoting=True, check_finite=False)
    size = np.abs(np.diag(r))
    rank = np.count_nonzero(size > EPS * size.max(initial=0.0))
    mix = np.empty((rank, table.shape[1]), order="F")
    mix[:, order] = r[:rank]
    return largest, q[:, :rank], mix


class SingleSums:
    """`Sums` whose squares are made in single precision: in half the time, and off by little.

    With d the spreads of the columns, B the matrix that makes u = Bᵀx, and λ₀ the least λ,

        v = Tᵀ(x/d),    T = diag(d)·B·diag(1/√(σ + λ₀')),    Σvₖ² = (h − s)/s at λ₀,

    are numbers in range whatever the scales are; λ' = λ(1 − s). A sum of p products is off by ε
    times the sum of their sizes at most, so ‖δv‖ ≤ ε‖x/d‖‖T‖ with the Frobenius norm; and with
    η = √s·ε‖x/d‖‖T‖ a leverage, at any λ, by

        |δh| ≤ 2√h·η + η² + c·h,    h at λ₀.

    c is what the functions of σ are off by, and their sums. ε is √p roundings where the worst
    case is p of them all to one side (Higham & Mary, 2019). Fits stay in double precision.
    """

    def __init__(self, sums, directions, spread, mean):
        self._sums, self.mean = sums, mean
        self._unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        with np.errstate(over="ignore", invalid="ignore"):
            turned = directions * np.sqrt(sums.largest.T)
            turned *= spread[:, None]
            rounding = np.sqrt(len(spread) + 2) * _UNIT
            self._slope = rounding * np.sqrt(np.einsum("ij,ij->", turned, turned))
            self._turned = np.ascontiguousarray(turned.T, dtype=np.float32)
        # Of the functions, those that matter in this precision.
        size = np.abs(sums.mix).max(axis=1)
        rank = np.count_nonzero(size > _UNIT * size.max(initial=0.0))
        shapes, self._mix = sums.shapes[:, :rank], sums.mix[:rank]
        self._shapes = np.ascontiguousarray(shapes.T, dtype=np.float32)
        off = product(shapes, self._mix) - sums.table / sums.largest
        most = product(np.abs(shapes), np.abs(self._mix))
        both = np.abs(off).max(initial=0.0) + (rounding + _UNIT) * most.max(initial=0.0)
        self._wrong = sums.n_terms * both
        self._lines = [np.ascontiguousarray(product(directions, line)) for line in sums.lines]
        self._at_mean = [mean @ line for line in self._lines]

    def error(self, leverage, power):
        """The bound of |δh|, by h at the least λ and s‖x/d‖²."""
        h = np.clip(leverage, 0.0, 1.0)
        reach = self._slope * np.sqrt(power)
        return (2.0 * np.sqrt(h) + reach) * reach + self._wrong * h

    def __call__(self, x, share):
        """As `Sums`, of rows x; and s‖(x − mean)/d‖² of each."""
        single = np.empty(x.shape, dtype=np.float32)
        power = share * row_kernels.in_units(x, self.mean, self._unit, single)
        lines = [
            self._sums.of(product(line.T, x.T).T - at_mean, share)
            for line, at_mean in zip(self._lines, self._at_mean, strict=True)
        ]
        v = _product(self._turned, single.T)
        with np.errstate(over="ignore"):  # of a row as far off as that the bound is infinite
            few = _product(self._shapes, np.square(v, out=v))
        return (self._sums.of(few.astype(np.float64).T, share, self._mix), lines), power


def _product(a, b):
    """a·b in single precision."""
    out = np.empty((len(a), b.shape[1]), dtype=np.float32)
    tiles.multiply(a, b, out)
    return out
