# cython: boundscheck=False, wraparound=False, cdivision=True
"""Eigenvectors of the blocks of H that belong to groups: some 9k³ flops for one of k features."""

from scipy.linalg.cython_lapack cimport dsyevd


cdef inline int decompose(
    const Py_ssize_t[::1] starts, double[::1] blocks, double[::1] values
) except -1:
    """Eigenvectors (rows) in the place of blocks, one after another, and ascending eigenvalues.

    Of a block the lower triangle counts. LinAlgError if LAPACK does not find them.
    """
    cdef Py_ssize_t n = starts.shape[0] - 1, g, widest = 1, place = 0, first = 0
    cdef int k, info = 0, room, int_room
    cdef char with_vectors = b'V', upper = b'U'  # row a of a block is its column a for LAPACK
    for g in range(n):
        widest = max(widest, starts[g + 1] - starts[g])
    room, int_room = <int>(1 + 6 * widest + 2 * widest * widest), <int>(3 + 5 * widest)
    cdef unsigned char[::1] memory = bytearray(room * sizeof(double) + int_room * sizeof(int))
    cdef double* work = <double*>&memory[0]
    with nogil:
        for g in range(n):
            k = <int>(starts[g + 1] - starts[g])
            if k == 1:
                values[first], blocks[place] = blocks[place], 1
            else:
                dsyevd(
                    &with_vectors, &upper, &k, &blocks[place], &k, &values[first], work, &room,
                    <int*>(work + room), &int_room, &info,
                )
                if info != 0:
                    break
            first += k
            place += k * k
    if info != 0:
        from numpy.linalg import LinAlgError
        raise LinAlgError(f"the eigenvalues of a group were not found ({info=})")
    return 0
