"""Effective degrees of freedom of a penalized fit: one formula for every loss and penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from skreg.penalties.base import Penalty, Tangent
from skreg.quadratic.factor import Factor, weighed_squares
from skreg.quadratic.hessian import Hessian, QuadraticHessian
from skreg.quadratic.problem import Problem
from skreg.rows.products import EPS, Array, Indices, Mask, product

#: Rows of the largest matrix that is decomposed for degrees of freedom.
LARGEST = 4000
# Numbers in a block of columns of Z that is held at once, and in a Z that is decomposed.
_BLOCK, _ROOT = 2**21, 2**25


def degrees_of_freedom(hessian: Hessian | QuadraticHessian, tangent: Tangent) -> float:
    """tr H_AA(H_AA + λ∂²J)⁻¹ on the active set A, the intercepts profiled out and not counted.

    This is the trace of the derivatives of the fitted values by the targets, each in the metric of
    the loss's curvature: Σσ/(σ + λ) for the ridge, the rank of H_AA for the lasso (Zou, Hastie &
    Tibshirani, 2007; Tibshirani & Taylor, 2012), and what lies between for the elastic net and for
    groups (Vaiter et al., 2012). Directions in which neither the risk nor the penalty bends, as
    the one that all classes of a multinomial model share, do not count. They are those whose
    eigenvalue is at most m·2⁻⁵² of the largest, in units in which the diagonal is 1.

    ``tangent`` is ``penalty.curvature(theta, alpha)`` at the solution, as the Hessian is. It takes
    m³ flops for m active coefficients or, where Z has n < m rows, n²·m.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties.base import Tangent
    >>> from skreg.quadratic.hessian import QuadraticHessian
    >>> from skreg.solvers.degrees_of_freedom import degrees_of_freedom
    >>> H = QuadraticHessian(lambda which: np.diag(np.array([3.0, 1.0, 2.0])[which]), 3)
    >>> active = np.array([True, True, False])
    >>> degrees_of_freedom(H, Tangent(active, np.ones(2)))
    1.25
    """
    which = np.flatnonzero(tangent.active)
    if not len(which) or not len(tangent.diagonal):
        return 0.0
    factors = tangent.factors
    if factors is None:
        factors = np.zeros((len(tangent.diagonal), 0))
    basis, diagonal = tangent.basis, tangent.diagonal
    flat = np.zeros(len(diagonal), dtype=bool) if basis is not None else diagonal == 0
    flat &= ~factors.any(axis=1)
    if flat.any():
        kept = ~flat
        kept[flat] = ~hessian.is_sum_of_others(which[flat])
        which, diagonal, factors, flat = which[kept], diagonal[kept], factors[kept], flat[kept]
    if len(diagonal) > hessian.n_rows or _is_lost(hessian, which, flat):

        def columns(some: Indices) -> Array:
            """Of Z, in the coordinates of the tangent."""
            if basis is None:
                return hessian.root(which[some])
            used = np.flatnonzero(basis[:, some].any(axis=1))
            return product(hessian.root(which[used]), np.asfortranarray(basis[used][:, some]))

        return _by_rows(columns, hessian.n_rows, diagonal, factors)
    block = hessian.block(which)
    if basis is not None:
        block = product(basis.T, product(block, basis))
    return _by_coefficients(block, diagonal, factors)


def _is_lost(hessian: Hessian | QuadraticHessian, which: Indices, flat: Mask) -> bool:
    """Whether H alone matters, and rounding hides its rank."""
    if not (hessian.cancels and flat.all() and hessian.n_rows * len(which) <= _ROOT):
        return False
    return not Factor(hessian.block(which), np.zeros(len(which))).is_definite


def _by_coefficients(block: Array, diagonal: Array, factors: Array) -> float:
    """m − tr D(H + D)⁻¹ with D = diag(diagonal) − factors·factorsᵀ."""
    if factors.size:
        block = block - product(factors, factors.T)
    half = Factor(block, diagonal, scaled=True).half_inverse()
    out = len(half) - weighed_squares(half, diagonal)
    if factors.size:
        out += np.sum(product(half, factors) ** 2)
    return float(out)


def _by_rows(
    columns: Callable[[Indices], Array],
    n: int,
    diagonal: Array,
    factors: Array,
) -> float:
    """The same from the rows' side, for more coefficients than rows.

    With G = [Z; factorsᵀ], J = diag(I, −I) and A = G·diag(1/d)·Gᵀ the matrix Z(H + D)⁻¹Zᵀ is the
    rows' block of J − J(J + A)⁻¹J. Coefficients without a penalty are taken out of Z first.
    """
    free, bent = np.flatnonzero(diagonal == 0), np.flatnonzero(diagonal)
    rank, q = 0, np.zeros((n, 0))
    if free.size:
        z = columns(free)
        norms = np.sqrt(np.einsum("ij,ij->j", z, z))
        left, size, _ = np.linalg.svd(z / np.where(norms > 0, norms, 1.0), full_matrices=False)
        rank = int(np.count_nonzero(size > np.sqrt(free.size * EPS) * size.max(initial=0.0)))
        q = left[:, :rank]
    if not bent.size:
        return float(rank)
    factors, diagonal = factors[bent], diagonal[bent]
    size = n + factors.shape[1]
    inner = np.zeros((size, size))
    for start in range(0, len(bent), max(_BLOCK // size, 1)):
        some = slice(start, start + max(_BLOCK // size, 1))
        z = columns(bent[some])
        g = np.vstack([z - product(q, product(q.T, z)), factors[some].T])
        inner += product(g / diagonal[some], g.T)
    signs = np.repeat([1.0, -1.0], [n, size - n])
    inner[np.diag_indices_from(inner)] += signs
    inverse = np.linalg.pinv(inner, rcond=size * EPS, hermitian=True)
    return float(rank + n - np.trace(inverse[:n, :n]))


def along_path(
    problem: Problem,
    penalty: Penalty,
    alphas: Array,
    thetas: Array,
    intercepts: Array,
    counts: Array,
    *,
    on_counted: Callable[[int], None] | None = None,
) -> None:
    """Degrees of freedom of each solution on a path, summed over targets.

    ``thetas`` has shape (n_alphas, K, p), ``intercepts`` (n_alphas, K). ``counts`` (n_alphas,) are
    set where they are NaN. Where the matrix to be decomposed would have more than `LARGEST` rows
    they stay so, but for ridges of a risk, for which random probes tell. ``on_counted`` is called
    with the number of each that was looked at.
    """
    hessian = None
    for i in np.flatnonzero(np.isnan(counts)):
        tangent = penalty.curvature(thetas[i], alphas[i])
        if hessian is None or not problem.is_quadratic:
            hessian = problem.hessian_at(thetas[i], intercepts[i])
        if min(len(tangent.diagonal), hessian.n_rows) <= LARGEST:
            counts[i] = degrees_of_freedom(hessian, tangent)
        elif penalty.is_smooth and not problem.is_quadratic and tangent.active.all():
            counts[i] = cast(Hessian, hessian).factor(tangent.diagonal).dof()
        if on_counted is not None:
            on_counted(int(i))
