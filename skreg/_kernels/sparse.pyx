# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sums over compressed sparse matrices, in float64 whatever their entries are.

A matrix is (indptr, indices, data): line j holds data[indptr[j]:indptr[j + 1]], an entry i of it
stands at indices[i]. Lines are columns (CSC) or rows (CSR).
"""

import numpy as np

from cython cimport floating

ctypedef fused index:
    int
    long long


def line_dots(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const double[:, ::1] v, const double[::1] mean, const double[::1] sums, double[:, ::1] out,
):
    """out[j, c] ← Σ data·v[indices, c] over line j, less meanⱼ·sums[c]."""
    cdef Py_ssize_t j, i, c, k = v.shape[1]
    cdef double total, other, a
    with nogil:
        if k == 1:
            for j in range(indptr.shape[0] - 1):
                total = other = 0
                for i in range(indptr[j], indptr[j + 1] - 1, 2):
                    total += data[i] * v[indices[i], 0]
                    other += data[i + 1] * v[indices[i + 1], 0]
                if (indptr[j + 1] - indptr[j]) % 2:
                    i = indptr[j + 1] - 1
                    total += data[i] * v[indices[i], 0]
                out[j, 0] = total + other - mean[j] * sums[0]
        elif k == 2:
            for j in range(indptr.shape[0] - 1):
                total = other = 0
                for i in range(indptr[j], indptr[j + 1]):
                    total += data[i] * v[indices[i], 0]
                    other += data[i] * v[indices[i], 1]
                out[j, 0] = total - mean[j] * sums[0]
                out[j, 1] = other - mean[j] * sums[1]
        else:
            for j in range(indptr.shape[0] - 1):
                for c in range(k):
                    out[j, c] = -mean[j] * sums[c]
                for i in range(indptr[j], indptr[j + 1]):
                    a = data[i]
                    for c in range(k):
                        out[j, c] += a * v[indices[i], c]


def add_lines(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const Py_ssize_t[::1] which, const double[:, ::1] weights, double[:, ::1] out,
):
    """out[i, c] += Σₐ weights[a, c]·(entry i of line which[a])."""
    cdef Py_ssize_t a, j, i, c, k = weights.shape[1]
    cdef double weight
    cdef bint used
    with nogil:
        for a in range(which.shape[0]):
            used = False
            for c in range(k):
                used |= weights[a, c] != 0
            if not used:
                continue
            j = which[a]
            if k == 1:
                weight = weights[a, 0]
                for i in range(indptr[j], indptr[j + 1]):
                    out[indices[i], 0] += data[i] * weight
                continue
            for i in range(indptr[j], indptr[j + 1]):
                for c in range(k):
                    out[indices[i], c] += data[i] * weights[a, c]


def line_sums(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const double[::1] share,
):
    """Σ share·x and Σ share·x² over the entries x of each line, shape (2, n_lines)."""
    cdef Py_ssize_t j, i
    cdef double s, q, a
    out = np.empty((2, indptr.shape[0] - 1))
    cdef double[:, ::1] sums = out
    with nogil:
        for j in range(indptr.shape[0] - 1):
            s = q = 0
            for i in range(indptr[j], indptr[j + 1]):
                a = data[i]
                s += share[indices[i]] * a
                q += share[indices[i]] * a * a
            sums[0, j] = s
            sums[1, j] = q
    return out


def line_products(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const double[::1] share, const Py_ssize_t[::1] some, const Py_ssize_t[::1] others,
):
    """Σᵢ shareᵢ·(entry i of line a)·(entry i of line b) for a in ``some`` and b in ``others``."""
    cdef Py_ssize_t a, b, i, line
    cdef double total
    out = np.empty((some.shape[0], others.shape[0]))
    spread = np.zeros(share.shape[0])
    cdef double[:, ::1] products = out
    cdef double[::1] scratch = spread
    with nogil:
        for b in range(others.shape[0]):
            line = others[b]
            for i in range(indptr[line], indptr[line + 1]):
                scratch[indices[i]] = share[indices[i]] * data[i]
            for a in range(some.shape[0]):
                line = some[a]
                total = 0
                for i in range(indptr[line], indptr[line + 1]):
                    total += data[i] * scratch[indices[i]]
                products[a, b] = total
            line = others[b]
            for i in range(indptr[line], indptr[line + 1]):
                scratch[indices[i]] = 0
    return out


def gram(
    const index[::1] indptr, const index[::1] indices, const floating[::1] data,
    const double[::1] share, double[:, ::1] out,
):
    """out += Σⱼ shareⱼ·xⱼxⱼᵀ over lines xⱼ, in both triangles."""
    cdef Py_ssize_t j, a, b
    cdef double scaled
    cdef double* row
    with nogil:
        for j in range(indptr.shape[0] - 1):
            for a in range(indptr[j], indptr[j + 1]):
                scaled = share[j] * data[a]
                row = &out[indices[a], 0]
                for b in range(indptr[j], indptr[j + 1]):
                    row[indices[b]] += scaled * data[b]
