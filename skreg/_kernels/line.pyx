# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Linear models: a step, its losses and gradient in one pass over X; steps of many models at once.

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


def steps(
    name, double parameter, const real[:, :] X, const double[::1] center, const double[:, ::1] d,
    const double[:, ::1] y, const double[:, :, ::1] raw, double[:, :, ::1] ends, on,
    const double[:, ::1] shares, parts,
):
    """Steps of many models of the same rows, in one pass over X.

    The a-th of A models is the ``on[a]``-th of ``raw`` (n, C, K), and its rows have the shares of
    column ``parts[a]`` of ``shares``; its outputs have the columns aK, aK + 1, … of ``d``
    (p + 1, AK), the last row of which is the change of the intercepts. ``ends`` (n, A, K) ← raw
    predictions at the steps' ends, those of ``raw`` plus (X − center)d.

    Returns
    -------
    gradient : ndarray of shape (p + 1, AK)
        Σ share·∂ℓ/∂f·(x − center, 1) at the steps' ends.
    slopes, bends : ndarray of shape (A,)
        Σ share·∂ℓ/∂f·change, and Σ share·∂²ℓ/∂fₖ² over rows and outputs.
    """
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1], W = d.shape[1], first = 0, rows, i, j, step
    cdef Py_ssize_t height = max(TALL // max(p, <Py_ssize_t>1), FEWEST)
    cdef bint is_plain = real is double and (p == 1 or X.strides[1] == sizeof(real))
    cdef const double* block
    cdef _Models models = _Models(name, parameter, y, ends, shares, parts)
    if not (d.shape[0] == p + 1 and center.shape[0] == p and raw.shape[0] == n == ends.shape[0]
            and raw.shape[2] == models.n_outputs and W == models.width):
        raise ValueError("d must have a row for each of X's columns and one more")
    if models.n_models and not 0 <= min(on) <= max(on) < raw.shape[1] or len(on) != ends.shape[1]:
        raise ValueError("on and parts must be columns of raw and shares")
    if n == 0 or p == 0 or W == 0:
        raise ValueError("X is empty")
    for j in range(p):
        is_plain &= center[j] == 0
    cdef const Py_ssize_t[::1] places = np.add.outer(
        np.multiply(on, models.n_outputs), np.arange(models.n_outputs)).ravel()
    out = np.zeros((p + 1, W))
    cdef double[:, ::1] gradient = out, residual = np.empty((height, W))
    cdef double[:, ::1] change = np.empty((height, W)), copy = np.empty((0 if is_plain else height, p))
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
            gemm(rows, W, p, block, step, 1, &d[0, 0], W, 1, &change[0, 0], W)
            _move(rows, W, raw.shape[1] * raw.shape[2], &places[0], &raw[first, 0, 0], &d[p, 0],
                  &change[0, 0], &ends[first, 0, 0])
            models.residuals(first, rows, &change[0, 0], &residual[0, 0])
            gemm(p, W, rows, block, 1, step, &residual[0, 0], W, 1, &gradient[0, 0], W, True)
            first += rows
    out[p] = models.found[2]
    return out, *models.sums()


def residuals(
    name, double parameter, const double[:, ::1] y, const double[:, :, ::1] ends,
    const double[:, :, ::1] change, const double[:, ::1] shares, parts,
):
    """Derivatives at the ends of steps, as `steps` takes them, where these are known.

    Returns
    -------
    residual : ndarray of shape (n, A, K)
        share·∂ℓ/∂f.
    slopes, bends : ndarray of shape (A,)
    """
    cdef _Models models = _Models(name, parameter, y, ends, shares, parts)
    out = np.empty((ends.shape[0], ends.shape[1], ends.shape[2]))
    cdef double[:, :, ::1] residual = out
    if not (change.shape[0] == ends.shape[0] and change.shape[1] == ends.shape[1]
            and change.shape[2] == ends.shape[2]):
        raise ValueError("change must have a number for each of ends")
    if out.size:
        with nogil:
            models.residuals(0, ends.shape[0], &change[0, 0, 0], &residual[0, 0, 0])
    return out, *models.sums()


cdef class _Models:
    """Some models of the same rows at the ends of their steps."""

    cdef Loss loss
    cdef bint joint
    cdef double parameter
    cdef const double[:, ::1] y, shares
    cdef const double[:, :, ::1] ends
    cdef Py_ssize_t n_models, n_outputs, width
    # For each output of each model its places in a row of y and of shares, and three sums.
    cdef const Py_ssize_t[:, ::1] places
    cdef double[:, ::1] room, found

    def __init__(self, name, parameter, y, ends, shares, parts):
        n, A, K = ends.shape[:3]
        if not (y.shape[0] == shares.shape[0] == n and y.shape[1] == K):
            raise ValueError("y and shares must have a row for each of ends")
        if len(parts) != A or A and not 0 <= min(parts) <= max(parts) < shares.shape[1]:
            raise ValueError("on and parts must be columns of raw and shares")
        self.joint = name == "multinomial_log_loss"
        self.loss = MULTINOMIAL_LOG_LOSS if self.joint else _code(name)
        self.parameter, self.y, self.ends, self.shares = parameter, y, ends, shares
        self.n_models, self.n_outputs, self.width = A, K, A * K
        self.places = np.array([np.tile(np.arange(K), A), np.repeat(parts, K)], dtype=np.intp)
        self.room, self.found = np.empty((3, max(LOSSES, A * K))), np.zeros((3, A * K))

    def sums(self):
        """Σ share·∂ℓ/∂f·change and Σ share·∂²ℓ/∂f² over rows and outputs, for each model."""
        return np.asarray(self.found[:2]).reshape(2, self.n_models, self.n_outputs).sum(axis=2)

    cdef void residuals(
        self, Py_ssize_t start, Py_ssize_t length, const double* change, double* out
    ) noexcept nogil:
        """``out`` ← share·∂ℓ/∂f of some rows (length, A, K), whose sums are added up."""
        cdef Py_ssize_t height = self.room.shape[1] // self.width, first = start, rows, size
        cdef double* target = &self.room[0, 0]
        cdef double* curvature = &self.room[1, 0]
        cdef double* value = &self.room[2, 0]
        cdef const double* f
        while first < start + length:
            rows = min(height, start + length - first)
            size, f = rows * self.width, &self.ends[first, 0, 0]
            _spread(rows, self.width, self.n_outputs, &self.places[0, 0], &self.y[first, 0], target)
            if self.joint:
                multinomial_with_curvature(
                    rows * self.n_models, self.n_outputs, target, f, value, out, curvature)
                _variances(size, curvature)
            else:
                derivatives(self.loss, self.parameter, size, target, f, value, out, curvature)
            _weigh(rows, self.width, self.shares.shape[1], &self.places[1, 0],
                   &self.shares[first, 0], change, curvature, out, &self.found[0, 0])
            out += size
            change += size
            first += rows


cdef dispatched _move(
    Py_ssize_t rows, Py_ssize_t width, Py_ssize_t stride, const Py_ssize_t* places,
    const double* raw, const double* b, double* change, double* ends,
) noexcept nogil:
    """change ← change + b and ends ← raw + change."""
    cdef Py_ssize_t i, w
    for i in range(rows):
        for w in range(width):
            change[w] += b[w]
            ends[w] = raw[places[w]] + change[w]
        raw += stride
        change += width
        ends += width


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
    const double* shares, const double* change, const double* curvature, double* residual,
    double* sums,
) noexcept nogil:
    """Residuals times their shares; ``sums`` (3, width) of residual·change, curvature, residual."""
    cdef Py_ssize_t i, w
    cdef double share
    cdef double* bends = sums + width
    cdef double* totals = bends + width
    for i in range(rows):
        for w in range(width):
            share = shares[places[w]]
            residual[w] *= share
            sums[w] += residual[w] * change[w]
            bends[w] += share * curvature[w]
            totals[w] += residual[w]
        residual += width
        change += width
        curvature += width
        shares += stride
