# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What is asked of ½θᵀHθ − hᵀθ + Σⱼ l1ⱼ|θⱼ| at a point: h − Hθ, a part of H, the duality gap.

Double precision only: H and h are sums over rows, kept in float64 whatever the rows are.
"""

import numpy as np

from libc.math cimport fabs

from skreg._kernels.dispatch cimport dispatched


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


cdef double _gap(
    Py_ssize_t p, const double* cross, const double* theta, const double* slope,
    const double* l1, const double* l2, double power, bint positive,
) noexcept nogil:
    """P(θ) − D(s·r) for r = b − Aθ, q = Aᵀr = ``slope``, the better of two s.

    P = ½‖r‖² + Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² and D(ν) = bᵀν − ½‖ν‖² − Σ φⱼ(Aⱼᵀν), φⱼ the conjugate of feature
    j's penalty: 0 where |u| ≤ l1ⱼ, above that (|u| − l1ⱼ)²/(2·l2ⱼ), infinite for l2ⱼ = 0. With θ ≥ 0
    only u > l1ⱼ counts. Features without any penalty are taken to be at their best, u = 0. Hence

        gap = ½(1−s)²‖r‖² + Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² − s·θⱼqⱼ + φⱼ(s·qⱼ).

    The first s is the largest ≤ 1 with all φⱼ finite, the second with all φⱼ = 0, which is better
    where l2ⱼ is so small that rounding in qⱼ weighs.
    """
    cdef Py_ssize_t j
    cdef double residual = power, finite = 1, nought = 1, size, first
    for j in range(p):
        residual -= theta[j] * (cross[j] + slope[j])
        size = slope[j] if positive else fabs(slope[j])
        if l1[j] > 0 and size > l1[j]:
            nought = min(nought, l1[j] / size)
            if l2[j] == 0:
                finite = min(finite, l1[j] / size)
    residual = max(residual, 0.0)
    first = _gap_at(p, theta, slope, l1, l2, residual, positive, finite)
    if nought == finite:
        return first
    return min(first, _gap_at(p, theta, slope, l1, l2, residual, positive, nought))


cdef double _gap_at(
    Py_ssize_t p, const double* theta, const double* slope, const double* l1, const double* l2,
    double residual, bint positive, double scale,
) noexcept nogil:
    """The gap of `_gap` for s = ``scale``; ``residual`` is ‖r‖²."""
    cdef Py_ssize_t j
    cdef double total = 0, size, excess
    for j in range(p):
        size = slope[j] if positive else fabs(slope[j])
        total += l1[j] * fabs(theta[j]) + (0.5 * l2[j] * theta[j] - scale * slope[j]) * theta[j]
        excess = scale * size - l1[j]
        if l2[j] > 0 and excess > 0:
            total += 0.5 * excess * excess / l2[j]
    return total + 0.5 * (1 - scale) * (1 - scale) * residual


def duality_gap(
    const double[::1] cross, const double[::1] theta, const double[::1] slope,
    const double[::1] l1, const double[::1] l2, double power, bint positive=False,
):
    """Duality gap at θ of ½‖b − Aθ‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² (θ ≥ 0 if ``positive``).

    ``slope`` is Aᵀ(b − Aθ), which must vanish at features that have no penalty; ``power`` is bᵀb.
    """
    if theta.shape[0] == 0:
        return 0.0
    return max(
        _gap(theta.shape[0], &cross[0], &theta[0], &slope[0], &l1[0], &l2[0], power, positive), 0.0
    )


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
