"""Aᵀr for one r after another without a product, where bounds say enough."""

from __future__ import annotations

from typing import cast

import numpy as np

from skreg.penalties import Group
from skreg.rows.products import Array, Mask
from skreg.rows.weighted import WeightedRows
from skreg.solvers.inner import CoefficientBlocks

# Products that are remembered, at most: this many, or this share of n; a combination costs as much.
_MEMORY, _SHARE = 30, 0.125
# What is left of r must be this share of it to count as a direction of its own.
_NEW = 1e-6


class BoundedSlopes:
    """Slopes of blocks at 0, of which all that matters is that they are short enough.

    Along a path r changes smoothly, so it is nearly a combination of a few u_k, orthonormal, for
    which Aᵀu_k is known. With ρ for what is left of r, ‖A_gᵀr‖ ≤ ‖Σ c_k A_gᵀu_k‖ + ‖A_g‖‖ρ‖: a
    product with A is needed only where that is not below λw_g, and gives another u_k.

    Parameters
    ----------
    blocks : CoefficientBlocks
        Groups.
    rows : WeightedRows
        A.
    """

    def __init__(self, blocks: CoefficientBlocks, rows: WeightedRows) -> None:
        self._rows, self._blocks = rows, blocks
        self._reach = blocks.lengths(np.sqrt(rows.column_norms))
        self._weights = cast(Group, blocks.penalty).weights[blocks.which]
        self._size, memory = 0, max(_MEMORY, int(_SHARE * rows.shape[0]))
        self._vectors, self._products = (np.empty((memory, size)) for size in rows.shape)

    def at(self, residual: Array, alpha: float, unknown: Mask) -> Array:
        """Aᵀr, shape (1, p), or what is as good: below ``alpha`` where Aᵀr is, in ``unknown``."""
        rest, slope = self._split(residual)
        longest = self._blocks.lengths(slope) + float(np.linalg.norm(rest)) * self._reach
        if not (longest <= alpha * self._weights)[unknown].all():
            known, slope = slope, self._rows.transposed_dot(residual[:, None])[:, 0]
            if self._size == len(self._vectors):
                self._size, rest, known = 0, residual, np.zeros_like(slope)
            # Once more, as rounding would grow from one vector to the next.
            rest, twice = self._split(rest)
            left = float(np.linalg.norm(rest))
            if left > _NEW * float(np.linalg.norm(residual)):
                self._vectors[self._size] = rest / left
                self._products[self._size] = (slope - known - twice) / left
                self._size += 1
        return slope[None]

    def _split(self, residual: Array) -> tuple[Array, Array]:
        """What is left of r beside its combination of the u_k, and the slope of that."""
        basis = self._vectors[: self._size]
        share = basis @ residual
        return residual - share @ basis, share @ self._products[: self._size]
