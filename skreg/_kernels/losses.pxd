# cython: boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses ℓ(y, f) of raw predictions f, with their derivatives in f.

Rows of a network, of any number of outputs, in float or double: ``loss_and_gradient``. One number
in double, with the curvature ∂²ℓ/∂f² as well: the functions named ``…_at``.
"""

from libc.math cimport log, log1p

from skreg._kernels.exp cimport exp_
from skreg._kernels.log cimport log1p_, log_

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


cdef inline double squared_error_at(
    double y, double f, double* gradient, double* curvature
) noexcept nogil:
    """½(f − y)²."""
    cdef double residual = f - y
    gradient[0] = residual
    curvature[0] = 1
    return 0.5 * residual * residual


cdef inline double huber_at(
    double y, double f, double delta, double* gradient, double* curvature
) noexcept nogil:
    """½r² for |r| ≤ δ, else δ|r| − ½δ²; r = f − y. That is c·(r − ½c), c being r clipped to ±δ."""
    cdef double residual = f - y
    cdef double clipped = residual
    clipped = delta if clipped > delta else clipped
    clipped = -delta if clipped < -delta else clipped
    gradient[0] = clipped
    curvature[0] = 1.0 if clipped == residual else 0.0
    return clipped * (residual - 0.5 * clipped)


cdef inline double poisson_at(
    double y, double f, double* gradient, double* curvature
) noexcept nogil:
    """Half the unit deviance y·log(y/μ) − y + μ, μ = exp(f)."""
    cdef double mean = exp_(f)
    gradient[0] = mean - y
    curvature[0] = mean
    return y * (log_(y) - f) + (mean - y)


cdef inline double gamma_at(double y, double f, double* gradient, double* curvature) noexcept nogil:
    """Half the unit deviance log(μ/y) + y/μ − 1, μ = exp(f)."""
    cdef double log_ratio = f - log_(y)
    cdef double ratio = exp_(-log_ratio)     # y/μ
    gradient[0] = 1 - ratio
    curvature[0] = ratio
    return log_ratio + ratio - 1


cdef inline double binary_log_loss_at(
    double y, double f, double* gradient, double* curvature
) noexcept nogil:
    """log(1 + exp(f)) − yf, y in [0, 1]."""
    cdef double small = exp_(-f if f > 0 else f)
    cdef double share = 1 / (1 + small)
    gradient[0] = (share if f > 0 else small * share) - y
    curvature[0] = small * share * share
    return (f if f > 0 else 0.0) + log1p_(small) - y * f
