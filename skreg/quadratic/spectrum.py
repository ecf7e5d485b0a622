"""H = QΣQᵀ, decomposed once; a λ only shifts Σ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import qr
from scipy.linalg.lapack import dgejsv

from skreg.rows.products import EPS, Array, Indices, eigen, product

# Eigenvalues of XᵀX carry an absolute error of about EPS·σ₁, so where the smallest one that matters
# is below σ₁/limit, coefficients lose all but about ten digits: decompose X itself instead.
GRAM_CONDITION_LIMIT = 1e6


@dataclass(frozen=True, eq=False)
class Spectrum:
    """H = QΣQᵀ and θ̂, in a form that any λ only shifts: θ(λ) = B·(Σ + λI)⁻¹·z.

    A direction counts at λ if σ + λ > ``noise``. At λ = 0 these are the r directions whose σ can be
    told from rounding, and the minimum-norm θ̂ has no part in the others.

    Attributes
    ----------
    sigma : ndarray of shape (k,)
        Eigenvalues of H in descending order, r ≤ k of them above the noise, none below 0.
    rotated : ndarray of shape (k, q)
        z.
    basis : ArrayBasis or RowBasis
        B, whose columns are eigenvectors times ``scale``: Q itself and z = QᵀHθ̂, or, with p > n,
        AᵀU and z = Uᵀb for the singular vectors U of the rows.
    scale : ndarray of shape (k,)
        Lengths of the columns of B.
    noise : float
        What rounding makes of σ = 0.
    solver : str
        How it was found: see `QuadraticModel.spectrum`.
    """

    sigma: Array
    rotated: Array
    basis: ArrayBasis | RowBasis
    scale: Array
    noise: float
    solver: str

    @property
    def free_rank(self) -> int:
        """The rank of the features without a penalty: see `FactoredSpectrum`."""
        return 0

    @property
    def free_power(self) -> float:
        """What these explain alone."""
        return 0.0

    @property
    def size(self) -> float:
        """The largest eigenvalue."""
        return float(self.sigma.max(initial=0.0))

    @property
    def rank(self) -> int:
        """r."""
        return int(np.count_nonzero(self.sigma > self.noise))

    @property
    def eigenvalues(self) -> Array:
        """σ above the noise, shape (r,), in descending order."""
        return self.sigma[: self.rank]

    @property
    def coordinates(self) -> Array:
        """Qᵀθ̂, shape (r, q)."""
        r = self.rank
        return self.rotated[:r] * (self.scale[:r] / self.sigma[:r])[:, None]

    @property
    def vectors(self) -> Array:
        """Q, shape (p, r)."""
        return self.lift(np.eye(self.rank)[:, :, None])[:, 0].T

    def serves(self, alpha: float) -> bool:
        """Whether θ(λ) loses no accuracy here at λ = ``alpha``."""
        if self.solver.startswith("svd") or not self.sigma.size:
            return True
        return bool(self.size <= GRAM_CONDITION_LIMIT * (self.sigma[-1] + alpha))

    def factors(self, alphas: Array) -> Array:
        """σ/(σ+λ), shape (n_alphas, k): what each λ leaves of each coordinate of θ̂."""
        return self.sigma * self.inverse(alphas)

    def ridge(self, alphas: Array) -> Array:
        """θ(λ), shape (n_alphas, q, p)."""
        inverse = self.inverse(alphas)[:, :, None]
        c = inverse * self.rotated
        thetas = self._times_basis(c)
        if self.solver == "svd-dual":
            # Bc is a sum over long columns, and its rounding grows with their length: a step of
            # refinement on Bᵀθ + λc = z, which holds for θ = Bc as BᵀB = Σ, takes it away.
            m, q, p = thetas.shape
            image = self.basis.transposed_times(thetas.reshape(m * q, p)).reshape(m, q, -1)
            rest = self.rotated - image.swapaxes(1, 2) - np.asarray(alphas)[:, None, None] * c
            thetas += self._times_basis(inverse * rest)
        return thetas

    def lift(self, coordinates: Array) -> Array:
        """Q·c: coordinates of shape (m, r, q) to θ of shape (m, q, p)."""
        m, r, q = coordinates.shape
        padded = np.zeros((m, len(self.sigma), q))
        padded[:, :r] = coordinates / self.scale[:r, None]
        return self._times_basis(padded)

    def coordinates_of(self, block: Array) -> Array:
        """Qᵀx for each row x of ``block``, shape (m, r)."""
        r = self.rank
        return self.basis.transposed_times(block)[:, :r] / self.scale[:r]

    def seen_by(self, block: Array) -> RowsSeen:
        """What rows x of ``block``, less x̄, have to do with θ(λ): see `RowsSeen`."""
        nothing = np.zeros((len(block), self.rotated.shape[1]))
        return RowsSeen(self.basis.transposed_times(block), nothing, np.zeros(len(block)))

    def inverse(self, alphas: Array) -> Array:
        """1/(σ+λ), shape (n_alphas, k), and 0 in directions that do not count."""
        shifted = self.sigma + np.asarray(alphas)[:, None]
        return np.divide(1.0, shifted, out=np.zeros_like(shifted), where=shifted > self.noise)

    def _times_basis(self, c: Array) -> Array:
        m, k, q = c.shape
        flat = np.moveaxis(c, 1, 0).reshape(k, m * q)
        return np.ascontiguousarray(self.basis.times(flat).T).reshape(m, q, -1)


@dataclass(frozen=True, eq=False)
class RowsSeen:
    """Rows x, less x̄, in the coordinates that a λ only shifts.

    xᵀθ(λ) = fitted + Σₖ uₖzₖ/(σₖ+λ), and the row's leverage is its share of the weight times
    1 (of an intercept) + leverage + Σₖ uₖ²/(σₖ+λ).

    Attributes
    ----------
    u : ndarray of shape (m, k)
    fitted : ndarray of shape (m, q)
        By features without a penalty alone.
    leverage : ndarray of shape (m,)
        Of features without a penalty.
    """

    u: Array
    fitted: Array
    leverage: Array


class ArrayBasis:
    """Q as an array."""

    def __init__(self, vectors: Array) -> None:
        self.vectors = vectors

    def times(self, c: Array) -> Array:
        """B·c."""
        return product(self.vectors, c)

    def transposed_times(self, block: Array) -> Array:
        """(Bᵀ·blockᵀ)ᵀ for rows of p numbers."""
        return product(block, self.vectors)


class RowBasis:
    """AᵀU by reference to the rows: p > n needs no further array of the size of X."""

    def __init__(self, rows: Any, left: Array) -> None:
        self.rows, self.left = rows, left

    def times(self, c: Array) -> Array:
        """B·c."""
        return self.rows.transposed_dot(product(self.left, c))

    def transposed_times(self, block: Array) -> Array:
        """(Bᵀ·blockᵀ)ᵀ for rows of p numbers."""
        return product(self.rows.dot(block.T).T, self.left)


def from_hessian(hessian: Array, cross: Array) -> Spectrum:
    """Eigenvectors of H (p × p). Noise: p·EPS·σ₁."""
    p = len(hessian)
    used = np.flatnonzero(np.diag(hessian) > 0)  # a constant feature is out, exactly
    part = hessian if len(used) == p else hessian[np.ix_(used, used)]
    sigma, vectors = _descending(eigen(part))
    rotated = product(vectors.T, cross[used])
    noise = p * EPS * sigma.max(initial=0.0)
    return Spectrum(sigma, rotated, _over(vectors, used, p), np.ones(len(used)), noise, "eigh")


def from_outer_gram(rows: Any) -> Spectrum:
    """Eigenvectors of AAᵀ (n × n). Noise: n·EPS·σ₁, and the rank is at most ``rows.max_rank``."""
    gram = rows.outer_gram()
    sigma, left = _descending(eigen(gram))
    sigma, left = sigma[: rows.max_rank], left[:, : rows.max_rank]
    noise = len(gram) * EPS * sigma.max(initial=0.0)
    return _from_left(rows, sigma, np.sqrt(sigma), left, noise, "eigh-dual")


def from_tall_rows(rows: Any, resolution: float) -> Spectrum:
    """SVD of A with n ≥ p, from its triangular factor; the condition number is not squared.

    A is reduced by QR, block by block (n·p² flops more than AᵀA, no copy of X), and the p × p
    factor R by one-sided Jacobi, which finds small singular values to full relative accuracy under
    any scaling of the features (Drmač & Veselić, 2008).

    Rank rule: direction v with singular value s is noise when a relative change of ``resolution``
    in the entries of X, or rounding in the sums, could make it singular:

        s ≤ max(n, p)·EPS·‖D v‖ + resolution·‖M v‖

    with D the features' standard deviations and M their root mean squares. The rule does not change
    when features are rescaled.
    """
    r, target = triangle(rows)
    deviation = np.linalg.norm(r, axis=0)
    rms = np.hypot(deviation, rows.x_mean)
    rounding = max(rows.shape) * EPS
    return from_triangle(r, target, deviation, rounding, rms, resolution, rows.max_rank)


def triangle(rows: Any) -> tuple[Array, Array]:
    """R (p × p) of A = QR, and the part of Qᵀb beside it."""
    p = rows.shape[1]
    r = triangle_of((np.hstack(both) for both in rows.row_blocks()), p + rows.b.shape[1])
    return r[:p, :p], r[:p, p:]


def from_triangle(
    r: Array,
    target: Array,
    deviation: Array,
    rounding: float,
    rms: Array,
    resolution: float,
    max_rank: int,
) -> Spectrum:
    """SVD of R, no wider than tall, by the rank rule of `from_tall_rows` with the given D and M."""
    used = np.flatnonzero(np.any(r != 0, axis=0))
    s, left, vectors = _jacobi_svd(r[:, used])
    noise = rounding * np.linalg.norm(deviation[used, None] * vectors, axis=0)
    noise += resolution * np.linalg.norm(rms[used, None] * vectors, axis=0)
    kept = np.flatnonzero(s > noise)[:max_rank]
    s, left = s[kept], left[:, kept]
    rotated = s[:, None] * product(left.T, target)
    basis = _over(vectors[:, kept], used, r.shape[1])
    return Spectrum(s * s, rotated, basis, np.ones(len(s)), 0.0, "svd")


def from_wide_rows(rows: Any) -> Spectrum:
    """SVD of A with p > n, from the triangular factor of Aᵀ. Rank rule: s > p·EPS·s₁."""
    n, p = rows.shape
    r = triangle_of((block.T for _, block in rows.column_blocks(at_least=4 * n)), n)
    s, _, left = _jacobi_svd(r)
    kept = np.flatnonzero(s > max(n, p) * EPS * s.max(initial=0.0))[: rows.max_rank]
    s, left = s[kept], left[:, kept]
    return _from_left(rows, s * s, s, left, 0.0, "svd-dual")


def _from_left(
    rows: Any, sigma: Array, s: Array, left: Array, noise: float, solver: str
) -> Spectrum:
    """The spectrum of H = AᵀA from A = left·diag(s)·Qᵀ."""
    return Spectrum(sigma, product(left.T, rows.b), RowBasis(rows, left), s, noise, solver)


def triangle_of(blocks: Iterable[Array], width: int) -> Array:
    """R (width × width) of A = QR, A in blocks of rows."""
    r = np.zeros((0, width))
    for block in blocks:
        stacked = np.vstack([r, block])
        del block  # while LAPACK has its own
        r = qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][:width]
    return np.vstack([r, np.zeros((width - len(r), width))])


def _descending(eigen: tuple[Array, Array]) -> tuple[Array, Array]:
    sigma, vectors = eigen
    return np.maximum(sigma[::-1], 0.0), np.asfortranarray(vectors[:, ::-1])


def _jacobi_svd(a: Array) -> tuple[Array, Array, Array]:
    """Singular values (descending), left and right vectors of a matrix at least as tall as wide."""
    if not a.shape[1]:
        return np.zeros(0), a, np.zeros((0, 0))
    s, left, right, work, _, info = dgejsv(a, joba=0, jobu=0, jobv=0)
    if info != 0:
        raise np.linalg.LinAlgError(f"the Jacobi SVD did not converge (LAPACK dgejsv, {info=})")
    return s * (work[0] / work[1]), left, right


def _over(vectors: Array, used: Indices, p: int) -> ArrayBasis:
    """The basis of eigenvectors over the used features as vectors over all p, zero elsewhere."""
    if len(used) == p:
        return ArrayBasis(np.asfortranarray(vectors))
    out = np.zeros((p, vectors.shape[1]), order="F")
    out[used] = vectors
    return ArrayBasis(out)
