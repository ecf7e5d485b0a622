"""Ridge penalties λ·½Σ fⱼθⱼ² with a factor for each feature, as a plain ridge in other units.

With φⱼ = √fⱼ·θⱼ for the penalized features P, and the features U without a penalty (f = 0) at their
best beside them, what is left is the plain ridge on (I − QQᵀ)·A_P·diag(1/√f), Q an orthonormal
basis of the columns A_U. One spectrum serves every λ here too. Without factors it is the plain one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import svd

from skreg.quadratic import spectrum as plain
from skreg.quadratic.spectrum import GRAM_CONDITION_LIMIT, RowsSeen, Spectrum
from skreg.rows.products import EPS, Array, Indices, eigen, product, slices, sum_of_outer_grams


@dataclass(frozen=True, eq=False)
class FeatureSplit:
    """P, U and 1/√f of P."""

    penalized: Indices
    free: Indices
    unit: Array

    @classmethod
    def by(cls, factors: Array) -> FeatureSplit:
        """By the factors f."""
        penalized = np.flatnonzero(factors > 0)
        return cls(penalized, np.flatnonzero(factors == 0), 1.0 / np.sqrt(factors[penalized]))


@dataclass(frozen=True, eq=False)
class FactoredSpectrum(Spectrum):
    """The `Spectrum` of φ, and the way back to θ: θ_U = back·(top − side·θ_P).

    Coordinates and vectors are those of φ.

    Attributes
    ----------
    split : FeatureSplit
    back : ndarray of shape (|U|, r)
        r is the rank of A_U.
    top : ndarray of shape (r, q)
        Qᵀb.
    side : ndarray of shape (r, |P|)
        QᵀA_P.
    level : float
        The largest eigenvalue, or a bound, before U was taken out.
    """

    split: FeatureSplit
    back: Array
    top: Array
    side: Array
    level: float

    @property
    def size(self) -> float:
        """The largest eigenvalue, or a bound, before U was taken out."""
        return self.level

    @property
    def free_rank(self) -> int:
        """The rank of A_U."""
        return self.back.shape[1]

    @property
    def free_power(self) -> float:
        """‖Qᵀb‖²: what the features U explain alone."""
        return float(np.sum(self.top * self.top))

    def ridge(self, alphas: Array) -> Array:
        """θ(λ), shape (n_alphas, q, p)."""
        part = super().ridge(alphas) * self.split.unit
        m, q, size = part.shape
        rest = np.tile(self.top, (1, m)) - product(self.side, part.reshape(m * q, size).T)
        thetas = np.empty((m, q, size + len(self.split.free)))
        thetas[:, :, self.split.penalized] = part
        thetas[:, :, self.split.free] = product(self.back, rest).T.reshape(m, q, -1)
        return thetas

    def seen_by(self, block: Array) -> RowsSeen:
        """As `Spectrum.seen_by`."""
        free = product(block[:, self.split.free], self.back)
        rest = block[:, self.split.penalized] - product(free, self.side)
        seen = super().seen_by(rest * self.split.unit)
        return RowsSeen(seen.u, product(free, self.top), np.einsum("ij,ij->i", free, free))


def from_hessian(hessian: Array, cross: Array, factors: Array | None) -> Spectrum:
    """From H and h: U leaves by a Schur complement."""
    if factors is None:
        return plain.from_hessian(hessian, cross)
    split = FeatureSplit.by(factors)
    penalized, free, unit = split.penalized, split.free, split.unit
    root, condition = _free_root(hessian[np.ix_(free, free)])
    side = product(root.T, hessian[np.ix_(free, penalized)])
    top = product(root.T, cross[free])
    part = hessian[np.ix_(penalized, penalized)]
    rest = part - product(side.T, side)
    # A feature that those without a penalty say already.
    known = np.diag(rest) <= 10 * len(hessian) * EPS * np.diag(part)
    rest[known] = rest[:, known] = 0.0
    rest_cross = cross[penalized] - product(side.T, top)
    inner = plain.from_hessian(rest * np.outer(unit, unit), rest_cross * unit[:, None])
    # U itself must be far from dependent, or the rows are asked.
    level = np.inf
    if condition <= GRAM_CONDITION_LIMIT:
        level = max(float(np.max(unit**2 * np.diag(part), initial=0.0)), inner.size)
    return _around(inner, split=split, back=root, top=top, side=side, level=level)


def from_tall_rows(rows: Any, resolution: float, factors: Array | None) -> Spectrum:
    """From the rows, n ≥ p: see `skreg.quadratic.spectrum.from_tall_rows`."""
    if factors is None:
        return plain.from_tall_rows(rows, resolution)
    split = FeatureSplit.by(factors)
    triangle, target = plain.triangle(rows)
    q, back = _free_basis(triangle[:, split.free], max(rows.shape))
    deviation = np.linalg.norm(triangle, axis=0)
    rms = np.hypot(deviation, rows.x_mean)
    part = triangle[:, split.penalized]
    side, top = product(q.T, part), product(q.T, target)
    inner = plain.from_triangle(
        (part - product(q, side)) * split.unit,
        target - product(q, top),
        deviation[split.penalized] * split.unit,
        max(rows.shape) * EPS,
        rms[split.penalized] * split.unit,
        resolution,
        max(rows.max_rank - q.shape[1], 0),
    )
    return _around(inner, split=split, back=back, top=top, side=side, level=0.0)


def from_wide_rows(rows: Any, factors: Array | None, accurate: bool) -> Spectrum:
    """From the rows, p > n: the n × n side, by an SVD of the rows if ``accurate``."""
    decompose = plain.from_wide_rows if accurate else plain.from_outer_gram
    if factors is None:
        return decompose(rows)
    split = FeatureSplit.by(factors)
    q, back = _free_basis(rows.columns(split.free), max(rows.shape))
    inner = decompose(ProjectedRows(rows, split, q))
    side, top = rows.transposed_dot(q)[split.penalized].T, product(q.T, rows.b)
    return _around(inner, split=split, back=back, top=top, side=side, level=inner.size)


def _around(inner: Spectrum, **more: Any) -> FactoredSpectrum:
    return FactoredSpectrum(**vars(inner), **more)


class ProjectedRows:
    """(I − QQᵀ)·A_P·diag(1/√f) by reference to the rows."""

    def __init__(self, rows: Any, split: FeatureSplit, q: Array):
        self._rows, self._which, self._unit, self.q = rows, split.penalized, split.unit, q
        self.shape = rows.shape[0], len(self._which)
        self.b = self._project(rows.b)
        self.max_rank = max(min(rows.max_rank - q.shape[1], len(self._which)), 0)

    def _project(self, a: Array) -> Array:
        return a - product(self.q, product(self.q.T, a))

    def column_blocks(self, at_least: int = 32) -> Iterator[tuple[slice, Array]]:
        """Yield (columns, the block of these)."""
        for columns in slices(len(self._which), self.shape[0], at_least):
            block = self._rows.columns(self._which[columns])
            block *= self._unit[columns]
            yield columns, self._project(block)

    def outer_gram(self) -> Array:
        """The products of rows with each other, (n, n)."""
        return sum_of_outer_grams(self.shape[0], (block for _, block in self.column_blocks()))

    def dot(self, theta: Array) -> Array:
        """Times θ of shape (|P|, k)."""
        return self._project(self._rows.some_dot(self._which, theta * self._unit[:, None]))

    def transposed_dot(self, r: Array) -> Array:
        """The transpose times r of shape (n, k)."""
        return self._rows.transposed_dot(self._project(r))[self._which] * self._unit[:, None]


def _free_basis(columns: Array, length: int) -> tuple[Array, Array]:
    """Q, and the matrix that turns Qᵀ(b − A_Pθ_P) into the best θ_U."""
    norms = np.linalg.norm(columns, axis=0)
    unit = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    if not norms.any():
        return np.zeros((len(columns), 0)), np.zeros((len(norms), 0))
    u, s, vt = svd(columns * unit, full_matrices=False, check_finite=False)
    kept = s > length * EPS * s[0]
    return np.asfortranarray(u[:, kept]), unit[:, None] * vt[kept].T / s[kept]


def _free_root(hessian: Array) -> tuple[Array, float]:
    """M with MMᵀ = H_UU⁺ and its condition, in units where the diagonal of H_UU is 1."""
    norms = np.sqrt(np.diag(hessian))
    unit = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    if not norms.any():
        return np.zeros((len(norms), 0)), 1.0
    values, vectors = eigen(hessian * np.outer(unit, unit))
    kept = values > len(norms) * EPS * values[-1]
    root = unit[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    lost = GRAM_CONDITION_LIMIT if (~kept & (norms > 0)).any() and len(norms) > 1 else 0.0
    return root, max(values[-1] / values[kept][0], 2 * lost)
