# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Coordinate descent for min ½θᵀHθ − hᵀθ + Σⱼ l1ⱼ|θⱼ| on a dense H, finished by direct solves.

Double precision only: H and h are sums over rows, kept in float64 whatever the rows are.
"""

import numpy as np

from libc.math cimport fabs
from scipy.linalg.cython_blas cimport dtrsv
from scipy.linalg.cython_lapack cimport dpotrf, dpotrs

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.penalties cimport soft_threshold

# A Cholesky pivot below this share of the diagonal means a feature that depends on the others.
cdef double DEPENDENT = 1e-12
# A direct solve costs many sweeps: it waits for this many that leave the support alone ...
cdef int STABLE = 3
# ... or for every so many sweeps.
cdef int RESTART = 32
# Components dropped by one call of `_finish` before coordinate descent has another look.
cdef int MAX_DROPS = 16

cdef enum Finish:
    EXACT
    TRUNCATED


cdef dispatched _subtract_multiple(Py_ssize_t n, double a, const double* x, double* y) noexcept nogil:
    """y ← y − a·x."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] -= a * x[i]


cdef dispatched _slope(
    Py_ssize_t p, const double* hessian, const double* cross, const double* theta, double* slope
) noexcept nogil:
    """slope ← h − Hθ, over the non-zero components of θ."""
    cdef Py_ssize_t i, j
    for i in range(p):
        slope[i] = cross[i]
    for j in range(p):
        if theta[j] != 0:
            for i in range(p):
                slope[i] -= theta[j] * hessian[j * p + i]


cdef inline bint _enters(double slope, double threshold, bint positive) noexcept nogil:
    """Whether a component at zero gains by leaving it."""
    return slope > threshold or (slope < -threshold and not positive)


cdef inline double _sign(double x) noexcept nogil:
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


cdef bint _sweep(
    Py_ssize_t p, const double* hessian, const double* slack, const double* l1, bint positive,
    double* theta, double* slope,
) noexcept nogil:
    """One pass over all coordinates; whether the support or a sign changed.

    A component at zero enters only where it gains more than rounding (``slack``), so that copies
    of a feature do not join one another. One without curvature stays where it is. Cost: p
    comparisons, and 2p flops for a coordinate that moves.
    """
    cdef Py_ssize_t j
    cdef double old, new, curvature, target
    cdef bint changed = False
    for j in range(p):
        old = theta[j]
        curvature = hessian[j * p + j]
        if curvature <= 0 or (old == 0 and not _enters(slope[j], l1[j] + slack[j], positive)):
            continue
        target = slope[j] + curvature * old
        if positive:
            new = max(target - l1[j], 0.0) / curvature
        else:
            new = soft_threshold(target, l1[j]) / curvature
        if new != old:
            theta[j] = new
            _subtract_multiple(p, new - old, hessian + j * p, slope)
            if old * new <= 0 and (l1[j] != 0 or positive):
                changed = True
    return changed


cdef int _support(
    Py_ssize_t p, const double* hessian, const double* l1, bint positive, const double* theta,
    int* support,
) noexcept nogil:
    """What a direct solve moves: the components without a penalty first, then the non-zeros."""
    cdef int i, k = 0
    if not positive:
        for i in range(<int>p):
            if l1[i] == 0 and hessian[i * p + i] > 0:
                support[k] = i
                k += 1
    for i in range(<int>p):
        if theta[i] != 0 and (l1[i] != 0 or positive):
            support[k] = i
            k += 1
    return k


cdef Finish _finish(
    Py_ssize_t p, const double* hessian, const double* slope, const double* l1, bint positive,
    double* theta, double* factor, double* rest, double* step, int* support,
) noexcept nogil:
    """Newton steps on the support S with its signs: θ_S += H_SS⁻¹(slope_S − l1_S·sign θ_S).

    A step that would change a sign stops at zero and drops that component; a dependent column is
    moved along its null direction, on which the penalty does not rise, until a component vanishes.
    Both keep the objective from rising. Components without a penalty (``l1`` = 0) have no sign to
    keep; one that depends on others of them stays as it is. EXACT: the last step changed no sign.
    k³/3 flops a step.
    """
    cdef int k, i, j, drops, pivot, info, one = 1
    cdef double old, best, reach, tilt
    cdef bint bounded
    cdef char upper = b'U', transposed = b'T', plain = b'N'
    k = _support(p, hessian, l1, positive, theta, support)
    for i in range(k):
        rest[i] = slope[support[i]] - l1[support[i]] * _sign(theta[support[i]])
    drops = 0
    while drops < MAX_DROPS:
        if k == 0:
            return EXACT
        for j in range(k):
            for i in range(j + 1):
                factor[j * k + i] = hessian[support[j] * p + support[i]]
        dpotrf(&upper, &k, factor, &k, &info)
        pivot = info - 1 if info > 0 else k
        for j in range(pivot):
            if factor[j * k + j] * factor[j * k + j] <= (
                DEPENDENT * hessian[support[j] * p + support[j]]
            ):
                pivot = j
                break
        if pivot == k:
            for i in range(k):
                step[i] = rest[i]
            dpotrs(&upper, &k, &one, factor, &k, step, &k, &info)
            best = 1
        elif l1[support[pivot]] == 0 and not positive:
            k -= 1
            for i in range(pivot, k):
                support[i] = support[i + 1]
                rest[i] = rest[i + 1]
            continue
        else:
            # step ← null direction (−H₁₁⁻¹h₁₂, 1, 0): the columns before the pivot are independent.
            for i in range(k):
                step[i] = 0
            for i in range(pivot):
                step[i] = -hessian[support[pivot] * p + support[i]]
            if pivot > 0:
                dtrsv(&upper, &transposed, &plain, &pivot, factor, &k, step, &one)
                dtrsv(&upper, &plain, &plain, &pivot, factor, &k, step, &one)
            step[pivot] = 1
            tilt = 0
            for i in range(pivot + 1):
                tilt += l1[support[i]] * step[i] * _sign(theta[support[i]])
            if tilt > 0:
                for i in range(pivot + 1):
                    step[i] = -step[i]
            best = -1
        j = -1
        for i in range(k):
            # θ + t·step changes sign at t = −θ/step where the step points towards zero.
            bounded = l1[support[i]] != 0 or positive
            if bounded and theta[support[i]] * step[i] < 0:
                reach = -theta[support[i]] / step[i]
                if best < 0 or reach <= best:
                    best = reach
                    j = i
        if best < 0:
            return TRUNCATED
        for i in range(k):
            old = theta[support[i]]
            theta[support[i]] = old + best * step[i]
            bounded = l1[support[i]] != 0 or positive
            if bounded and (i == j or theta[support[i]] * old <= 0):
                theta[support[i]] = 0
            if pivot == k:
                rest[i] *= 1 - best
        if j < 0:
            return EXACT
        # The components that vanished leave; `k` counts those that stay.
        pivot = k
        k = 0
        for i in range(pivot):
            if theta[support[i]] != 0 or (l1[support[i]] == 0 and not positive):
                support[k] = support[i]
                rest[k] = rest[i]
                k += 1
        drops += 1
    return TRUNCATED


def descend(
    const double[:, ::1] hessian, const double[::1] cross, const double[::1] slack,
    const double[::1] l1, double[::1] theta, double[::1] slope, double power, double tol,
    int max_passes, bint positive=False,
):
    """Minimise ½θᵀHθ − hᵀθ + Σⱼ l1ⱼ|θⱼ| from ``theta``; changes ``theta`` and ``slope`` = h − Hθ.

    Sweeps run until the support settles; then a direct solve on the support is tried. The result is
    optimal to rounding once that solve changes no sign and no component at zero has |slope| >
    l1 + slack. Failing that, a duality gap of ``tol`` ends it; ``power`` is bᵀb.

    Parameters
    ----------
    hessian : ndarray of shape (p, p)
        H; an L2 penalty is part of its diagonal.
    cross, slack, l1 : ndarray of shape (p,)
        h; what rounding leaves in a slope; the weights of |θⱼ|, 0 for no penalty.
    theta, slope : ndarray of shape (p,)
        θ to start from, not negative if ``positive``, and h − Hθ there.
    power, tol : float
    max_passes : int
    positive : bool, default=False
        θ ≥ 0.

    Returns
    -------
    passes : int
        Sweeps made, at most ``max_passes``.
    done : bool
    """
    cdef Py_ssize_t p = theta.shape[0], j
    cdef int passes = 0, stable = 0
    cdef bint done = False, changed
    cdef double gap
    factor_array, work_array = np.empty(max(p * p, 1)), np.empty((2, max(p, 1)))
    support_array = np.empty(max(p, 1), dtype=np.intc)
    cdef double[::1] factor = factor_array
    cdef double[:, ::1] work = work_array
    cdef int[::1] support = support_array
    if p == 0:
        return 0, True
    with nogil:
        while passes < max_passes and not done:
            changed = _sweep(
                p, &hessian[0, 0], &slack[0], &l1[0], positive, &theta[0], &slope[0]
            )
            passes += 1
            stable = 0 if changed else stable + 1
            if stable < STABLE and passes % RESTART != 0:
                continue
            stable = 0
            _slope(p, &hessian[0, 0], &cross[0], &theta[0], &slope[0])
            if _finish(
                p, &hessian[0, 0], &slope[0], &l1[0], positive, &theta[0], &factor[0],
                &work[0, 0], &work[1, 0], &support[0],
            ) == EXACT:
                done = True
            _slope(p, &hessian[0, 0], &cross[0], &theta[0], &slope[0])
            for j in range(p):
                if theta[j] == 0 and _enters(slope[j], l1[j] + slack[j], positive):
                    done = False
                    break
            if not done:
                gap = _gap(
                    p, &cross[0], &theta[0], &slope[0], &l1[0], NULL, power, positive
                )
                done = gap <= tol and _settled(p, &slack[0], &l1[0], positive, &theta[0], &slope[0])
    return passes, done


cdef bint _settled(
    Py_ssize_t p, const double* slack, const double* l1, bint positive, const double* theta,
    const double* slope,
) noexcept nogil:
    """Whether the components without a penalty are at their best, which no gap can say."""
    cdef Py_ssize_t j
    for j in range(p):
        if l1[j] == 0 and fabs(slope[j]) > slack[j]:
            if not (positive and theta[j] == 0 and slope[j] < 0):
                return False
    return True


cdef double _gap(
    Py_ssize_t p, const double* cross, const double* theta, const double* slope,
    const double* l1, const double* l2, double power, bint positive,
) noexcept nogil:
    """P(θ) − D(s·r) for r = b − Aθ, q = Aᵀr = ``slope``, the better of two s.

    P = ½‖r‖² + Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² and D(ν) = bᵀν − ½‖ν‖² − Σ φⱼ(Aⱼᵀν), φⱼ the conjugate of feature
    j's penalty: 0 where |u| ≤ l1ⱼ, above that (|u| − l1ⱼ)²/(2·l2ⱼ), infinite for l2ⱼ = 0. With θ ≥ 0
    only u > l1ⱼ counts. Features without any penalty are taken to be at their best, u = 0. Hence

        gap = ½(1−s)²‖r‖² + Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² − s·θⱼqⱼ + φⱼ(s·qⱼ).

    The first s is the largest ≤ 1 with all φⱼ finite, the second with all φⱼ = 0, which is better
    where l2ⱼ is so small that rounding in qⱼ weighs.
    """
    cdef Py_ssize_t j
    cdef double residual = power, finite = 1, nought = 1, size, first
    for j in range(p):
        residual -= theta[j] * (cross[j] + slope[j])
        size = slope[j] if positive else fabs(slope[j])
        if l1[j] > 0 and size > l1[j]:
            nought = min(nought, l1[j] / size)
            if l2 == NULL or l2[j] == 0:
                finite = min(finite, l1[j] / size)
    residual = max(residual, 0.0)
    first = _gap_at(p, theta, slope, l1, l2, residual, positive, finite)
    if nought == finite:
        return first
    return min(first, _gap_at(p, theta, slope, l1, l2, residual, positive, nought))


cdef double _gap_at(
    Py_ssize_t p, const double* theta, const double* slope, const double* l1, const double* l2,
    double residual, bint positive, double scale,
) noexcept nogil:
    """The gap of `_gap` for s = ``scale``; ``residual`` is ‖r‖²."""
    cdef Py_ssize_t j
    cdef double total = 0, size, excess, ridge
    for j in range(p):
        ridge = l2[j] if l2 != NULL else 0
        size = slope[j] if positive else fabs(slope[j])
        total += l1[j] * fabs(theta[j]) + (0.5 * ridge * theta[j] - scale * slope[j]) * theta[j]
        excess = scale * size - l1[j]
        if ridge > 0 and excess > 0:
            total += 0.5 * excess * excess / ridge
    return total + 0.5 * (1 - scale) * (1 - scale) * residual


def duality_gap(
    const double[::1] cross, const double[::1] theta, const double[::1] slope,
    const double[::1] l1, const double[::1] l2, double power, bint positive=False,
):
    """Duality gap at θ of ½‖b − Aθ‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² (θ ≥ 0 if ``positive``).

    ``slope`` is Aᵀ(b − Aθ), which must vanish at features that have no penalty; ``power`` is bᵀb.
    """
    if theta.shape[0] == 0:
        return 0.0
    return max(
        _gap(theta.shape[0], &cross[0], &theta[0], &slope[0], &l1[0], &l2[0], power, positive), 0.0
    )


def submatrix(const double[:, ::1] matrix, const Py_ssize_t[::1] which):
    """matrix[which][:, which] as a new array."""
    cdef Py_ssize_t k = which.shape[0], i, j
    out = np.empty((k, k))
    cdef double[:, ::1] part = out
    with nogil:
        for i in range(k):
            for j in range(k):
                part[i, j] = matrix[which[i], which[j]]
    return out


def slope_at(
    const double[:, ::1] hessian, const double[::1] cross, const double[::1] theta
):
    """h − Hθ; 2p flops for each non-zero component of θ."""
    out = np.empty(theta.shape[0])
    cdef double[::1] slope = out
    cdef Py_ssize_t p = theta.shape[0]
    if p:
        with nogil:
            _slope(p, &hessian[0, 0], &cross[0], &theta[0], &slope[0])
    return out
