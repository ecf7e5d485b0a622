# cython: boundscheck=False, wraparound=False, cdivision=True
"""Members of an ensemble that share the weights of all layers but the last.

Member m is the network whose inputs are x ⊙ rₘ and whose first hidden layer has the biases b + cₘ, with an
output layer of its own: TabM_mini (Y. Gorishniy, A. Kotelnikov, A. Babenko, 2025), whose r is the adapter
of the first layer, with cₘ beside it. In θ the last layer has the outputs of all members side by side;
r and c come behind the layers.

Rows of a batch are copied, and copy t is seen by member t mod n_members: the copies of all rows go through a
shared layer as one product; those of a member lie n_members rows apart, which is a stride for the
products of its own layer.
"""

from libc.string cimport memset

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.matmul cimport NO_ZEROS, column_sums, gemm, matmul_nt
from skreg._kernels.plan cimport Architecture

ctypedef fused real:
    float
    double


cdef inline Py_ssize_t first_of(Py_ssize_t k, Py_ssize_t first, Py_ssize_t m) noexcept nogil:
    """The place of the first copy of member m, of k, where the first is that of number ``first``."""
    return (m + k - first % k) % k


cdef inline void spread(
    const Architecture* net, const real* theta, Py_ssize_t rows, Py_ssize_t copies, Py_ssize_t first,
    const real* x, real* out
) noexcept nogil:
    """Copies of rows, each multiplied by its member's r; that of number ``first`` comes first."""
    cdef Py_ssize_t width = net.units[0], i
    for i in range(rows * copies):
        times(width, x + i // copies * width,
              theta + net.scales + (first + i) % net.n_members * width, out + i * width)


cdef inline dispatched times(Py_ssize_t n, const real* x, const real* r, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] = x[j] * r[j]


cdef inline dispatched add_scaled(Py_ssize_t n, real factor, const real* x, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += factor * x[j]


cdef inline dispatched add_products(
    Py_ssize_t n, real factor, const real* x, const real* y, real* out
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] += factor * x[j] * y[j]


cdef inline dispatched scale(Py_ssize_t n, real factor, real* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        out[j] *= factor


cdef inline void shift(
    const Architecture* net, const real* theta, Py_ssize_t n, Py_ssize_t first, real* z
) noexcept nogil:
    """z, the first hidden layer of n copies, ← z + c of their members."""
    cdef Py_ssize_t width = net.units[1], i
    cdef real one = 1
    for i in range(n):
        add_scaled(width, one, theta + net.shifts + (first + i) % net.n_members * width,
                   z + i * width)


cdef inline void heads(
    const Architecture* net, const real* theta, Py_ssize_t n, Py_ssize_t first, const real* a, real* z,
    int zeros
) noexcept nogil:
    """z ← the raw predictions of n copies by their members."""
    cdef Py_ssize_t k = net.n_members, width = net.n_outputs, m, at, count
    cdef Py_ssize_t fan_in = net.units[net.n_layers - 1]
    cdef const real* W = theta + net.weights[net.n_layers - 1]
    cdef const real* bias = theta + net.biases[net.n_layers - 1]
    cdef real one = 1
    for m in range(k):
        at = first_of(k, first, m)
        count = (n - at + k - 1) // k
        if at < n:
            gemm(count, width, fan_in, a + at * fan_in, k * fan_in, 1, W + m * width, k * width, 1,
                 z + at * width, k * width, False, zeros)
        while at < n:
            add_scaled(width, one, bias + m * width, z + at * width)
            at += k


cdef inline void head_gradients(
    const Architecture* net, Py_ssize_t n, Py_ssize_t first, const real* a, const real* delta,
    real* gradient
) noexcept nogil:
    """The gradients of all members' last layers from n copies, where they stand in that of θ."""
    cdef Py_ssize_t k = net.n_members, width = net.n_outputs, m, at, count
    cdef Py_ssize_t fan_in = net.units[net.n_layers - 1]
    cdef real* W = gradient + net.weights[net.n_layers - 1]
    cdef real* bias = gradient + net.biases[net.n_layers - 1]
    if n < k:    # some members have no copy
        memset(W, 0, (fan_in + 1) * k * width * sizeof(real))
    for m in range(k):
        at = first_of(k, first, m)
        if at >= n:
            continue
        count = (n - at + k - 1) // k
        gemm(fan_in, width, count, a + at * fan_in, 1, k * fan_in, delta + at * width, k * width, 1,
             W + m * width, k * width, False, NO_ZEROS)
        column_sums(count, width, delta + at * width, k * width, bias + m * width)


cdef inline void heads_back(
    const Architecture* net, const real* theta, Py_ssize_t n, Py_ssize_t first, const real* delta,
    real* out
) noexcept nogil:
    """What n copies send back to the last hidden layer: of the mean over the members."""
    cdef Py_ssize_t k = net.n_members, width = net.n_outputs, m, at
    cdef Py_ssize_t fan_in = net.units[net.n_layers - 1]
    cdef const real* W = theta + net.weights[net.n_layers - 1]
    cdef real one = 1
    for m in range(k):
        at = first_of(k, first, m)
        if at < n:
            gemm((n - at + k - 1) // k, fan_in, width, delta + at * width, k * width, 1,
                 W + m * width, 1, k * width, out + at * fan_in, k * fan_in, False, NO_ZEROS)
    scale(n * fan_in, one / k, out)


cdef inline void member_gradients(
    const Architecture* net, const real* theta, Py_ssize_t n, Py_ssize_t copies, Py_ssize_t first,
    const real* x, const real* delta, real* back, real* gradient
) noexcept nogil:
    """The gradients of r and c from n copies of the rows x, where they stand in that of θ.

    ``delta`` is that of the mean over the members, and what is a member's own gets that of its own
    mean. ``back`` is room for what is sent back to the copies.
    """
    cdef Py_ssize_t k = net.n_members, d = net.units[0], width = net.units[1], i, m
    cdef real times_k = <real>k
    matmul_nt(n, d, width, delta, theta + net.weights[0], back, NO_ZEROS)
    memset(gradient + net.scales, 0, k * (d + width) * sizeof(real))
    for i in range(n):
        m = (first + i) % k
        add_products(d, times_k, x + i // copies * d, back + i * d, gradient + net.scales + m * d)
        add_scaled(width, times_k, delta + i * width, gradient + net.shifts + m * width)
