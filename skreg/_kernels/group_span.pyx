# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""min ½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g‖θ_g‖ over the span of a few θ: Newton's method.

All it has to know of H and h are m² + m numbers, and of each group the products of its m vectors:
mp·m/2 flops for these, and a few Gm² a step.
"""

import numpy as np

from libc.math cimport sqrt
from scipy.linalg.cython_lapack cimport dposv

from skreg._kernels.dispatch cimport dispatched

cdef int MAX_STEPS = 20
# Steps end where the next promises this share of the objective.
cdef double ENOUGH = 1e-11
# Share of the trace added to a Newton system, and what rounding leaves of a squared norm.
cdef double DAMPED = 1e-13, ROUNDING = 1e-14
cdef double ARMIJO = 1e-4, SHORTEST = 1e-3


cdef dispatched _products(
    const double[:, :, ::1] basis, const double[::1] scale, const Py_ssize_t[::1] starts,
    double[:, :, ::1] out,
) noexcept nogil:
    """out[g] ← ⟨θ_g, θ′_g⟩ for all pairs of scaled vectors."""
    cdef Py_ssize_t g, k, l, t, j
    cdef double total
    for g in range(out.shape[0]):
        for k in range(basis.shape[0]):
            for l in range(k + 1):
                total = 0
                for t in range(basis.shape[1]):
                    for j in range(starts[g], starts[g + 1]):
                        total += basis[k, t, j] * basis[l, t, j]
                out[g, k, l] = out[g, l, k] = total * scale[k] * scale[l]


cdef double _value(
    const double[:, ::1] gram, const double[::1] linear, const double[:, :, ::1] products,
    const double[::1] strength, const double[::1] x, double[:, ::1] bent, double[::1] norms,
) noexcept nogil:
    """The objective at x; ``norms`` ← ‖θ_g‖ and ``bent`` ← their gradients, times ‖θ_g‖."""
    cdef Py_ssize_t g, k, l, m = x.shape[0]
    cdef double total = 0, along, square, size
    for k in range(m):
        along = 0
        for l in range(m):
            along += gram[k, l] * x[l]
        total += x[k] * (0.5 * along - linear[k])
    for g in range(norms.shape[0]):
        square = size = 0
        for k in range(m):
            along = 0
            for l in range(m):
                along += products[g, k, l] * x[l]
            bent[g, k] = along
            square += x[k] * along
            size += products[g, k, k] * x[k] * x[k]
        norms[g] = sqrt(max(square, ROUNDING * size))
        total += strength[g] * norms[g]
    return total


cdef double _newton(
    const double[:, ::1] gram, const double[::1] linear, const double[:, :, ::1] products,
    const double[::1] strength, const double[::1] x, const double[:, ::1] bent,
    const double[::1] norms, double[:, ::1] system, double[::1] step,
) noexcept nogil:
    """``step`` ← −(∇²)⁻¹∇; what the objective falls by along it, to first order."""
    cdef Py_ssize_t g, k, l
    cdef double bend, trace = 0, fall = 0
    cdef int m = <int>x.shape[0], one = 1, info
    cdef char upper = b'U'
    for k in range(m):
        step[k] = linear[k]
        for l in range(m):
            step[k] -= gram[k, l] * x[l]
            system[k, l] = gram[k, l]
    for g in range(norms.shape[0]):
        if not norms[g] > 0:
            continue
        bend = strength[g] / norms[g]
        for k in range(m):
            step[k] -= bend * bent[g, k]
            for l in range(k + 1):
                system[k, l] += bend * (
                    products[g, k, l] - (bent[g, k] / norms[g]) * (bent[g, l] / norms[g])
                )
    for k in range(m):
        trace += system[k, k]
    for k in range(m):
        system[k, k] += DAMPED * trace
        fall += step[k] * step[k]
    # Row k is column k for LAPACK: its upper triangle.
    cdef double[16] downhill
    for k in range(m):
        downhill[k] = step[k]
    dposv(&upper, &m, &one, &system[0, 0], &m, &step[0], &m, &info)
    if info != 0:
        return 0
    fall = 0
    for k in range(m):
        fall += step[k] * downhill[k]
    return fall


def best_combination(
    const double[:, :, ::1] basis, const double[:, ::1] gram, const double[::1] linear,
    const double[::1] strength, const Py_ssize_t[::1] starts,
):
    """x for which θ = Σ x_k θ_k is best, from the last of these θ_k.

    Parameters
    ----------
    basis : ndarray of shape (m, q, p)
        At most 16 vectors θ_k, of ever smaller differences first.
    gram, linear : ndarray of shape (m, m) and (m,)
        ⟨θ_k, Hθ_l⟩ and ⟨h, θ_k⟩.
    strength : ndarray of shape (n_groups,)
        l_g.
    starts : ndarray of int, shape (n_groups + 1,)

    Returns
    -------
    ndarray of shape (m,)
    """
    cdef Py_ssize_t m = basis.shape[0], n_groups = strength.shape[0], k, l
    scale_array = np.sqrt(np.maximum(np.diag(gram), 0.0))
    used = scale_array > 0
    scale_array[used] = 1.0 / scale_array[used]
    cdef double[::1] scale = scale_array
    cdef double[:, ::1] scaled = np.ascontiguousarray(
        np.asarray(gram) * scale_array * scale_array[:, None]
    )
    cdef double[::1] along = np.asarray(linear) * scale_array
    cdef double[:, :, ::1] products = np.empty((n_groups, m, m))
    cdef double[:, ::1] bent = np.empty((n_groups, m)), system = np.empty((m, m))
    cdef double[::1] norms = np.empty(n_groups), step = np.empty(m)
    x_array, trial_array = np.zeros(m), np.empty(m)
    cdef double[::1] x = x_array, trial = trial_array
    cdef double value, other, fall, length
    cdef int steps
    if not used[m - 1]:
        x_array[m - 1] = 1.0
        return x_array
    with nogil:
        x[m - 1] = 1 / scale[m - 1]
        _products(basis, scale, starts, products)
        value = _value(scaled, along, products, strength, x, bent, norms)
        for steps in range(MAX_STEPS):
            fall = _newton(scaled, along, products, strength, x, bent, norms, system, step)
            if not fall > ENOUGH * abs(value):
                break
            length = 1
            while length > SHORTEST:
                for k in range(m):
                    trial[k] = x[k] + length * step[k]
                other = _value(scaled, along, products, strength, trial, bent, norms)
                if other <= value - ARMIJO * length * fall:
                    break
                length *= 0.5
            else:
                break
            value = other
            x[:] = trial
    return x_array * scale_array
