"""``dispatched``: the return type ``void`` of a function compiled once for each vector unit.

Cython has no syntax for a C function attribute, but a return type is emitted as its C name, and
``SKREG_DISPATCH void`` carries the attribute. Inline functions called from a dispatched function
are compiled with it.
"""

cdef extern from "dispatch.h":
    ctypedef void dispatched "SKREG_DISPATCH void"
