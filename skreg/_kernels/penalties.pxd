# cython: boundscheck=False, wraparound=False, cdivision=True
"""Scalar formulas of the penalties: the one home that every kernel calls."""

from libc.math cimport fabs

from skreg._kernels.dispatch cimport dispatched

ctypedef fused real:
    float
    double


# P(t) = constant + linear·t + ½·square·t² for t = |x| up to end: three intervals from 0 to infinity.
cdef struct Pieces:
    double end[3]
    double constant[3]
    double linear[3]
    double square[3]
    double limit    # steps below it leave ½(u − x)² + step·P(|u|) convex


cdef inline real soft_threshold(real x, real threshold) noexcept nogil:
    """sign(x)·max(|x| − threshold, 0): the proximal operator of threshold·|x|; zeros are exact.

    NaN stays NaN, so that a divergence is not hidden. Both choices become blends in a vector loop.
    """
    cdef real zero = 0    # a literal would be a double and take float arithmetic with it
    cdef real magnitude = x if x > zero else -x
    return zero if magnitude <= threshold else x - (threshold if x > zero else -threshold)


cdef inline void piecewise_prox(
    Py_ssize_t n, const real* x, const real* steps, const Pieces* p, real* out
) noexcept nogil:
    """out ← argmin_u ½(u − x)² + step·P(|u|), the global minimum where that is not convex.

    NaN stays NaN. About 20 flops and three divisions a component.
    """
    cdef Py_ssize_t i
    cdef real zero = 0, size
    piecewise_convex(n, x, steps, p, out)
    for i in range(n):
        if steps[i] >= p.limit and x[i] == x[i]:
            size = <real>least_of_pieces(fabs(x[i]), steps[i], p)
            out[i] = size if x[i] > zero else zero - size


cdef inline dispatched piecewise_convex(
    Py_ssize_t n, const real* x, const real* steps, const Pieces* p, real* out
) noexcept nogil:
    """The stationary point of the first piece that it lies in: the minimum for steps below the limit."""
    cdef real end_0 = <real>p.end[0], end_1 = <real>p.end[1]
    cdef real linear_0 = <real>p.linear[0], linear_1 = <real>p.linear[1]
    cdef real linear_2 = <real>p.linear[2]
    cdef real square_0 = <real>p.square[0], square_1 = <real>p.square[1]
    cdef real square_2 = <real>p.square[2]
    cdef real zero = 0, one = 1, size, u, v
    cdef Py_ssize_t i
    for i in range(n):
        size = x[i] if x[i] > zero else -x[i]
        u = (size - steps[i] * linear_2) / (one + steps[i] * square_2)
        v = (size - steps[i] * linear_1) / (one + steps[i] * square_1)
        u = v if v <= end_1 else u
        v = (size - steps[i] * linear_0) / (one + steps[i] * square_0)
        u = v if v <= end_0 else u
        u = zero if u <= zero else u
        out[i] = u if x[i] > zero else zero - u


cdef inline double least_of_pieces(double size, double step, const Pieces* p) noexcept nogil:
    """The best u ≥ 0 of all stationary points and ends of pieces."""
    cdef double best = 0, least = 0.5 * size * size, start = 0, bend, u, value
    cdef int k, which
    for k in range(3):
        for which in range(2):
            u = start
            bend = 1 + step * p.square[k]
            if which == 1:
                if bend <= 0:
                    continue
                u = min(max((size - step * p.linear[k]) / bend, start), p.end[k])
            value = 0.5 * (u - size) * (u - size)
            value += step * (p.constant[k] + u * (p.linear[k] + 0.5 * p.square[k] * u))
            if value < least:
                best, least = u, value
        start = p.end[k]
        if start > size:    # P grows with t
            break
    return best
