# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Block coordinate descent for min ½‖b − Aθ‖² + Σ l_g‖θ_g‖ on the residual: no H.

The columns of A lie one after another, group by group: group g is ``starts[g] : starts[g+1]``. A
block that moves costs 4nk flops and one read of its columns, which are in the cache the second time.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport sqrt

from skreg._kernels.group_block cimport solve_block, subtract_rows

cdef extern from "thin.h" nogil:
    void dots_double "skreg_dots_double"(
        Py_ssize_t n, const double* x, const double* a, const double* b, double* out)

cdef void _dots(
    Py_ssize_t n, Py_ssize_t k, const double* rows, const double* r, double* out
) noexcept nogil:
    """out ← rows·r, two rows at a time."""
    cdef double[2] both
    cdef Py_ssize_t j = 0
    while j + 2 <= k:
        dots_double(n, r, rows + j * n, rows + (j + 1) * n, out + j)
        j += 2
    if j < k:
        dots_double(n, r, rows + j * n, rows + j * n, both)
        out[j] = both[0]


def images(
    const double[:, ::1] columns, const Py_ssize_t[::1] starts, const Py_ssize_t[::1] which,
    const double[::1] way,
):
    """A_g·way_g for each group of ``which``, a row each: 2nk flops."""
    cdef Py_ssize_t n = columns.shape[1], h, g, j
    out_array = np.zeros((which.shape[0], n))
    back_array = np.negative(way)
    cdef double[:, ::1] out = out_array
    cdef double[::1] back = back_array
    with nogil:
        for h in range(which.shape[0]):
            g = which[h]
            subtract_rows(
                n, starts[g + 1] - starts[g], &columns[starts[g], 0], &back[starts[g]], &out[h, 0]
            )
    return out_array


def sweep(
    const double[:, ::1] columns, const Py_ssize_t[::1] starts, const double[::1] strength,
    const double[::1] slack, const double[::1] vectors, const double[::1] values,
    const Py_ssize_t[::1] places, double[::1] theta, double[::1] residual,
    const Py_ssize_t[::1] which,
):
    """Put each group of ``which`` at its optimum, one after the other.

    Changes ``theta`` and ``residual`` = b − Aθ. A group at zero enters only if its slope is longer
    than ``strength`` + ``slack``. ``vectors`` and ``values`` are those of `block_eigen`, group g
    from ``places[g]`` on.
    """
    cdef Py_ssize_t n = residual.shape[0], g, h, i, k, start, widest = 1
    cdef double size, steep
    for i in range(which.shape[0]):
        widest = max(widest, starts[which[i] + 1] - starts[which[i]])
    cdef double[::1] slope = np.empty(widest), step = np.empty(widest), squares = np.empty(widest)
    PyErr_CheckSignals()
    with nogil:
        for h in range(which.shape[0]):
            g = which[h]
            start, k = starts[g], starts[g + 1] - starts[g]
            _dots(n, k, &columns[start, 0], &residual[0], &slope[0])
            size = steep = 0
            for i in range(k):
                size += theta[start + i] * theta[start + i]
                steep += slope[i] * slope[i]
            if size == 0 and sqrt(steep) <= strength[g] + slack[g]:
                continue
            if solve_block(
                1, k, k, &vectors[places[g]], &values[start], strength[g], &theta[start],
                &slope[0], &step[0], &squares[0],
            ) > 0:
                subtract_rows(n, k, &columns[start, 0], &step[0], &residual[0])
