# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Penalties of single components that are quadratic by pieces of |θⱼ|, each with pieces of its own.

A table of shape (p, 3, 4) holds (end, c₀, c₁, c₂) of three intervals, on which P = c₀ + c₁t + ½c₂t².
A component whose first end is below 0 is held at 0.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs, sqrt

from skreg._kernels.penalties cimport Pieces, piecewise_prox

# Changes in a pass that are rounding, relative.
cdef double ROUNDING = 1e-14


cdef inline void _take(const double[:, :, ::1] table, Py_ssize_t j, Pieces* p) noexcept nogil:
    """The pieces of component j."""
    cdef int k
    p.limit = INFINITY
    for k in range(3):
        p.end[k], p.constant[k] = table[j, k, 0], table[j, k, 1]
        p.linear[k], p.square[k] = table[j, k, 2], table[j, k, 3]
        if p.square[k] < 0:
            p.limit = min(p.limit, -1.0 / p.square[k])


cdef inline double _least(double x, double step, const Pieces* p) noexcept nogil:
    """argmin_u ½(u − x)² + step·P(|u|)."""
    cdef double out = 0
    if p.end[0] >= 0:
        piecewise_prox[double](1, &x, &step, p, &out)
    return out


def prox(const double[::1] x, const double[::1] steps, const double[:, :, ::1] table):
    """argmin_u ½(u − xⱼ)² + stepsⱼ·P(|u|) for each component; about 50 flops each."""
    cdef Py_ssize_t j
    cdef Pieces p
    out = np.empty(x.shape[0])
    cdef double[::1] least = out
    with nogil:
        for j in range(x.shape[0]):
            _take(table, j, &p)
            least[j] = _least(x[j], steps[j], &p)
    return out


def value(const double[::1] x, const double[:, :, ::1] table):
    """Σⱼ P(|xⱼ|), infinite where a component is not held at 0 that should be."""
    cdef Py_ssize_t j
    cdef double total = 0, size
    cdef int k
    with nogil:
        for j in range(x.shape[0]):
            size, k = fabs(x[j]), 0
            if table[j, 0, 0] < 0:
                total = total if size == 0 else INFINITY
                continue
            while k < 2 and not size <= table[j, k, 0]:
                k += 1
            total += table[j, k, 1] + size * (table[j, k, 2] + 0.5 * table[j, k, 3] * size)
    return total


def at(const double[::1] x, const double[:, :, ::1] table):
    """c₀, c₁ and c₂ of the piece that each |xⱼ| lies in, shape (3, p)."""
    cdef Py_ssize_t j
    cdef int k
    out = np.empty((3, x.shape[0]))
    cdef double[:, ::1] chosen = out
    with nogil:
        for j in range(x.shape[0]):
            k = 0
            while k < 2 and not fabs(x[j]) <= table[j, k, 0]:
                k += 1
            chosen[0, j], chosen[1, j] = table[j, k, 1], table[j, k, 2]
            chosen[2, j] = table[j, k, 3]
    return out


def descend(
    const double[:, ::1] hessian, const double[::1] linear, const double[:, :, ::1] table,
    double[::1] theta, double[::1] product, double tol, int max_passes,
):
    """Coordinate descent on ½dᵀHd − cᵀd + Σⱼ P(|θⱼ|), from ``theta``, with ``product`` = Hd.

    Each component goes to its minimum beside the others, the global one where there are several. A
    pass costs 2p flops for each component that moves, and about 50 for each other.

    Parameters
    ----------
    tol : float
        Ends where ‖δ‖·max(‖θ‖, ‖θ − start‖, ‖δ‖) is below it, δ the changes of a pass and norms in
        the units of √Hⱼⱼ, or where the changes are rounding.
    max_passes : int

    Returns
    -------
    passes : int
        Below 0 where they were spent before.
    """
    cdef Py_ssize_t p = theta.shape[0], i, j
    cdef int passes = 0
    cdef double old, goal, new, change, bend, moved = 0, beyond, size, way, step
    cdef Pieces pieces
    start_ = np.array(theta)
    cdef double[::1] start = start_
    while passes < max_passes:
        PyErr_CheckSignals()
        passes += 1
        with nogil:
            moved = beyond = size = way = 0
            for j in range(p):
                bend, old = hessian[j, j], theta[j]
                if bend <= 0:
                    continue
                _take(table, j, &pieces)
                step = 1.0 / bend
                goal = old + step * (linear[j] - product[j])
                new = _least(goal, step, &pieces)
                change = new - old
                if change != 0:
                    theta[j] = new
                    for i in range(p):
                        product[i] += change * hessian[j, i]
                    moved += bend * change * change
                    if fabs(change) > ROUNDING * fabs(goal):
                        beyond += bend * change * change
                size += bend * new * new
                way += bend * (new - start[j]) * (new - start[j])
            moved, beyond = sqrt(moved), sqrt(beyond)
        if not (moved * max(sqrt(max(size, way)), moved) > tol and beyond > ROUNDING * sqrt(size)):
            return passes  # NaN, too, which no pass mends
    return -passes
