"""The products of gemm.h, as `matmul.pxd` calls them."""

cdef void gemm_float(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const float* a, Py_ssize_t row_stride,
    Py_ssize_t k_stride, const float* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride,
    float* c, Py_ssize_t ldc, int add, int zeros) noexcept nogil
cdef void gemm_double(
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const double* a, Py_ssize_t row_stride,
    Py_ssize_t k_stride, const double* b, Py_ssize_t b_k_stride, Py_ssize_t b_column_stride,
    double* c, Py_ssize_t ldc, int add, int zeros) noexcept nogil
# Columns of C that gemm_double makes side by side: a divisor of 32.
cdef Py_ssize_t at_once_double() noexcept nogil
cdef void limit_level(int level) noexcept nogil
