# cython: boundscheck=False, wraparound=False, cdivision=True
"""Scalar formulas of the penalties: the one home that every kernel calls."""

ctypedef fused real:
    float
    double


cdef inline real soft_threshold(real x, real threshold) noexcept nogil:
    """sign(x)·max(|x| − threshold, 0): the proximal operator of threshold·|x|; zeros are exact.

    NaN stays NaN, so that a divergence is not hidden. Both choices become blends in a vector loop.
    """
    cdef real zero = 0    # a literal would be a double and take float arithmetic with it
    cdef real magnitude = x if x > zero else -x
    return zero if magnitude <= threshold else x - (threshold if x > zero else -threshold)
