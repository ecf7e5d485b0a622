# cython: boundscheck=False, wraparound=False, cdivision=True
"""Steps to f = 0 by an older Jacobian, mended by what the last steps have done (Anderson, 1965).

Step s made f fall by y. With γ for which Σ γ_k y_k is nearest to f, the next step is Σ γ_k s_k plus
what the old Jacobian says of the rest. For m steps and G numbers: 4mG flops, and 2G² for the rest.
"""

from scipy.linalg.cython_blas cimport dtrsv
from scipy.linalg.cython_lapack cimport dposv

cdef enum:
    SECANTS = 12  # steps that are remembered


cdef struct Secants:
    Py_ssize_t size, stride, made   # G, numbers from one step to the next, and steps made so far
    double* steps                   # (SECANTS, stride)
    double* falls
    double* products                # ⟨y_k, y_l⟩, (SECANTS, SECANTS)
    const double* factor            # of the old Jacobian LLᵀ: row a of L is a·stride away


cdef inline double inner(Py_ssize_t n, const double* x, const double* y) noexcept nogil:
    """⟨x, y⟩, in four sums."""
    cdef double a = 0, b = 0, c = 0, d = 0
    cdef Py_ssize_t i = 0
    while i + 4 <= n:
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
        i += 4
    while i < n:
        a += x[i] * y[i]
        i += 1
    return (a + b) + (c + d)


cdef inline void remember(Secants* at, const double* step, const double* fall) noexcept nogil:
    """Keep a step and the fall of f, in the place of the oldest."""
    cdef Py_ssize_t k = at.made % SECANTS, l, i
    for i in range(at.size):
        at.steps[k * at.stride + i] = step[i]
        at.falls[k * at.stride + i] = fall[i]
    for i in range(at.size, at.stride):
        at.steps[k * at.stride + i] = at.falls[k * at.stride + i] = 0
    at.made += 1
    for l in range(min(at.made, SECANTS)):
        at.products[k * SECANTS + l] = at.products[l * SECANTS + k] = inner(
            at.size, at.falls + k * at.stride, at.falls + l * at.stride
        )


cdef inline void next_step(const Secants* at, double* f, double* step) noexcept nogil:
    """``step`` ← the next one; f ← what the steps remembered leave of it."""
    cdef Py_ssize_t i, k, l
    cdef int m = <int>min(at.made, SECANTS), one = 1, info = 1
    cdef int size = <int>at.size, stride = <int>at.stride
    cdef double[144] system
    cdef double[12] share
    cdef char upper = b'U', transposed = b'T', plain = b'N', lower = b'N'
    for k in range(m):
        share[k] = inner(at.size, f, at.falls + k * at.stride)
        for l in range(m):
            system[k * m + l] = at.products[k * SECANTS + l]
        system[k * m + k] *= 1 + 1e-10
    if m:
        dposv(&upper, &m, &one, system, &m, share, &m, &info)
    if info != 0:
        m = 0
    for k in range(m):
        for i in range(at.size):
            f[i] -= share[k] * at.falls[k * at.stride + i]
    for i in range(at.size):
        step[i] = f[i]
    # Row a of L is its column a for BLAS: Lᵀ, upper.
    dtrsv(&upper, &transposed, &lower, &size, at.factor, &stride, step, &one)
    dtrsv(&upper, &plain, &lower, &size, at.factor, &stride, step, &one)
    for k in range(m):
        for i in range(at.size):
            step[i] += share[k] * at.steps[k * at.stride + i]
