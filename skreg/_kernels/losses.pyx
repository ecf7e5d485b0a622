# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses over arrays."""

import numpy as np

from skreg._kernels.dispatch cimport dispatched

ctypedef fused floating:
    float
    double

#: Codes of the losses that networks use, by name.
CODES = {
    "squared_error": Loss.SQUARED_ERROR,
    "binary_log_loss": Loss.BINARY_LOG_LOSS,
    "multinomial_log_loss": Loss.MULTINOMIAL_LOG_LOSS,
    "huber": Loss.HUBER,
    "poisson": Loss.POISSON,
    "quantile": Loss.QUANTILE,
}


def pointwise(name, const floating[:, ::1] y, floating[:, ::1] raw, double parameter=0):
    """ℓ of every row; ``raw`` is replaced by ∂ℓ/∂f. ``parameter`` is huber's δ or the quantile's τ."""
    if y.shape[0] != raw.shape[0] or y.shape[1] != raw.shape[1]:
        raise ValueError("y and raw must have the same shape")
    cdef Loss loss = CODES[name]
    values = np.empty(raw.shape[0])
    cdef double[::1] out = values
    if raw.size > 0:
        with nogil:
            losses_and_gradients(
                loss, parameter, raw.shape[0], raw.shape[1], &y[0, 0], &raw[0, 0], &out[0])
    return values


cdef dispatched _squared_error(
    Py_ssize_t n, const double* y, const double* f, double* loss, double* gradient, double* curvature
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        loss[i] = squared_error_at(y[i], f[i], gradient + i, curvature + i)


cdef dispatched _huber(
    Py_ssize_t n, const double* y, const double* f, double* loss, double* gradient,
    double* curvature, double delta,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        loss[i] = huber_at(y[i], f[i], delta, gradient + i, curvature + i)


cdef dispatched _poisson(
    Py_ssize_t n, const double* y, const double* f, double* loss, double* gradient, double* curvature
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        loss[i] = poisson_at(y[i], f[i], gradient + i, curvature + i)


cdef dispatched _gamma(
    Py_ssize_t n, const double* y, const double* f, double* loss, double* gradient, double* curvature
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        loss[i] = gamma_at(y[i], f[i], gradient + i, curvature + i)


cdef dispatched _binary_log_loss(
    Py_ssize_t n, const double* y, const double* f, double* loss, double* gradient, double* curvature
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        loss[i] = binary_log_loss_at(y[i], f[i], gradient + i, curvature + i)


cdef dispatched _multinomial_log_loss(
    Py_ssize_t n, Py_ssize_t n_classes, const double* y, const double* f, double* loss,
    double* gradient, double* probability,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n * n_classes):
        gradient[i] = f[i]
    multinomial_log_loss(n, n_classes, y, gradient, loss)
    for i in range(n * n_classes):
        probability[i] = gradient[i] + y[i]


cdef dispatched _quantile(
    Py_ssize_t n, const double* y, const double* f, double* loss, double* gradient,
    double* curvature, double level,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        loss[i] = quantile_at(y[i], f[i], level, gradient + i, curvature + i)


def derivatives(name, const double[:, ::1] y, const double[:, ::1] raw, double parameter=0):
    """ℓ of every row, ∂ℓ/∂f and ∂²ℓ/∂f²: arrays of shapes (n,), (n, K) and (n, K).

    For the multinomial log loss the last array holds the probabilities p: a row's Hessian is
    diag(p) − ppᵀ. ``parameter`` is huber's δ or the quantile's τ.
    """
    if y.shape[0] != raw.shape[0] or y.shape[1] != raw.shape[1]:
        raise ValueError("y and raw must have the same shape")
    cdef Py_ssize_t n = raw.shape[0], n_outputs = raw.shape[1], size = n * n_outputs
    joint = name == "multinomial_log_loss"
    values = np.empty(n if joint else size)
    slopes, bends = np.empty((n, n_outputs)), np.empty((n, n_outputs))
    if size == 0:
        return np.zeros(n), slopes, bends
    cdef double[::1] loss = values
    cdef double[:, ::1] gradient = slopes, curvature = bends
    cdef const double* t = &y[0, 0]
    cdef const double* f = &raw[0, 0]
    cdef double *l = &loss[0]
    cdef double *g = &gradient[0, 0]
    cdef double *c = &curvature[0, 0]
    if joint:
        with nogil:
            _multinomial_log_loss(n, n_outputs, t, f, l, g, c)
        return values, slopes, bends
    if name == "binary_log_loss":
        with nogil:
            _binary_log_loss(size, t, f, l, g, c)
    elif name == "poisson":
        with nogil:
            _poisson(size, t, f, l, g, c)
    elif name == "gamma":
        with nogil:
            _gamma(size, t, f, l, g, c)
    elif name == "huber":
        with nogil:
            _huber(size, t, f, l, g, c, parameter)
    elif name == "quantile":
        with nogil:
            _quantile(size, t, f, l, g, c, parameter)
    elif name == "squared_error":
        with nogil:
            _squared_error(size, t, f, l, g, c)
    else:
        raise ValueError(f"no loss is named {name!r}")
    return values if n_outputs == 1 else values.reshape(n, n_outputs).sum(axis=1), slopes, bends
