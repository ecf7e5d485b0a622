"""Ridge penalties λ·½Σ fⱼθⱼ² with a factor for each feature, as a plain ridge in other units.

With φⱼ = √fⱼ·θⱼ for the penalised features P, and the features U without a penalty (f = 0) at their
best beside them, what is left is the plain ridge on (I − QQᵀ)·A_P·diag(1/√f), Q an orthonormal
basis of the columns A_U. One spectrum serves every λ here too. Without factors it is the plain one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import svd

from skreg.quadratic import spectrum as plain
from skreg.quadratic.spectrum import EPS, GRAM_CONDITION_LIMIT, RowsSeen, Spectrum
from skreg.rows import WeightedRows
from skreg.rows.blocks import slices, sum_of_outer_grams
from skreg.rows.products import eigen, product


@dataclass(frozen=True, eq=False)
class FactoredSpectrum:
    """A `Spectrum` of the penalised features, and the way back to θ.

    Attributes
    ----------
    inner : Spectrum
        Of φ.
    penalised, free : ndarray of int
        P and U.
    scale : ndarray of shape (|P|,)
        1/√f.
    best_free : callable
        θ_P of shape (m, q, |P|) to the best θ_U beside it, (m, q, |U|).
    free_rank : int
        The rank of A_U.
    free_power : float
        ‖Qᵀb‖²: what the features U explain alone.
    size : float
        The largest eigenvalue, or a bound, before U was taken out.
    """

    inner: Spectrum
    penalised: np.ndarray
    free: np.ndarray
    scale: np.ndarray
    best_free: Callable
    free_rank: int
    free_power: float
    size: float

    def serves(self, alpha):
        """Whether θ(λ) loses no accuracy here at λ = ``alpha``."""
        if self.inner.solver.startswith("svd") or not self.inner.sigma.size:
            return True
        return self.size <= GRAM_CONDITION_LIMIT * (self.inner.sigma[-1] + alpha)

    def ridge(self, alphas):
        """θ(λ), shape (n_alphas, q, p)."""
        part = self.inner.ridge(alphas) * self.scale
        thetas = np.empty((*part.shape[:2], len(self.penalised) + len(self.free)))
        thetas[:, :, self.penalised] = part
        thetas[:, :, self.free] = self.best_free(part)
        return thetas

    def factors(self, alphas):
        """σ/(σ+λ) for each direction of φ."""
        return self.inner.factors(alphas)

    def inverse(self, alphas):
        """1/(σ+λ) for each direction of φ."""
        return self.inner.inverse(alphas)

    def seen_by(self, block):
        """As `Spectrum.seen_by`; for n ≥ p."""
        sides = self.best_free
        free = product(block[:, self.free], sides.back)
        rest = block[:, self.penalised] - product(free, sides.side)
        seen = self.inner.seen_by(rest * self.scale)
        return RowsSeen(seen.u, product(free, sides.top), np.einsum("ij,ij->i", free, free))

    @property
    def rotated(self):
        return self.inner.rotated

    @property
    def rank(self):
        return self.inner.rank

    @property
    def eigenvalues(self):
        return self.inner.eigenvalues

    @property
    def coordinates(self):
        return self.inner.coordinates

    @property
    def solver(self):
        return self.inner.solver


def from_hessian(hessian, cross, factors):
    """From H and h: U leaves by a Schur complement."""
    if factors is None:
        return plain.from_hessian(hessian, cross)
    penalised, free, scale = _split(factors)
    root, condition, rank = _free_root(hessian[np.ix_(free, free)])
    side = product(root.T, hessian[np.ix_(free, penalised)])
    top = product(root.T, cross[free])
    part = hessian[np.ix_(penalised, penalised)]
    left = part - product(side.T, side)
    # A feature that those without a penalty say already.
    known = np.diag(left) <= 10 * len(hessian) * EPS * np.diag(part)
    left[known] = left[:, known] = 0.0
    rest = cross[penalised] - product(side.T, top)
    inner = plain.from_hessian(left * np.outer(scale, scale), rest * scale[:, None])

    best_free = _FromSides(root, top, side)
    # U itself must be far from dependent, or the rows are asked.
    level = float(np.max(scale**2 * np.diag(part), initial=0.0))
    size = np.inf if condition > GRAM_CONDITION_LIMIT else max(level, inner.sigma.max(initial=0.0))
    return FactoredSpectrum(
        inner, penalised, free, scale, best_free, rank, float(np.sum(top * top)), size
    )


def from_tall_rows(rows, resolution, factors):
    """From the rows, n ≥ p: see `skreg.quadratic.spectrum.from_tall_rows`."""
    if factors is None:
        return plain.from_tall_rows(rows, resolution)
    penalised, free, scale = _split(factors)
    triangle, target = plain.triangle(rows)
    q, back = _free_basis(triangle[:, free], max(rows.shape))
    deviation = np.linalg.norm(triangle, axis=0)
    rms = np.hypot(deviation, rows.x_mean)
    part, side = triangle[:, penalised], product(q.T, triangle[:, penalised])
    top = product(q.T, target)
    inner = plain.from_triangle(
        (part - product(q, side)) * scale,
        target - product(q, top),
        deviation[penalised] * scale,
        max(rows.shape) * EPS,
        rms[penalised] * scale,
        resolution,
        max(rows.max_rank - q.shape[1], 0),
    )

    best_free = _FromSides(back, top, side)
    return FactoredSpectrum(
        inner, penalised, free, scale, best_free, q.shape[1], float(np.sum(top * top)), 0.0
    )


def from_wide_rows(rows, factors, accurate):
    """From the rows, p > n: the n × n side, by an SVD of the rows if ``accurate``."""
    decompose = plain.from_wide_rows if accurate else plain.from_outer_gram
    if factors is None:
        return decompose(rows)
    penalised, free, scale = _split(factors)
    columns = rows.columns(free)
    q, back = _free_basis(columns, max(rows.shape))
    view = ProjectedRows(rows, penalised, scale, q)
    inner = decompose(view)

    best_free = _FromRows(rows, penalised, q, back)
    power = float(np.sum(product(q.T, rows.b) ** 2))
    size = inner.sigma.max(initial=0.0)
    return FactoredSpectrum(inner, penalised, free, scale, best_free, q.shape[1], power, size)


class ProjectedRows:
    """(I − QQᵀ)·A_P·diag(s) by reference to the rows."""

    def __init__(self, rows, which, scale, q):
        self._rows, self._which, self._scale, self._q = rows, which, scale, q
        self.shape = rows.shape[0], len(which)
        self.b = self._project(rows.b)
        self.max_rank = max(min(rows.max_rank - q.shape[1], len(which)), 0)

    def _project(self, a):
        return a - product(self._q, product(self._q.T, a))

    def column_blocks(self, at_least=32):
        for columns in slices(len(self._which), self.shape[0], at_least):
            block = self._rows.columns(self._which[columns])
            block *= self._scale[columns]
            yield columns, self._project(block)

    def outer_gram(self):
        return sum_of_outer_grams(self.shape[0], (block for _, block in self.column_blocks()))

    def dot(self, theta):
        return self._project(self._rows.some_dot(self._which, theta * self._scale[:, None]))

    def transposed_dot(self, r):
        return self._rows.transposed_dot(self._project(r))[self._which] * self._scale[:, None]


def _split(factors):
    """P, U and 1/√f of P."""
    penalised = np.flatnonzero(factors > 0)
    return penalised, np.flatnonzero(factors == 0), 1.0 / np.sqrt(factors[penalised])


@dataclass(frozen=True, eq=False)
class _FromSides:
    """θ_U = back·(top − side·θ_P)."""

    back: np.ndarray
    top: np.ndarray
    side: np.ndarray

    def __call__(self, part):
        m, k, size = part.shape
        rest = np.tile(self.top, (1, m)) - product(self.side, part.reshape(m * k, size).T)
        return product(self.back, rest).T.reshape(m, k, -1)


@dataclass(frozen=True, eq=False)
class _FromRows:
    """θ_U = back·Qᵀ(b − A_P·θ_P)."""

    rows: WeightedRows
    penalised: np.ndarray
    q: np.ndarray
    back: np.ndarray

    def __call__(self, part):
        m, k, size = part.shape
        fitted = self.rows.some_dot(self.penalised, part.reshape(m * k, size).T)
        rest = np.tile(self.rows.b, (1, m)) - fitted
        return product(self.back, product(self.q.T, rest)).T.reshape(m, k, -1)


def _free_basis(columns, length):
    """Q, and the matrix that turns Qᵀ(b − A_Pθ_P) into the best θ_U."""
    norms = np.linalg.norm(columns, axis=0)
    unit = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    if not norms.any():
        return np.zeros((len(columns), 0)), np.zeros((len(norms), 0))
    u, s, vt = svd(columns * unit, full_matrices=False, check_finite=False)
    kept = s > length * EPS * s[0]
    return np.asfortranarray(u[:, kept]), unit[:, None] * vt[kept].T / s[kept]


def _free_root(hessian):
    """M with MMᵀ = H_UU⁺, its condition, and its rank; in units where the diagonal of H_UU is 1."""
    norms = np.sqrt(np.diag(hessian))
    unit = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    if not norms.any():
        return np.zeros((len(norms), 0)), 1.0, 0
    values, vectors = eigen(hessian * np.outer(unit, unit))
    kept = values > len(norms) * EPS * values[-1]
    root = unit[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    lost = GRAM_CONDITION_LIMIT if (~kept & (norms > 0)).any() and len(norms) > 1 else 0.0
    return root, max(values[-1] / values[kept][0], 2 * lost), int(kept.sum())
