# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses over arrays."""

import numpy as np

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
#: Those with a curvature: of linear models too.
CURVED = {
    **CODES,
    "gamma": Loss.GAMMA,
    "tweedie": Loss.TWEEDIE,
    "negative_binomial": Loss.NEGATIVE_BINOMIAL,
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


def derivatives(name, const double[:, ::1] y, const double[:, ::1] raw, double parameter=0):
    """ℓ of every row, ∂ℓ/∂f and ∂²ℓ/∂f²: arrays of shapes (n,), (n, K) and (n, K).

    For the multinomial log loss the last array holds the probabilities p: a row's Hessian is
    diag(p) − ppᵀ. ``parameter`` is huber's δ, the quantile's τ, Tweedie's power or the negative
    binomial's dispersion.
    """
    if y.shape[0] != raw.shape[0] or y.shape[1] != raw.shape[1]:
        raise ValueError("y and raw must have the same shape")
    cdef Py_ssize_t n = raw.shape[0], n_outputs = raw.shape[1], size = n * n_outputs
    joint = name == "multinomial_log_loss"
    values = np.empty(n if joint else size)
    slopes, bends = np.empty((n, n_outputs)), np.empty((n, n_outputs))
    if size == 0:
        return np.zeros(n), slopes, bends
    if name not in CURVED:
        raise ValueError(f"no loss is named {name!r}")
    cdef Loss code = CURVED[name]
    cdef double[::1] loss = values
    cdef double[:, ::1] gradient = slopes, curvature = bends
    with nogil:
        if code == MULTINOMIAL_LOG_LOSS:
            multinomial_with_curvature(
                n, n_outputs, &y[0, 0], &raw[0, 0], &loss[0], &gradient[0, 0], &curvature[0, 0])
        else:
            with_curvature(code, parameter, size, &y[0, 0], &raw[0, 0], &loss[0], &gradient[0, 0],
                           &curvature[0, 0])
    return values if joint or n_outputs == 1 else values.reshape(n, n_outputs).sum(axis=1), slopes, bends
