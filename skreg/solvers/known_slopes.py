"""Aᵀr for one residual r after another, mostly without a pass over A."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skreg._kernels import known_slopes
from skreg.rows.base import Rows
from skreg.rows.products import EPS, Array, Indices
from skreg.rows.weighted import GrowingGram, WeightedRows
from skreg.solvers.inner import InnerKernel

if TYPE_CHECKING:
    from skreg.solvers.working_set import PenalizedQuadratic

# What rounding leaves of the norm of a vector, and the distance to λ, as a share of it, from which
# on a slope counts as above.
_ROUNDING, _MARGIN = 32 * EPS, 1e-6
# Columns of A that a pass over A reads in the time that one takes to copy, and one that is at hand.
_COLUMN, _HELD = 32, 8
# Vectors between these have squares that may be summed.
_SMALLEST, _LARGEST = 1e-140, 1e140
# Residuals and tangents of the path of a quadratic that are remembered.
_MEMORY = 6


class KnownSlopes:
    """−Aᵀr of the last vectors r, from which those of others follow.

    Of these the nearest combination leaves r = Σcᵢrᵢ + e, and features with Σcᵢqᵢ ± ‖a‖·‖e‖ within
    λ need no product (Cauchy's inequality). Those left need products with their columns, of which
    copies are kept, as along a path they are mostly the same; where too many are left a pass over A
    costs less.

    Parameters
    ----------
    rows : Rows or WeightedRows
        A.
    lengths : callable
        Gives ‖aⱼ‖, shape (p,).
    memory : int
        Vectors that are remembered.
    """

    def __init__(
        self, rows: Rows | WeightedRows, lengths: Callable[[], Array], memory: int = 3
    ) -> None:
        self._rows, self._count, self._find_lengths = rows, 0, lengths
        n, p = rows.shape
        self._vectors, self._slopes = np.empty((memory, n)), np.empty((memory, p))
        self._gram = np.zeros((memory, memory))
        self._last = np.empty(0)
        self._held = 0  # of the columns
        self._place = np.full(p, -1)

    def __bool__(self) -> bool:
        return self._count > 0

    def is_last(self, slope: Array) -> bool:
        """Whether this is of the last pass over A, and right in all features."""
        return slope is self._last

    def found(self, vectors: Array, kept: bool) -> Array:
        """−Aᵀr (K·p,) of vectors r (n, K) by a pass over A.

        If ``kept``, they tell of others.
        """
        self._last = slope = -self._rows.transposed_dot(vectors).T.ravel()
        if kept:
            for r, its in zip(vectors.T, slope.reshape(vectors.shape[1], -1), strict=True):
                self.remember(r, its)
        return slope

    def remember(self, r: Array, slope: Array) -> None:
        """−Aᵀr is ``slope``; of no use where squares overflow."""
        if not _is_moderate(r):
            return
        memory = len(self._gram)
        oldest, self._count = self._count % memory, self._count + 1
        self._vectors[oldest], self._slopes[oldest] = r, slope
        held = min(self._count, memory)
        self._gram[oldest, :held] = self._gram[:held, oldest] = self._vectors[:held] @ r

    def nearly(
        self, vectors: Array, which: Indices, own: Array, weights: Array, alpha: float
    ) -> Array:
        """−Aᵀr (K·p,) of vectors r (n, K), given as ``own`` for some features and the first r.

        That of the first is right to rounding wherever it exceeds λ times its weight, and
        elsewhere within that. Others are right for the same features, and elsewhere as near as
        what is known tells.
        """
        if not self._count:
            return self.found(vectors, kept=True)
        held, rows = min(self._count, len(self._gram)), np.ascontiguousarray(vectors.T)
        gram = np.ascontiguousarray(self._gram[:held, :held])
        known = self._vectors[:held], gram, self._slopes[:held], rows, self._lengths
        bar = (1.0 - _MARGIN) * alpha
        slopes, left = known_slopes.combine(*known, weights, bar, _ROUNDING, which, own)
        if len(left):
            new = left[self._place[left] < 0]
            p, cost = len(self._place), len(new) * _COLUMN + len(left) * _HELD
            if cost > p or self._rows.is_all_sparse:
                return self.found(vectors, kept=True)
            self._hold(new, left)
            known_slopes.complete(self._columns, self._place[left], left, rows, slopes)
        return slopes.ravel()

    def _hold(self, new: Indices, needed: Indices) -> None:
        """Have the columns ``new`` at hand as well, and those needed in any case."""
        if self._held + len(new) > len(self._columns):
            self._place[:], self._held, new = -1, 0, needed
        if len(new):
            first, self._held = self._held, self._held + len(new)
            self._columns[first : self._held] = self._rows.columns(new).T
            self._place[new] = np.arange(first, self._held)

    @cached_property
    def _columns(self) -> Array:
        """Room for columns of A, by features; the first are held."""
        n, p = self._rows.shape
        return np.empty((p // _HELD + 1, n))

    @cached_property
    def _lengths(self) -> Array:
        return self._find_lengths()


class PathSlopes:
    """h − Hθ and Hd over all features along a path of θ, by products with A.

    Where it is enough to know which slopes exceed λ, as for one target of dense rows and a kernel
    that is exact, known ones take the place of most.

    Parameters
    ----------
    problem : PenalizedQuadratic
    columns : GrowingGram
    """

    def __init__(self, problem: PenalizedQuadratic, columns: GrowingGram) -> None:
        self._problem, self._columns = problem, columns

    @cached_property
    def _known(self) -> KnownSlopes | None:
        problem, rows = self._problem, self._problem.quadratic.rows
        if not problem.blocks.single or len(problem.targets) > 1 or rows.is_all_sparse:
            return None
        known = KnownSlopes(rows, lambda: problem.width, _MEMORY)
        known.remember(rows.b[:, problem.targets[0]], -problem.cross[0])
        return known

    def at(self, kernel: InnerKernel, which: Indices, alpha: float) -> tuple[Array, Array]:
        """Both for the dual point and the tangent of a kernel that knows ``which``, (q, p) each.

        What does not exceed λ = ``alpha`` need not be right, nor d's part of the same features.
        """
        rows, known, own = self._problem.quadratic.rows, self._known, kernel.slope
        thetas = np.atleast_2d(kernel.dual)
        vectors, q = self._columns.residuals(thetas, kernel.tangent()), len(thetas)
        if known is None or own is None or alpha == np.inf:
            slopes = np.ascontiguousarray(rows.transposed_dot(vectors).T)
        else:
            given = which, own, self._problem.blocks.terms[0], alpha
            slopes = known.nearly(-vectors, *given).reshape(-1, rows.shape[1])
        return slopes[:q], slopes[q:] if len(slopes) > q else np.zeros((1, 1))


def _is_moderate(r: Array) -> bool:
    return bool(_SMALLEST < np.abs(r).max(initial=0.0) < _LARGEST)
