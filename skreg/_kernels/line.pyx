# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Linear models: a step, its losses and gradient in one pass over X; steps of many models at once.

Rows are taken in blocks that stay in the cache between the two products, x·d and Σ rᵢxᵢ, so X comes
from memory once: 8np bytes (float32: 4np), 4np flops a model, and a loss and its derivatives a row.
"""

import numpy as np

from skreg._kernels.losses import CURVED
from skreg._kernels.vector_unit import highest_level

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.losses cimport (
    MULTINOMIAL_LOG_LOSS, Loss, derivatives, multinomial_with_curvature, with_curvature,
)
from skreg._kernels.matmul cimport gemm, limit_level

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
# Of many models: numbers of X in a block, which stay in the second cache, its rows at least, and raw
# predictions whose losses are taken at once.
cdef Py_ssize_t TALL = 1 << 14, FEWEST = 32, LOSSES = 1 << 10

limit_level(highest_level())


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


def steps(
    name, double parameter, const real[:, :] X, const double[::1] centre, const double[:, ::1] d,
    const double[:, ::1] y, const double[:, :, ::1] raw, double[:, :, ::1] change,
    const Py_ssize_t[::1] on, const double[:, ::1] shares, const Py_ssize_t[::1] parts,
):
    """Steps of many models of the same rows, in one pass over X.

    The a-th of A models is the ``on[a]``-th of ``raw`` (n, C, K), and its rows have the shares of
    column ``parts[a]`` of ``shares``; its outputs have the columns aK, aK + 1, … of ``d``
    (p + 1, AK), the last row of which is the change of the intercepts. ``change`` (n, A, K) ← that
    of raw predictions, (X − centre)d.

    Returns
    -------
    gradient : ndarray of shape (p + 1, AK)
        Σ share·∂ℓ/∂f·(x − centre, 1) at the steps' ends.
    slopes, bends : ndarray of shape (A,)
        Σ share·∂ℓ/∂f·change, and Σ share·∂²ℓ/∂fₖ² over rows and outputs.
    """
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1], W = d.shape[1], first = 0, rows, i, j, w, step
    cdef Py_ssize_t height = max(TALL // max(p, <Py_ssize_t>1), FEWEST)
    cdef bint is_plain = real is double and (p == 1 or X.strides[1] == sizeof(real))
    cdef const double* block
    _check(name, y, raw, change, on, shares, parts)
    if not (d.shape[0] == p + 1 and centre.shape[0] == p and raw.shape[0] == n
            and W == change.shape[1] * change.shape[2]):
        raise ValueError("d must have a row for each of X's columns and one more")
    out, sums = np.zeros((p + 1, W)), np.zeros((2, on.shape[0]))
    if n == 0 or p == 0 or W == 0:
        raise ValueError("X is empty")
    for j in range(p):
        is_plain &= centre[j] == 0
    cdef bint joint = name == "multinomial_log_loss"
    cdef Loss loss = MULTINOMIAL_LOG_LOSS if joint else _code(name)
    cdef double[:, ::1] gradient = out, total = sums
    cdef double[:, ::1] room = np.empty((4, max(LOSSES, W))), residual = np.empty((height, W))
    cdef double[:, ::1] copy = np.empty((0 if is_plain else height, p))
    with nogil:
        while first < n:
            rows = min(height, n - first)
            if is_plain:
                block, step = <const double*>&X[first, 0], X.strides[0] // <Py_ssize_t>sizeof(real)
            else:
                for i in range(rows):
                    for j in range(p):
                        copy[i, j] = X[first + i, j] - centre[j]
                block, step = &copy[0, 0], p
            gemm(rows, W, p, block, step, 1, &d[0, 0], W, 1, &change[first, 0, 0], W)
            for i in range(rows):
                for w in range(W):
                    (&change[first + i, 0, 0])[w] += d[p, w]
            _residuals(loss, joint, parameter, first, rows, y, raw, change, on, shares, parts,
                       room, &residual[0, 0], total)
            gemm(p, W, rows, block, 1, step, &residual[0, 0], W, 1, &gradient[0, 0], W, True)
            for i in range(rows):
                for w in range(W):
                    gradient[p, w] += residual[i, w]
            first += rows
    return out, sums[0], sums[1]


def residuals(
    name, double parameter, const double[:, ::1] y, const double[:, :, ::1] raw,
    const double[:, :, ::1] change, const Py_ssize_t[::1] on, const double[:, ::1] shares,
    const Py_ssize_t[::1] parts,
):
    """Derivatives at raw + change, as `steps` takes them, where the change is known.

    Returns
    -------
    residual : ndarray of shape (n, A, K)
        share·∂ℓ/∂f.
    slopes, bends : ndarray of shape (A,)
    """
    cdef Py_ssize_t n = raw.shape[0], A = on.shape[0], K = raw.shape[2]
    _check(name, y, raw, change, on, shares, parts)
    out, sums = np.empty((n, A, K)), np.zeros((2, A))
    if n == 0 or A * K == 0:
        return out, sums[0], sums[1]
    cdef bint joint = name == "multinomial_log_loss"
    cdef Loss loss = MULTINOMIAL_LOG_LOSS if joint else _code(name)
    cdef double[:, :, ::1] residual = out
    cdef double[:, ::1] total = sums, room = np.empty((4, max(LOSSES, A * K)))
    with nogil:
        _residuals(loss, joint, parameter, 0, n, y, raw, change, on, shares, parts, room,
                   &residual[0, 0, 0], total)
    return out, sums[0], sums[1]


cdef _check(name, y, raw, change, on, shares, parts):
    """Refuse what does not fit."""
    n, C, K = raw.shape[0], raw.shape[1], raw.shape[2]
    if not (y.shape[0] == change.shape[0] == shares.shape[0] == n and y.shape[1] == K):
        raise ValueError("y, change and shares must have a row for each of raw's")
    if not (change.shape[1] == parts.shape[0] == on.shape[0] and change.shape[2] == K):
        raise ValueError("change and parts must have a place for each model")
    if on.shape[0] and not (0 <= min(on) and max(on) < C and 0 <= min(parts)
                            and max(parts) < shares.shape[1]):
        raise ValueError("on and parts must be columns of raw and shares")


cdef void _residuals(
    Loss loss, bint joint, double parameter, Py_ssize_t start, Py_ssize_t length,
    const double[:, ::1] y, const double[:, :, ::1] raw, const double[:, :, ::1] change,
    const Py_ssize_t[::1] on, const double[:, ::1] shares, const Py_ssize_t[::1] parts,
    double[:, ::1] room, double* out, double[:, ::1] total,
) noexcept nogil:
    """``out`` ← share·∂ℓ/∂f of some rows (length, A, K), and their sums added to ``total``."""
    cdef Py_ssize_t K = raw.shape[2], A = on.shape[0], width = A * K
    cdef Py_ssize_t height = room.shape[1] // width, first = start, rows, i, a, k, at
    cdef double share, slope, bend
    cdef double* target = &room[0, 0]
    cdef double* f = &room[1, 0]
    cdef double* value = &room[2, 0]
    cdef double* curvature = &room[3, 0]
    while first < start + length:
        rows, at = min(height, start + length - first), 0
        for i in range(first, first + rows):
            for a in range(A):
                for k in range(K):
                    target[at] = y[i, k]
                    f[at] = raw[i, on[a], k] + change[i, a, k]
                    at += 1
        if joint:
            multinomial_with_curvature(rows * A, K, target, f, value, out, curvature)
        else:
            derivatives(loss, parameter, at, target, f, value, out, curvature)
        at = 0
        for i in range(first, first + rows):
            for a in range(A):
                share, slope, bend = shares[i, parts[a]], 0, 0
                for k in range(K):
                    out[at] *= share
                    slope += out[at] * change[i, a, k]
                    bend += curvature[at] * (1 - curvature[at]) if joint else curvature[at]
                    at += 1
                total[0, a] += slope
                total[1, a] += share * bend
        out += at
        first += rows
