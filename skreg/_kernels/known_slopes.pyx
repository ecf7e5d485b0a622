# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Xᵀr from products that are known, and what these leave open."""

import numpy as np

from libc.math cimport fabs, sqrt

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.upper_factor cimport dot, subtract_multiple


def combine(
    const double[:, ::1] rows, const double[:, ::1] inverse, const double[:, ::1] slopes,
    const double[::1] residual, const double[::1] lengths, const double[::1] weights,
    double alpha, double rounding, const Py_ssize_t[::1] which, const double[::1] own,
):
    """Of −Xᵀr what is known of it: q = Σcₖqₖ, r = Σcₖrₖ + e, with ‖x‖·‖e‖ at most between them.

    Parameters
    ----------
    rows, inverse, slopes : ndarray of shape (m, n), (m, m) and (m, p)
        rₖ, the inverse of their Gram matrix, by which ‖e‖ is least, and qₖ = −Xᵀrₖ.
    residual : ndarray of shape (n,)
    lengths, weights : ndarray of shape (p,)
        ‖xⱼ‖, and the share of λ that qⱼ may have.
    alpha, rounding : float
        λ, and the share of ‖r‖ that rounding leaves of ‖e‖.
    which, own : ndarray of shape (k,)
        Features whose qⱼ is given.

    Returns
    -------
    q : ndarray of shape (p,)
    left : ndarray of int
        Features of which it is not certain that |qⱼ| is within λ.
    """
    cdef Py_ssize_t m = rows.shape[0], n = rows.shape[1], p = slopes.shape[1], i, j, count = 0
    if not (inverse.shape[0] == inverse.shape[1] == slopes.shape[0] == m
            and residual.shape[0] == n and lengths.shape[0] == weights.shape[0] == p
            and which.shape[0] == own.shape[0]):
        raise ValueError("the arrays must agree on the numbers of vectors, rows and features")
    out, rest = np.zeros(p), np.array(residual)
    cdef double[::1] slope = out, e = rest, along = np.empty(m)
    cdef double[::1] reach = np.empty(p)
    open_ = np.empty(p, dtype=np.intp)
    cdef Py_ssize_t[::1] left = open_
    cdef double c, apart = 0, size = 0, total = 1
    if m and n and p:
        with nogil:
            for i in range(m):
                dot(n, &rows[i, 0], &residual[0], &along[i])
            dot(n, &residual[0], &residual[0], &size)
            for i in range(m):
                c = 0
                for j in range(m):
                    c += inverse[i, j] * along[j]
                total += fabs(c)
                subtract_multiple(n, c, &rows[i, 0], &e[0])
                subtract_multiple(p, -c, &slopes[i, 0], &slope[0])
            dot(n, &e[0], &e[0], &apart)
            apart = sqrt(apart) + rounding * sqrt(size) * total
            _beyond(p, &slope[0], apart, &lengths[0], alpha, &weights[0], &reach[0])
            for i in range(which.shape[0]):
                slope[which[i]], reach[which[i]] = own[i], 0
            for j in range(p):
                if not reach[j] <= 0:    # what overflows is left, too
                    left[count] = j
                    count += 1
    return out, open_[:count]


cdef dispatched _beyond(
    Py_ssize_t p, const double* slope, double apart, const double* lengths, double alpha,
    const double* weights, double* out,
) noexcept nogil:
    """By how much |qⱼ| may exceed its share of λ."""
    cdef Py_ssize_t j
    for j in range(p):
        out[j] = fabs(slope[j]) + apart * lengths[j] - alpha * weights[j]
