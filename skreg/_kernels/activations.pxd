# cython: boundscheck=False, wraparound=False, cdivision=True
"""Activations of hidden units and their slopes.

Those up to RELU are invertible where their slope is not 0: the backward pass has the slope from the
output. SILU and GELU fall before they rise, so their slopes are recorded in the forward pass, where
both cost one exponential; so are all slopes under dropout, which hides outputs.
"""

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.exp cimport exp_

ctypedef fused real:
    float
    double

cdef extern from "normal.h" nogil:
    float skreg_normal_ratiof(float x) noexcept
    double skreg_normal_ratio(double x) noexcept

cdef enum Activation:
    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3
    SILU = 4
    GELU = 5


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


cdef inline real silu(real x, real* slope) noexcept nogil:
    """x·s(x), s the logistic function (Elfwing, Uchibe & Doya, 2018); slope s(1 + x(1 − s))."""
    cdef real one = 1, s = logistic(x)
    slope[0] = s * (one + x * (one - s))
    return x * s


cdef inline real gelu(real x, real* slope) noexcept nogil:
    """x·Φ(x), Φ the normal law (Hendrycks & Gimpel, 2016), not its tanh approximation; slope Φ + xφ."""
    cdef real zero = 0, one = 1, half = 0.5, density_at_0 = 0.3989422804014327
    cdef real size = x if x > zero else -x
    cdef real bell = exp_(-half * x * x)
    cdef real tail, law
    if real is float:
        tail = bell * skreg_normal_ratiof(size)
    else:
        tail = bell * skreg_normal_ratio(size)
    law = one - tail if x > zero else tail
    slope[0] = law + x * density_at_0 * bell
    return x * law


cdef inline bint has_recorded_slope(Activation activation) noexcept nogil:
    """Whether the output does not tell the slope."""
    return activation == SILU or activation == GELU


cdef inline dispatched add_bias_and_activate(
    Activation activation, Py_ssize_t n_rows, Py_ssize_t n_units, const real* bias, real* z
) noexcept nogil:
    """z ← act(z + bias), row by row, z C-contiguous of shape (n_rows, n_units)."""
    cdef Py_ssize_t i, j
    cdef real* row
    cdef real slope
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
        elif activation == SILU:
            for j in range(n_units):
                row[j] = silu(row[j] + bias[j], &slope)
        elif activation == GELU:
            for j in range(n_units):
                row[j] = gelu(row[j] + bias[j], &slope)
        else:
            for j in range(n_units):
                row[j] += bias[j]


cdef inline dispatched add_bias_activate_and_record(
    Activation activation, Py_ssize_t n_rows, Py_ssize_t n_units, const real* bias, real* z,
    real* slopes
) noexcept nogil:
    """z ← act(z + bias) and slopes ← act′(z + bias)."""
    cdef Py_ssize_t i, j
    cdef real* row
    cdef real* slope
    cdef real one = 1
    if activation == SILU:
        for i in range(n_rows):
            row, slope = z + i * n_units, slopes + i * n_units
            for j in range(n_units):
                row[j] = silu(row[j] + bias[j], slope + j)
    elif activation == GELU:
        for i in range(n_rows):
            row, slope = z + i * n_units, slopes + i * n_units
            for j in range(n_units):
                row[j] = gelu(row[j] + bias[j], slope + j)
    else:
        add_bias_and_activate(activation, n_rows, n_units, bias, z)
        for j in range(n_rows * n_units):
            slopes[j] = one
        multiply_by_slope(activation, n_rows * n_units, z, slopes)


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


cdef inline dispatched multiply(Py_ssize_t n, const real* factor, real* x) noexcept nogil:
    """x ← factor · x."""
    cdef Py_ssize_t i
    for i in range(n):
        x[i] *= factor[i]
