"""H = QΣQᵀ, decomposed once; a λ only shifts Σ."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dgejsv

EPS = np.finfo(np.float64).eps
# Eigenvalues of XᵀX carry an absolute error of about EPS·σ₁, so where the smallest one that matters
# is below σ₁/limit, coefficients lose all but about ten digits: decompose X itself instead.
GRAM_CONDITION_LIMIT = 1e6


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of H above the noise, and θ̂ in the basis of their eigenvectors.

    Attributes
    ----------
    eigenvalues : ndarray of shape (r,)
        σ, positive, in descending order. r is the numerical rank of H: a direction whose σ cannot
        be told from rounding counts as σ = 0, and the minimum-norm θ̂ has no part in it.
    coordinates : ndarray of shape (r, q)
        Qᵀθ̂, for each target.
    basis : ndarray of shape (p, r) or RowBasis
        Q.
    solver : str
        How it was found: see `QuadraticModel.spectrum`.
    floor : float
        The smallest eigenvalue as computed, noise included, at least 0.
    """

    eigenvalues: np.ndarray
    coordinates: np.ndarray
    basis: Any
    solver: str
    floor: float

    def serves(self, alpha):
        """Whether (H + λI)⁻¹ loses no accuracy here at λ = ``alpha``."""
        if self.solver.startswith("svd") or not self.eigenvalues.size:
            return True
        return self.eigenvalues[0] <= GRAM_CONDITION_LIMIT * (self.floor + alpha)

    def factors(self, alphas):
        """σ/(σ+λ), shape (n_alphas, r): what each λ leaves of each coordinate of θ̂."""
        return self.eigenvalues / (self.eigenvalues + np.asarray(alphas)[:, None])

    def lift(self, coordinates):
        """Q·c: coordinates of shape (k, r, q) to θ of shape (k, q, p)."""
        k, r, q = coordinates.shape
        flat = np.moveaxis(coordinates, 1, 0).reshape(r, k * q)
        return np.ascontiguousarray((self.basis @ flat).T).reshape(k, q, -1)

    @property
    def vectors(self):
        """Q as an array of shape (p, r)."""
        return np.asarray(self.basis)


class RowBasis:
    """Q = Aᵀ·U·diag(1/s), by reference to the rows: p > n needs no p × r array."""

    def __init__(self, rows, left):
        self._rows, self._left = rows, left

    def __matmul__(self, c):
        return self._rows.transposed_dot(self._left @ c)

    def __array__(self, dtype=None, copy=None):
        return self @ np.eye(self._left.shape[1])


def from_hessian(hessian, cross):
    """Eigenvectors of H (p × p). Rank rule: σ > p·EPS·σ₁."""
    used = np.flatnonzero(np.diag(hessian) > 0)  # a constant feature is out, exactly
    sigma, vectors = eigh(hessian[np.ix_(used, used)], driver="evd", check_finite=False)
    sigma, vectors = sigma[::-1], vectors[:, ::-1]
    kept = sigma > len(used) * EPS * sigma.max(initial=0.0)
    coordinates = (vectors[:, kept].T @ cross[used]) / sigma[kept, None]
    return Spectrum(
        sigma[kept],
        coordinates,
        _rows_of(vectors[:, kept], used, len(hessian)),
        "eigh",
        max(sigma.min(initial=np.inf), 0.0) if used.size else 0.0,
    )


def from_outer_gram(rows):
    """Eigenvectors of AAᵀ (n × n). Rank rule: σ > n·EPS·σ₁, and at most ``rows.max_rank``."""
    sigma, left = eigh(rows.outer_gram(), lower=False, driver="evd", check_finite=False)
    sigma, left = sigma[::-1][: rows.max_rank], left[:, ::-1][:, : rows.max_rank]
    kept = sigma > len(left) * EPS * sigma.max(initial=0.0)
    floor = max(sigma.min(initial=np.inf), 0.0) if sigma.size else 0.0
    return _from_left(rows, np.sqrt(sigma[kept]), left[:, kept], "eigh-dual", floor)


def from_tall_rows(rows, resolution):
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
    n, p = rows.shape
    r = np.zeros((0, p + rows.b.shape[1]))
    for block, b in rows.row_blocks():
        r = np.linalg.qr(np.vstack([r, np.hstack([block, b])]), mode="r")
    r = np.vstack([r, np.zeros((max(0, p - len(r)), r.shape[1]))])
    triangle, rotated = r[:p, :p], r[:p, p:]
    deviation = np.linalg.norm(triangle, axis=0)
    used = np.flatnonzero(deviation > 0)
    s, left, vectors = _jacobi_svd(triangle[:, used])
    noise = max(n, p) * EPS * np.linalg.norm(deviation[used, None] * vectors, axis=0)
    rms = np.hypot(deviation, rows.x_mean)[used, None]
    noise += resolution * np.linalg.norm(rms * vectors, axis=0)
    kept = np.flatnonzero(s > noise)[: rows.max_rank]
    s, left = s[kept], left[:, kept]
    return Spectrum(
        s * s, (left.T @ rotated) / s[:, None], _rows_of(vectors[:, kept], used, p), "svd", 0.0
    )


def from_wide_rows(rows):
    """SVD of A with p > n, from the triangular factor of Aᵀ. Rank rule: s > p·EPS·s₁."""
    n, p = rows.shape
    r = np.zeros((0, n))
    for _, block in rows.column_blocks(at_least=4 * n):
        r = np.linalg.qr(np.vstack([r, block.T]), mode="r")
    s, _, left = _jacobi_svd(r)
    kept = np.flatnonzero(s > p * EPS * s.max(initial=0.0))[: rows.max_rank]
    return _from_left(rows, s[kept], left[:, kept], "svd-dual", 0.0)


def _from_left(rows, s, left, solver, floor):
    """The spectrum of H = AᵀA from A = left·diag(s)·Qᵀ."""
    coordinates = (left.T @ rows.b) / s[:, None]
    return Spectrum(s * s, coordinates, RowBasis(rows, left / s), solver, floor)


def _jacobi_svd(a):
    """Singular values (descending), left and right vectors of a matrix at least as tall as wide."""
    if not a.shape[1]:
        return np.zeros(0), a, np.zeros((0, 0))
    s, left, right, work, _, info = dgejsv(a, joba=0, jobu=0, jobv=0)
    if info != 0:
        raise np.linalg.LinAlgError(f"the Jacobi SVD did not converge (LAPACK dgejsv, {info=})")
    return s * (work[0] / work[1]), left, right


def _rows_of(vectors, used, p):
    """Eigenvectors over the used features as vectors over all p, zero elsewhere."""
    if len(used) == p:
        return np.ascontiguousarray(vectors)
    out = np.zeros((p, vectors.shape[1]))
    out[used] = vectors
    return out
