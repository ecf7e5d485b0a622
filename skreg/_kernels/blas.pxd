"""Row-major matrix products on ``scipy.linalg.cython_blas``, for float and double.

BLAS is column-major: a row-major C = A·B is the column-major Cᵀ = Bᵀ·Aᵀ on the same memory, so the
operands are handed over in swapped order and nothing is copied.
"""

from scipy.linalg.cython_blas cimport dgemm, sgemm

ctypedef fused real:
    float
    double


cdef inline void gemm(
    bint transpose_a, bint transpose_b, int m, int n, int k,
    real alpha, const real* a, int lda, const real* b, int ldb,
    real beta, real* c, int ldc,
) noexcept nogil:
    """C ← alpha·op(A)·op(B) + beta·C with op(A) m×k, op(B) k×n, C m×n, all row-major."""
    cdef char ta = b'T' if transpose_a else b'N'
    cdef char tb = b'T' if transpose_b else b'N'
    if real is float:
        sgemm(&tb, &ta, &n, &m, &k, &alpha, <float*>b, &ldb, <float*>a, &lda, &beta, c, &ldc)
    else:
        dgemm(&tb, &ta, &n, &m, &k, &alpha, <double*>b, &ldb, <double*>a, &lda, &beta, c, &ldc)
