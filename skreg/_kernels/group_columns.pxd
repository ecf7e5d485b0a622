# cython: boundscheck=False, wraparound=False, cdivision=True
"""Passes of exact block steps on the residual, for columns that lie one after another.

A block that moves costs 4nk flops and one read of its columns, which are in the cache the second time.
A group at zero whose slope is short enough yet costs n flops, or nothing where r has not changed.
"""

from libc.math cimport sqrt

from skreg._kernels.group_block cimport solve_block, subtract_rows
from skreg._kernels.group_problem cimport Problem, square
from skreg._kernels.secants cimport inner

cdef extern from "column.h" nogil:
    double skreg_column_dot(Py_ssize_t, const double*, const double*)


cdef inline void dots(
    Py_ssize_t n, Py_ssize_t k, const double* rows, const double* r, double* out
) noexcept nogil:
    """out ← rows·r."""
    cdef Py_ssize_t j
    for j in range(k):
        out[j] = skreg_column_dot(n, rows + j * n, r)


cdef inline void sweep(
    const Problem* at, Py_ssize_t n, const double* columns, double* r, const double* before,
    double* room,
) noexcept nogil:
    """Put each group at its optimum, one after the other; changes θ and r, not the slope.

    The slope is that at ``before``: a group at zero that no move since can have drawn away from it
    is left alone. A group enters only if its slope is longer than its strength and slack.
    """
    cdef Py_ssize_t g, i, k, start
    cdef double far = -1, reach, bar  # far is less than 0 until it is known
    cdef double* slope = room
    cdef double* step = room + at.p
    cdef double* squares = room + 2 * at.p
    for g in range(at.n_groups):
        start, k, bar = at.starts[g], at.starts[g + 1] - at.starts[g], at.strength[g] + at.slack[g]
        if square(at, at.theta, g) == 0:
            if far < 0:
                far = 0
                for i in range(n):
                    far += (r[i] - before[i]) * (r[i] - before[i])
            reach = sqrt(far * max(at.values[start + k - 1], 0))
            if sqrt(square(at, at.slope, g)) + reach <= at.strength[g]:
                continue
            dots(n, k, columns + start * n, r, slope)
            if sqrt(inner(k, slope, slope)) <= bar:
                continue
        else:
            dots(n, k, columns + start * n, r, slope)
        if solve_block(
            1, k, k, at.vectors + at.places[g], at.values + start, at.strength[g],
            at.theta + start, slope, step, squares,
        ) > 0:
            subtract_rows(n, k, columns + start * n, step, r)
            far = -1


cdef inline double objective_at(const Problem* at, Py_ssize_t n, const double* r) noexcept nogil:
    """½‖r‖² + Σ l_g‖θ_g‖."""
    cdef double total = 0.5 * skreg_column_dot(n, r, r)
    cdef Py_ssize_t g
    for g in range(at.n_groups):
        total += at.strength[g] * sqrt(square(at, at.theta, g))
    return total
