"""Products of float64 matrices, shared among the threads that BLAS may use.

The compiled tiles do the work (see `skreg._kernels.products`), and every number comes out the same
to the bit however many threads there are. Only a product with a vector or two is BLAS's (SciPy's),
and a decomposition LAPACK's. They get one thread unless they are large: the idle threads of a BLAS
go on spinning for a while, and on few cores the next product would wait for them.
"""

from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dgemv

from skreg._kernels import products as tiles
from skreg._kernels import rows as row_kernels
from skreg._threads import in_stripes, in_threads, one_blas_thread, worker_threads

Array = NDArray[np.float64]

# A product with so few columns is faster column by column.
_THIN = 2
# From this size on a decomposition gains by a second thread.
_LARGE = 1000
# Multiply-adds that are worth a thread.
_SHARE = 5e7
# The kernel works on so many columns at once.
_STRIPE = 32


def product(a: Array, b: Array) -> Array:
    """a @ b for float64 matrices in any order; the result is in Fortran order."""
    if not (a.size and b.size):
        return np.zeros((a.shape[0], b.shape[1]))
    if b.shape[1] <= _THIN and (a.flags.c_contiguous or a.flags.f_contiguous):
        matrix, flip = (a, 0) if a.flags.f_contiguous else (a.T, 1)
        with one_blas_thread():
            return np.array([dgemv(1.0, matrix, column, trans=flip) for column in b.T]).T
    left, right = b.T, a.T
    out = np.empty((left.shape[0], right.shape[1]))

    def part(start: int, stop: int) -> None:
        tiles.multiply(left, right[:, start:stop], out[:, start:stop])

    in_stripes(part, len(a), _STRIPE, int(len(a) * b.size / _SHARE))
    return out.T


def dot(a: Array, b: Array) -> float:
    """aᵀb for vectors. Not by BLAS, whose threads take longer to wake up than this takes."""
    return float(np.einsum("i,i->", a, b))


def add_gram(a: Array, gram: Array | None) -> Array:
    """gram + aᵀa for float64 a (k, p), in place: the upper triangle, in C order.

    ``None`` stands for a gram of zeros.
    """
    p = a.shape[1]
    gram = np.zeros((p, p)) if gram is None else gram

    def part(start: int, stop: int) -> None:
        tiles.add_gram(a, gram, start, stop)

    # The part of the triangle left of column j grows with j².
    in_stripes(part, p, _STRIPE, int(a.size * p / 2 / _SHARE), np.sqrt)
    return gram


def symmetric(upper: Array) -> Array:
    """The symmetric matrix with this upper triangle, in place."""
    row_kernels.mirror(upper)
    return upper


def eigen(symmetric_matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors.

    By NumPy, which gives up the GIL where SciPy does not: folds are decomposed side by side.
    """
    with nullcontext() if len(symmetric_matrix) >= _LARGE else one_blas_thread():
        return np.linalg.eigh(symmetric_matrix)


def together(part: Callable[..., Any], pieces: list[Any]) -> list[Any]:
    """[part(*piece) for piece in pieces], by as many threads as may be used."""
    with worker_threads(len(pieces)) as n_workers:
        if n_workers > 1:
            return in_threads(part, pieces, n_workers)
        return [part(*piece) for piece in pieces]


def by_halves(part: Callable[[int, int], Any], n: int, is_large: bool) -> list[Any]:
    """[part(0, n)], or of a large range [part(0, n // 2), part(n // 2, n)], a thread each.

    As many sums whatever the number of threads, so that their total does not depend on it.
    """
    ends = [0, n // 2, n] if is_large else [0, n]
    return together(part, list(pairwise(ends)))
