# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Coordinate descent for the lasso on columns: memory for θ and a residual, and no Hessian."""

import numpy as np

from skreg._kernels.losses import CURVED

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.math cimport fabs

from skreg._kernels.losses cimport Loss, with_curvature
from skreg._kernels.penalties cimport soft_threshold

cdef extern from "column.h" nogil:
    double column_dot "skreg_column_dot"(Py_ssize_t n, const double* x, const double* r)
    void column_subtract "skreg_column_subtract"(
        Py_ssize_t n, double a, const double* w, const double* x, double* r)
    void column_moments "skreg_column_moments"(
        Py_ssize_t n, const double* w, const double* x, double* out)

ctypedef fused index:
    int
    long long

cdef double EPS = 2.220446049250313e-16
# Curvatures below this part of their mean are raised to it.
cdef double FLOOR = 1e-6
# A quadratic is solved until a pass gains this share of what the first did, or of what may be left;
# passes over the non-zeros until one gains this share of that.
cdef double ROUGH = 0.1, LAST = 0.3, STILL = 0.3
# A Newton step is halved until it gains this share of what its quadratic did, and so often at most.
cdef double ARMIJO = 0.1
cdef int HALVINGS = 30


cdef struct Problem:
    # ½‖b − Aθ‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² with A = diag(√weight)·(X − mean), θ within bounds, over the
    # features ``which``. √weight·(b − Aθ) is rho + level·weight.
    Py_ssize_t n, n_known
    const Py_ssize_t* which
    const double* weight
    const double* mean
    const double* curvature
    const double* l1
    const double* l2
    const double* lower
    const double* upper
    double* theta
    double* rho
    double level, total, equal    # total of the weights, and what each is if they are all alike


cdef struct Block:
    # Columns of n numbers one after another, that of feature j in place slots[j]; NULL of sparse X.
    const double* columns
    const Py_ssize_t* slots


cdef inline double _dot(
    const index* indptr, const index* indices, const floating* data, Block block, Py_ssize_t n,
    Py_ssize_t j, const double* r,
) noexcept nogil:
    """Σ xᵢⱼrᵢ."""
    cdef double total = 0
    cdef Py_ssize_t i
    if block.columns != NULL:
        return column_dot(n, block.columns + block.slots[j] * n, r)
    for i in range(indptr[j], indptr[j + 1]):
        total += data[i] * r[indices[i]]
    return total


cdef inline void _subtract(
    const index* indptr, const index* indices, const floating* data, Block block, Py_ssize_t j,
    double step, Problem* at,
) noexcept nogil:
    """ρ ← ρ − step·weight·xⱼ."""
    cdef Py_ssize_t i
    if block.columns != NULL:
        column_subtract(at.n, step, at.weight, block.columns + block.slots[j] * at.n, at.rho)
    elif at.equal > 0:    # one scattered read less
        step *= at.equal
        for i in range(indptr[j], indptr[j + 1]):
            at.rho[indices[i]] -= step * data[i]
    else:
        for i in range(indptr[j], indptr[j + 1]):
            at.rho[indices[i]] -= step * at.weight[indices[i]] * data[i]


cdef int _passes(
    const index* indptr, const index* indices, const floating* data, Block block, Problem* at,
    double tol, double rough, int max_passes, double* total_gain,
) noexcept nogil:
    """Passes over all features alternate with passes over the non-zeros.

    They end once one over all gains less than ``tol``, or than the share ``rough`` of what the
    first did.
    """
    cdef Py_ssize_t k, j
    cdef int passes = 0
    cdef double old, new, slope, step, gain, first = -1
    cdef bint whole = True
    while passes < max_passes:
        gain = 0
        for k in range(at.n_known):
            j = at.which[k]
            old = at.theta[j]
            if (old == 0 and not whole) or at.curvature[j] <= 0:
                continue
            slope = at.level * at.total * at.mean[j]
            slope += _dot(indptr, indices, data, block, at.n, j, at.rho)
            step = at.curvature[j] + at.l2[j]
            new = soft_threshold(slope + at.curvature[j] * old, at.l1[j]) / step
            new = min(max(new, at.lower[j]), at.upper[j])
            if new != old:
                gain += 0.5 * step * (new - old) * (new - old)
                at.theta[j] = new
                at.level += (new - old) * at.mean[j]
                _subtract(indptr, indices, data, block, j, new - old, at)
        passes += 1
        total_gain[0] += gain
        if first < 0:
            first = gain
            tol = max(tol, rough * gain)
        if whole and not gain > tol:
            break
        # The non-zeros by themselves until they stand nearly still, then all again.
        whole = not gain > STILL * tol if not whole else False
    return passes


def descend(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const double[::1] share, const double[::1] mean, const double[::1] curvature,
    const Py_ssize_t[::1] which, const double[::1] l1, const double[::1] l2,
    const double[::1] lower, const double[::1] upper, double[::1] theta,
    double[::1] rho, double tol, int max_passes,
):
    """Minimize ½‖b − Aθ‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² over the features ``which``, from ``theta``.

    θ stays within ``lower`` and ``upper``, which is two comparisons for each step.

    A = diag(√share)·(X − mean), with X by columns. ``rho`` is √share·(b − Aθ), whose sum is 0
    wherever ``mean`` is not. What centering takes from it is one number times ``share``, which is
    kept aside, so that a step costs the entries of its column. They end once a pass over all of
    ``which`` lowers the objective by less than ``tol``.

    Returns
    -------
    passes : int
    """
    cdef Py_ssize_t i
    cdef double gain = 0
    cdef int passes = 0
    cdef Problem at
    cdef Block block
    block.columns = NULL
    if not which.shape[0] or not data.shape[0]:
        return 1
    at.n, at.n_known, at.which = rho.shape[0], which.shape[0], &which[0]
    at.weight, at.mean, at.curvature = &share[0], &mean[0], &curvature[0]
    at.l1, at.l2, at.lower, at.upper = &l1[0], &l2[0], &lower[0], &upper[0]
    at.theta, at.rho, at.level, at.total, at.equal = &theta[0], &rho[0], 0, 1, share[0]
    for i in range(at.n):
        at.equal = at.equal if share[i] == at.equal else 0
    with nogil:
        passes = _passes(
            &indptr[0], &indices[0], &data[0], block, &at, tol, 0, max_passes, &gain)
        for i in range(at.n):
            rho[i] += at.level * share[i]
    PyErr_CheckSignals()
    return passes


cdef double _evaluate(
    Loss loss, double parameter, Py_ssize_t n, const double* y, const double* share,
    const double* raw, double* values, double* residual, double* weight,
) noexcept nogil:
    """Σ share·ℓ; residual and weight ← share·∂ℓ/∂f and share·∂²ℓ/∂f²."""
    cdef double value = 0
    cdef Py_ssize_t i
    with_curvature(loss, parameter, n, y, raw, values, residual, weight)
    for i in range(n):
        value += share[i] * values[i]
        residual[i] *= share[i]
        weight[i] *= share[i]
    return value


cdef double _penalty(const Problem* at) noexcept nogil:
    cdef double value = 0
    cdef Py_ssize_t k, j
    for k in range(at.n_known):
        j = at.which[k]
        value += at.l1[j] * fabs(at.theta[j]) + 0.5 * at.l2[j] * at.theta[j] * at.theta[j]
    return value


def minimize(
    name, double parameter, const index[::1] indptr, const index[::1] indices,
    const floating[::1] data, const double[:, ::1] columns, const Py_ssize_t[::1] slots,
    const Py_ssize_t[::1] which, const double[::1] y, const double[::1] share,
    const double[::1] l1, const double[::1] l2, const double[::1] lower, const double[::1] upper,
    double[::1] theta, double[::1] raw, double[::1] residual, bint fit_intercept, double tol,
    int max_passes,
):
    """Minimize Σ share·ℓ(y, xθ + b) + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² over b and the features ``which``.

    Newton steps, each by coordinate descent on the quadratic at a point, from ``theta`` and its raw
    predictions ``raw``, both of which are moved; ``residual`` ← share·∂ℓ/∂f at the end. X is given
    by ``columns``, feature j in row slots[j], or, if there are none, sparse. Rows without a share
    have no part in anything, and their raw predictions are left alone.

    Returns
    -------
    shift : float
        The change of b.
    passes : int
    gain : float
        By how much the last quadratic fell: about what is left is less.
    """
    cdef Py_ssize_t n = raw.shape[0], p = theta.shape[0], k, i, j
    cdef Loss loss = CURVED[name]
    cdef int passes = 0, halvings
    cdef double objective, new = 0, gain = 0, total, least, length, shift = 0, weights
    cdef double[2] moments
    cdef double[:, ::1] room = np.empty((6, n)), of_features = np.empty((3, p))
    cdef double* weight = &room[0, 0]
    cdef double* rho = &room[1, 0]
    cdef double* values = &room[2, 0]
    cdef double* change = &room[3, 0]
    cdef double* before = &room[4, 0]
    cdef double* mean = &of_features[0, 0]
    cdef double* curvature = &of_features[1, 0]
    cdef double* old = &of_features[2, 0]
    cdef const index* starts = NULL
    cdef const index* rows = NULL
    cdef const floating* entries = NULL
    cdef Problem at
    cdef Block block
    block.columns = &columns[0, 0] if columns.shape[0] else NULL
    block.slots = &slots[0] if columns.shape[0] else NULL
    if data.shape[0]:
        starts, rows, entries = &indptr[0], &indices[0], &data[0]
    at.n, at.n_known, at.which = n, which.shape[0], &which[0] if which.shape[0] else NULL
    at.weight, at.mean, at.curvature = weight, mean, curvature
    at.l1, at.l2, at.lower, at.upper = &l1[0], &l2[0], &lower[0], &upper[0]
    at.theta, at.rho, at.equal = &theta[0], rho, 0
    with nogil:
        objective = _evaluate(
            loss, parameter, n, &y[0], &share[0], &raw[0], values, &residual[0], weight)
        objective += _penalty(&at)
        while passes < max_passes:
            weights = total = 0
            for i in range(n):
                weights += weight[i]
                total -= residual[i]
            least = FLOOR * weights
            weights = 0
            for i in range(n):
                weight[i] = max(weight[i], least * share[i])
                weights += weight[i]
                rho[i] = -residual[i]
                before[i] = raw[i]
            if not weights > 0:
                break
            at.total, at.level, gain = weights, 0, 0
            if fit_intercept:
                at.level, gain = -total / weights, 0.5 * total * total / weights
            for k in range(at.n_known):
                j = at.which[k]
                old[j] = theta[j]
                if block.columns != NULL:
                    column_moments(n, weight, block.columns + block.slots[j] * n, moments)
                else:
                    moments[0] = moments[1] = 0
                    for i in range(starts[j], starts[j + 1]):
                        moments[0] += weight[rows[i]] * entries[i]
                        moments[1] += weight[rows[i]] * entries[i] * entries[i]
                mean[j] = moments[0] / weights if fit_intercept else 0
                curvature[j] = moments[1] - mean[j] * mean[j] * weights
                if curvature[j] <= 64 * EPS * moments[1]:
                    curvature[j] = 0
            passes += _passes(
                starts, rows, entries, block, &at, LAST * tol, ROUGH, max_passes - passes, &gain)
            for i in range(n):
                change[i] = 0
                if weight[i] > 0:
                    change[i] = (-residual[i] - rho[i]) / weight[i] - at.level
            length = 1
            for halvings in range(HALVINGS):
                for i in range(n):
                    raw[i] = before[i] + length * change[i]
                new = _evaluate(
                    loss, parameter, n, &y[0], &share[0], &raw[0], values, &residual[0], weight)
                new += _penalty(&at)
                if new <= objective - ARMIJO * length * gain + 4 * EPS * fabs(objective):
                    break
                for k in range(at.n_known):
                    j = at.which[k]
                    theta[j] = old[j] + 0.5 * (theta[j] - old[j])
                length *= 0.5
            shift -= length * at.level
            objective = new
            if not gain > tol:
                break
    PyErr_CheckSignals()
    return shift, passes, gain
