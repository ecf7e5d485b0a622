# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Block coordinate descent and Newton steps for min ½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g‖θ_g‖, H small and dense.

θ, h and the slope h − Hθ have shape (q, p): q targets share H, and a group holds the same features
of all of them. Features are in the order of their groups: group g is ``starts[g] : starts[g+1]``.
Only the first group may have strength 0, which leaves it free. Double precision only, as in
`lasso_gap`.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, sqrt
from scipy.linalg.cython_lapack cimport dpotrf, dpotrs

from skreg._kernels.group_block cimport solve_block, subtract_rows
from skreg._kernels.group_eigen cimport decompose
from skreg._kernels.group_problem cimport (
    Problem, gap_by, held, move, prepare, square, stays, value, violation,
)

# Share of the largest eigenvalue below which a direction of a group has no curvature.
cdef double EPS = 2.220446049250313e-16
# Share of the diagonal added to a Newton system, which dependent features make singular; it rises by
# this factor where a step proves too long, and falls again (Levenberg and Marquardt).
cdef double DAMPING = 1e-10
cdef double STRONGER = 30
# A Newton step waits for this many sweeps ...
cdef int PATIENCE = 3
# ... and for as much work in sweeps as it costs; its flops are so much faster.
cdef double FASTER = 5
# Largest Newton system: 128 MB.
cdef Py_ssize_t MAX_SYSTEM = 4000
# What rounding leaves of a duality gap, as a share of ‖b‖².
cdef double FLOOR = 16 * EPS
# Conditions of groups are known to this many times what rounding leaves in the slope.
cdef double SURE = 2
cdef int MAX_HALVINGS = 30
# A dual point of its own is tried again after a pass that gains this share of what would do, but not
# less than this share of what the last gained.
cdef double SOONER = 1, LEAST = 0.01
# Moves towards it by one system, and systems, where the first brings the gap to this many times what
# is asked for.
cdef int MAX_MOVES = 4, MAX_SYSTEMS = 2
cdef double WORTH = 10
# Not while groups are further than this share of λ from meeting their conditions.
cdef double LOOSE = 0.02
# The gap by θ itself, squared, is at least this share of what the other is likely to be.
cdef double LIKELY = 4


cdef void _slope(const Problem* at) noexcept nogil:
    """slope ← h − Hθ, over the groups that are not zero."""
    cdef Py_ssize_t t, j
    for t in range(at.q):
        for j in range(at.p):
            at.slope[t * at.p + j] = at.cross[t * at.p + j]
        for j in range(at.p):
            if at.theta[t * at.p + j] != 0:
                subtract_rows(
                    at.p, 1, at.hessian + j * at.p, at.theta + t * at.p + j, at.slope + t * at.p
                )


cdef double _move(const Problem* at, Py_ssize_t g, double* c, double* squares) noexcept nogil:
    """Put group g at its optimum beside the others; the squared length of the step."""
    cdef Py_ssize_t start = at.starts[g], k = at.starts[g + 1] - at.starts[g], t
    cdef double moved = solve_block(
        at.q, at.p, k, at.vectors + at.places[g], at.values + start, at.strength[g],
        at.theta + start, at.slope + start, c, squares,
    )
    if moved > 0:
        for t in range(at.q):
            subtract_rows(at.p, k, at.hessian + start * at.p, c + t * k, at.slope + t * at.p)
    return moved


cdef double _sweep(const Problem* at, double* c, double* squares) noexcept nogil:
    """One pass over the groups, the free one last; its flops.

    A group at zero enters only if that gains beyond rounding.
    """
    cdef Py_ssize_t g, k
    cdef double work = 0
    for g in range(at.n_groups):
        if at.strength[g] == 0:
            continue
        k = at.starts[g + 1] - at.starts[g]
        if sqrt(square(at, at.slope, g)) <= at.strength[g] + at.slack[g]:
            if square(at, at.theta, g) == 0:
                continue
        _move(at, g, c, squares)
        work += 2.0 * k * at.p * at.q
    _settle(at, c, squares)
    return work


cdef double _left(const Problem* at, bint sharp) noexcept nogil:
    """The duality gap; ``sharp``, ‖b‖² times the square of the `violation`."""
    return at.power * violation(at) ** 2 if sharp else gap_by(at, at.theta, at.slope)


cdef void _settle(const Problem* at, double* c, double* squares) noexcept nogil:
    """Put the free group, if there is one, at its best: its slope is then zero."""
    if at.strength[0] == 0:
        _move(at, 0, c, squares)


cdef Py_ssize_t _active(const Problem* at, Py_ssize_t* features, Py_ssize_t* groups) noexcept nogil:
    """The features of the groups that are not zero, and the group of each; how many."""
    cdef Py_ssize_t g, j, k = 0
    for g in range(at.n_groups):
        if square(at, at.theta, g) > 0:
            for j in range(at.starts[g], at.starts[g + 1]):
                features[k] = j
                groups[k] = g
                k += 1
    return k


cdef void _system(
    const Problem* at, Py_ssize_t k, const Py_ssize_t* features, const Py_ssize_t* groups,
    const double* norms, double damping, double* system,
) noexcept nogil:
    """The Hessian of the objective over the k active features of all targets, damped.

    Where θ_g ≠ 0 the penalty is smooth: its Hessian is (l/ν)(I − uuᵀ) with u = θ_g/ν. Row r is
    column r for LAPACK; what it calls the upper triangle is filled.
    """
    cdef Py_ssize_t q = at.q, p = at.p, t, s, i, j, g, row, size = q * k
    cdef double ridge, value
    for t in range(q):
        for i in range(k):
            g, row = groups[i], (t * k + i) * size
            ridge = at.strength[g] / norms[g]
            for s in range(t + 1):
                for j in range(k if s < t else i + 1):
                    value = at.hessian[features[i] * p + features[j]] if s == t else 0
                    if groups[j] == g:
                        value -= ridge * (at.theta[t * p + features[i]] / norms[g]) * (
                            at.theta[s * p + features[j]] / norms[g]
                        )
                    system[row + s * k + j] = value
            row += t * k + i
            system[row] = (system[row] + ridge) * (1 + damping)


cdef bint _newton(
    const Problem* at, Py_ssize_t k, const Py_ssize_t* features, const Py_ssize_t* groups,
    double damping, double* system, double* step, double* scratch,
) noexcept nogil:
    """A Newton step on the k active features, halved until it gains; whether it was taken whole.

    N³/3 flops for N = q·k. ``scratch`` has 3 numbers a group and 2·q·p more.
    """
    cdef Py_ssize_t q = at.q, p = at.p, t, s, i, j, g, first
    cdef int size = <int>(q * k), info, one = 1
    cdef char upper = b'U'
    cdef double* norms = scratch
    cdef double* tilts = scratch + at.n_groups
    cdef double* squares = scratch + 2 * at.n_groups
    cdef double* change = scratch + 3 * at.n_groups
    cdef double* downhill = scratch + 3 * at.n_groups + q * p
    cdef double decrease = 0, curve = 0, length = 1, gain
    for g in range(at.n_groups):
        norms[g] = sqrt(square(at, at.theta, g))
        tilts[g] = squares[g] = 0
    _system(at, k, features, groups, norms, damping, system)
    for t in range(q):
        for i in range(k):
            g, j = groups[i], t * p + features[i]
            step[t * k + i] = at.slope[j] - at.strength[g] / norms[g] * at.theta[j]
            downhill[t * k + i] = step[t * k + i]
    dpotrf(&upper, &size, system, &size, &info)
    if info != 0:
        return False
    dpotrs(&upper, &size, &one, system, &size, step, &size, &info)
    # −H·step over all features, and the terms of the objective along the step.
    for t in range(q):
        for j in range(p):
            change[t * p + j] = 0
        i = 0
        while i < k:
            first = i
            g = groups[i]
            while i < k and groups[i] == g:
                i += 1
            subtract_rows(
                p, i - first, at.hessian + features[first] * p, step + t * k + first,
                change + t * p,
            )
        for i in range(k):
            g, j = groups[i], t * p + features[i]
            decrease += step[t * k + i] * downhill[t * k + i]
            curve -= step[t * k + i] * change[j]
            tilts[g] += step[t * k + i] * at.theta[j]
            squares[g] += step[t * k + i] * step[t * k + i]
    for s in range(MAX_HALVINGS):
        gain = _gain(at, norms, tilts, squares, decrease, curve, length)
        if gain >= 1e-4 * length * decrease:
            break
        length *= 0.5
    else:
        return False
    for t in range(q):
        for i in range(k):
            at.theta[t * p + features[i]] += length * step[t * k + i]
        for j in range(p):
            at.slope[t * p + j] += length * change[t * p + j]
    return length == 1


cdef double _gain(
    const Problem* at, const double* norms, const double* tilts, const double* squares,
    double decrease, double curve, double length,
) noexcept nogil:
    """Objective at θ minus that at θ + length·d, from ‖θ_g‖, ⟨θ_g, d_g⟩, ‖d_g‖², −∇F·d and ⟨d, Hd⟩."""
    cdef Py_ssize_t g
    cdef double gain = length * decrease - 0.5 * length * length * curve
    cdef double new, linear, along, bend
    for g in range(at.n_groups):
        if squares[g] > 0 and at.strength[g] > 0:
            # ‖θ + td‖ − ‖θ‖ − t⟨u, d⟩, without cancellation where the first two nearly agree.
            along = tilts[g] / norms[g]
            linear = norms[g] + length * along
            new = norms[g] * norms[g] + length * (2 * tilts[g] + length * squares[g])
            new = sqrt(max(new, 0))
            if linear > 0:
                bend = length * length * max(squares[g] - along * along, 0) / (new + linear)
            else:
                bend = new - linear
            gain -= at.strength[g] * bend
    return gain


cdef double _balance(const Problem* at, Py_ssize_t* on, double tol, double[:, ::1] dual_point):
    """The gap by ``dual_point``, a dual point of its own; +inf where that fails.

    Where this is the better θ as well, it takes its place.
    """
    cdef Py_ssize_t size = at.q * at.p, n_on, i
    cdef int moves, systems
    cdef double gap = INFINITY, before
    cdef double* dual = &dual_point[0, 0]
    cdef double[::1] slope = np.empty(size), way = np.empty(size), images, system, step
    for i in range(size):
        dual[i], slope[i] = at.theta[i], at.slope[i]
    for systems in range(MAX_SYSTEMS):
        n_on = held(at, &slope[0], on)
        if n_on == 0 or n_on > MAX_SYSTEM:
            break
        images, system, step = np.empty(n_on * size), np.empty(n_on * n_on), np.empty(n_on)
        with nogil:
            if not prepare(at, n_on, on, &slope[0], &way[0], &images[0], &system[0]):
                break
            for moves in range(MAX_MOVES):
                move(
                    at, n_on, on, &way[0], &images[0], &system[0], dual, &slope[0], &step[0]
                )
                before, gap = gap, gap_by(at, dual, &slope[0])
                if gap <= tol or gap > 0.5 * before:
                    break
        if gap <= tol or gap > WORTH * tol:
            break
    if stays(at, dual) and value(at, dual, &slope[0]) < value(at, at.theta, at.slope):
        for i in range(size):
            at.theta[i], at.slope[i] = dual[i], slope[i]
        gap = gap_by(at, dual, &slope[0])
    return gap


def descend(
    const double[:, ::1] hessian, const double[:, ::1] cross, const Py_ssize_t[::1] starts,
    const double[::1] strength, const double[::1] slack,
    const double[::1] vectors, const double[::1] values,
    double[:, ::1] theta, double[:, ::1] slope, double[:, ::1] dual, double power, double tol,
    int max_passes,
):
    """Minimize ½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g‖θ_g‖ from ``theta``; changes ``theta``, ``slope`` = h − Hθ.

    Sweeps of exact block solves, then Newton steps on the groups that are not zero once the sweeps
    have cost as much; until the duality gap by b − A·``dual`` is at most ``tol``. A gap is quadratic
    in the error of θ: where ``tol`` is below the gap's rounding, until the conditions of groups are
    met as far as ``slack`` lets that be known.
    ``vectors`` and ``values`` are the eigenvectors (rows) and eigenvalues of the blocks H_gg, from
    `block_eigen`; ``power`` is ‖b‖².

    Returns
    -------
    passes : int
        Sweeps and Newton steps made.
    gap : float
    """
    cdef Py_ssize_t p = theta.shape[1], q = theta.shape[0], n_groups = strength.shape[0], g, k
    cdef int passes = 0, waited = 0
    cdef double gap = power, previous, work = 0, damping = DAMPING, objective, fall, bar = INFINITY
    cdef bint whole, likely
    if p == 0 or q == 0:
        return 0, 0.0
    places_array = np.zeros(n_groups, dtype=np.intp)
    cdef Py_ssize_t[::1] places = places_array
    cdef Py_ssize_t widest = 1
    for g in range(n_groups):
        k = starts[g + 1] - starts[g]
        widest = max(widest, k)
        if g + 1 < n_groups:
            places[g + 1] = places[g] + k * k
    cdef double[::1] c = np.empty(q * widest), squares = np.empty(widest)
    cdef Py_ssize_t[::1] features = np.empty(p, dtype=np.intp), groups = np.empty(p, dtype=np.intp)
    cdef double[::1] step = np.empty(q * p), scratch = np.empty(3 * n_groups + 2 * q * p)
    cdef double[::1] system = np.empty(0)
    cdef Problem at
    at.p, at.q, at.n_groups, at.power = p, q, n_groups, power
    at.hessian, at.cross, at.strength, at.slack = (
        &hessian[0, 0], &cross[0, 0], &strength[0], &slack[0]
    )
    at.vectors, at.values, at.starts, at.places = &vectors[0], &values[0], &starts[0], &places[0]
    at.theta, at.slope = &theta[0, 0], &slope[0, 0]
    cdef bint sharp = tol < FLOOR * power
    cdef double unknown = 0
    if sharp:
        for g in range(n_groups):
            if strength[g] > 0:
                unknown = max(unknown, SURE * slack[g] / strength[g])
        tol = power * unknown * unknown
    _settle(&at, &c[0], &squares[0])
    fall, objective = tol, value(&at, at.theta, at.slope)
    while True:
        gap = _left(&at, sharp)
        if not gap > tol and (passes or violation(&at) <= LOOSE):
            if sharp:
                gap = _balance(&at, &groups[0], tol, dual) if strength[0] > 0 else INFINITY
            if not sharp or gap_by(&at, at.theta, at.slope) <= gap:
                dual[:], gap = theta, gap_by(&at, at.theta, at.slope)
            break
        likely = gap * gap <= LIKELY * tol * power if passes == 0 else fall <= min(bar, max(tol, 4 * EPS * power))
        if likely and not sharp and strength[0] > 0 and violation(&at) <= LOOSE:
            gap = _balance(&at, &groups[0], tol, dual)
            if not gap > tol:
                break
            objective = value(&at, at.theta, at.slope)
            # What a pass still gains shrinks as the gap does.
            bar = max(SOONER * fall * max(tol / gap, LEAST), 4 * EPS * power)
        if passes >= max_passes:
            dual[:] = theta
            break
        PyErr_CheckSignals()
        with nogil:
            work += _sweep(&at, &c[0], &squares[0])
            k = _active(&at, &features[0], &groups[0])
            previous, objective = objective, value(&at, at.theta, at.slope)
        fall = previous - objective
        passes += 1
        waited += 1
        if waited < PATIENCE or q * k > MAX_SYSTEM or k == 0:
            continue
        if work * FASTER < <double>(q * k) ** 3 / 3:
            continue
        gap = _left(&at, sharp)
        if system.shape[0] < (q * k) ** 2:
            system = np.empty((q * k) ** 2)
        whole = True
        while whole and passes < max_passes and gap > tol:
            previous = gap
            with nogil:
                whole = _newton(
                    &at, k, &features[0], &groups[0], damping, &system[0], &step[0],
                    &scratch[0],
                )
                _settle(&at, &c[0], &squares[0])
                gap = _left(&at, sharp)
            passes += 1
            damping = max(damping / STRONGER, DAMPING) if whole else min(damping * STRONGER, 1.0)
            whole = whole and gap < 0.25 * previous
        work, waited = 0, 0
        with nogil:
            _slope(&at)
            _settle(&at, &c[0], &squares[0])
            objective = value(&at, at.theta, at.slope)
    return passes, max(gap, 0.0)


def block_eigen(const double[:, ::1] hessian, const Py_ssize_t[::1] starts):
    """Eigenvectors (rows, block after block) and ascending eigenvalues of the diagonal blocks of H.

    ``starts`` bounds the blocks, the last at its end; it need not begin at 0.
    """
    cdef Py_ssize_t n = starts.shape[0] - 1, g, i, j, k, place = 0
    vectors_array = np.empty(np.sum(np.diff(starts) ** 2))
    values_array = np.empty(starts[n] - starts[0])
    cdef double[::1] vectors = vectors_array
    for g in range(n):
        k = starts[g + 1] - starts[g]
        for i in range(k):
            for j in range(k):
                vectors[place + i * k + j] = hessian[starts[g] + i, starts[g] + j]
        place += k * k
    decompose(starts, vectors, values_array)
    return vectors_array, values_array
