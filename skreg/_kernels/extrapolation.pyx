# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Polynomials through the last points of a path, and what lines through these tell of residuals."""

import numpy as np

from libc.math cimport INFINITY, fabs

from skreg._kernels.dispatch cimport dispatched


def lagrange(nodes, double x):
    """Weights of a polynomial's values at ``nodes`` in its value at x."""
    cdef const double[::1] places = np.array(nodes, dtype=np.float64)
    out = np.empty(len(nodes))
    cdef double[::1] weights = out
    if len(nodes):
        _weights(places.shape[0], &places[0], x, &weights[0])
    return out


def best_weights(alphas, const double[:, ::1] values, double alpha):
    """Weights of the last rows of ``values`` that extrapolate them to ``alpha``.

    As many rows as would have told the last row from those before it best.
    """
    cdef const double[::1] nodes = np.array(alphas, dtype=np.float64)
    cdef Py_ssize_t last = nodes.shape[0] - 1, p = values.shape[1], degree, i, j, best = 1
    out = np.empty(last + 1)
    cdef double[::1] weights = out
    cdef double told, error, least = INFINITY
    if values.shape[0] != last + 1 or last < 0:
        raise ValueError("values must have a row for each λ, one at least")
    for degree in range(1, last + 1):
        _weights(degree, &nodes[last - degree], nodes[last], &weights[0])
        error = 0
        for j in range(p):
            told = 0
            for i in range(degree):
                told += weights[i] * values[last - degree + i, j]
            told -= values[last, j]
            if error == error and not fabs(told) <= error:    # NaN stays
                error = fabs(told)
        if error < least:
            best, least = degree, error
    _weights(best, &nodes[last + 1 - best], alpha, &weights[0])
    return out[:best]


def linear_residual(
    const double[:, ::1] curvature, const double[:, ::1] raw, points, weights, double inverse
):
    """Σ wᵢ(rᵢ + c(f − fᵢ)) + cs, for one output with curvature c, at raw predictions f.

    ``points`` are pairs fᵢ and rᵢ, all of these of shape (n, 1). ``inverse``, that of Σc, makes the
    sum over the rows 0 by the best s; 0 stands for s = 0.
    """
    out = np.zeros(np.shape(raw))
    cdef double[:, ::1] residual = out
    cdef const double[:, ::1] at, its
    cdef Py_ssize_t n = raw.shape[0]
    if n:
        for (at, its), weight in zip(points, weights):
            if not at.shape[0] == its.shape[0] == curvature.shape[0] == n:
                raise ValueError("points and curvature must have a number for each row")
            _add_line(n, weight, &at[0, 0], &its[0, 0], &curvature[0, 0], &raw[0, 0], &residual[0, 0])
        _balance(n, inverse, &curvature[0, 0], &residual[0, 0])
    return out


cdef dispatched _add_line(
    Py_ssize_t n, double weight, const double* at, const double* its, const double* curvature,
    const double* raw, double* out,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += weight * (its[i] + curvature[i] * (raw[i] - at[i]))


cdef dispatched _balance(
    Py_ssize_t n, double inverse, const double* curvature, double* residual
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(n):
        total += residual[i]
    for i in range(n):
        residual[i] -= inverse * total * curvature[i]


cdef void _weights(Py_ssize_t m, const double* nodes, double x, double* weights) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(m):
        weights[i] = 1
        for j in range(m):
            if j != i:
                weights[i] *= (x - nodes[j]) / (nodes[i] - nodes[j])
