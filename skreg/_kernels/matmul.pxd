# cython: boundscheck=False, wraparound=False, cdivision=True
"""The three products of a dense layer, row-major.

They do not call BLAS: its packing of both operands pays for matrices of thousands of rows, while a
layer of a mini-batch has about a hundred. And a result does not depend on BLAS's threads.

The first layer's products of images and tables of indicators are mostly of zeros, and may leave them out.
"""

from skreg._kernels.gemm cimport gemm_double, gemm_float

ctypedef fused real:
    float
    double

cdef extern from "zeros.h" nogil:
    enum:
        NO_ZEROS "SKREG_NO_ZEROS"
        TOGETHER "SKREG_TOGETHER"
        SCATTERED "SKREG_SCATTERED"
        SCATTERED_RIGHT "SKREG_SCATTERED_RIGHT"


cdef inline void gemm(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, Py_ssize_t row_stride,
    Py_ssize_t k_stride, const real* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride, real* c,
    Py_ssize_t ldc, bint add=False, int zeros=0,
) noexcept nogil:
    """C (m×n, rows ldc apart) ← A (m×k) · B (k×n), whose elements lie at any strides; C + A·B with ``add``.

    ``zeros`` that lie together, or here and there, are looked for and left out. To the bit the result
    is the same with the first; with the second it is another order of the sums.
    """
    if real is float:
        gemm_float(m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c, ldc, add,
                   zeros)
    else:
        gemm_double(m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c, ldc, add,
                    zeros)


cdef inline void matmul_nn(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, const real* b, real* c,
    int zeros=0,
) noexcept nogil:
    """C (m×n) ← A (m×k) · B (k×n): the forward pass."""
    gemm(m, n, k, a, k, 1, b, n, 1, c, n, False, zeros)


cdef inline void matmul_tn(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, Py_ssize_t lda, const real* b, real* c,
    int zeros=0,
) noexcept nogil:
    """C (m×n) ← Aᵀ · B with A m columns of a k×lda array, B (k×n): a weight gradient."""
    if n == 1:    # as (1×k)·(k×m): reads the rows of A in one sweep
        gemm(1, m, k, b, 1, 1, a, lda, 1, c, m)
    else:
        gemm(m, n, k, a, 1, lda, b, n, 1, c, n, False, zeros)


cdef inline void matmul_nt(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real* a, const real* b, real* c,
    int zeros=0,
) noexcept nogil:
    """C (m×n) ← A (m×k) · Bᵀ with B (n×k): the gradient sent back through a layer."""
    gemm(m, n, k, a, k, 1, b, 1, k, c, n, False, zeros)


cdef inline void column_sums(
    Py_ssize_t m, Py_ssize_t n, const real* a, Py_ssize_t lda, real* out
) noexcept nogil:
    """out (n) ← sums over the rows of A, n columns of an m×lda array: a bias gradient."""
    cdef real one = 1
    gemm(1, n, m, &one, 0, 0, a, lda, 1, out, n)
