# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Block coordinate descent for min ½‖b − Aθ‖² + Σ l_g‖θ_g‖ on the residual: no H.

The columns of A lie one after another, group by group: group g is ``starts[g] : starts[g+1]``. A
block that moves costs 4nk flops and one read of its columns, which are in the cache the second time.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport sqrt
from scipy.linalg.cython_blas cimport dgemv

from skreg._kernels.group_block cimport solve_block, subtract_rows

# Numbers in a product with so few that BLAS gives it no second thread, and the longest of its rows.
cdef int SMALL = 8192, LONGEST = 4096


cdef void _dots(
    Py_ssize_t n, Py_ssize_t k, const double* rows, const double* r, double* out
) noexcept nogil:
    """out ← rows·r."""
    cdef int width = <int>min(n, LONGEST), some, length, stride = <int>n, one = 1
    cdef int most = max(SMALL // max(width, 1), 1)
    cdef Py_ssize_t i, j = 0
    cdef char transposed = b'T'
    cdef double unit = 1, before
    while j < k:
        some, i, before = <int>min(most, k - j), 0, 0
        while i < n:
            length = <int>min(width, n - i)
            dgemv(
                &transposed, &length, &some, &unit, <double*>rows + j * n + i, &stride,
                <double*>r + i, &one, &before, out + j, &one,
            )
            i, before = i + width, 1
        j += some


def slopes(const double[:, ::1] columns, Py_ssize_t k, const double[::1] residual):
    """Aᵀr for the first k columns."""
    out_array = np.empty(k)
    cdef double[::1] out = out_array
    if k:
        with nogil:
            _dots(residual.shape[0], k, &columns[0, 0], &residual[0], &out[0])
    return out_array


def residual(const double[:, ::1] columns, const double[::1] theta, const double[::1] b):
    """b − Aθ for the first columns."""
    out_array = np.array(b)
    cdef double[::1] out = out_array
    if theta.shape[0]:
        with nogil:
            subtract_rows(b.shape[0], theta.shape[0], &columns[0, 0], &theta[0], &out[0])
    return out_array


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
