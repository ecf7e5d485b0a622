"""The growing Cholesky factor of an active set: A = UᵀU, U by rows, its columns come and go.

U is k × k within rows of ``stride`` numbers. Kernels work with blocks of four rows, so that a number
of U is read once for four of its products.
"""

from libc.math cimport sqrt
from libc.string cimport memmove

from skreg._kernels.dispatch cimport dispatched

cdef extern from "thin.h" nogil:
    void subtract_products "skreg_subtract_products"(
        Py_ssize_t n, const double* a, const double* x, Py_ssize_t x_stride, double* y,
        Py_ssize_t y_stride)


cdef inline dispatched subtract_multiple(Py_ssize_t n, double a, const double* x, double* y) noexcept nogil:
    """y ← y − a·x."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] -= a * x[i]


cdef inline dispatched subtract_four(
    Py_ssize_t n, const double* a, const double* x0, const double* x1, const double* x2,
    const double* x3, double* y,
) noexcept nogil:
    """y ← y − a₀x₀ − a₁x₁ − a₂x₂ − a₃x₃."""
    cdef Py_ssize_t i
    cdef double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3]
    for i in range(n):
        y[i] -= (a0 * x0[i] + a1 * x1[i]) + (a2 * x2[i] + a3 * x3[i])


cdef inline dispatched dot(Py_ssize_t n, const double* x, const double* y, double* out) noexcept nogil:
    """out ← xᵀy, in sixteen sums, so that it runs in vector registers."""
    cdef double[16] sums
    cdef Py_ssize_t i, l, whole = n - n % 16
    cdef double total = 0
    for l in range(16):
        sums[l] = 0
    for i in range(0, whole, 16):
        for l in range(16):
            sums[l] += x[i + l] * y[i + l]
    for i in range(whole, n):
        total += x[i] * y[i]
    for l in range(16):
        total += sums[l]
    out[0] = total


cdef inline dispatched rotate(Py_ssize_t n, double c, double s, double* x, double* y) noexcept nogil:
    """(x, y) ← (cx + sy, cy − sx)."""
    cdef Py_ssize_t i
    cdef double old
    for i in range(n):
        old = x[i]
        x[i] = c * old + s * y[i]
        y[i] = c * y[i] - s * old


cdef inline void subtract_product(
    Py_ssize_t p, const double* a, Py_ssize_t stride, const double* x, double* y
) noexcept nogil:
    """y ← y − Ax for a symmetric A (p, p), in 2p flops for each x that is not 0."""
    cdef Py_ssize_t i, j, count = 0
    cdef Py_ssize_t[4] which
    cdef double[4] some
    for j in range(p):
        if x[j] != 0:
            which[count], some[count] = j, x[j]
            count += 1
            if count == 4:
                subtract_four(
                    p, some, a + which[0] * stride, a + which[1] * stride, a + which[2] * stride,
                    a + which[3] * stride, y,
                )
                count = 0
    for i in range(count):
        subtract_multiple(p, some[i], a + which[i] * stride, y)


cdef inline void solve_forward(
    const double* u, Py_ssize_t stride, Py_ssize_t k, double* x
) noexcept nogil:
    """x ← U⁻ᵀx."""
    cdef Py_ssize_t i, c, whole = k - k % 4
    cdef const double* u0
    cdef const double* u1
    cdef const double* u2
    cdef const double* u3
    for i in range(0, whole, 4):
        u0, u1 = u + i * stride, u + (i + 1) * stride
        u2, u3 = u + (i + 2) * stride, u + (i + 3) * stride
        x[i] /= u0[i]
        x[i + 1] = (x[i + 1] - x[i] * u0[i + 1]) / u1[i + 1]
        x[i + 2] = (x[i + 2] - x[i] * u0[i + 2] - x[i + 1] * u1[i + 2]) / u2[i + 2]
        x[i + 3] = (
            x[i + 3] - x[i] * u0[i + 3] - x[i + 1] * u1[i + 3] - x[i + 2] * u2[i + 3]
        ) / u3[i + 3]
        c = i + 4
        subtract_four(k - c, x + i, u0 + c, u1 + c, u2 + c, u3 + c, x + c)
    for i in range(whole, k):
        u0 = u + i * stride
        x[i] /= u0[i]
        for c in range(i + 1, k):
            x[c] -= x[i] * u0[c]


cdef inline void solve_backward(
    const double* u, Py_ssize_t stride, Py_ssize_t k, double* x
) noexcept nogil:
    """x ← U⁻¹x."""
    cdef Py_ssize_t i
    cdef double total
    for i in range(k - 1, -1, -1):
        dot(k - 1 - i, u + i * stride + i + 1, x + i + 1, &total)
        x[i] = (x[i] - total) / u[i * stride + i]


cdef inline bint eliminate_rows(
    double* u, Py_ssize_t stride, Py_ssize_t k, Py_ssize_t start, Py_ssize_t stop,
    const double* least,
) noexcept nogil:
    """Rows ``start`` to ``stop`` of U, at most four, from those of A and the rows above.

    False if pivot i is at most ``least[i]``: that column depends on those before.
    """
    cdef Py_ssize_t i, j, t
    cdef double[16] a
    cdef double pivot
    for t in range(0, start, 4):
        if stop - start == 4:
            for i in range(4):
                for j in range(4):
                    a[4 * i + j] = u[(t + i) * stride + start + j]
            subtract_products(
                k - start, a, u + t * stride + start, stride, u + start * stride + start, stride
            )
        else:
            for j in range(start, stop):
                for i in range(4):
                    a[i] = u[(t + i) * stride + j]
                subtract_four(
                    k - j, a, u + t * stride + j, u + (t + 1) * stride + j,
                    u + (t + 2) * stride + j, u + (t + 3) * stride + j, u + j * stride + j,
                )
    for i in range(start, stop):
        pivot = u[i * stride + i]
        if pivot <= least[i]:
            return False
        pivot = sqrt(pivot)
        for j in range(i, k):
            u[i * stride + j] /= pivot
        for j in range(i + 1, stop):
            subtract_multiple(
                k - j, u[i * stride + j], u + i * stride + j, u + j * stride + j
            )
    return True


cdef inline void drop_column(
    double* u, Py_ssize_t stride, Py_ssize_t k, Py_ssize_t r
) noexcept nogil:
    """U of A without row and column r."""
    cdef Py_ssize_t c
    cdef double length, a, b
    cdef double* row
    cdef double* lost = u + r * stride
    for c in range(r):
        row = u + c * stride
        memmove(row + r, row + r + 1, (k - 1 - r) * sizeof(double))
    # The rows below take in what row r held: a rotation each; then they move up and left.
    for c in range(r + 1, k):
        row = u + c * stride
        a, b = row[c], lost[c]
        length = sqrt(a * a + b * b)
        rotate(k - c, a / length, b / length, row + c, lost + c)
    for c in range(r + 1, k):
        memmove(u + (c - 1) * stride + c - 1, u + c * stride + c, (k - c) * sizeof(double))
