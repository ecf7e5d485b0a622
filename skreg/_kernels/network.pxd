# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
from skreg._kernels.plan cimport Architecture


cdef class Network:
    cdef Architecture shape
    cdef readonly Py_ssize_t n_parameters
    cdef readonly tuple units
