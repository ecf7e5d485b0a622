"""H + diag(ridge), ready to be solved with: factored, or by conjugate gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri

from skreg.quadratic import conjugate_gradient
from skreg.rows.products import EPS, Array, eigen

if TYPE_CHECKING:
    from skreg.quadratic.hessian import Hessian

# A squared Cholesky pivot below this share of the diagonal: the matrix counts as singular.
_SINGULAR = 1e-13
# An eigenvalue below 0 by this share of the largest one is not rounding.
_NEGATIVE = 1e-9
# Relative residual at which a step counts as solved, and the same for the degrees of freedom.
_STEP, _PROBE = 1e-2, 1e-2
# Random signs drawn for the trace: its relative error falls with their root.
_DRAWS = 50_000


class Factor:
    """M + diag(ridge) by Cholesky, or by the pseudo-inverse where that is singular.

    Parameters
    ----------
    matrix : ndarray of shape (m, m)
        M, symmetric.
    ridge : ndarray of shape (m,)
        Not negative.
    gauge : ndarray of shape (p,), default=None
        See `DenseHessian`.
    scaled : bool, default=None
        Whether the rank is told in units in which the diagonal is 1. None says so unless
        ridge = 0, where the solution of least norm is wanted.

    Attributes
    ----------
    is_definite, is_semidefinite : bool
        To rounding.
    """

    def __init__(
        self, matrix: Array, ridge: Array, gauge: Array | None = None, scaled: bool | None = None
    ):
        self.ridge, self._gauge = ridge, gauge
        whole = self._sum(matrix)
        diagonal = whole.diagonal().copy()
        self._lower, info = dpotrf(whole, lower=1, overwrite_a=1, clean=1)
        # Where dpotrf stops, what it leaves means nothing.
        pivots = self._lower.diagonal()
        self.is_definite = info == 0 and bool((pivots > np.sqrt(_SINGULAR * diagonal)).all())
        self.is_semidefinite = True
        if not self.is_definite:
            whole = self._sum(matrix)
            scale = np.ones(len(whole))
            if ridge.any() if scaled is None else scaled:
                scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
            values, vectors = eigen(scale[:, None] * whole * scale)
            self.is_semidefinite = bool(values[0] >= -_NEGATIVE * values[-1])
            kept = values > len(values) * EPS * values.max(initial=0.0)
            self._vectors, self._values = scale[:, None] * vectors[:, kept], values[kept]

    def _sum(self, matrix: Array) -> Array:
        whole, gauge = np.array(matrix, order="F"), self._gauge
        if gauge is not None:
            add_gauge(whole, gauge)
        whole.reshape(-1, order="F")[:: len(whole) + 1] += self.ridge
        return whole

    def inverse_times(self, g: Array) -> Array:
        """(M + diag(ridge))⁻¹g for one g or several columns.

        Of least norm where that is singular and ridge = 0.
        """
        if not g.size:
            return np.zeros_like(g)
        if self.is_definite:
            return dpotrs(self._lower, g, lower=1)[0]
        return self._vectors @ ((self._vectors.T @ g).T / self._values).T

    def half_inverse(self) -> Array:
        """L with LᵀL = (M + diag(ridge))⁻¹, shape (rank, m)."""
        if not self._lower.size:  # LAPACK prints a complaint
            return self._lower
        if self.is_definite:
            return dtrtri(self._lower, lower=1)[0]
        return np.ascontiguousarray((self._vectors / np.sqrt(self._values)).T)

    def dof(self) -> float:
        """tr(M(M + diag(ridge))⁻¹), without the gauge."""
        half, gauge = self.half_inverse(), self._gauge
        out = len(half) - weighed_squares(half, self.ridge)
        if gauge is not None:
            out -= np.sum(gauge / (gauge + self.ridge[: len(gauge)]))
        return float(out)


def weighed_squares(half: Array, weights: Array) -> float:
    """Σⱼ wⱼΣᵢ half[i, j]².

    The squares of a coefficient of weight 0 overflow where it has hardly any curvature.
    """
    if not weights.all():
        half, weights = half[:, weights != 0], weights[weights != 0]
    return float(weights @ np.einsum("ij,ij->j", half, half))


def add_gauge(hessians: Array, gauge: Array) -> None:
    """Give curvature, in place, to what is common to all classes.

    Every gradient is orthogonal to it. ``hessians`` has shape (…, K·p, K·p), ``gauge`` (…, p).
    """
    p = gauge.shape[-1]
    K = hessians.shape[-1] // max(p, 1)
    for j in range(p):
        hessians[..., j::p, j::p] += gauge[..., j, None, None] / K


class DenseFactor(Factor):
    """Newton steps by a Hessian that is held, the intercepts eliminated: see `DenseHessian`."""

    def __init__(
        self, matrix: Array, ridge: Array, gauge: Array | None, mixed: Array, inverse_bb: Array
    ):
        super().__init__(matrix, ridge, gauge)
        self._mixed, self._inverse_bb = mixed, inverse_bb

    def solve(self, gradient: Array, total: Array, tol: float | None = None) -> tuple[Array, Array]:
        """The Newton step (d_θ, d_b) for these gradients; ``tol`` is for methods that iterate."""
        inverse_bb, mixed = self._inverse_bb, self._mixed
        if not len(inverse_bb):
            return -self.inverse_times(gradient), np.zeros(len(total))
        with_b = inverse_bb @ total
        step = -self.inverse_times(gradient - with_b @ mixed)
        return step, -with_b - inverse_bb @ (mixed @ step)


class IterativeFactor:
    """Newton steps by conjugate gradients, preconditioned by the diagonal."""

    def __init__(self, hessian: Hessian, ridge: Array):
        self._hessian, self._ridge = hessian, ridge
        diagonal = hessian.diagonal + ridge
        self._inverse_diagonal = 1.0 / np.where(diagonal > 0, diagonal, 1.0)

    def solve(self, gradient: Array, total: Array, tol: float = _STEP) -> tuple[Array, Array]:
        """A step (d_θ, d_b) that leaves ``tol`` of the quadratic's gradient."""
        hessian, problem = self._hessian, self._hessian.risk
        d_b = np.zeros_like(total)
        if problem.fit_intercept:
            # Minimizing over b first: g_θ − H_θb·H_bb⁺·g_b.
            d_b = -hessian.inverse_bb @ total
            weighted = hessian.rows_times(np.broadcast_to(d_b, (len(problem.y), len(d_b))))
            gradient = gradient + problem.design.transposed_dot(weighted).T.ravel()
        d = -self._inverse_times(gradient[:, None], tol)
        return d[:, 0], d_b + hessian.eliminate(hessian.raw(d))[:, 0]

    def dof(self) -> float:
        """tr(H(H + diag(ridge))⁻¹) from random signs (Hutchinson, 1990), the same in every run."""
        size = len(self._ridge)
        n_probes = min(max(_DRAWS // size, 2), 16)
        probes = np.random.default_rng(0).choice([-1.0, 1.0], size=(size, n_probes))
        solved = self._inverse_times(self._hessian.times(probes), _PROBE)
        return float(np.mean(np.sum(probes * solved, axis=0)))

    def _inverse_times(self, right: Array, tol: float) -> Array:
        def times(v: Array) -> Array:
            return self._hessian.times(v) + self._ridge[:, None] * v

        return conjugate_gradient.solve(times, right, self._inverse_diagonal, tol)
