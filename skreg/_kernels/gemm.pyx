# cython: language_level=3
"""The products of gemm.h, compiled once for every kernel; the others find them here through `matmul.pxd`."""

from skreg._kernels.vector_unit import highest_level

cdef extern from "gemm.h" nogil:
    void skreg_gemm_float(
        Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const float* a, Py_ssize_t row_stride,
        Py_ssize_t k_stride, const float* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride,
        float* c, Py_ssize_t ldc, int add, int zeros) noexcept
    void skreg_gemm_double(
        Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const double* a, Py_ssize_t row_stride,
        Py_ssize_t k_stride, const double* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride,
        double* c, Py_ssize_t ldc, int add, int zeros) noexcept
    Py_ssize_t skreg_at_once_double() noexcept
    void skreg_limit_level(int level) noexcept


cdef void gemm_float(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const float* a, Py_ssize_t row_stride,
    Py_ssize_t k_stride, const float* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride,
    float* c, Py_ssize_t ldc, int add, int zeros) noexcept nogil:
    skreg_gemm_float(m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c, ldc, add,
                     zeros)


cdef void gemm_double(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const double* a, Py_ssize_t row_stride,
    Py_ssize_t k_stride, const double* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride,
    double* c, Py_ssize_t ldc, int add, int zeros) noexcept nogil:
    skreg_gemm_double(m, n, k, a, row_stride, k_stride, b, b_k_stride, b_column_stride, c, ldc, add,
                      zeros)


cdef Py_ssize_t at_once_double() noexcept nogil:
    return skreg_at_once_double()


cdef void limit_level(int level) noexcept nogil:
    skreg_limit_level(level)


limit_level(highest_level())
