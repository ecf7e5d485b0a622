# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What is asked of ½θᵀHθ − hᵀθ + Σⱼ l1ⱼ|θⱼ| at a point: h − Hθ, a part of H, the duality gap.

Double precision only: H and h are sums over rows, kept in float64 whatever the rows are.
"""

import numpy as np

from libc.math cimport INFINITY, fabs

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
    const double* l1, const double* l2, const double* lower, const double* upper, double power,
) noexcept nogil:
    """P(θ) − D(s·r) for r = b − Aθ, q = Aᵀr = ``slope``, the better of two s.

    P = ½‖r‖² + Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² and D(ν) = bᵀν − ½‖ν‖² − Σ φⱼ(Aⱼᵀν), φⱼ the conjugate of feature
    j's penalty: 0 where |u| ≤ l1ⱼ, above that the largest t·(|u| − l1ⱼ) − ½l2ⱼt² for t up to the
    bound on the side of u. Without a bound that is (|u| − l1ⱼ)²/(2·l2ⱼ), infinite for l2ⱼ = 0.
    Features without any penalty are taken to be at their best, u = 0 or at a bound. Hence

        gap = ½(1−s)²‖r‖² + Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² − s·θⱼqⱼ + φⱼ(s·qⱼ).

    The first s is the largest ≤ 1 with all φⱼ finite, the second with φⱼ = 0 for all that are not at
    a bound, which is better where l2ⱼ is so small, or a bound so far, that rounding in qⱼ weighs.
    10 flops a feature for each s.
    """
    cdef Py_ssize_t j
    cdef double residual = power, finite = 1, nought = 1, size, bound, first
    for j in range(p):
        residual -= theta[j] * (cross[j] + slope[j])
        size = fabs(slope[j])
        if l1[j] > 0 and size > l1[j]:
            bound = upper[j] if slope[j] > 0 else -lower[j]
            if fabs(theta[j]) < bound:
                nought = min(nought, l1[j] / size)
            if l2[j] == 0 and bound == INFINITY:
                finite = min(finite, l1[j] / size)
    residual = max(residual, 0.0)
    first = _gap_at(p, theta, slope, l1, l2, lower, upper, residual, finite)
    if nought == finite:
        return first
    return min(first, _gap_at(p, theta, slope, l1, l2, lower, upper, residual, nought))


cdef double _gap_at(
    Py_ssize_t p, const double* theta, const double* slope, const double* l1, const double* l2,
    const double* lower, const double* upper, double residual, double scale,
) noexcept nogil:
    """The gap of `_gap` for s = ``scale``; ``residual`` is ‖r‖²."""
    cdef Py_ssize_t j
    cdef double total = 0, excess, bound
    for j in range(p):
        total += l1[j] * fabs(theta[j]) + (0.5 * l2[j] * theta[j] - scale * slope[j]) * theta[j]
        excess = scale * fabs(slope[j]) - l1[j]
        if excess > 0:
            bound = upper[j] if slope[j] > 0 else -lower[j]
            if bound * l2[j] > excess:
                total += 0.5 * excess * excess / l2[j]
            elif bound < INFINITY:
                total += bound * (excess - 0.5 * l2[j] * bound)
    return total + 0.5 * (1 - scale) * (1 - scale) * residual


def duality_gap(
    const double[::1] cross, const double[::1] theta, const double[::1] slope,
    const double[::1] l1, const double[::1] l2, const double[::1] lower, const double[::1] upper,
    double power,
):
    """Duality gap at θ of ½‖b − Aθ‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² for θ from ``lower`` to ``upper``.

    ``slope`` is Aᵀ(b − Aθ), which must vanish at features that have no penalty and are not at a
    bound; ``power`` is bᵀb.
    """
    if theta.shape[0] == 0:
        return 0.0
    cdef double gap = _gap(
        theta.shape[0], &cross[0], &theta[0], &slope[0], &l1[0], &l2[0], &lower[0], &upper[0], power
    )
    return max(gap, 0.0)


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
