# cython: boundscheck=False, wraparound=False, cdivision=True
"""Activations of hidden units, each with its slope written in terms of its output.

Every activation here is invertible where its slope is not 0, so the backward pass needs the outputs
only and the inputs are not stored.
"""

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.exp cimport exp_

ctypedef fused real:
    float
    double

cdef enum Activation:
    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3


cdef inline real logistic(real x) noexcept nogil:
    cdef real one = 1    # a literal would be a double and take float arithmetic with it
    return one / (one + exp_(-x))


cdef inline real tanh(real x) noexcept nogil:
    cdef real one = 1
    return one - (one + one) / (one + exp_(x + x))


cdef inline real relu(real x) noexcept nogil:
    # NaN must come through: divergence is detected from it.
    cdef real zero = 0
    return zero if x < zero else x


cdef inline dispatched add_bias_and_activate(
    Activation activation, Py_ssize_t n_rows, Py_ssize_t n_units, const real* bias, real* z
) noexcept nogil:
    """z ← act(z + bias), row by row, z C-contiguous of shape (n_rows, n_units)."""
    cdef Py_ssize_t i, j
    cdef real* row
    for i in range(n_rows):
        row = z + i * n_units
        if activation == RELU:
            for j in range(n_units):
                row[j] = relu(row[j] + bias[j])
        elif activation == TANH:
            for j in range(n_units):
                row[j] = tanh(row[j] + bias[j])
        elif activation == LOGISTIC:
            for j in range(n_units):
                row[j] = logistic(row[j] + bias[j])
        else:
            for j in range(n_units):
                row[j] += bias[j]


cdef inline dispatched multiply_by_slope(
    Activation activation, Py_ssize_t n, const real* a, real* delta
) noexcept nogil:
    """delta ← delta · act′, with act′ from the activation's output a."""
    cdef Py_ssize_t i
    cdef real one = 1, zero = 0
    if activation == RELU:
        for i in range(n):
            delta[i] = delta[i] if a[i] > zero else zero
    elif activation == TANH:
        for i in range(n):
            delta[i] *= one - a[i] * a[i]
    elif activation == LOGISTIC:
        for i in range(n):
            delta[i] *= a[i] * (one - a[i])
