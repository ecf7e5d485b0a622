"""About so many of the largest numbers, without sorting them."""


cdef inline Py_ssize_t count_above(
    Py_ssize_t n, const double* x, double threshold
) noexcept nogil:
    """How many numbers exceed the threshold."""
    cdef Py_ssize_t i, count = 0
    for i in range(n):
        count += x[i] > threshold
    return count


cdef inline double threshold_of_largest(
    Py_ssize_t n, const double* x, Py_ssize_t limit, double faint
) noexcept nogil:
    """A threshold that at most ``limit`` numbers exceed and, but for ties, at least half as many.

    It is at least ``faint`` times the largest number, and not below 0.
    """
    cdef double low = 0, high = 0, threshold = 0
    cdef Py_ssize_t i, count
    cdef int halving
    for i in range(n):
        high = max(high, x[i])
    faint *= high
    if count_above(n, x, 0) > limit:
        for halving in range(40):
            threshold = 0.5 * (low + high)
            count = count_above(n, x, threshold)
            if count > limit:
                low = threshold
            elif count < limit // 2:
                high = threshold
            else:
                break
        else:
            threshold = low  # among ties the first ones are as good as others
    return max(threshold, faint)
