"""Scalar formulas of the penalties: the one home that every kernel calls."""

from libc.math cimport fabs

ctypedef fused real:
    float
    double


cdef inline real soft_threshold(real x, real threshold) noexcept nogil:
    """sign(x)·max(|x| − threshold, 0): the proximal operator of threshold·|x|; zeros are exact."""
    if x > threshold:
        return x - threshold
    if x < -threshold:
        return x + threshold
    return 0


cdef inline real elastic_net_prox(real x, real l1, real l2) noexcept nogil:
    """Proximal operator of l1·|x| + ½·l2·x²."""
    return soft_threshold(x, l1) / (1 + l2)
