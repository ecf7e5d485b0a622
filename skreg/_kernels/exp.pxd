# cython: boundscheck=False, wraparound=False, cdivision=True
"""``exp_``, for float and double, and ``expm1_``: vectorizable exponentials (see exp.h)."""

ctypedef fused real:
    float
    double

cdef extern from "exp.h" nogil:
    float skreg_expf(float x) noexcept
    double skreg_exp(double x) noexcept
    double expm1_ "skreg_expm1"(double x) noexcept


cdef inline real exp_(real x) noexcept nogil:
    if real is float:
        return skreg_expf(x)
    else:
        return skreg_exp(x)
