# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Linear models with one output: a step, its losses and gradient in one pass over X; residuals of many.

Rows are taken in blocks that stay in the first cache between the two products, x·d and Σ rᵢxᵢ, so
X comes from memory once: 8np bytes (float32: 4np), 4np flops, and a loss and its derivatives a row.
"""

import numpy as np

from skreg._kernels.losses import CURVED

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.losses cimport (
    BINARY_LOG_LOSS, GAMMA, HUBER, NEGATIVE_BINOMIAL, POISSON, TWEEDIE, Loss, binary_log_loss_at,
    gamma_at, huber_at, negative_binomial_at, poisson_at, squared_error_at, tweedie_at, with_curvature,
)

cdef extern from "thin.h" nogil:
    void row_dots_double "skreg_row_dots_double"(
        Py_ssize_t n, Py_ssize_t p, const double* x, Py_ssize_t stride, const double* d, double* out)
    void row_dots_float "skreg_row_dots_float"(
        Py_ssize_t n, Py_ssize_t p, const float* x, Py_ssize_t stride, const double* d, double* out)
    void add_rows_double "skreg_add_rows_double"(
        Py_ssize_t n, Py_ssize_t p, const double* x, Py_ssize_t stride, const double* a, double* out)
    void add_rows_float "skreg_add_rows_float"(
        Py_ssize_t n, Py_ssize_t p, const float* x, Py_ssize_t stride, const double* a, double* out)

ctypedef fused real:
    float
    double

# Numbers of X in a block: they stay in the first cache. Rows come by eights, and so many at most.
cdef Py_ssize_t BLOCK = 1 << 12
cdef enum:
    ROWS = 256


cdef Loss _code(name) except *:
    """Of a loss of one output; of quantiles the curvature, 0, says nothing."""
    if name in ("multinomial_log_loss", "quantile"):
        raise ValueError(f"{name!r} is no loss of one output with a curvature")
    return CURVED[name]


def step(
    name, double parameter, const real[:, :] X, const double[::1] d, double d_b,
    const double[::1] y, const double[::1] share, const double[::1] raw, double[::1] change,
    double[::1] residual, double[::1] curvature,
):
    """From raw predictions f along (d, d_b), for X with rows of contiguous elements.

    ``change`` ← Xd + d_b; ``residual`` and ``curvature`` ← share·∂ℓ/∂f and share·∂²ℓ/∂f² at
    f + change.

    Returns
    -------
    value : float
        Σ share·ℓ.
    gradient : ndarray of shape (p,)
        Xᵀresidual.
    """
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1], first = 0, rows, i
    cdef Py_ssize_t stride = X.strides[0] // <Py_ssize_t>sizeof(real)
    cdef Py_ssize_t height = min(<Py_ssize_t>ROWS, max(<Py_ssize_t>8, BLOCK // max(p, 1) // 8 * 8))
    cdef double value = 0
    cdef double[ROWS] f
    cdef double[ROWS] losses
    cdef Loss loss = _code(name)
    if p != d.shape[0] or p > 1 and X.strides[1] != sizeof(real):
        raise ValueError("X must have rows of contiguous elements, as many as d has")
    if {y.shape[0], share.shape[0], raw.shape[0], change.shape[0], residual.shape[0],
            curvature.shape[0]} != {n}:
        raise ValueError("a number is needed for every row")
    out = np.zeros(p)
    cdef double[::1] gradient = out
    if n == 0 or p == 0:
        raise ValueError("X is empty")
    with nogil:
        while first < n:
            rows = min(height, n - first)
            if real is double:
                row_dots_double(rows, p, &X[first, 0], stride, &d[0], &change[first])
            else:
                row_dots_float(rows, p, &X[first, 0], stride, &d[0], &change[first])
            for i in range(rows):
                change[first + i] += d_b
                f[i] = raw[first + i] + change[first + i]
            with_curvature(loss, parameter, rows, &y[first], f, losses, &residual[first],
                           &curvature[first])
            for i in range(rows):
                value += share[first + i] * losses[i]
                residual[first + i] *= share[first + i]
                curvature[first + i] *= share[first + i]
            if real is double:
                add_rows_double(rows, p, &X[first, 0], stride, &residual[first], &gradient[0])
            else:
                add_rows_float(rows, p, &X[first, 0], stride, &residual[first], &gradient[0])
            first += rows
    return value, out


def residuals(
    name, double parameter, const double[::1] y, double[:, ::1] raw, const double[:, ::1] shares,
    const Py_ssize_t[::1] starts,
):
    """raw[i, c] ← shares[i, g]·∂ℓ/∂f at (yᵢ, raw[i, c]), in place: many models at once.

    The columns of group g are those from ``starts[g]`` to ``starts[g + 1]``.
    """
    cdef Py_ssize_t n = raw.shape[0], n_groups = shares.shape[1], i, g
    cdef Loss loss = _code(name)
    if y.shape[0] != n or shares.shape[0] != n:
        raise ValueError("y and shares must have a row for each of raw's")
    if starts.shape[0] != n_groups + 1 or starts[0] != 0 or starts[n_groups] != raw.shape[1]:
        raise ValueError("starts must cut the columns into as many groups as shares has columns")
    if n == 0 or raw.shape[1] == 0:
        return
    with nogil:
        for i in range(n):
            for g in range(n_groups):
                _residuals(loss, parameter, starts[g + 1] - starts[g], y[i], shares[i, g],
                           &raw[i, 0] + starts[g])


cdef dispatched _residuals(
    Loss loss, double parameter, Py_ssize_t n, double y, double share, double* f
) noexcept nogil:
    """Values and curvatures, not being used, are not worked out."""
    cdef Py_ssize_t c
    cdef double gradient, curvature
    if share == 0:
        for c in range(n):
            f[c] = 0
    elif loss == BINARY_LOG_LOSS:
        for c in range(n):
            binary_log_loss_at(y, f[c], &gradient, &curvature)
            f[c] = share * gradient
    elif loss == POISSON:
        for c in range(n):
            poisson_at(y, f[c], &gradient, &curvature)
            f[c] = share * gradient
    elif loss == GAMMA:
        for c in range(n):
            gamma_at(y, f[c], &gradient, &curvature)
            f[c] = share * gradient
    elif loss == TWEEDIE:
        for c in range(n):
            tweedie_at(y, f[c], parameter, &gradient, &curvature)
            f[c] = share * gradient
    elif loss == NEGATIVE_BINOMIAL:
        for c in range(n):
            negative_binomial_at(y, f[c], parameter, &gradient, &curvature)
            f[c] = share * gradient
    elif loss == HUBER:
        for c in range(n):
            huber_at(y, f[c], parameter, &gradient, &curvature)
            f[c] = share * gradient
    else:
        for c in range(n):
            squared_error_at(y, f[c], &gradient, &curvature)
            f[c] = share * gradient
