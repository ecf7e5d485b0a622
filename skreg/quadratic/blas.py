"""Matrix products by SciPy's BLAS.

NumPy and SciPy bring a BLAS each, with a pool of threads each, and an idle pool goes on spinning
for a while: on few cores a product by one just after a decomposition by the other waits for it.
The compiled kernels and the decompositions use SciPy's, so the products between them do too.
"""

import numpy as np
from scipy.linalg.blas import dgemm, dgemv, dsyrk

from skreg._kernels import rows as kernel

# A product with so few columns is faster column by column.
_THIN = 2


def product(a, b):
    """a @ b for float64 matrices; neither is copied if its memory is contiguous in any order."""
    if not (a.size and b.size):
        return np.zeros((a.shape[0], b.shape[1]))
    a, flip_a = _as_fortran(a)
    if b.shape[1] <= _THIN:
        columns = [dgemv(1.0, a, column, trans=flip_a) for column in b.T]
        return np.array(columns).T
    b, flip_b = _as_fortran(b)
    return dgemm(1.0, a, b, trans_a=flip_a, trans_b=flip_b)


def add_gram(a, gram):
    """gram + aᵀa for float64 a (k, p), in place where it can: the upper triangle, in C order.

    ``None`` stands for a gram of zeros.
    """
    a, flip = _as_fortran(a)
    if gram is None:
        return dsyrk(1.0, a, trans=1 - flip, lower=1).T
    return dsyrk(1.0, a, 1.0, gram.T, trans=1 - flip, lower=1, overwrite_c=1).T


def symmetric(upper):
    """The symmetric matrix with this upper triangle, in place."""
    kernel.mirror(upper)
    return upper


def _as_fortran(matrix):
    """The matrix or its transpose, whichever is in Fortran order, and whether it is the latter."""
    return (matrix, 0) if matrix.flags.f_contiguous else (matrix.T, 1)
