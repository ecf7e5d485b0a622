# cython: boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses ℓ(y, f) of raw predictions f, with their gradients in f."""

from libc.math cimport log, log1p

from skreg._kernels.exp cimport exp_

ctypedef fused real:
    float
    double

cdef enum Loss:
    SQUARED_ERROR = 0
    BINARY_LOG_LOSS = 1
    MULTINOMIAL_LOG_LOSS = 2


cdef inline double squared_error(const real* y, Py_ssize_t n, real weight, real* f) noexcept nogil:
    """Σⱼ ½(yⱼ − fⱼ)²; f ← weight·(f − y)."""
    cdef Py_ssize_t j
    cdef double value = 0, residual
    for j in range(n):
        residual = <double>f[j] - <double>y[j]
        value += 0.5 * residual * residual
        f[j] = weight * (f[j] - y[j])
    return value


cdef inline double binary_log_loss(
    const real* y, Py_ssize_t n, real weight, real* f
) noexcept nogil:
    """Σⱼ log(1 + exp(fⱼ)) − yⱼfⱼ with yⱼ in [0, 1]; f ← weight·(1/(1+exp(−f)) − y)."""
    cdef Py_ssize_t j
    cdef double value = 0, raw
    cdef real small, probability
    for j in range(n):
        raw = f[j]
        small = exp_(-f[j] if f[j] > 0 else f[j])    # exp(−|f|), never overflows
        value += (raw if raw > 0 else 0) + log1p(<double>small) - y[j] * raw
        probability = (1 if f[j] > 0 else small) / (1 + small)
        f[j] = weight * (probability - y[j])
    return value


cdef inline double multinomial_log_loss(
    const real* y, Py_ssize_t n, real weight, real* f
) noexcept nogil:
    """log Σₖ exp(fₖ) − Σⱼ yⱼfⱼ with y ≥ 0 summing to 1; f ← weight·(softmax(f) − y)."""
    cdef Py_ssize_t j
    cdef real largest = f[0]
    cdef real total = 0
    cdef double value = 0
    for j in range(1, n):
        if f[j] > largest:
            largest = f[j]
    for j in range(n):
        f[j] -= largest
        value -= <double>y[j] * <double>f[j]
        f[j] = exp_(f[j])
        total += f[j]
    for j in range(n):
        f[j] = weight * (f[j] / total - y[j])
    return value + log(<double>total)


cdef inline double loss_and_gradient(
    Loss loss, const real* y, Py_ssize_t n_outputs, real weight, real* f
) noexcept nogil:
    """ℓ(y, f) of one row; f is replaced by weight·∂ℓ/∂f."""
    if loss == SQUARED_ERROR:
        return squared_error(y, n_outputs, weight, f)
    if loss == BINARY_LOG_LOSS:
        return binary_log_loss(y, n_outputs, weight, f)
    return multinomial_log_loss(y, n_outputs, weight, f)
