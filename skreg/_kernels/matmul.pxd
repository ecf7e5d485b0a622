# cython: boundscheck=False, wraparound=False, cdivision=True
"""The three products of a dense layer, row-major: BLAS for large ones, loops for small ones.

A BLAS call on matrices of a few hundred entries costs more in set-up than in arithmetic, so below
`SMALL` multiply-adds plain loops are used; they vectorise over the last, contiguous axis. Which of
the two runs depends on the shapes alone, so a result is the same to the bit on every call.
"""

from skreg._kernels.blas cimport gemm
from skreg._kernels.dispatch cimport dispatched

ctypedef fused real:
    float
    double

cdef enum:
    SMALL = 8192


cdef inline dispatched _small_nn(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, const real* b, real* c
) noexcept nogil:
    cdef Py_ssize_t i, j, l
    cdef real scale
    cdef const real* row
    cdef real* out
    for i in range(m):
        out = c + i * n
        for j in range(n):
            out[j] = 0
        for l in range(k):
            scale = a[i * k + l]
            row = b + l * n
            for j in range(n):
                out[j] += scale * row[j]


cdef inline dispatched _small_tn(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, Py_ssize_t lda, const real* b, real* c
) noexcept nogil:
    cdef Py_ssize_t i, j, l
    cdef real scale
    cdef const real* row
    cdef real* out
    for i in range(m):
        out = c + i * n
        for j in range(n):
            out[j] = 0
        for l in range(k):
            scale = a[l * lda + i]
            row = b + l * n
            for j in range(n):
                out[j] += scale * row[j]


cdef inline dispatched _small_nt(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, const real* b, real* c
) noexcept nogil:
    cdef Py_ssize_t i, j, l
    cdef real total
    for i in range(m):
        for j in range(n):
            total = 0
            for l in range(k):
                total += a[i * k + l] * b[j * k + l]
            c[i * n + j] = total


cdef inline void matmul_nn(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, const real* b, real* c
) noexcept nogil:
    """C (m×n) ← A (m×k) · B (k×n): the forward pass."""
    if m * n * k <= SMALL:
        _small_nn(m, n, k, a, b, c)
    else:
        gemm(False, False, m, n, k, 1, a, k, b, n, 0, c, n)


cdef inline void matmul_tn(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, Py_ssize_t lda, const real* b, real* c
) noexcept nogil:
    """C (m×n) ← Aᵀ · B with A m columns of a k×lda array, B (k×n): a weight gradient."""
    if m * n * k <= SMALL:
        _small_tn(m, n, k, a, lda, b, c)
    else:
        gemm(True, False, m, n, k, 1, a, lda, b, n, 0, c, n)


cdef inline void matmul_nt(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, const real* b, real* c
) noexcept nogil:
    """C (m×n) ← A (m×k) · Bᵀ with B (n×k): the gradient sent back through a layer."""
    if m * n * k <= SMALL:
        _small_nt(m, n, k, a, b, c)
    else:
        gemm(False, True, m, n, k, 1, a, k, b, k, 0, c, n)


cdef inline dispatched column_sums(
    Py_ssize_t m, Py_ssize_t n, const real* a, real* out
) noexcept nogil:
    """out (n) ← sums over the rows of A (m×n): a bias gradient."""
    cdef Py_ssize_t i, j
    for j in range(n):
        out[j] = a[j]
    for i in range(1, m):
        for j in range(n):
            out[j] += a[i * n + j]
