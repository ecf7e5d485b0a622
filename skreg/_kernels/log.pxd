# cython: boundscheck=False, wraparound=False, cdivision=True
"""``log_`` and ``log1p_``: vectorizable logarithms (see log.h)."""

cdef extern from "log.h" nogil:
    double log_ "skreg_log"(double x) noexcept
    double log1p_ "skreg_log1p"(double s) noexcept
