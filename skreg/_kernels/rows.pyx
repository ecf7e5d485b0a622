# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the sums over rows need beside BLAS."""

# Edge of a tile that is transposed.
cdef Py_ssize_t TILE = 32


def mirror(double[:, ::1] matrix):
    """Copy the upper triangle to the lower one, in place."""
    cdef Py_ssize_t p = matrix.shape[0], tiles = (p + TILE - 1) // TILE, i, j, a, b
    with nogil:
        for a in range(tiles):
            for b in range(a + 1):
                for i in range(a * TILE, min((a + 1) * TILE, p)):
                    for j in range(b * TILE, min((b + 1) * TILE, i)):
                        matrix[i, j] = matrix[j, i]


def subtract_outer(double[:, ::1] matrix, const double[:] v, double scale):
    """matrix ← matrix − scale·vvᵀ, in the upper triangle only, in place."""
    cdef Py_ssize_t p = matrix.shape[0], i, j
    cdef double a
    with nogil:
        for i in range(p):
            a = scale * v[i]
            for j in range(i, p):
                matrix[i, j] -= a * v[j]
