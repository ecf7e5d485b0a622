# cython: boundscheck=False, wraparound=False, cdivision=True
"""The proximal operator of a group's norm in a diagonal metric.

argmin_u ½ Σᵢ (uᵢ − zᵢ)²/dᵢ + λ‖u‖₂, dᵢ > 0 the step size of component i. u = 0 if Σ (zᵢ/dᵢ)² ≤ λ²;
else uᵢ = zᵢ·r/(r + λdᵢ) with r = ‖u‖, the root of h(r) = ‖z/(r + λd)‖ = 1. 1/h is concave and nearly
a line (it is one where all d are equal), so a step of Newton's method on 1/h(r) = 1 from anywhere
lands at most at the root, and climbs to it from there. The first guess ‖z‖ − λ·Σdz²/‖z‖² is right to
second order in λ: as a rule one step is enough.
"""

from libc.math cimport sqrt

from skreg._kernels.dispatch cimport dispatched

ctypedef fused real:
    float
    double

cdef enum:
    LANES = 16           # sums run in as many, so that they become vectors
    MOST_STEPS = 30


cdef inline dispatched _first_guess(
    Py_ssize_t n, const real* z, const real* d, double* norm, double* mean
) noexcept nogil:
    """‖z‖² and Σdz²."""
    cdef real a[LANES]
    cdef real b[LANES]
    cdef Py_ssize_t i, k
    for k in range(LANES):
        a[k] = 0
        b[k] = 0
    for i in range(n // LANES):
        for k in range(LANES):
            a[k] += z[i * LANES + k] * z[i * LANES + k]
            b[k] += z[i * LANES + k] * z[i * LANES + k] * d[i * LANES + k]
    for i in range(n - n % LANES, n):
        a[i % LANES] += z[i] * z[i]
        b[i % LANES] += z[i] * z[i] * d[i]
    norm[0] = mean[0] = 0
    for k in range(LANES):
        norm[0] += a[k]
        mean[0] += b[k]


cdef inline dispatched _secular(
    Py_ssize_t n, const real* z, const real* d, real weight, real r, double* square, double* bend
) noexcept nogil:
    """h² = Σ (z/(r + λd))² and −½ ∂h²/∂r = Σ z²/(r + λd)³."""
    cdef real a[LANES]
    cdef real b[LANES]
    cdef real inverse, ratio, one = 1
    cdef Py_ssize_t i, k
    for k in range(LANES):
        a[k] = 0
        b[k] = 0
    for i in range(n // LANES):
        for k in range(LANES):
            inverse = one / (r + weight * d[i * LANES + k])
            ratio = z[i * LANES + k] * inverse
            a[k] += ratio * ratio
            b[k] += ratio * ratio * inverse
    for i in range(n - n % LANES, n):
        inverse = one / (r + weight * d[i])
        ratio = z[i] * inverse
        a[i % LANES] += ratio * ratio
        b[i % LANES] += ratio * ratio * inverse
    square[0] = bend[0] = 0
    for k in range(LANES):
        square[0] += a[k]
        bend[0] += b[k]


cdef inline double group_radius(
    Py_ssize_t n, const real* z, const real* d, double weight
) noexcept nogil:
    """r = ‖prox(z)‖, 0 if the group is to vanish. NaN in z gives NaN."""
    cdef double norm, mean, square, bend, r, better
    cdef double near = 1e-3 if real is float else 1e-7    # squared by the step that goes so far
    cdef int step
    _first_guess(n, z, d, &norm, &mean)
    if norm == 0:
        return 0
    r = sqrt(norm) - weight * mean / norm
    if not r > 0.1 * sqrt(norm):    # perhaps no root: h(0) tells
        _secular(n, z, d, <real>weight, <real>0, &square, &bend)
        if square <= 1:
            return 0
        r = 1e-3 * sqrt(norm)    # not 0, where 1/(λd)³ might overflow
    for step in range(MOST_STEPS):
        _secular(n, z, d, <real>weight, <real>r, &square, &bend)
        better = r + (sqrt(square) - 1) * square / bend
        if better != better:
            return better
        if better <= 0:    # too far to the left, or there is no root
            _secular(n, z, d, <real>weight, <real>0, &square, &bend)
            if square <= 1:
                return 0
            better = 0.1 * r
        elif better - r <= near * r and r - better <= near * r:
            return better
        r = better
    return r


cdef inline dispatched shrink(
    Py_ssize_t n, real* z, const real* d, real weight, real r
) noexcept nogil:
    """z ← z·r/(r + λd), 0 for r = 0."""
    cdef Py_ssize_t i
    cdef real zero = 0
    if r == 0:
        for i in range(n):
            z[i] = zero
        return
    for i in range(n):
        z[i] *= r / (r + weight * d[i])
