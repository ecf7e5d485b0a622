# cython: boundscheck=False, wraparound=False, cdivision=True
"""Moves of a dual point θ′ along ways v_g, one for each of some groups, on the residual.

A move costs 2nG flops for r′ by the images Av_g, and 2na for the slopes of their a coefficients. Those
of the other groups, all 0, are looked at once, in the end.
"""

from libc.math cimport sqrt

from skreg._kernels.group_block cimport subtract_rows
from skreg._kernels.group_columns cimport dots
from skreg._kernels.group_problem cimport Problem, square

cdef struct Ways:
    Py_ssize_t n, n_on
    const Py_ssize_t* on            # the groups
    const double* way               # v_g of each, in the place of its coefficients
    const double* images            # a row for each
    const double* columns
    double* dual
    double* slope                   # of the dual point, and its residual
    double* r


cdef inline void excess(const Problem* at, const Ways* ways, double* out) noexcept nogil:
    """How much longer the slopes of the groups are than they should be."""
    cdef Py_ssize_t a, g
    for a in range(ways.n_on):
        g = ways.on[a]
        out[a] = sqrt(square(at, ways.slope, g)) - at.strength[g]
        if out[a] < 0 and square(at, at.theta, g) == 0:
            out[a] = 0


cdef inline void slope_of(const Problem* at, const Ways* ways, Py_ssize_t g) noexcept nogil:
    """Take the slope of a group anew."""
    cdef Py_ssize_t i = at.starts[g]
    dots(ways.n, at.starts[g + 1] - i, ways.columns + i * ways.n, ways.r, ways.slope + i)


cdef inline void follow(
    const Problem* at, const Ways* ways, const double* step, double* room
) noexcept nogil:
    """Move along the ways; the slopes of their groups alone follow. ``room`` holds n_on numbers."""
    cdef Py_ssize_t a, i, g
    for a in range(ways.n_on):
        g = ways.on[a]
        for i in range(at.starts[g], at.starts[g + 1]):
            ways.dual[i] += step[a] * ways.way[i]
        room[a] = -step[a]
    subtract_rows(ways.n, ways.n_on, ways.images, room, ways.r)
    for a in range(ways.n_on):
        slope_of(at, ways, ways.on[a])
