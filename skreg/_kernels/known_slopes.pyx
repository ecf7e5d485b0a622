# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Xᵀr from products that are known, and what these leave open."""

import numpy as np

from libc.math cimport fabs, sqrt
from libc.string cimport memcpy

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.upper_factor cimport dot, subtract_multiple

# A ridge on a Gram matrix, as a share of its diagonal, and what makes one of zeros regular.
cdef double RIDGE = 1e-12, TINY = 1e-300
# Sums of squares between these have neither lost a part nor overflown.
cdef double SMALLEST = 1e-280, LARGEST = 1e290


def combine(
    const double[:, ::1] rows, const double[:, ::1] gram, const double[:, ::1] slopes,
    const double[:, ::1] vectors, const double[::1] lengths, const double[::1] weights,
    double alpha, double rounding, const Py_ssize_t[::1] which, const double[::1] own,
):
    """Of −Xᵀr what is known of it: q = Σcₖqₖ, r = Σcₖrₖ + e, with ‖x‖·‖e‖ at most between them.

    Parameters
    ----------
    rows, gram, slopes : ndarray of shape (m, n), (m, m) and (m, p)
        rₖ, their Gram matrix, and qₖ = −Xᵀrₖ.
    vectors : ndarray of shape (k, n)
        r, and others of which q is all that is asked for.
    lengths, weights : ndarray of shape (p,)
        ‖xⱼ‖, and the share of λ that qⱼ may have.
    alpha, rounding : float
        λ, and the share of ‖r‖ that rounding leaves of ‖e‖.
    which, own : ndarray of shape (l,)
        Features whose qⱼ is given for r.

    Returns
    -------
    q : ndarray of shape (k, p)
    left : ndarray of int
        Features of which it is not certain that |qⱼ| is within λ for r; all where r is out of range.
    """
    cdef Py_ssize_t m = rows.shape[0], n = rows.shape[1], p = slopes.shape[1], i, j, v, count = 0
    cdef Py_ssize_t k = vectors.shape[0]
    if not (gram.shape[0] == gram.shape[1] == slopes.shape[0] == m
            and vectors.shape[1] == n and lengths.shape[0] == weights.shape[0] == p
            and which.shape[0] == own.shape[0]):
        raise ValueError("the arrays must agree on the numbers of vectors, rows and features")
    out, found = np.zeros((k, p)), np.empty(p, dtype=np.intp)
    cdef double[:, ::1] slope = out
    cdef double[::1] room = np.empty(n + p + m * (m + 1))
    cdef double* e = &room[0]
    cdef double* reach = e + n
    cdef double* system = reach + p
    cdef double* c = system + m * m
    cdef Py_ssize_t[::1] left = found
    cdef double apart = 0, size = 0, total = 1
    cdef bint within
    if k and m and n and p:
        with nogil:
            for v in range(k - 1, -1, -1):    # c of the first is needed below
                for i in range(m):
                    dot(n, &rows[i, 0], &vectors[v, 0], c + i)
                memcpy(system, &gram[0, 0], m * m * sizeof(double))
                _solve(m, system, c)
                for i in range(m):
                    subtract_multiple(p, -c[i], &slopes[i, 0], &slope[v, 0])
            memcpy(e, &vectors[0, 0], n * sizeof(double))
            for i in range(m):
                total += fabs(c[i])
                subtract_multiple(n, c[i], &rows[i, 0], e)
            dot(n, &vectors[0, 0], &vectors[0, 0], &size)
            dot(n, e, e, &apart)
            apart = sqrt(apart) + rounding * sqrt(size) * total
            _beyond(p, &slope[0, 0], apart, &lengths[0], alpha, &weights[0], reach)
            for i in range(which.shape[0]):
                slope[0, which[i]], reach[which[i]] = own[i], 0
            within = SMALLEST < size < LARGEST
            for j in range(p):
                if not (within and reach[j] <= 0):    # what overflows is left, too
                    left[count] = j
                    count += 1
    return out, found[:count]


def complete(
    const double[:, ::1] columns, const Py_ssize_t[::1] places, const Py_ssize_t[::1] which,
    const double[:, ::1] vectors, double[:, ::1] slopes,
):
    """−xⱼᵀr of some features j for each of k vectors r, into ``slopes`` of shape (k, p).

    The xⱼ are the rows ``places`` of ``columns``, of shape (m, n).
    """
    cdef Py_ssize_t n = columns.shape[1], i, v
    if not (vectors.shape[1] == n and places.shape[0] == which.shape[0]
            and vectors.shape[0] == slopes.shape[0]):
        raise ValueError("the arrays must agree on the numbers of vectors, rows and features")
    cdef double value
    with nogil:
        for i in range(which.shape[0]):
            for v in range(vectors.shape[0]):
                dot(n, &columns[places[i], 0], &vectors[v, 0], &value)
                slopes[v, which[i]] = -value


cdef void _solve(Py_ssize_t m, double* a, double* x) noexcept nogil:
    """x ← A⁻¹x by elimination, for A = aᵀa with a trace of a ridge: near enough for any c to do."""
    cdef Py_ssize_t i, j, k
    cdef double share
    for i in range(m):
        a[i * m + i] += RIDGE * a[i * m + i] + TINY
    for k in range(m):
        for i in range(k + 1, m):
            share = a[i * m + k] / a[k * m + k]
            for j in range(k, m):
                a[i * m + j] -= share * a[k * m + j]
            x[i] -= share * x[k]
    for k in range(m - 1, -1, -1):
        for j in range(k + 1, m):
            x[k] -= a[k * m + j] * x[j]
        x[k] /= a[k * m + k]


cdef dispatched _beyond(
    Py_ssize_t p, const double* slope, double apart, const double* lengths, double alpha,
    const double* weights, double* out,
) noexcept nogil:
    """By how much |qⱼ| may exceed its share of λ."""
    cdef Py_ssize_t j
    for j in range(p):
        out[j] = fabs(slope[j]) + apart * lengths[j] - alpha * weights[j]
