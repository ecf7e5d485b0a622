"""Xᵀr for one residual r after another, mostly without a pass over X."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import Any

import numpy as np

from skreg._kernels import known_slopes
from skreg.rows.base import Rows
from skreg.rows.products import EPS, Array, Indices, product

# Residuals whose slopes are kept, what rounding leaves of the norm of one, a ridge on their Gram
# matrix, and the distance to λ, as a share of it, from which on a slope counts as above.
_KNOWN, _ROUNDING, _RIDGE, _MARGIN = 3, 32 * EPS, 1e-12, 1e-6
# A column of X by itself costs as much as so many in a pass over X.
_COLUMN = 32


class KnownSlopes:
    """−Xᵀr of the last residuals, from which those of others follow.

    Of these the nearest combination leaves r = Σcᵢrᵢ + e, and features with Σcᵢqᵢ ± ‖x‖·‖e‖ within
    λ need no product (Cauchy's inequality). A pass over X takes the place of products with columns
    one by one where these are many.
    """

    def __init__(self, design: Rows) -> None:
        self.design = design
        self._known: deque[tuple[Array, Array]] = deque(maxlen=_KNOWN)
        self._stacked: Any = None  # these residuals, the inverse of their Gram matrix, their slopes

    def __bool__(self) -> bool:
        return bool(self._known)

    def is_last(self, slope: Array) -> bool:
        """Whether this is of the last pass over X, and right in all features."""
        return slope is self._known[-1][1]

    def found(self, residual: Array) -> Array:
        """−Xᵀr (K·p,) of r (n, K) by a pass over X; kept where K is 1."""
        slope = -self.design.transposed_dot(residual).T.ravel()
        if residual.shape[1] == 1:
            self._known.append((residual[:, 0], slope))
            self._stacked = None
        return slope

    def nearly(
        self, residual: Array, which: Indices, own: Array, weights: Array, alpha: float
    ) -> Array:
        """−Xᵀr (p,) of r (n, 1), given as ``own`` for some features.

        It is right to rounding wherever it exceeds λ times its weight, and elsewhere within that.
        """
        self._stacked = self._stacked or self._stack()
        near = residual[:, 0], self._lengths, weights, (1.0 - _MARGIN) * alpha, _ROUNDING
        slope, left = known_slopes.combine(*self._stacked, *near, which, own)
        if len(left) * _COLUMN > len(slope) or (len(left) and self.design.is_all_sparse):
            return self.found(residual)
        if len(left):
            slope[left] = -product(self.design.columns(left).T, residual)[:, 0]
        return slope

    def _stack(self) -> tuple[Array, Array, Array]:
        rows, slopes = map(np.array, zip(*self._known, strict=True))
        gram = rows @ rows.T
        # Any c will do; with a trace of a ridge there is one.
        gram.flat[:: len(gram) + 1] *= 1.0 + _RIDGE
        gram.flat[:: len(gram) + 1] += np.finfo(np.float64).tiny
        return rows, np.linalg.inv(gram), slopes

    @cached_property
    def _lengths(self) -> Array:
        """‖xⱼ‖, shape (p,)."""
        return np.sqrt(self.design.squares(np.ones(self.design.shape[0])))
