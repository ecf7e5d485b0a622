# cython: boundscheck=False, wraparound=False, cdivision=True
"""The optimum of one group beside the others: min ½⟨θ, H_gg θ⟩ − ⟨C, θ⟩ + l‖θ‖."""

from libc.math cimport sqrt

from skreg._kernels.dispatch cimport dispatched

cdef enum:
    MAX_SECULAR = 60


cdef inline dispatched subtract_rows(
    Py_ssize_t p, Py_ssize_t k, const double* rows, const double* step, double* slope
) noexcept nogil:
    """slope ← slope − Σⱼ stepⱼ·rowsⱼ: four rows at a time, to load the slope less often."""
    cdef Py_ssize_t i, j = 0
    cdef double a, b, c, d
    cdef const double* r0
    cdef const double* r1
    cdef const double* r2
    cdef const double* r3
    while j + 4 <= k:
        a, b, c, d = step[j], step[j + 1], step[j + 2], step[j + 3]
        r0, r1, r2, r3 = rows + j * p, rows + (j + 1) * p, rows + (j + 2) * p, rows + (j + 3) * p
        for i in range(p):
            slope[i] -= (a * r0[i] + b * r1[i]) + (c * r2[i] + d * r3[i])
        j += 4
    while j < k:
        a, r0 = step[j], rows + j * p
        for i in range(p):
            slope[i] -= a * r0[i]
        j += 1


cdef inline double norm_at_optimum(
    Py_ssize_t k, const double* values, const double* squares, double strength, double noise
) noexcept nogil:
    """ν = ‖θ_g‖ at the optimum of a block: Σ sᵢ/(σᵢν + l)² = 1, s the squares of QᵀC by direction.

    (Σ sᵢ(σᵢν + l)⁻²)^(−½) is a power mean of increasing affine functions, so concave: Newton's
    method for its value 1 rises to the root from a lower bound, here the one with σᵢ = max σ.
    """
    cdef double eps = 2.220446049250313e-16
    cdef Py_ssize_t i, round
    cdef double total = 0, largest = 0, nu, phi, tilt, width, share, new
    for i in range(k):
        if values[i] > noise:
            total += squares[i]
            largest = max(largest, values[i])
    if total <= strength * strength:
        return 0
    nu = (sqrt(total) - strength) / largest
    for round in range(MAX_SECULAR):
        phi = tilt = 0
        for i in range(k):
            if values[i] > noise:
                width = values[i] * nu + strength
                share = squares[i] / (width * width)
                phi += share
                tilt += share * values[i] / width
        new = nu + (sqrt(phi) - 1) * phi / tilt
        if not new > nu * (1 + 4 * eps):
            break
        nu = new
    return nu


cdef inline double solve_block(
    Py_ssize_t q, Py_ssize_t p, Py_ssize_t k, const double* vectors, const double* values,
    double strength, double* theta, const double* slope, double* c, double* squares,
) noexcept nogil:
    """Put a group at its optimum beside the others; the squared length of the step.

    With H_gg = QΣQᵀ and C = slope_g + H_gg θ_g it is Q(Σ + (l/ν)I)⁻¹QᵀC, ν its own norm.
    Directions without curvature are set to zero. θ and the slope have k numbers for each of q
    targets, p apart; the step is left in ``c``, which holds q·k, and ``squares`` holds k.
    """
    cdef Py_ssize_t t, i, j
    cdef const double* vector
    cdef double eps = 2.220446049250313e-16
    cdef double noise = k * eps * max(values[k - 1], 0), nu = 1, shift = 0, dot, along, moved = 0
    for i in range(k):
        squares[i] = 0
        vector = vectors + i * k
        for t in range(q):
            dot = along = 0
            for j in range(k):
                dot += vector[j] * slope[t * p + j]
                along += vector[j] * theta[t * p + j]
            c[t * k + i] = dot + values[i] * along
            squares[i] += c[t * k + i] * c[t * k + i]
    if strength > 0:
        nu = norm_at_optimum(k, values, squares, strength, noise)
        shift = strength / nu if nu > 0 else 0
    for t in range(q):
        for j in range(k):    # the step replaces `squares`
            squares[j] = -theta[t * p + j]
        if nu > 0:
            for i in range(k):
                if values[i] > noise:
                    vector = vectors + i * k
                    dot = c[t * k + i] / (values[i] + shift)
                    for j in range(k):
                        squares[j] += dot * vector[j]
        for j in range(k):
            theta[t * p + j] = theta[t * p + j] + squares[j] if nu > 0 else 0.0
            c[t * k + j] = squares[j]
            moved += squares[j] * squares[j]
    return moved
