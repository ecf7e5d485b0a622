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


cdef struct Seen:
    double* r                       # where the slopes of all groups were taken
    double* longest                 # how long they were there at most


cdef inline double apart(Py_ssize_t n, const double* r, const double* other) noexcept nogil:
    """‖r − r′‖."""
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(n):
        total += (r[i] - other[i]) * (r[i] - other[i])
    return sqrt(total)


cdef inline double reach(const Problem* at, Py_ssize_t g) noexcept nogil:
    """‖A_g‖."""
    return sqrt(max(at.values[at.starts[g + 1] - 1], 0))


cdef inline void see(
    const Problem* at, Py_ssize_t n, const double* columns, const double* r, Seen* seen
) noexcept nogil:
    """slope ← Aᵀr, but of groups that are not 0 where it is NaN."""
    cdef Py_ssize_t g, i, start, end
    cdef bint fresh
    for i in range(n):
        seen.r[i] = r[i]
    for g in range(at.n_groups):
        start, end = at.starts[g], at.starts[g + 1]
        fresh = square(at, at.theta, g) > 0 and square(at, at.slope, g) >= 0
        if not fresh:
            dots(n, end - start, columns + start * n, r, at.slope + start)
        seen.longest[g] = sqrt(square(at, at.slope, g))


cdef inline void look(
    const Problem* at, Py_ssize_t n, const double* columns, const double* r, Seen* seen,
    const unsigned char* is_on, bint with_those, const double* dual, double* slope,
) noexcept nogil:
    """slope ← Aᵀr; of groups at 0 that stay so, as they were seen to, it may be an older one.

    A group is at 0 if it is in θ and θ′ and is not on. The others are left out but ``with_those``.
    """
    cdef double far = apart(n, r, seen.r), length
    cdef Py_ssize_t g, start
    cdef bint at_zero
    for g in range(at.n_groups):
        if is_on[g] and not with_those:
            continue
        at_zero = not is_on[g] and square(at, at.theta, g) == 0 and square(at, dual, g) == 0
        if at_zero and seen.longest[g] + far * reach(at, g) <= at.strength[g]:
            continue
        start = at.starts[g]
        dots(n, at.starts[g + 1] - start, columns + start * n, r, slope + start)
        length = sqrt(square(at, slope, g)) + far * reach(at, g)
        seen.longest[g] = min(seen.longest[g], length)


cdef inline void sweep(
    const Problem* at, Py_ssize_t n, const double* columns, double* r, const Seen* seen,
    double* room,
) noexcept nogil:
    """Put each group at its optimum, one after the other; changes θ and r, not the slope.

    A group at zero that no move since it was seen can have drawn away from it is left alone. A
    group enters only if its slope is longer than its strength and slack.
    """
    cdef Py_ssize_t g, k, start
    cdef double far = -1, bar  # far is less than 0 until it is known
    cdef double* slope = room
    cdef double* step = room + at.p
    cdef double* squares = room + 2 * at.p
    for g in range(at.n_groups):
        start, k, bar = at.starts[g], at.starts[g + 1] - at.starts[g], at.strength[g] + at.slack[g]
        if square(at, at.theta, g) == 0:
            if far < 0:
                far = apart(n, r, seen.r)
            if seen.longest[g] + far * reach(at, g) <= at.strength[g]:
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
