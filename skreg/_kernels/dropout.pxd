# cython: boundscheck=False, wraparound=False, cdivision=True
"""Dropout (N. Srivastava et al., 2014), inverted: what is kept is divided by the chance of being kept.

Whether a unit is kept is a hash of the seed, the step's number, the layer, the row's place in the
batch and the unit: no state, so any worker may take any row.
"""

from libc.stdint cimport uint32_t, uint64_t

from skreg._kernels.dispatch cimport dispatched

ctypedef fused real:
    float
    double


cdef inline uint64_t mix64(uint64_t z) noexcept nogil:
    """The last steps of splitmix64 (G. Steele, D. Lea, C. Flood, 2014)."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL
    return z ^ (z >> 31)


cdef inline uint32_t mix32(uint32_t x) noexcept nogil:
    """The last steps of MurmurHash3 for 32 bits (A. Appleby, 2011): a loop of them becomes vectors."""
    x = (x ^ (x >> 16)) * <uint32_t>0x85EBCA6B
    x = (x ^ (x >> 13)) * <uint32_t>0xC2B2AE35
    return x ^ (x >> 16)


cdef inline uint64_t dropout_key(uint64_t seed, Py_ssize_t step, int layer) noexcept nogil:
    """What the masks of one layer in one step hang on."""
    cdef uint64_t golden = 0x9E3779B97F4A7C15ULL
    return mix64(mix64(seed + golden) + golden * (256 * <uint64_t>step + <uint64_t>layer + 1))


cdef inline dispatched drop(
    Py_ssize_t rows, Py_ssize_t width, double rate, uint64_t key, Py_ssize_t first, real* z,
    real* slope
) noexcept nogil:
    """Each of z, rows of the batch from ``first`` on, ← 0 with chance ``rate``, else z/(1 − rate).

    ``slope`` likewise, if not NULL.
    """
    cdef Py_ssize_t i, j
    cdef uint32_t row_key, threshold = <uint32_t>(rate * 4294967296.0)
    cdef real zero = 0, scale = <real>(1 / (1 - rate))
    cdef real* row
    for i in range(rows):
        row_key = <uint32_t>mix64(key + <uint64_t>(first + i))
        row = z + i * width
        for j in range(width):
            row[j] *= zero if mix32(row_key + <uint32_t>j) < threshold else scale
        if slope != NULL:
            row = slope + i * width
            for j in range(width):
                row[j] *= zero if mix32(row_key + <uint32_t>j) < threshold else scale
