# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Coordinate descent for min ½θᵀHθ − hᵀθ + λ‖θ‖₁ on a small dense H, finished by direct solves.

Double precision only: H and h are sums over rows, kept in float64 whatever the rows are.
"""

import numpy as np

from libc.math cimport fabs
from scipy.linalg.cython_blas cimport dtrsv
from scipy.linalg.cython_lapack cimport dpotrf, dpotrs

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.penalties cimport soft_threshold

# A Cholesky pivot below this share of the diagonal means a feature that depends on the others.
cdef double DEPENDENT = 1e-12
# A direct solve costs many sweeps: it waits for this many that leave the support alone ...
cdef int STABLE = 3
# ... or for every so many sweeps.
cdef int RESTART = 32
# Components dropped by one call of `_finish` before coordinate descent has another look.
cdef int MAX_DROPS = 16

cdef enum Finish:
    EXACT
    TRUNCATED


cdef dispatched _subtract_multiple(Py_ssize_t n, double a, const double* x, double* y) noexcept nogil:
    """y ← y − a·x."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] -= a * x[i]


cdef dispatched _slope(
    Py_ssize_t p, const double* hessian, const double* cross, const double* theta, double* slope
) noexcept nogil:
    """slope ← h − Hθ, over the non-zero components of θ."""
    cdef Py_ssize_t i, j
    for i in range(p):
        slope[i] = cross[i]
    for j in range(p):
        if theta[j] != 0:
            for i in range(p):
                slope[i] -= theta[j] * hessian[j * p + i]


cdef bint _sweep(
    Py_ssize_t p, const double* hessian, const double* slack, double l1,
    double* theta, double* slope,
) noexcept nogil:
    """One pass over all coordinates; whether the support or a sign changed.

    A component at zero enters only where it gains more than rounding (``slack``), so that copies
    of a feature do not join one another. Cost: p comparisons, and 2p flops for a coordinate that
    moves.
    """
    cdef Py_ssize_t j
    cdef double old, new, curvature, target
    cdef bint changed = False
    for j in range(p):
        old = theta[j]
        curvature = hessian[j * p + j]
        if old == 0 and fabs(slope[j]) <= l1 + slack[j]:
            continue
        if curvature <= 0:
            continue
        target = slope[j] + curvature * old
        new = soft_threshold(target, l1) / curvature
        if new != old:
            theta[j] = new
            _subtract_multiple(p, new - old, hessian + j * p, slope)
            if old * new <= 0:
                changed = True
    return changed


cdef Finish _finish(
    Py_ssize_t p, const double* hessian, const double* cross, double l1,
    double* theta, double* factor, double* point, int* support,
) noexcept nogil:
    """Newton steps on the support with its signs: θ_S = H_SS⁻¹(h_S − λ·sign θ_S).

    A step that would change a sign stops at zero and drops that component; a dependent column is
    moved along its null direction, on which ‖θ‖₁ does not rise, until a component vanishes. Both
    keep the objective from rising. EXACT: the last step changed no sign. k³/3 flops a step.
    """
    cdef int k, i, j, drops, pivot, info, one = 1
    cdef double sign, length, best, tilt
    cdef char upper = b'U', transposed = b'T', plain = b'N'
    for drops in range(MAX_DROPS):
        k = 0
        for i in range(<int>p):
            if theta[i] != 0:
                support[k] = i
                k += 1
        if k == 0:
            return EXACT
        for j in range(k):
            for i in range(j + 1):
                factor[j * k + i] = hessian[support[j] * p + support[i]]
        dpotrf(&upper, &k, factor, &k, &info)
        pivot = info - 1 if info > 0 else k
        for j in range(pivot):
            if factor[j * k + j] * factor[j * k + j] <= (
                DEPENDENT * hessian[support[j] * p + support[j]]
            ):
                pivot = j
                break
        if pivot == k:
            for i in range(k):
                sign = 1 if theta[support[i]] > 0 else -1
                point[i] = cross[support[i]] - l1 * sign
            dpotrs(&upper, &k, &one, factor, &k, point, &k, &info)
            for i in range(k):
                point[i] -= theta[support[i]]
            length = 1
        else:
            # point ← null direction (−H₁₁⁻¹h₁₂, 1, 0): the columns before the pivot are independent.
            for i in range(k):
                point[i] = 0
            for i in range(pivot):
                point[i] = -hessian[support[pivot] * p + support[i]]
            if pivot > 0:
                dtrsv(&upper, &transposed, &plain, &pivot, factor, &k, point, &one)
                dtrsv(&upper, &plain, &plain, &pivot, factor, &k, point, &one)
            point[pivot] = 1
            tilt = 0
            for i in range(pivot + 1):
                tilt += point[i] if theta[support[i]] > 0 else -point[i]
            if tilt > 0:
                for i in range(pivot + 1):
                    point[i] = -point[i]
            length = -1
        best = length
        j = -1
        for i in range(k):
            # θ + t·d changes sign at t = −θ/d when d points towards zero.
            if theta[support[i]] * point[i] < 0:
                tilt = -theta[support[i]] / point[i]
                if best < 0 or tilt <= best:
                    best = tilt
                    j = i
        if best < 0:
            return TRUNCATED
        for i in range(k):
            sign = theta[support[i]]
            theta[support[i]] = sign + best * point[i]
            if i == j or theta[support[i]] * sign <= 0:
                theta[support[i]] = 0
        if j < 0:
            return EXACT
    return TRUNCATED


def descend(
    const double[:, ::1] hessian, const double[::1] cross, const double[::1] slack, double l1,
    double[::1] theta, double[::1] slope, double power, double tol, int max_passes,
):
    """Minimise ½θᵀHθ − hᵀθ + l1·‖θ‖₁ from ``theta``; changes ``theta`` and ``slope`` = h − Hθ.

    Sweeps run until the support settles; then a direct solve on the support is tried. The result is optimal to rounding once that solve changes no sign and no component at zero has
    |slope| > l1 + slack. Failing that, a duality gap of ``tol`` ends it; ``power`` is bᵀb.

    Returns
    -------
    passes : int
        Sweeps made, at most ``max_passes``.
    done : bool
    """
    cdef Py_ssize_t p = theta.shape[0], j
    cdef int passes = 0, stable = 0
    cdef bint done = False, changed
    cdef double gap
    factor_array, point_array = np.empty(max(p * p, 1)), np.empty(max(p, 1))
    support_array = np.empty(max(p, 1), dtype=np.intc)
    cdef double[::1] factor = factor_array, point = point_array
    cdef int[::1] support = support_array
    if p == 0:
        return 0, True
    with nogil:
        while passes < max_passes and not done:
            changed = _sweep(p, &hessian[0, 0], &slack[0], l1, &theta[0], &slope[0])
            passes += 1
            stable = 0 if changed else stable + 1
            if stable < STABLE and passes % RESTART != 0:
                continue
            stable = 0
            if _finish(
                p, &hessian[0, 0], &cross[0], l1, &theta[0], &factor[0], &point[0], &support[0]
            ) == EXACT:
                done = True
            _slope(p, &hessian[0, 0], &cross[0], &theta[0], &slope[0])
            for j in range(p):
                if theta[j] == 0 and fabs(slope[j]) > l1 + slack[j]:
                    done = False
                    break
            if not done:
                gap = _gap(p, &cross[0], &theta[0], &slope[0], l1, power)
                done = gap <= tol
    return passes, done


cdef double _gap(
    Py_ssize_t p, const double* cross, const double* theta, const double* slope,
    double l1, double power,
) noexcept nogil:
    """Duality gap: ½(1−s)²‖r‖² + l1·‖θ‖₁ − s·θᵀslope, s = min(1, l1/‖slope‖∞), r = b − Aθ."""
    cdef Py_ssize_t j
    cdef double largest = 0, norm = 0, residual = power, fitted = 0, scale = 1
    for j in range(p):
        if fabs(slope[j]) > largest:
            largest = fabs(slope[j])
        norm += fabs(theta[j])
        fitted += theta[j] * slope[j]
        residual -= theta[j] * (cross[j] + slope[j])
    if largest > l1:
        scale = l1 / largest
    return 0.5 * (1 - scale) * (1 - scale) * max(residual, 0) + l1 * norm - scale * fitted


def duality_gap(
    const double[::1] cross, const double[::1] theta, const double[::1] slope, double l1,
    double power,
):
    """Duality gap of the lasso at θ, from slope = h − Hθ and power = bᵀb."""
    if theta.shape[0] == 0:
        return 0.0
    return max(_gap(theta.shape[0], &cross[0], &theta[0], &slope[0], l1, power), 0.0)


def submatrix(const double[:, ::1] matrix, const Py_ssize_t[::1] which):
    """matrix[which][:, which] as a new array."""
    cdef Py_ssize_t k = which.shape[0], i, j
    out = np.empty((k, k))
    cdef double[:, ::1] part = out
    with nogil:
        for i in range(k):
            for j in range(k):
                part[i, j] = matrix[which[i], which[j]]
    return out


def slope_at(
    const double[:, ::1] hessian, const double[::1] cross, const double[::1] theta
):
    """h − Hθ; 2p flops for each non-zero component of θ."""
    out = np.empty(theta.shape[0])
    cdef double[::1] slope = out
    cdef Py_ssize_t p = theta.shape[0]
    if p:
        with nogil:
            _slope(p, &hessian[0, 0], &cross[0], &theta[0], &slope[0])
    return out
