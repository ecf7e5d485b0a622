"""Aᵀr for one r after another without a product, where bounds say enough."""

from __future__ import annotations

from typing import cast

import numpy as np

from skreg.penalties import Group
from skreg.rows.products import Array, Mask
from skreg.rows.weighted import WeightedRows
from skreg.solvers.inner import CoefficientBlocks

# Products that are remembered, at most.
_MEMORY = 30
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
        self._basis, self._slopes = (np.empty((0, size)) for size in rows.shape)

    def at(self, residual: Array, alpha: float, unknown: Mask) -> Array:
        """Aᵀr, shape (1, p), or what is as good: below ``alpha`` where Aᵀr is, in ``unknown``."""
        share = self._basis @ residual
        rest, slope = residual - share @ self._basis, share @ self._slopes
        left = float(np.linalg.norm(rest))
        longest = self._blocks.lengths(slope) + left * self._reach
        if not (longest <= alpha * self._weights)[unknown].all():
            known, slope = slope, self._rows.transposed_dot(residual[:, None])[:, 0]
            if len(self._basis) == _MEMORY:
                self._basis, self._slopes = self._basis[:0], self._slopes[:0]
                rest, known, left = residual, 0.0 * slope, float(np.linalg.norm(residual))
            if left > _NEW * float(np.linalg.norm(residual)):
                self._basis = np.vstack([self._basis, rest / left])
                self._slopes = np.vstack([self._slopes, (slope - known) / left])
        return slope[None]
