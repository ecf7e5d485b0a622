"""Hashes that decide what becomes of a row by its number or its value alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64 bits of which each bit of the result depends on all (splitmix64).

    G. Steele, D. Lea, C. Flood, 2014, "Fast splittable pseudorandom number generators".
    """
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
