# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Pointwise losses over arrays."""

import numpy as np

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.log cimport log1p_, log_

ctypedef fused floating:
    float
    double

# Rows whose losses stay in the first-level cache.
cdef enum:
    BLOCK = 1024

cdef double EPS = 2.220446049250313e-16, INF = float("inf")

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


cdef class InterceptSteps:
    """Newton's steps of one intercept, between those known to be too low and too high.

    They go as far as ``reach`` at first, and twice as far each time.
    """

    cdef double low, high, reach

    def __init__(self, double reach):
        self.low, self.high, self.reach = -INF, INF, reach

    cpdef double next(self, double b, double slope, double bend):
        """The intercept after b, where the risk has these two derivatives."""
        cdef double size = slope if slope > 0 else -slope, way = size / self.reach, new
        if slope > 0:
            self.high = b
        else:
            self.low = b
        new = b - slope / (way if way > bend else bend)
        self.reach *= 2
        if not self.low < new < self.high and self.high - self.low < INF:
            new = 0.5 * (self.low + self.high)
        return new


def risk(name, const double[:, ::1] y, const double[:, ::1] raw, const double[::1] share,
         double parameter=0):
    """Σᵢ shareᵢ·ℓ, share·∂ℓ/∂f and share·∂²ℓ/∂f² of one output, all arrays but ``share`` (n, 1)."""
    slopes, bends = np.empty(np.shape(raw)), np.empty(np.shape(raw))
    cdef _Sums sums
    _risk(_code(name), parameter, y, raw, share, slopes, bends, &sums)
    return sums.value, slopes, bends


def centered(
    name, const double[:, ::1] y, double[:, ::1] raw, const double[::1] share, double b,
    InterceptSteps steps, double tol, int most, double parameter=0,
):
    """The best intercept, for raw predictions (n, 1) with b in them, which change with it.

    It is near enough where ∂R/∂b is at most ``tol`` in size, or ``most`` steps are made.

    Returns
    -------
    b, slope : float
        The intercept and ∂R/∂b.
    derivatives : tuple
        As `risk` tells them.
    """
    slopes, bends = np.empty(np.shape(raw)), np.empty(np.shape(raw))
    cdef Py_ssize_t i
    cdef Loss code = _code(name)
    cdef _Sums sums
    cdef double new
    while True:
        _risk(code, parameter, y, raw, share, slopes, bends, &sums)
        # NaN, far away: no point to stay at.
        if most == 0 or not (sums.slope > tol or sums.slope < -tol):
            break
        new = steps.next(b, sums.slope, sums.bend)
        if new == b:    # as near as rounding lets it
            break
        for i in range(raw.shape[0]):
            raw[i, 0] += new - b
        b = new
        most -= 1
    return b, sums.slope, (sums.value, slopes, bends)


cdef struct _Sums:
    double value, slope, bend


cdef int _risk(
    Loss code, double parameter, const double[:, ::1] y, const double[:, ::1] raw,
    const double[::1] share, double[:, ::1] gradient, double[:, ::1] curvature, _Sums* sums,
) except -1:
    """Σ share·ℓ and the sums of the derivatives, which are found."""
    cdef Py_ssize_t n = raw.shape[0], first = 0, rows
    cdef double[BLOCK] losses
    sums.value = sums.slope = sums.bend = 0
    if not (y.shape[0] == n == share.shape[0] and y.shape[1] == raw.shape[1] == 1):
        raise ValueError("y, raw and share must have a number for each row")
    with nogil:
        while first < n:
            rows = min(<Py_ssize_t>BLOCK, n - first)
            with_curvature(code, parameter, rows, &y[first, 0], &raw[first, 0], losses,
                           &gradient[first, 0], &curvature[first, 0])
            weigh(rows, &share[first], losses, &gradient[first, 0], &curvature[first, 0], sums)
            first += rows
    return 0


cdef Loss _code(name) except *:
    """The code of a loss whose outputs stand for themselves."""
    if name not in CURVED or name == "multinomial_log_loss":
        raise ValueError(f"no loss of one output is named {name!r}")
    return CURVED[name]


cdef dispatched weigh(
    Py_ssize_t n, const double* share, const double* losses, double* gradient, double* curvature,
    _Sums* sums,
) noexcept nogil:
    """Multiply what rows have by their shares, and add it up."""
    cdef Py_ssize_t i
    cdef double value = 0, slope = 0, bend = 0
    for i in range(n):
        gradient[i] *= share[i]
        curvature[i] *= share[i]
        value += share[i] * losses[i]
        slope += gradient[i]
        bend += curvature[i]
    sums.value += value
    sums.slope += slope
    sums.bend += bend


def entropy(v, bint of_both=False):
    """v·log v, 0 at v = 0; +inf where v is below 0 by more than rounding.

    ``of_both`` adds the same of 1 − v.
    """
    out = np.array(v, dtype=np.float64, order="C")
    cdef double[::1] values = out.reshape(-1)
    if values.shape[0]:
        with nogil:
            if of_both:
                entropies_of_both(values.shape[0], &values[0])
            else:
                entropies(values.shape[0], &values[0])
    return out


def entropy_change(y, u):
    """v·log v − y·log y with v = y + u, +inf where v is below 0 by more than rounding."""
    shape = np.broadcast(y, u).shape
    out = np.array(np.broadcast_to(u, shape), dtype=np.float64, order="C")
    cdef double[::1] values = out.reshape(-1)
    cdef const double[::1] targets = np.ascontiguousarray(
        np.broadcast_to(y, shape), dtype=np.float64).reshape(-1)
    if values.shape[0]:
        with nogil:
            entropy_changes(values.shape[0], &targets[0], &values[0])
    return out


cdef inline double entropy_at(double v) noexcept nogil:
    cdef double value = v * log_(v) if v > 0 else v - v       # NaN stays
    value = v if v == INF else value
    return INF if v < -8 * EPS else value


cdef dispatched entropies(Py_ssize_t n, double* v) noexcept nogil:
    """v ← v·log v."""
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = entropy_at(v[i])


cdef dispatched entropies_of_both(Py_ssize_t n, double* v) noexcept nogil:
    """v ← v·log v + (1 − v)·log(1 − v)."""
    cdef Py_ssize_t i
    for i in range(n):
        v[i] = entropy_at(v[i]) + entropy_at(1 - v[i])


cdef dispatched entropy_changes(Py_ssize_t n, const double* y, double* u) noexcept nogil:
    """u ← v·log v − y·log y.

    For |u| < y it is u·log y + v·log(v/y), without the difference of two large numbers.
    """
    cdef Py_ssize_t i
    cdef double v, size, ratio, log_y, log_v, log_ratio, near, far, own
    for i in range(n):    # no branch, so that it becomes vectors
        v = y[i] + u[i]
        size = u[i] if u[i] > 0 else -u[i]
        ratio = u[i] / y[i]
        ratio = ratio if size < y[i] else 0.0
        log_y, log_v = log_(y[i]), log_(v)
        # The series of log1p_ holds from −1/2 on.
        log_ratio = log1p_(ratio)
        log_ratio = log_ratio if ratio >= -0.5 else log_v - log_y
        near = u[i] * log_y + v * log_ratio
        own, far = y[i] * log_y, v * log_v
        own = own if y[i] > 0 else 0.0
        far = (far if v > 0 else v - v) - own
        near = near if size < y[i] else far
        near = INF if v < -8 * EPS * (1 + size) else near
        u[i] = INF if size == INF else near
