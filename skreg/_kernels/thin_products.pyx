# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Products of rows with one or two vectors: one pass over X, by one thread.

Such a product is as fast as memory, so BLAS has nothing to add, and its threads can take a hundred
times as long as the product itself when the cores are busy. float32 rows are read as they are and
summed in double precision.
"""

import numpy as np

from skreg._kernels.dispatch cimport dispatched

cdef extern from "thin.h" nogil:
    void dots_double "skreg_dots_double"(
        Py_ssize_t n, const double* x, const double* a, const double* b, double* out)
    void dots_float "skreg_dots_float"(
        Py_ssize_t n, const float* x, const double* a, const double* b, double* out)

ctypedef fused real:
    float
    double

# Columns whose sums stay in the first-level cache.
cdef Py_ssize_t PANEL = 1024


cdef dispatched _add_rows(
    Py_ssize_t p, Py_ssize_t stride, const real* x, const double* a, const double* b,
    double* out, double* other,
) noexcept nogil:
    """out ← out + Σ aᵢxᵢ and other ← other + Σ bᵢxᵢ over four rows xᵢ."""
    cdef Py_ssize_t j
    cdef const real* x1 = x + stride
    cdef const real* x2 = x + 2 * stride
    cdef const real* x3 = x + 3 * stride
    cdef double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3]
    cdef double b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3]
    for j in range(p):
        out[j] += (a0 * x[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j])
        other[j] += (b0 * x[j] + b1 * x1[j]) + (b2 * x2[j] + b3 * x3[j])


def transposed_pair(X, const double[::1] a, const double[::1] b):
    """(Xᵀa, Xᵀb) for X of shape (n, p) in C or Fortran order, float64 or float32.

    Returns
    -------
    ndarray of shape (2, p), float64
    """
    if X.dtype == np.float64:
        return _pair[double](X, a, b)
    return _pair[float](X, a, b)


cdef _pair(const real[:, :] X, const double[::1] a, const double[::1] b):
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1], i, j, l, width, stride, whole = n - n % 4
    cdef double[2] both
    out = np.zeros((2, p))
    cdef double[:, ::1] sums = out
    if n == 0 or p == 0:
        return out
    if p == 1 or X.strides[1] == sizeof(real):
        stride = X.strides[0] // <Py_ssize_t>sizeof(real)
        with nogil:
            j = 0
            while j < p:
                width = min(PANEL, p - j)
                for i in range(0, whole, 4):
                    _add_rows(
                        width, stride, &X[i, j], &a[i], &b[i], &sums[0, j], &sums[1, j]
                    )
                for i in range(whole, n):
                    for l in range(j, j + width):
                        sums[0, l] += a[i] * X[i, l]
                        sums[1, l] += b[i] * X[i, l]
                j += width
    elif X.strides[0] == sizeof(real):
        with nogil:
            for j in range(p):
                if real is double:
                    dots_double(n, &X[0, j], &a[0], &b[0], both)
                else:
                    dots_float(n, &X[0, j], &a[0], &b[0], both)
                sums[0, j], sums[1, j] = both[0], both[1]
    else:
        raise ValueError("the rows of X or its columns must be contiguous")
    return out
