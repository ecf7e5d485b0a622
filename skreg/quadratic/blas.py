"""Matrix products by SciPy's BLAS.

NumPy and SciPy bring a BLAS each, with a pool of threads each, and an idle pool goes on spinning
for a while: on few cores a product by one just after a decomposition by the other waits for it.
The compiled kernels and the decompositions use SciPy's, so the products between them do too.
"""

import numpy as np
from scipy.linalg.blas import dgemm


def product(a, b):
    """a @ b for float64 matrices; neither is copied if its memory is contiguous in any order."""
    if not (a.size and b.size):
        return np.zeros((a.shape[0], b.shape[1]))
    (a, flip_a), (b, flip_b) = _as_fortran(a), _as_fortran(b)
    return dgemm(1.0, a, b, trans_a=flip_a, trans_b=flip_b)


def _as_fortran(matrix):
    """The matrix or its transpose, whichever is in Fortran order, and whether it is the latter."""
    return (matrix, 0) if matrix.flags.f_contiguous else (matrix.T, 1)
