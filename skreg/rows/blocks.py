"""Blocks of a large array, and sums over them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.rows.products import Array, add_gram, symmetric

#: Indices or a slice.
Some = NDArray[np.intp] | slice
EPS = float(np.finfo(np.float64).eps)
# A block's copy stays in the second-level cache or near it.
_BLOCK_BYTES = 2**21


def slices(length: int, width: int, at_least: int = 32) -> list[slice]:
    """Slices of ``range(length)`` so that a float64 block of that many lines fits the cache."""
    step = max(_BLOCK_BYTES // (8 * max(width, 1)), at_least)
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def sum_of_outer_grams(n: int, blocks: Iterable[Array]) -> Array:
    """Σ BBᵀ (n × n) over blocks B of columns."""
    gram = np.zeros((n, n))
    for block in blocks:
        gram = add_gram(block.T, gram)
    return symmetric(gram)


def exact_mean(block: NDArray[Any], share: Array) -> Array:
    """Weighted mean to rounding, however large it is beside the spread."""
    origin = block[np.argmax(share > 0)].astype(np.float64)
    return origin + np.einsum("i,ij->j", share, np.subtract(block, origin, dtype=np.float64))
