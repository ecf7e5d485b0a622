# cython: boundscheck=False, wraparound=False, cdivision=True
"""The proximal operator of a group's norm in a diagonal metric.

argmin_u ½ Σᵢ (uᵢ − zᵢ)²/dᵢ + λ‖u‖₂, dᵢ > 0 the step size of component i. u = 0 if Σ (zᵢ/dᵢ)² ≤ λ²;
else uᵢ = zᵢ·r/(r + λdᵢ) with r = ‖u‖, the root of h(r) = ‖z/(r + λd)‖ = 1. 1/h is concave and nearly
a line (it is one where all d are equal), so Newton's method on 1/h(r) = 1, from the left of the root,
climbs to it in a few steps.
"""

from libc.math cimport sqrt

from skreg._kernels.dispatch cimport dispatched

ctypedef fused real:
    float
    double

cdef enum:
    LANES = 16           # sums run in as many, so that they become vectors
    MOST_STEPS = 30


cdef inline dispatched _zero_test(
    Py_ssize_t n, const real* z, const real* d, double* pull, double* norm, double* longest
) noexcept nogil:
    """Σ (z/d)², ‖z‖² and max d."""
    cdef real a[LANES]
    cdef real b[LANES]
    cdef real top = 0, ratio
    cdef Py_ssize_t i, k
    for k in range(LANES):
        a[k] = 0
        b[k] = 0
    for i in range(n // LANES):
        for k in range(LANES):
            ratio = z[i * LANES + k] / d[i * LANES + k]
            a[k] += ratio * ratio
            b[k] += z[i * LANES + k] * z[i * LANES + k]
    for i in range(n - n % LANES, n):
        ratio = z[i] / d[i]
        a[i % LANES] += ratio * ratio
        b[i % LANES] += z[i] * z[i]
    for i in range(n):
        top = d[i] if d[i] > top else top
    pull[0] = norm[0] = 0
    longest[0] = top
    for k in range(LANES):
        pull[0] += a[k]
        norm[0] += b[k]


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
    cdef double pull, norm, longest, square, bend, r, better, h
    cdef double tolerance = 1e-6 if real is float else 1e-13
    cdef int step
    _zero_test(n, z, d, &pull, &norm, &longest)
    if pull <= weight * weight or norm == 0:
        return 0
    r = sqrt(norm) - weight * longest    # at most the root
    r = r if r > 0 or r != r else 0
    for step in range(MOST_STEPS):
        _secular(n, z, d, <real>weight, <real>r, &square, &bend)
        h = sqrt(square)
        better = r + (h - 1) * square / bend
        if not better > r * (1 + tolerance):    # rounding has the last word; NaN ends it too
            return better if better != better or better > r else r
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
