# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the sums over rows need beside BLAS."""

import numpy as np

from cython cimport floating
from libc.math cimport fabs, sqrt
from scipy.linalg.cython_lapack cimport dpotrf

from skreg._kernels.dispatch cimport dispatched

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


def factor(double[:, ::1] matrix):
    """Put L into the lower triangle, LLᵀ = matrix; whether it is positive definite.

    By the upper triangle, which stays. LAPACK's: n³/3 flops.
    """
    cdef int p = <int>matrix.shape[0], info = 0
    cdef char upper = b"U"  # in Fortran order, which is that of the transpose
    if matrix.shape[1] != p:
        raise ValueError("the matrix must be square")
    if p > 0:
        mirror(matrix)
        with nogil:
            dpotrf(&upper, &p, &matrix[0, 0], &p, &info)
    return info == 0


def subtract_outer(double[:, ::1] matrix, const double[:] v, double scale):
    """matrix ← matrix − scale·vvᵀ, in the upper triangle only, in place."""
    cdef Py_ssize_t p = matrix.shape[0], i, j
    cdef double a
    with nogil:
        for i in range(p):
            a = scale * v[i]
            for j in range(i, p):
                matrix[i, j] -= a * v[j]


cdef dispatched _in_units(
    Py_ssize_t p, const double* x, const double* mean, const double* unit, float* out, double* total
) noexcept nogil:
    """Of one row; the arguments are those of `in_units`."""
    cdef Py_ssize_t j, k, whole = p - p % 16
    cdef float[16] sums
    for k in range(16):
        sums[k] = 0
    for j in range(p):
        out[j] = <float>((x[j] - mean[j]) * unit[j])
    for j in range(0, whole, 16):
        for k in range(16):
            sums[k] += out[j + k] * out[j + k]
    for j in range(whole, p):
        sums[0] += out[j] * out[j]
    total[0] = 0
    for k in range(16):
        total[0] += sums[k]


def in_units(
    const double[:, ::1] x, const double[::1] mean, const double[::1] unit, float[:, ::1] out
):
    """out[i, j] ← (x[i, j] − mean[j])·unit[j], rounded to single precision.

    Returns
    -------
    ndarray of shape (m,)
        The sum of squares of each row.
    """
    cdef Py_ssize_t m = x.shape[0], p = x.shape[1], i
    if not (mean.shape[0] == unit.shape[0] == out.shape[1] == p and out.shape[0] == m):
        raise ValueError("mean, unit and out must fit x")
    totals = np.zeros(m)
    cdef double[::1] total = totals
    if m > 0 and p > 0:
        with nogil:
            for i in range(m):
                _in_units(p, &x[i, 0], &mean[0], &unit[0], &out[i, 0], &total[i])
    return totals


cdef dispatched _leave(
    Py_ssize_t m, const double* power, const double* share, const double* rest, const double* off,
    const double* y, double* fitted, double* least,
) noexcept nogil:
    """Of one λ; the arguments are those of `leave_out`."""
    cdef Py_ssize_t i
    cdef double left
    for i in range(m):
        left = rest[i] - share[i] * power[i]
        least[i] = left if left < least[i] else least[i]
        fitted[i] = y[i] + (fitted[i] + off[i]) / left


def leave_out(
    const double[:, ::1] power, const double[::1] share, const double[::1] rest,
    const double[::1] off, const double[::1] y, double[:, ::1] fitted,
):
    """fitted ← y + (fitted + off)/(1 − h), in place, where 1 − h = rest − share·power.

    ``power`` and ``fitted`` have a line for each λ, the others a number for each row.

    Returns
    -------
    ndarray of shape (m,)
        The least 1 − h of each row. Where it is not above 0 the row's numbers are of no use.
    """
    cdef Py_ssize_t m = share.shape[0], k, n_alphas = power.shape[0]
    out = np.full(m, np.inf)
    cdef double[::1] least = out
    if not (
        power.shape[1] == rest.shape[0] == off.shape[0] == y.shape[0] == fitted.shape[1] == m
        and fitted.shape[0] == n_alphas
    ):
        raise ValueError("all must be of the same rows and λ")
    if m > 0:
        with nogil:
            for k in range(n_alphas):
                _leave(m, &power[k, 0], &share[0], &rest[0], &off[0], &y[0], &fitted[k, 0],
                       &least[0])
    return out


def shifted(
    const floating[:, :] x, const Py_ssize_t[::1] rows, const double[::1] origin,
    const double[::1] scale, double[:, :] out,
):
    """out[i, j] ← scale[i]·(x[rows[i], j] − origin[j]); ``None`` for all rows, for scales of 1.

    One pass over x and out, which lie alike: both by columns, or both by rows.
    """
    cdef Py_ssize_t n = out.shape[0], p = x.shape[1], i, j
    cdef bint chosen = rows is not None, scaled = scale is not None
    cdef Py_ssize_t size = sizeof(floating), out_size = sizeof(double)
    cdef bint by_columns = (n == 1 or out.strides[0] == out_size) and x.strides[0] == size
    cdef double shift, factor
    cdef const floating* source
    cdef double* target
    if not (out.shape[1] == p == origin.shape[0] and (not scaled or scale.shape[0] == n)
            and (rows.shape[0] == n if chosen else x.shape[0] == n)):
        raise ValueError("rows, origin and scale must fit x, and out must have a row for each")
    if n == 0 or p == 0:
        return
    if not by_columns and p > 1 and (x.strides[1] != size or out.strides[1] != out_size):
        raise ValueError("x and out must both lie by columns, or both by rows")
    with nogil:
        if by_columns:
            for j in range(p):
                source, target, shift = &x[0, j], &out[0, j], origin[j]
                for i in range(n):
                    target[i] = source[rows[i] if chosen else i] - shift
                if scaled:
                    for i in range(n):
                        target[i] *= scale[i]
        else:
            for i in range(n):
                source, target = &x[rows[i] if chosen else i, 0], &out[i, 0]
                factor = scale[i] if scaled else 1
                for j in range(p):
                    target[j] = factor * (source[j] - origin[j])


def spread(
    const double[:, ::1] x, const Py_ssize_t[::1] places, const double[:, ::1] weights,
    const Py_ssize_t[::1] classes, const double[::1] scale, double[:, ::1] out,
):
    """out[i, a] ← scale[i]·weights[i, classes[a]]·x[i, places[a]]."""
    cdef Py_ssize_t n = x.shape[0], m = places.shape[0], i, a
    if not (weights.shape[0] == scale.shape[0] == out.shape[0] == n and classes.shape[0] == m
            and out.shape[1] == m):
        raise ValueError("out must have a row for each of x, a column for each of places")
    with nogil:
        for i in range(n):
            for a in range(m):
                out[i, a] = scale[i] * weights[i, classes[a]] * x[i, places[a]]


def class_grams(
    const double[:, ::1] x, const Py_ssize_t[::1] places, const double[:, ::1] weights,
    const Py_ssize_t[::1] order, const Py_ssize_t[::1] starts, Py_ssize_t first, double[:, ::1] out,
):
    """out[a, b − first] += Σᵢ weights[i, k]·xₐ·x_b of row i, for all a and b ≥ first of one class k.

    xₐ is x[i, places[a]]. The members of class k are ``order[starts[k]:starts[k + 1]]``, ascending.
    As many numbers of X are read as there are of all members, and a pair of them is multiplied once.
    """
    cdef Py_ssize_t n = x.shape[0], K = starts.shape[0] - 1, m = places.shape[0], k, a, b, size
    cdef Py_ssize_t u, v, most = 0
    if not (weights.shape[0] == n and weights.shape[1] == K and out.shape[0] == m
            and out.shape[1] == m - first and order.shape[0] == starts[K] == m and starts[0] == 0):
        raise ValueError("weights, order and starts must fit the columns of x")
    if n == 0 or m == 0:
        return
    for k in range(K):
        most = max(most, starts[k + 1] - starts[k])
    cdef double[::1] values = np.empty(most)
    cdef double[:, ::1] sums = np.empty((most, most))
    cdef Py_ssize_t begin
    with nogil:
        for k in range(K):
            size, begin = starts[k + 1] - starts[k], 0
            while begin < size and order[starts[k] + begin] < first:
                begin += 1
            if begin == size:
                continue
            for a in range(begin, size):
                for b in range(a + 1):
                    sums[a, b] = 0
            _add_class(n, x.shape[1], &x[0, 0], K, &weights[0, k], size, begin,
                       &order[starts[k]], &places[0], &values[0], most, &sums[0, 0])
            for a in range(begin, size):
                u = order[starts[k] + a]
                for b in range(a + 1):
                    v = order[starts[k] + b]
                    out[v, u - first] += sums[a, b]
                    if u != v and v >= first:
                        out[u, v - first] += sums[a, b]


cdef dispatched _add_class(
    Py_ssize_t n, Py_ssize_t width, const double* x, Py_ssize_t stride, const double* weights,
    Py_ssize_t size, Py_ssize_t begin, const Py_ssize_t* members, const Py_ssize_t* places,
    double* values, Py_ssize_t most, double* sums,
) noexcept nogil:
    """sums[a, b] += Σᵢ wᵢxₐx_b over the members of a class, a ≥ begin and b ≤ a."""
    cdef Py_ssize_t i, a, b
    cdef double scaled
    cdef double* row
    for i in range(n):
        if weights[i * stride] == 0:
            continue
        for a in range(size):
            values[a] = x[i * width + places[members[a]]]
        for a in range(begin, size):
            scaled = weights[i * stride] * values[a]
            row = sums + a * most
            for b in range(a + 1):
                row[b] += scaled * values[b]


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
