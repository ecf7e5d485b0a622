# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses over arrays."""

import numpy as np

ctypedef fused floating:
    float
    double

#: Codes of the kernels, by the losses' names.
CODES = {
    "squared_error": Loss.SQUARED_ERROR,
    "binary_log_loss": Loss.BINARY_LOG_LOSS,
    "multinomial_log_loss": Loss.MULTINOMIAL_LOG_LOSS,
}


def pointwise(name, const floating[:, ::1] y, floating[:, ::1] raw):
    """ℓ of every row; ``raw`` is replaced by ∂ℓ/∂f."""
    if y.shape[0] != raw.shape[0] or y.shape[1] != raw.shape[1]:
        raise ValueError("y and raw must have the same shape")
    cdef Loss loss = CODES[name]
    cdef Py_ssize_t i, n = raw.shape[0], n_outputs = raw.shape[1]
    values = np.empty(n)
    cdef double[::1] out = values
    with nogil:
        for i in range(n):
            out[i] = loss_and_gradient(loss, &y[i, 0], n_outputs, 1, &raw[i, 0])
    return values
