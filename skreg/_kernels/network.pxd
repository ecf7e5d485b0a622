# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
from skreg._kernels.plan cimport Architecture


cdef class Network:
    cdef Architecture shape
    cdef readonly Py_ssize_t n_parameters
    cdef Py_ssize_t widest
    cdef readonly tuple units

    cdef int _check(
        self, Py_ssize_t n_parameters, Py_ssize_t width, Py_ssize_t n, Py_ssize_t n_out,
        Py_ssize_t width_out
    ) except -1
