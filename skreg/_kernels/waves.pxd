# cython: boundscheck=False, wraparound=False, cdivision=True
"""Waves of numbers: columns cos 2π(f·z + φ) of the input, whose f and φ are trained with the weights.

A row of X has ``n_plain`` columns that the first layer sees as they are, and behind them the numbers z that
waves are made of; what the first layer sees has the waves in their place. In θ the f of all waves, then
their φ, come behind everything else. (Y. Gorishniy, I. Rubachev, A. Babenko, 2022, "On embeddings for
numerical features in tabular deep learning".)

Cost of a step, B rows, w waves, first hidden layer h: 2·B·w·h flops beside those of a network on the
columns, and some 50·B·w for the cosines and sines.
"""

from libc.string cimport memcpy, memset

from skreg._kernels.dispatch cimport dispatched
from skreg._kernels.matmul cimport NO_ZEROS, matmul_nt
from skreg._kernels.members cimport add_products, add_scaled, times
from skreg._kernels.plan cimport Architecture

ctypedef fused real:
    float
    double

cdef extern from "turn.h" nogil:
    void skreg_turnf(float v, float* cosine, float* sine) noexcept
    void skreg_turn(double v, double* cosine, double* sine) noexcept

cdef extern from *:
    """
    #define SKREG_TWO_PI 6.28318530717958647692
    """
    const double TWO_PI "SKREG_TWO_PI"


cdef inline void add_waves(
    const Architecture* net, const real* theta, Py_ssize_t rows, const real* x, real* out, real* slopes
) noexcept nogil:
    """out ← rows of X with waves; in their places ``slopes``, if not NULL, ← the derivatives by f·z + φ."""
    cdef Py_ssize_t n = net.n_waves, width = net.units[0], i, c
    cdef const real* f = theta + net.waves
    for i in range(rows):
        memcpy(out, x, net.n_plain * sizeof(real))
        out += net.n_plain
        for c in range(n):
            out[c] = x[net.n_plain + net.origins[c]]
        if slopes == NULL:
            waves(n, f, f + n, out)
        else:
            memset(slopes, 0, net.n_plain * sizeof(real))
            slopes += net.n_plain
            waves_and_slopes(n, f, f + n, out, slopes)
            slopes += n
        x += net.width
        out += n


cdef inline dispatched waves(Py_ssize_t n, const real* f, const real* phase, real* z) noexcept nogil:
    cdef Py_ssize_t c
    cdef real sine
    for c in range(n):
        if real is float:
            skreg_turnf(f[c] * z[c] + phase[c], z + c, &sine)
        else:
            skreg_turn(f[c] * z[c] + phase[c], z + c, &sine)


cdef inline dispatched waves_and_slopes(
    Py_ssize_t n, const real* f, const real* phase, real* z, real* slopes
) noexcept nogil:
    cdef Py_ssize_t c
    cdef real sine
    for c in range(n):
        if real is float:
            skreg_turnf(f[c] * z[c] + phase[c], z + c, &sine)
        else:
            skreg_turn(f[c] * z[c] + phase[c], z + c, &sine)
        slopes[c] = <real>(-TWO_PI) * sine


cdef inline void wave_gradients(
    const Architecture* net, const real* theta, Py_ssize_t rows, Py_ssize_t copies, Py_ssize_t first,
    const real* x, const real* slopes, const real* delta, real* back, real* gradient
) noexcept nogil:
    """The gradients of f and φ from copies of the rows x of X, where they stand in that of θ.

    ``delta`` is that of the first hidden layer, ``back`` room for what is sent back to the waves of each
    copy, of which ``first`` is the number of the first.
    """
    cdef Py_ssize_t n = net.n_waves, h = net.units[1], i, t, c
    cdef real one = 1
    cdef real* f = gradient + net.waves
    cdef const real* r = theta + net.scales + net.n_plain
    matmul_nt(rows * copies, n, h, delta, theta + net.weights[0] + net.n_plain * h, back, NO_ZEROS)
    memset(f, 0, 2 * n * sizeof(real))
    slopes += net.n_plain
    x += net.n_plain
    for i in range(rows):
        if net.n_members > 1:
            times(n, back, r + (first + i * copies) % net.n_members * net.units[0], back)
            for t in range(1, copies):
                add_products(n, one, back + t * n, r + (first + i * copies + t) % net.n_members * net.units[0], back)
        times(n, back, slopes, back)
        for c in range(n):
            f[c] += back[c] * x[net.origins[c]]
        add_scaled(n, one, back, f + n)
        back += copies * n
        slopes += net.units[0]
        x += net.width
