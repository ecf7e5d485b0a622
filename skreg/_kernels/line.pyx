# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Linear models: a step, its losses and gradient in one pass over X; gradients of many at once.

Rows are taken in blocks that stay in the cache between the two products, x·d and Σ rᵢxᵢ, so X comes
from memory once: 8np bytes (float32: 4np), 4np flops a model, and a loss and its derivatives a row.
"""

import numpy as np

from skreg._kernels.losses import CURVED

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.losses cimport (
    MULTINOMIAL_LOG_LOSS, Loss, derivatives, multinomial_with_curvature, with_curvature,
)
from skreg._kernels.matmul cimport gemm

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


def gradients(
    name, double parameter, const real[:, :] X, const double[::1] center,
    const double[:, ::1] theta, const double[:, ::1] offset, const double[:, ::1] y,
    const double[:, ::1] shares, parts,
):
    """Gradients of many models of the same rows, in one pass over X.

    The rows of the a-th of A models have the shares of column ``parts[a]`` of ``shares``; its K
    outputs have the columns aK, aK + 1, … of ``theta`` (p + 1, AK), the last row of which holds the
    intercepts. Raw predictions are (X − center)θ + b + offset; an offset (n, K) may be None.

    Returns
    -------
    gradient : ndarray of shape (p + 1, AK)
        Σ share·∂ℓ/∂f·(x − center, 1).
    bends : ndarray of shape (A,)
        Σ share·∂²ℓ/∂fₖ² over rows and outputs.
    """
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1], W = theta.shape[1], first = 0, rows, i, j, step
    cdef Py_ssize_t height = max(TALL // max(p, <Py_ssize_t>1), FEWEST)
    cdef bint is_plain = real is double and (p == 1 or X.strides[1] == sizeof(real))
    cdef const double* block
    cdef const double* more = NULL
    cdef _Models models = _Models(name, parameter, y, shares, parts)
    if not (theta.shape[0] == p + 1 and center.shape[0] == p and W == models.width):
        raise ValueError("theta must have a row for each of X's columns and one more")
    if not y.shape[0] == n or offset is not None and not (
            offset.shape[0] == n and offset.shape[1] == models.n_outputs):
        raise ValueError("y and offset must have a row for each of X")
    if n == 0 or p == 0 or W == 0:
        raise ValueError("X is empty")
    for j in range(p):
        is_plain &= center[j] == 0
    out = np.zeros((p + 1, W))
    cdef double[:, ::1] gradient = out, raw = np.empty((height, W)), residual = np.empty((height, W))
    cdef double[:, ::1] copy = np.empty((0 if is_plain else height, p))
    with nogil:
        while first < n:
            rows = min(height, n - first)
            if is_plain:
                block, step = <const double*>&X[first, 0], X.strides[0] // <Py_ssize_t>sizeof(real)
            else:
                for i in range(rows):
                    for j in range(p):
                        copy[i, j] = X[first + i, j] - center[j]
                block, step = &copy[0, 0], p
            if offset is not None:
                more = &offset[first, 0]
            gemm(rows, W, p, block, step, 1, &theta[0, 0], W, 1, &raw[0, 0], W)
            _shift(rows, W, models.n_outputs, &models.places[0, 0], &theta[p, 0], more, &raw[0, 0])
            models.residuals(first, rows, &raw[0, 0], &residual[0, 0])
            if W == 1:
                add_rows_double(rows, p, block, step, &residual[0, 0], &gradient[0, 0])
            else:
                gemm(p, W, rows, block, 1, step, &residual[0, 0], W, 1, &gradient[0, 0], W, True)
            first += rows
    out[p] = models.found[1]
    return out, models.bends()


def residuals(
    name, double parameter, const double[:, ::1] y, const double[:, :, ::1] raw,
    const double[:, ::1] shares, parts,
):
    """What `gradients` multiplies rows by, where raw predictions (n, A, K) are known.

    Returns
    -------
    residual : ndarray of shape (n, A, K)
        share·∂ℓ/∂f.
    bends : ndarray of shape (A,)
    """
    cdef _Models models = _Models(name, parameter, y, shares, parts)
    out = np.empty((raw.shape[0], raw.shape[1], raw.shape[2]))
    cdef double[:, :, ::1] residual = out
    if not (raw.shape[0] == y.shape[0] and raw.shape[1] == models.n_models
            and raw.shape[2] == models.n_outputs):
        raise ValueError("raw must have a row for each of y, and its outputs for each of parts")
    if out.size:
        with nogil:
            models.residuals(0, raw.shape[0], &raw[0, 0, 0], &residual[0, 0, 0])
    return out, models.bends()


cdef class _Models:
    """Some models of the same rows."""

    cdef Loss loss
    cdef bint joint
    cdef double parameter
    cdef const double[:, ::1] y, shares
    cdef Py_ssize_t n_models, n_outputs, width
    # For each output of each model its places in a row of y and of shares, and two sums.
    cdef const Py_ssize_t[:, ::1] places
    cdef double[:, ::1] room, found

    def __init__(self, name, parameter, y, shares, parts):
        A, K = len(parts), y.shape[1]
        if y.shape[0] != shares.shape[0]:
            raise ValueError("shares must have a row for each of y")
        if A and not 0 <= min(parts) <= max(parts) < shares.shape[1]:
            raise ValueError("parts must be columns of shares")
        self.joint = name == "multinomial_log_loss"
        self.loss = MULTINOMIAL_LOG_LOSS if self.joint else _code(name)
        self.parameter, self.y, self.shares = parameter, y, shares
        self.n_models, self.n_outputs, self.width = A, K, A * K
        self.places = np.array([np.tile(np.arange(K), A), np.repeat(parts, K)], dtype=np.intp)
        self.room, self.found = np.empty((3, max(LOSSES, A * K))), np.zeros((2, A * K))

    def bends(self):
        """Σ share·∂²ℓ/∂f² over rows and outputs, for each model."""
        return np.asarray(self.found[0]).reshape(self.n_models, self.n_outputs).sum(axis=1)

    cdef void residuals(
        self, Py_ssize_t start, Py_ssize_t length, const double* f, double* out
    ) noexcept nogil:
        """``out`` ← share·∂ℓ/∂f of some rows (length, A, K), whose sums are added up."""
        cdef Py_ssize_t height = self.room.shape[1] // self.width, first = start, rows, size
        cdef double* target = &self.room[0, 0]
        cdef double* curvature = &self.room[1, 0]
        cdef double* value = &self.room[2, 0]
        while first < start + length:
            rows = min(height, start + length - first)
            size = rows * self.width
            _spread(rows, self.width, self.n_outputs, &self.places[0, 0], &self.y[first, 0], target)
            if self.joint:
                multinomial_with_curvature(
                    rows * self.n_models, self.n_outputs, target, f, value, out, curvature)
                _variances(size, curvature)
            else:
                derivatives(self.loss, self.parameter, size, target, f, value, out, curvature)
            _weigh(rows, self.width, self.shares.shape[1], &self.places[1, 0],
                   &self.shares[first, 0], curvature, out, &self.found[0, 0])
            out += size
            f += size
            first += rows


cdef dispatched _shift(
    Py_ssize_t rows, Py_ssize_t width, Py_ssize_t stride, const Py_ssize_t* places,
    const double* b, const double* offset, double* raw,
) noexcept nogil:
    """raw ← raw + b + offset."""
    cdef Py_ssize_t i, w
    for i in range(rows):
        for w in range(width):
            raw[w] += b[w]
        if offset != NULL:
            for w in range(width):
                raw[w] += offset[places[w]]
            offset += stride
        raw += width


cdef dispatched _spread(
    Py_ssize_t rows, Py_ssize_t width, Py_ssize_t stride, const Py_ssize_t* places,
    const double* y, double* out,
) noexcept nogil:
    """The places of each row of y."""
    cdef Py_ssize_t i, w
    for i in range(rows):
        for w in range(width):
            out[w] = y[places[w]]
        y += stride
        out += width


cdef dispatched _variances(Py_ssize_t n, double* probability) noexcept nogil:
    """p(1 − p)."""
    cdef Py_ssize_t i
    for i in range(n):
        probability[i] *= 1 - probability[i]


cdef dispatched _weigh(
    Py_ssize_t rows, Py_ssize_t width, Py_ssize_t stride, const Py_ssize_t* places,
    const double* shares, const double* curvature, double* residual, double* sums,
) noexcept nogil:
    """Residuals times their shares; ``sums`` (2, width) of curvature and residual."""
    cdef Py_ssize_t i, w
    cdef double share
    cdef double* totals = sums + width
    for i in range(rows):
        for w in range(width):
            share = shares[places[w]]
            residual[w] *= share
            sums[w] += share * curvature[w]
            totals[w] += residual[w]
        residual += width
        curvature += width
        shares += stride
