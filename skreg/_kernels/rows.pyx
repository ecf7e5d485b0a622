# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the sums over rows need beside BLAS."""

import numpy as np

from cython cimport floating
from libc.math cimport fabs, sqrt

# Edge of a tile that is transposed.
cdef Py_ssize_t TILE = 32


def mirror(double[:, ::1] matrix):
    """Copy the upper triangle to the lower one, in place."""
    cdef Py_ssize_t p = matrix.shape[0], tiles = (p + TILE - 1) // TILE, i, j, a, b
    with nogil:
        for a in range(tiles):
            for b in range(a + 1):
                for i in range(a * TILE, min((a + 1) * TILE, p)):
                    for j in range(b * TILE, min((b + 1) * TILE, i)):
                        matrix[i, j] = matrix[j, i]


def subtract_outer(double[:, ::1] matrix, const double[:] v, double scale):
    """matrix ← matrix − scale·vvᵀ, in the upper triangle only, in place."""
    cdef Py_ssize_t p = matrix.shape[0], i, j
    cdef double a
    with nogil:
        for i in range(p):
            a = scale * v[i]
            for j in range(i, p):
                matrix[i, j] -= a * v[j]


def class_grams(
    const double[:, ::1] x, const double[:, ::1] weights, const Py_ssize_t[::1] order,
    const Py_ssize_t[::1] starts, double[:, ::1] out,
):
    """out[a, b] += Σᵢ weights[i, k]·x[i, a]·x[i, b] for all a, b of the same class k.

    The columns of class k are ``order[starts[k]:starts[k + 1]]``. Both triangles: n·Σₖmₖ²
    multiply-adds for mₖ columns of class k, and as many numbers of X as there are.
    """
    cdef Py_ssize_t n = x.shape[0], K = starts.shape[0] - 1, m = x.shape[1], i, k, a, b, size, most = 0
    cdef double scaled
    cdef double* row
    if not (weights.shape[0] == n and weights.shape[1] == K and out.shape[0] == out.shape[1] == m
            and order.shape[0] == starts[K] == m and starts[0] == 0):
        raise ValueError("weights, order and starts must fit the columns of x")
    for k in range(K):
        most = max(most, starts[k + 1] - starts[k])
    own, grams = np.empty(most), np.zeros((K, most, most))
    cdef double[::1] values = own
    cdef double[:, :, ::1] sums = grams
    with nogil:
        for i in range(n):
            for k in range(K):
                size = starts[k + 1] - starts[k]
                for a in range(size):
                    values[a] = x[i, order[starts[k] + a]]
                for a in range(size):
                    scaled = weights[i, k] * values[a]
                    if scaled == 0:
                        continue
                    row = &sums[k, a, 0]
                    for b in range(a + 1):
                        row[b] += scaled * values[b]
        for k in range(K):
            for a in range(starts[k + 1] - starts[k]):
                for b in range(a + 1):
                    out[order[starts[k] + a], order[starts[k] + b]] += sums[k, a, b]
                    if a != b:
                        out[order[starts[k] + b], order[starts[k] + a]] += sums[k, a, b]


def group_norms(
    const double[:, :] theta, const Py_ssize_t[::1] order, const Py_ssize_t[::1] starts
):
    """‖θ_g‖₂ over all rows of θ and the columns ``order[starts[g]:starts[g+1]]``, for each group g.

    Without overflow or underflow: sums of squares out of range are taken again, scaled.
    """
    cdef Py_ssize_t g, i, t
    cdef double total, top, x
    out = np.zeros(starts.shape[0] - 1)
    cdef double[::1] norms = out
    with nogil:
        for g in range(starts.shape[0] - 1):
            total = top = 0
            for i in range(starts[g], starts[g + 1]):
                for t in range(theta.shape[0]):
                    x = theta[t, order[i]]
                    total += x * x
                    top = max(top, fabs(x))
            if 1e-280 < total < 1e280 or top == 0:
                norms[g] = sqrt(total)
                continue
            total = 0
            for i in range(starts[g], starts[g + 1]):
                for t in range(theta.shape[0]):
                    x = theta[t, order[i]] / top
                    total += x * x
            norms[g] = top * sqrt(total)
    return out


def origin(const floating[:, :] block, const double[:] weights):
    """A point amid these rows, and whether 0 is one as well.

    The point is their mean, to the bit where all numbers of a column are equal. 0 is amid them where
    no mean² is above 0.9 times the mean of squares.

    Parameters
    ----------
    block : ndarray of shape (n, p)
    weights : ndarray of shape (n,) or None
        Rows of weight 0 have no say, unless all are.

    Returns
    -------
    ndarray of shape (p,), float64
    bool
    """
    cdef Py_ssize_t n = block.shape[0], p = block.shape[1], i, j, first = 0, count = 0
    cdef double weight = 1, total = 0, x
    cdef bint near_zero = True
    if weights is not None:
        while first < n and weights[first] == 0:
            first += 1
        if first == n:
            weights, first = None, 0
    out = np.zeros((3, p))
    cdef double[:, ::1] sums = out  # of w·x, of x², and of what is unlike the first row
    with nogil:
        for i in range(first, n):
            if weights is not None:
                weight = weights[i]
                if weight == 0:
                    continue
            total += weight
            count += 1
            for j in range(p):
                x = block[i, j]
                sums[0, j] += weight * x
                sums[1, j] += x * x
                sums[2, j] += block[i, j] != block[first, j]
        for j in range(p):
            sums[0, j] = block[first, j] if sums[2, j] == 0 else sums[0, j] / total
            near_zero &= sums[0, j] * sums[0, j] <= 0.9 * sums[1, j] / count
    return out[0].copy(), near_zero
