"""Aᵀr for one r after another without a product, where bounds say enough."""

from __future__ import annotations

from collections import deque
from typing import cast

import numpy as np

from skreg.penalties import Group
from skreg.rows.products import Array, Mask
from skreg.rows.weighted import WeightedRows
from skreg.solvers.inner import CoefficientBlocks

# Products that are remembered.
_MEMORY = 5


class BoundedSlopes:
    """Slopes of blocks at 0, of which all that matters is that they are short enough.

    Along a path r changes smoothly, so it is nearly a combination of the last few r_k, for which
    Aᵀr_k is known. With ρ for what is left of r, ‖A_gᵀr‖ ≤ ‖Σ c_k A_gᵀr_k‖ + ‖A_g‖‖ρ‖: a product
    with A is needed only where that is not below λw_g.

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
        self._past: deque[tuple[Array, Array]] = deque(maxlen=_MEMORY)

    def at(self, residual: Array, alpha: float, unknown: Mask) -> Array:
        """Aᵀr, shape (1, p), or what is as good: below ``alpha`` where Aᵀr is, in ``unknown``."""
        r = residual[:, 0]
        if self._past:
            before, slopes = (np.stack(part) for part in zip(*self._past, strict=True))
            share = np.linalg.lstsq(before.T, r, rcond=None)[0]
            slope = share @ slopes
            left = float(np.linalg.norm(r - share @ before))
            longest = self._blocks.lengths(slope) + left * self._reach
            if (longest <= alpha * self._weights)[unknown].all():
                return slope[None]
        slope = self._rows.transposed_dot(residual)[:, 0]
        self._past.append((r.copy(), slope))
        return slope[None].copy()
