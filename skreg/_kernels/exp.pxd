# cython: boundscheck=False, wraparound=False, cdivision=True
"""``exp_``: a vectorisable exponential (see exp.h), for float and double."""

ctypedef fused real:
    float
    double

cdef extern from "exp.h" nogil:
    float skreg_expf(float x) noexcept
    double skreg_exp(double x) noexcept


cdef inline real exp_(real x) noexcept nogil:
    if real is float:
        return skreg_expf(x)
    else:
        return skreg_exp(x)
