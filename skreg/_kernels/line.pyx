# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Linear models with one output: a step, its losses and gradient in one pass over X; residuals of many.

Rows are taken in blocks that stay in the first cache between the two products, x·d and Σ rᵢxᵢ, so
X comes from memory once: 8np bytes (float32: 4np), 4np flops, and a loss and its derivatives a row.
"""

import numpy as np

from skreg._kernels.losses import CURVED

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.losses cimport (
    MULTINOMIAL_LOG_LOSS, Loss, multinomial_with_curvature, with_curvature,
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
    name, double parameter, const double[:, ::1] y, const double[:, :, ::1] raw,
    const double[:, :, ::1] change, const double[::1] lengths, const Py_ssize_t[::1] on,
    const double[:, ::1] shares, const Py_ssize_t[::1] parts,
):
    """Derivatives at raw + lengths·change: many models of the same rows at once.

    The a-th model of ``change`` (n, A, K) is the ``on[a]``-th of ``raw`` (n, C, K), and its rows have
    the shares of column ``parts[a]`` of ``shares``.

    Returns
    -------
    residual : ndarray of shape (n, A, K)
        share·∂ℓ/∂f.
    slopes, bends : ndarray of shape (A,)
        Σ residual·change, and Σ share·∂²ℓ/∂fₖ² over rows and outputs.
    """
    cdef Py_ssize_t n = raw.shape[0], K = raw.shape[2], A = on.shape[0], width = A * K
    cdef Py_ssize_t height = max(<Py_ssize_t>1, ROWS * 4 // max(width, <Py_ssize_t>1))
    cdef Py_ssize_t first = 0, rows, i, a, k, at
    cdef double share, slope, bend
    cdef bint joint = name == "multinomial_log_loss"
    cdef Loss loss = MULTINOMIAL_LOG_LOSS if joint else _code(name)
    if not (y.shape[0] == change.shape[0] == shares.shape[0] == n and y.shape[1] == K):
        raise ValueError("y, change and shares must have a row for each of raw's")
    if not (change.shape[1] == lengths.shape[0] == parts.shape[0] == A and change.shape[2] == K):
        raise ValueError("change, lengths and parts must have a place for each model")
    out, sums = np.empty((n, A, K)), np.zeros((2, A))
    if n == 0 or width == 0:
        return out, sums[0], sums[1]
    if not (0 <= min(on) and max(on) < raw.shape[1] and 0 <= min(parts)
            and max(parts) < shares.shape[1]):
        raise ValueError("on and parts must be columns of raw and shares")
    room = np.empty((4, height * width))
    cdef double[:, :, ::1] residual = out
    cdef double[:, ::1] total = sums
    cdef double* target = _row(room, 0)
    cdef double* f = _row(room, 1)
    cdef double* value = _row(room, 2)
    cdef double* curvature = _row(room, 3)
    with nogil:
        while first < n:
            rows = min(height, n - first)
            at = 0
            for i in range(first, first + rows):
                for a in range(A):
                    for k in range(K):
                        target[at] = y[i, k]
                        f[at] = raw[i, on[a], k] + lengths[a] * change[i, a, k]
                        at += 1
            if joint:
                multinomial_with_curvature(
                    rows * A, K, target, f, value, &residual[first, 0, 0], curvature)
            else:
                with_curvature(
                    loss, parameter, at, target, f, value, &residual[first, 0, 0], curvature)
            at = 0
            for i in range(first, first + rows):
                for a in range(A):
                    share, slope, bend = shares[i, parts[a]], 0, 0
                    for k in range(K):
                        residual[i, a, k] *= share
                        slope += residual[i, a, k] * change[i, a, k]
                        bend += curvature[at] * (1 - curvature[at]) if joint else curvature[at]
                        at += 1
                    total[0, a] += slope
                    total[1, a] += share * bend
            first += rows
    return out, sums[0], sums[1]


cdef double* _row(double[:, ::1] room, Py_ssize_t i):
    return &room[i, 0]
