"""Products of float64 matrices, by blocks, shared among the threads that BLAS may use.

The compiled tiles do the work (see `skreg._kernels.products`), and every number comes out the same
to the bit however many threads there are. Only a product with a vector or two is BLAS's (SciPy's),
and a decomposition LAPACK's. They get one thread unless they are large: the idle threads of a BLAS
go on spinning for a while, and on few cores the next product would wait for them.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import norm
from scipy.linalg.blas import dgemv

from skreg._kernels import products as tiles
from skreg._kernels import rows as row_kernels
from skreg._kernels import thin_products
from skreg._threads import cut, in_stripes, in_threads, one_blas_thread, worker_threads

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
Some = Indices | slice
EPS = float(np.finfo(np.float64).eps)

# Up to this size BLAS takes no second thread.
_ALONE = 4096
# A product with so few columns is faster column by column.
_THIN = 2
# From this size on a decomposition gains by a second thread.
_LARGE = 1000
# Multiply-adds that are worth a thread.
_SHARE = 5e7
# Numbers in a pass over memory that is worth a second thread.
_LONG_PASS = 2e6
# Rows, beside columns, from which a second gram is small beside them.
_TALL = 16
# The kernel works on so many columns at once.
_STRIPE = 32
# A block's copy stays in the second-level cache or near it.
_BLOCK_BYTES = 2**21


def product(a: Array, b: Array) -> Array:
    """a @ b for float64 matrices in any order; the result is in Fortran order."""
    if not (a.size and b.size):
        return np.zeros((a.shape[0], b.shape[1]))
    if b.shape[1] <= _THIN and (a.flags.c_contiguous or a.flags.f_contiguous):
        if a.size <= _ALONE:
            return _by_columns(a, b)
        with one_blas_thread():
            return _by_columns(a, b)
    left, right = b.T, a.T
    out = np.empty((left.shape[0], right.shape[1]))

    def part(start: int, stop: int) -> None:
        tiles.multiply(left, right[:, start:stop], out[:, start:stop])

    if (wanted := int(len(a) * b.size / _SHARE)) > 1:
        in_stripes(part, len(a), _STRIPE, wanted)
    else:
        tiles.multiply(left, right, out)
    return out.T


def _by_columns(a: Array, b: Array) -> Array:
    """a @ b by BLAS, for an a whose elements are contiguous in either order."""
    matrix, flip = (a, 0) if a.flags.f_contiguous else (a.T, 1)
    out = [dgemv(1.0, matrix, column, trans=flip) for column in b.T]
    return out[0][:, None] if len(out) == 1 else np.array(out).T


def times_targets(X: Array, y: Array) -> Array:
    """Xᵀ[y, 1], shape (p, q + 1); with a single y in one pass over X."""
    ones = np.ones((len(y), 1))
    if y.shape[1] > 1:
        return product(X.T, np.hstack([y, ones]))

    def some(start: int, stop: int) -> Array:
        rows = slice(start, stop)
        return thin_products.transposed_pair(X[rows], y[rows, 0], ones[rows, 0]).T

    one, *other = by_halves(some, len(y), X.size > _LONG_PASS)
    return sum(other, start=one)


def dot(a: Array, b: Array) -> float:
    """aᵀb for vectors. Not by BLAS, whose threads take longer to wake up than this takes."""
    return float(np.einsum("i,i->", a, b))


def add_gram(a: Array, gram: Array | None) -> Array:
    """gram + aᵀa for float64 a (k, p), in place: the upper triangle, in C order.

    ``None`` stands for a gram of zeros.
    """
    p = a.shape[1]
    gram = np.zeros((p, p)) if gram is None else gram
    wanted = int(a.size * p / 2 / _SHARE)
    if wanted > 1 and len(a) >= _TALL * p:

        def add(start: int, stop: int, *where: Any) -> None:
            tiles.add_gram(a[start:stop], *where)

        _by_halves_of_rows(add, len(a), gram, wanted)
    elif wanted > 1:
        in_stripes(partial(tiles.add_gram, a, gram), p, _STRIPE, wanted, np.sqrt)
    else:
        tiles.add_gram(a, gram, 0, p)
    return gram


def gram_and_targets(X: Array, y: Array) -> tuple[Array, Array]:
    """XᵀX, as `add_gram` has it, and Xᵀ[y, 1]; of a tall X and a single y in one pass over X."""
    n, p = X.shape
    wanted = int(X.size * p / 2 / _SHARE)
    if wanted <= 1 or n < _TALL * p or y.shape[1] > 1:
        return add_gram(X, None), times_targets(X, y)
    gram, ones = np.zeros((p, p)), np.ones(n)

    def add(start: int, stop: int, gram: Array, first: int, last: int) -> Array:
        sums = np.zeros((2, p))
        for block in slices(stop - start, 2 * p):
            rows = slice(start + block.start, start + block.stop)
            if first == 0:
                sums += thin_products.transposed_pair(X[rows], y[rows, 0], ones[rows])
            tiles.add_gram(X[rows], gram, first, last)
        return sums

    return gram, sum(_by_halves_of_rows(add, n, gram, wanted)).T


def _by_halves_of_rows(add: Callable[..., Any], n: int, gram: Array, wanted: int) -> list[Any]:
    """What add(start, stop, gram, first, last) gives for all rows and columns of a gram.

    Two threads share the rows, so that each reads but its own; more share the columns, too. The
    halves are summed one by one whatever the number of threads.
    """
    half, other = n // 2, np.zeros_like(gram)
    with worker_threads(wanted) as n_workers:
        # The part of the triangle left of column j grows with j².
        stripes = n_workers if n_workers % 2 else n_workers // 2
        pieces = cut(len(gram), _STRIPE, stripes, np.sqrt)
        rows = [(0, half, gram), (half, n, other)]
        each = [(*one, *piece) for one in rows for piece in pieces]
        found = in_threads(add, each, n_workers)
    gram += other
    return found


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
    if not is_large:
        return [part(0, n)]
    return together(part, [(0, n // 2), (n // 2, n)])


def slices(length: int, width: int, at_least: int = 32) -> list[slice]:
    """Slices of ``range(length)`` so that a float64 block of that many lines fits the cache.

    They are whole stripes of the kernels, but for the last, and where that would be too few lines.
    """
    step = max(_BLOCK_BYTES // (8 * max(width, 1)), at_least)
    whole = step - step % _STRIPE
    step = whole if whole >= at_least else step
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def sum_of_outer_grams(n: int, blocks: Iterable[Array]) -> Array:
    """Σ BBᵀ (n × n) over blocks B of columns."""
    gram = np.zeros((n, n))
    for block in blocks:
        gram = add_gram(block.T, gram)
    return symmetric(gram)


def with_room(array: Array, shape: tuple[int, int]) -> Array:
    """What is in a matrix at the upper left of one of another shape, with room for more.

    As long as this lasts it is the same memory; rows are contiguous.
    """
    k, l = array.shape
    whole = array if array.base is None else array.base
    if len(whole) < shape[0] or whole.shape[1] < shape[1]:
        wider = zip(shape, (k, l), strict=True)
        whole = np.empty([size if size == old else size + size // 2 for size, old in wider])
        whole[:k, :l] = array
    return whole[: shape[0], : shape[1]]


def exact_mean(block: NDArray[Any], share: Array) -> Array:
    """Weighted mean to rounding, however large it is beside the spread."""
    origin = block[np.argmax(share > 0)].astype(np.float64)
    return origin + np.einsum("i,ij->j", share, np.subtract(block, origin, dtype=np.float64))


def length_of(x: Array) -> float:
    """‖x‖, by BLAS, which squares nothing that is too large or too small for it."""
    return float(norm(x.ravel(), check_finite=False))
