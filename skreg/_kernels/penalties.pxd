# cython: boundscheck=False, wraparound=False, cdivision=True
"""Scalar formulas of the penalties: the one home that every kernel calls."""

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

    NaN stays NaN. Three divisions and about 20 flops a component; three times that where some steps
    are above the limit.
    """
    cdef Py_ssize_t i
    piecewise_convex(n, x, steps, p, out)
    for i in range(n):
        if steps[i] >= p.limit:
            piecewise_least(n, x, steps, p, out)
            return


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


cdef inline dispatched piecewise_least(
    Py_ssize_t n, const real* x, const real* steps, const Pieces* p, real* out
) noexcept nogil:
    """Where a step is above the limit: the best of all stationary points and starts of pieces."""
    cdef real end_0 = <real>p.end[0], end_1 = <real>p.end[1], end_2 = <real>p.end[2]
    cdef real constant_0 = <real>p.constant[0], constant_1 = <real>p.constant[1]
    cdef real constant_2 = <real>p.constant[2]
    cdef real linear_0 = <real>p.linear[0], linear_1 = <real>p.linear[1]
    cdef real linear_2 = <real>p.linear[2]
    cdef real square_0 = <real>p.square[0], square_1 = <real>p.square[1]
    cdef real square_2 = <real>p.square[2], limit = <real>p.limit
    cdef real zero = 0, size, step, u, v, best, least, value
    cdef Py_ssize_t i
    for i in range(n):
        size, step = x[i] if x[i] > zero else -x[i], steps[i]
        best = zero
        least = at(zero, size, step, constant_0, linear_0, square_0)
        u = inside(zero, end_0, size, step, linear_0, square_0)
        value = at(u, size, step, constant_0, linear_0, square_0)
        best = u if value < least else best
        least = value if value < least else least
        value = at(end_0, size, step, constant_1, linear_1, square_1)
        best = end_0 if value < least else best
        least = value if value < least else least
        u = inside(end_0, end_1, size, step, linear_1, square_1)
        value = at(u, size, step, constant_1, linear_1, square_1)
        best = u if value < least else best
        least = value if value < least else least
        value = at(end_1, size, step, constant_2, linear_2, square_2)
        best = end_1 if value < least else best
        least = value if value < least else least
        u = inside(end_1, end_2, size, step, linear_2, square_2)
        value = at(u, size, step, constant_2, linear_2, square_2)
        best = u if value < least else best
        v = best if x[i] > zero else zero - best
        v = v if size == size else x[i]
        out[i] = v if step >= limit else out[i]


cdef inline real at(
    real u, real size, real step, real constant, real linear, real square
) noexcept nogil:
    """½(u − size)² + step·P(u), not finite for an infinite u."""
    cdef real half = 0.5
    return half * (u - size) * (u - size) + step * (constant + u * (linear + half * square * u))


cdef inline real inside(
    real start, real end, real size, real step, real linear, real square
) noexcept nogil:
    """The stationary point of a piece, no further than its ends; its start if it bends down."""
    cdef real zero = 0, one = 1, bend = one + step * square
    cdef real u = (size - step * linear) / (bend if bend > zero else one)
    u = start if u < start else u
    u = end if u > end else u
    return u if bend > zero else start
