# cython: boundscheck=False, wraparound=False, cdivision=True
"""min ½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g‖θ_g‖ as its kernels see it, and its duality gap.

The dual point is b − Aθ′ for H = AᵀA and h = Aᵀb, with a θ′ of its own. That of θ itself has to be
scaled down by s = min(1, l_g/‖slope_g‖), which costs a gap of the first order in the error of θ.
With θ′ = θ + Σ z_g v_g along the slopes v_g = slope_g/‖slope_g‖ of the groups that are not 0 the
lengths ‖slope′_g‖ come out as l_g, and the gap is of the second order. For G such groups a move
takes 2a·p flops for their a coefficients, as a sweep does, and G³/3.
"""

from libc.math cimport sqrt
from scipy.linalg.cython_lapack cimport dpotrf, dpotrs

from skreg._kernels.group_block cimport subtract_rows
from skreg._kernels.secants cimport inner

cdef struct Problem:
    Py_ssize_t p, q, n_groups
    const double* hessian
    const double* cross
    const double* strength
    const double* slack
    const double* vectors           # of H_gg, one after another: a row each
    const double* values
    const Py_ssize_t* starts
    const Py_ssize_t* places        # where in `vectors`
    double* theta
    double* slope
    double power


cdef inline double square(const Problem* at, const double* x, Py_ssize_t g) noexcept nogil:
    """‖x_g‖² over all targets."""
    cdef Py_ssize_t t, start = at.starts[g], size = at.starts[g + 1] - start
    cdef double total = 0
    for t in range(at.q):
        total += inner(size, x + t * at.p + start, x + t * at.p + start)
    return total


cdef inline double value(
    const Problem* at, const double* theta, const double* slope
) noexcept nogil:
    """½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g‖θ_g‖."""
    cdef Py_ssize_t i, g
    cdef double total = 0
    for i in range(at.q * at.p):
        total -= 0.5 * theta[i] * (at.cross[i] + slope[i])
    for g in range(at.n_groups):
        total += at.strength[g] * sqrt(square(at, theta, g))
    return total


cdef inline double gap_by(
    const Problem* at, const double* dual, const double* dual_slope
) noexcept nogil:
    """½‖r − sr′‖² + Σ l_g‖θ_g‖ − s⟨θ, slope′⟩, r = b − Aθ, r′ = b − Aθ′, slope′ = Aᵀr′.

    The slope of a free group is zero: it has been settled.
    """
    cdef Py_ssize_t g, t, j, i
    cdef double norm = 0, along = 0, residual = at.power, scale = 1, steepest
    cdef double apart = 0, across = 0
    for g in range(at.n_groups):
        for t in range(at.q):
            for j in range(at.starts[g], at.starts[g + 1]):
                i = t * at.p + j
                residual -= at.theta[i] * (at.cross[i] + at.slope[i])
                across += (dual[i] - at.theta[i]) * at.slope[i]
                apart += (dual[i] - at.theta[i]) * (at.slope[i] - dual_slope[i])
                if at.strength[g] > 0:
                    along += at.theta[i] * dual_slope[i]
        if at.strength[g] == 0:
            continue
        norm += at.strength[g] * sqrt(square(at, at.theta, g))
        steepest = sqrt(square(at, dual_slope, g))
        if steepest * scale > at.strength[g]:
            scale = at.strength[g] / steepest
    residual = (1 - scale) * (1 - scale) * max(residual, 0)
    residual += scale * (2 * (1 - scale) * across + scale * apart)
    return 0.5 * max(residual, 0) + norm - scale * along


cdef inline double violation(const Problem* at) noexcept nogil:
    """How far groups are from their conditions, as a share of l_g: the most of them.

    ‖slope_g − l_g θ_g/‖θ_g‖‖ if θ_g ≠ 0, else ‖slope_g‖ − l_g.
    """
    cdef Py_ssize_t g, t, j, i
    cdef double most = 0, off, norm
    for g in range(at.n_groups):
        if at.strength[g] == 0:
            continue
        norm = sqrt(square(at, at.theta, g))
        if norm == 0:
            most = max(most, sqrt(square(at, at.slope, g)) / at.strength[g] - 1)
            continue
        off = 0
        for t in range(at.q):
            for j in range(at.starts[g], at.starts[g + 1]):
                i = t * at.p + j
                off += (at.slope[i] / at.strength[g] - at.theta[i] / norm) ** 2
        most = max(most, sqrt(off))
    return most


cdef inline bint prepare(
    const Problem* at, Py_ssize_t n_on, const Py_ssize_t* on, const double* dual_slope,
    double* way, double* images, double* system,
) noexcept nogil:
    """The slopes v_g of the groups ``on``, −Hv_g, and the factor of ⟨v_g, Hv_h⟩; False if singular.

    ``way`` holds q·p numbers, ``images`` n_on·q·p and ``system`` n_on².
    """
    cdef Py_ssize_t size = at.q * at.p, a, c, g, t, j, i
    cdef int info, n = <int>n_on
    cdef char upper = b'U'
    cdef double length, total
    for i in range(n_on * size):
        images[i] = 0
    for a in range(n_on):
        g = on[a]
        length = sqrt(square(at, dual_slope, g))
        for t in range(at.q):
            for j in range(at.starts[g], at.starts[g + 1]):
                way[t * at.p + j] = dual_slope[t * at.p + j] / length
            subtract_rows(
                at.p, at.starts[g + 1] - at.starts[g], at.hessian + at.starts[g] * at.p,
                way + t * at.p + at.starts[g], images + a * size + t * at.p,
            )
        for c in range(a + 1):
            total = 0
            for t in range(at.q):
                for j in range(at.starts[on[c]], at.starts[on[c] + 1]):
                    total -= images[a * size + t * at.p + j] * way[t * at.p + j]
            system[a * n_on + c] = total
        system[a * n_on + a] *= 1 + 1e-10
    dpotrf(&upper, &n, system, &n, &info)
    return info == 0


cdef inline void move(
    const Problem* at, Py_ssize_t n_on, const Py_ssize_t* on, const double* way,
    const double* images, double* system, double* dual, double* dual_slope, double* step,
) noexcept nogil:
    """Move θ′ along ``way`` so that ‖slope′_g‖ = l_g for the groups ``on``, to first order.

    ``step`` holds n_on numbers.
    """
    cdef Py_ssize_t a, g, t, j
    cdef int info, one = 1, n = <int>n_on
    cdef char upper = b'U'
    for a in range(n_on):
        step[a] = sqrt(square(at, dual_slope, on[a])) - at.strength[on[a]]
    dpotrs(&upper, &n, &one, system, &n, step, &n, &info)
    for a in range(n_on):
        g = on[a]
        for t in range(at.q):
            for j in range(at.starts[g], at.starts[g + 1]):
                dual[t * at.p + j] += step[a] * way[t * at.p + j]
        step[a] = -step[a]
    subtract_rows(at.q * at.p, n_on, images, step, dual_slope)


cdef inline Py_ssize_t held(
    const Problem* at, const double* dual_slope, Py_ssize_t* on
) noexcept nogil:
    """The groups that are not zero or, with a slope as long, would not stay so; how many."""
    cdef Py_ssize_t g, n_on = 0
    cdef double length
    for g in range(at.n_groups):
        length = square(at, dual_slope, g)
        if length > at.strength[g] * at.strength[g] or (length > 0 and square(at, at.theta, g) > 0):
            on[n_on] = g
            n_on += 1
    return n_on


cdef inline bint stays(const Problem* at, const double* dual) noexcept nogil:
    """Whether θ′ has the groups that θ has, none near to vanishing: that is for sweeps to decide."""
    cdef Py_ssize_t g, t, j, i
    cdef double before, along, other
    for g in range(at.n_groups):
        before = along = other = 0
        for t in range(at.q):
            for j in range(at.starts[g], at.starts[g + 1]):
                i = t * at.p + j
                before += at.theta[i] * at.theta[i]
                along += at.theta[i] * dual[i]
                other += dual[i] * dual[i]
        if along < 0.1 * before or (before == 0 and other > 0):
            return False
    return True
