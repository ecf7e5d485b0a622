"""Xᵀr for one residual r after another, mostly without a pass over X."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from skreg._kernels import known_slopes
from skreg.rows.base import Rows
from skreg.rows.products import EPS, Array, Indices, product

# Residuals whose slopes are kept, what rounding leaves of the norm of one, and the distance to λ,
# as a share of it, from which on a slope counts as above.
_KNOWN, _ROUNDING, _MARGIN = 3, 32 * EPS, 1e-6
# A column of X by itself costs as much as so many in a pass over X.
_COLUMN = 32
# Residuals below this have squares that may be summed.
_LARGEST = 1e140


class KnownSlopes:
    """−Xᵀr of the last residuals, from which those of others follow.

    Of these the nearest combination leaves r = Σcᵢrᵢ + e, and features with Σcᵢqᵢ ± ‖x‖·‖e‖ within
    λ need no product (Cauchy's inequality). A pass over X takes the place of products with columns
    one by one where these are many.
    """

    def __init__(self, design: Rows) -> None:
        self.design, self._count = design, 0
        n, p = design.shape
        self._rows, self._slopes = np.empty((_KNOWN, n)), np.empty((_KNOWN, p))
        self._gram = np.zeros((_KNOWN, _KNOWN))
        self._last = np.empty(0)

    def __bool__(self) -> bool:
        return self._count > 0

    def is_last(self, slope: Array) -> bool:
        """Whether this is of the last pass over X, and right in all features."""
        return slope is self._last

    def found(self, residual: Array) -> Array:
        """−Xᵀr (K·p,) of r (n, K) by a pass over X; kept where K is 1, unless squares overflow."""
        self._last = slope = -self.design.transposed_dot(residual).T.ravel()
        if residual.shape[1] == 1 and np.abs(residual).max(initial=0.0) < _LARGEST:
            oldest, self._count = self._count % _KNOWN, self._count + 1
            self._rows[oldest], self._slopes[oldest] = residual[:, 0], slope
            held = min(self._count, _KNOWN)
            self._gram[oldest, :held] = self._gram[:held, oldest] = (
                self._rows[:held] @ self._rows[oldest]
            )
        return slope

    def nearly(
        self, residual: Array, which: Indices, own: Array, weights: Array, alpha: float
    ) -> Array:
        """−Xᵀr (p,) of r (n, 1), given as ``own`` for some features.

        It is right to rounding wherever it exceeds λ times its weight, and elsewhere within that.
        """
        held = min(self._count, _KNOWN)
        gram = np.ascontiguousarray(self._gram[:held, :held])
        known = self._rows[:held], gram, self._slopes[:held], residual[:, 0], self._lengths
        bar = (1.0 - _MARGIN) * alpha
        slope, left = known_slopes.combine(*known, weights, bar, _ROUNDING, which, own)
        if len(left) * _COLUMN > len(slope) or (len(left) and self.design.is_all_sparse):
            return self.found(residual)
        if len(left):
            slope[left] = -product(self.design.columns(left).T, residual)[:, 0]
        return slope

    @cached_property
    def _lengths(self) -> Array:
        """‖xⱼ‖, shape (p,)."""
        return np.sqrt(self.design.squares(np.ones(self.design.shape[0])))
