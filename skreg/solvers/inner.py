"""Kernels for min ½θᵀHθ − hᵀθ + λJ(θ) on a working set of blocks, where H is small and dense.

A block is what leaves 0 together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import cast

import numpy as np

from skreg._kernels import active_set, group_descent, lasso_gap
from skreg._kernels import rows as row_kernels
from skreg.penalties import Group, Penalty, Separable
from skreg.rows.products import EPS, Array, Indices, Mask
from skreg.solvers import smoothed_groups
from skreg.solvers.membership import newcomers
from skreg.solvers.past_solutions import PastSolutions

# Passes of block descent after which groups are smoothed, or this share of the coefficients.
_PATIENCE, _SHARE = 50, 0.25
# The smoothed problem is solved closer than asked for: its small groups are not 0 yet.
_INNER = 0.1


class CoefficientBlocks:
    """A penalty's blocks over the coefficients of K outputs, numbered k·p + j.

    With the kernel "coordinates" each coefficient is a block. Else a block holds its features for
    all outputs, and features without a penalty are one block, the first.

    Parameters
    ----------
    penalty : Penalty
    n_features, n_outputs : int
        p and K.

    Attributes
    ----------
    sizes : ndarray of shape (n_blocks,)
    free : ndarray of int
        Blocks without a penalty.
    which : ndarray of int
        For a penalty with groups, the penalty's block that each of these is; −1 for the free one.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import Group
    >>> from skreg.solvers.inner import CoefficientBlocks
    >>> blocks = CoefficientBlocks(Group([[0, 2], [1]]), 3, 2)
    >>> blocks.coefficients(np.array([0]))
    array([0, 2, 3, 5])
    """

    def __init__(self, penalty: Penalty, n_features: int, n_outputs: int = 1) -> None:
        self.penalty, self.n_features, self.n_outputs = penalty, n_features, n_outputs
        self.single = penalty.kernel == "coordinates"
        if self.single:
            self._order = np.arange(n_outputs * n_features)
            self.sizes = np.ones(len(self._order), dtype=np.intp)
            self.free = np.concatenate([penalty.free(n_features)] * n_outputs).nonzero()[0]
            self.which = self._order
        else:
            self._merge()
            self._starts = np.cumsum([0, *self.sizes])

    @cached_property
    def terms(self) -> tuple[Array, ...]:
        """l1, l2 and the lower and upper bounds of a `Separable` penalty, each of shape (K·p,)."""
        penalty = cast(Separable, self.penalty)  # the kernel's name says so
        terms, K = penalty.terms(self.n_features), self.n_outputs
        return terms if K == 1 else tuple(np.tile(term, K) for term in terms)

    def _merge(self) -> None:
        """The penalty's blocks, those without a penalty as one, each with its features K times."""
        blocks, free = self.penalty.blocks(self.n_features), self.penalty.free(self.n_features)
        is_free = free[blocks.order[blocks.starts[:-1]]]
        self.which, sizes = np.flatnonzero(~is_free), np.diff(blocks.starts)[~is_free]
        order = blocks.order[~free[blocks.order]]
        self.free = np.arange(int(free.any()))
        if self.free.size:
            features = np.flatnonzero(free)
            order, sizes = np.append(features, order), np.append(len(features), sizes)
            self.which = np.append(-1, self.which)
        self.sizes, starts = sizes * self.n_outputs, np.cumsum(sizes) - sizes
        of = np.repeat(np.arange(len(sizes)), self.sizes)
        output, place = np.divmod(np.arange(len(of)) - (starts * self.n_outputs)[of], sizes[of])
        self._order = self.n_features * output + order[starts[of] + place]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def in_order(self) -> bool:
        """Whether the blocks one after another are the coefficients in their order."""
        return self.single or bool((self._order[1:] > self._order[:-1]).all())

    def coefficients(self, blocks: Indices) -> Indices:
        """The coefficients of these blocks, one block after another."""
        if self.single:
            return blocks
        sizes = self.sizes[blocks]
        before = np.cumsum(sizes) - sizes
        return self._order[np.arange(sizes.sum()) + np.repeat(self._starts[blocks] - before, sizes)]

    def nonzero(self, theta: Array) -> Mask:
        """Mask of the blocks in which θ, shape (K·p,), is not 0."""
        if self.single:
            return theta != 0
        return np.logical_or.reduceat(theta[self._order] != 0, self._starts[:-1])

    def lengths(self, x: Array) -> Array:
        """‖x_g‖ of each group, for x of shape (K·p,)."""
        return row_kernels.group_norms(x[None], self._order, self._starts)

    def newcomers(self, wanted: Mask, score: Array, n_known: int) -> Indices:
        """See `newcomers`."""
        return newcomers(wanted, score, n_known, None if self.single else self.sizes)

    def pull(self, slope: Array) -> Array:
        """The smallest λ at which each block stays at 0, for −∂R/∂θ of shape (K·p,) or (q, p).

        What it says of blocks without a penalty means nothing.
        """
        if self.single and self.n_outputs == 1:
            return self.penalty.pull(slope)
        rows = slope.reshape(-1, self.n_features)
        if self.single:
            return np.concatenate([self.penalty.pull(row) for row in rows])
        pull = self.penalty.pull(rows)[self.which]
        pull[self.free] = 0.0
        return pull


class InnerKernel(ABC):
    """A problem whose λ, linear term and blocks change, and its last solution.

    Attributes
    ----------
    theta : ndarray of shape (m,) or (q, m)
        θ on the blocks known, in the order in which they became known.
    is_exact : bool
        Whether `solve` goes on to rounding, whatever ``tol`` says.
    share : float
        Of the gap asked for of the whole: what it is asked for on the blocks known.
    gap : float or None
        The duality gap on these after `solve`, where the kernel knows it.
    """

    is_exact = False
    share = 0.3
    gap: float | None = None

    def __init__(self, blocks: CoefficientBlocks) -> None:
        self.blocks = blocks
        self.members = np.empty(0, dtype=np.intp)
        self.theta = np.empty(0)

    @abstractmethod
    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        """Make the blocks ``new`` known; the first in these arrays are known already.

        Parameters
        ----------
        hessian : ndarray of shape (m, m)
            H; that of blocks already known does not change.
        cross, slope, slack : ndarray of shape (m,)
            h, which may be another than before; h − Hθ, where θ is 0 for what is new; and what
            rounding leaves in it. The first two may have a row for each of q targets.
        new : ndarray of int
            Those without a penalty belong to the first call.
        """

    @abstractmethod
    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        """Go on from the present θ to the solution at λ = ``alpha``; the passes that it took.

        ``tol`` is the duality gap to end with. What is rounding beside ``power`` is not sought:
        ‖b‖² where H = AᵀA and h = Aᵀb.
        """

    def slope_to(self, hessian: Array, cross: Array) -> Array:
        """h − Hθ of what `extend` is to make known, at the present θ, shape (m,)."""
        return cross - hessian[:, : len(self.theta)] @ self.theta

    def start(self, theta: Array) -> None:  # noqa: B027
        """Start from ``theta``, shaped like ``self.theta``, if that helps."""

    def begin(self, alpha: float) -> None:  # noqa: B027  (most kernels stay as they are)
        """Get ready for another λ; may forget blocks that are 0."""

    def sharpen(self) -> bool:
        """Be closer than ``tol`` from now on; whether that can help."""
        return False

    @property
    def slope(self) -> Array | None:
        """h − Hθ after `solve`, shaped like θ, where the kernel keeps it."""
        return None

    @property
    def dual(self) -> Array:
        """θ′ whose residual is the best dual point known after `solve`, shaped like θ."""
        return self.theta

    def every_slope(self, unknown: Mask) -> Array | None:
        """h − Hθ′ over all features, shape (q, p), where the kernel knows the rows.

        Of the blocks ``unknown`` it may be another that is no more than λ where that is.
        """
        return None

    def tangent(self) -> Array | None:
        """−dθ/dλ as long as the support stays, shape (m,); None where it is not known."""
        return None


class Coordinates(InnerKernel):
    """Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ² for θ within bounds: an active set, solved to rounding."""

    is_exact, share = True, 0.0

    def __init__(self, blocks: CoefficientBlocks) -> None:
        super().__init__(blocks)
        self.active, self._is_started = active_set.ActiveSet(), False
        self._cross = np.empty(0)
        self._terms = [term[:0] for term in blocks.terms]

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        self._cross = cross.ravel()
        if not len(new) and len(self.theta):
            self.active.turn(self._cross, slack, slope.ravel())
            return
        self.members = np.concatenate([self.members, new])
        self._terms = [term[self.members] for term in self.blocks.terms]
        self.active.extend(hessian, self._cross, slack, *self._terms, slope.ravel())
        self.theta = self.active.theta

    def slope_to(self, hessian: Array, cross: Array) -> Array:
        """The last solution's slope, moved as h moves."""
        known = len(self.theta)
        slope = cross.copy()
        slope[:known] += self.active.slope - self._cross
        if known < len(cross):
            slope[known:] -= hessian[known:, :known] @ self.theta
        return slope

    def start(self, theta: Array) -> None:
        """Start from the support of ``theta``; later the last solution's is nearer."""
        if not self._is_started:
            self.active.start(np.clip(theta, *self._terms[2:]))
            self._is_started = True

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        return self.active.solve(alpha, max_passes)

    @property
    def slope(self) -> Array:
        return self.active.slope

    def tangent(self) -> Array:
        return self.active.tangent()


class Groups(InnerKernel):
    """Σ_g w_g‖θ_g‖ + ½l2_g‖θ_g‖²: exact block steps, and Newton steps on the active groups.

    Where these take long, as between features of very different scale, all groups are smoothed.
    """

    def __init__(self, blocks: CoefficientBlocks) -> None:
        super().__init__(blocks)
        penalty, free = cast(Group, blocks.penalty), blocks.which < 0
        self._weights = np.where(free, 0.0, penalty.weights[blocks.which])
        self._l2 = np.where(free, 0.0, penalty.l2_weights[blocks.which])
        self._starts = np.zeros(1, dtype=np.intp)
        self._vectors, self._values = np.empty(0), np.empty(0)
        self._past = PastSolutions(by_rows=False)
        self._slope = self._dual = self.theta

    def begin(self, alpha: float) -> None:
        """Go on from the best combination of the last solutions."""
        if not self.theta.any():
            return
        theta, cross = (np.atleast_2d(x) for x in (self.theta / self._scale, self._cross))
        self._past.append(theta, cross - np.atleast_2d(self._slope * self._scale))
        strength, ridge = self._strengths(alpha)
        bend = np.repeat(ridge, np.diff(self._starts)) if ridge.any() else 0.0
        at = self._hessian, cross, strength, self._starts, bend
        self.theta = self._past.best(*at)[0].reshape(self.theta.shape) * self._scale

    def _strengths(self, alpha: float) -> tuple[Array, Array]:
        """λ times the weights of norms and of halved squares, of the groups known."""
        return alpha * self._weights[self.members], alpha * self._l2[self.members]

    @property
    def slope(self) -> Array:
        return self._slope.reshape(self.theta.shape)

    @property
    def dual(self) -> Array:
        return self._dual

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        known, last = int(self._starts[-1]), len(self.members)
        self.members = np.concatenate([self.members, new])
        more = np.zeros((*cross.shape[:-1], cross.shape[-1] - known))
        self.theta = np.concatenate([self.theta, more], axis=-1) if known else more
        ends = known + np.cumsum(self.blocks.sizes[new])
        self._starts = np.concatenate([self._starts, ends]).astype(np.intp)
        if len(new) or not known:
            self._hessian, self._cross = np.ascontiguousarray(hessian), np.ascontiguousarray(cross)
            self._rescale()
        else:
            self._cross = cross * self._scale
        order = np.arange(slack.shape[-1])
        self._slack = row_kernels.group_norms(np.atleast_2d(slack), order, self._starts)
        if len(new):
            vectors, values = group_descent.block_eigen(self._hessian, self._starts[last:])
            self._vectors = np.concatenate([self._vectors, vectors])
            self._values = np.concatenate([self._values, values])

    def _rescale(self) -> None:
        """Measure features without a penalty in units of their own.

        Their block is solved by its spectrum, where one of small scale is rounding beside others.
        """
        self._scale = np.ones(len(self._hessian))
        if len(self.members) and self.blocks.which[self.members[0]] < 0:
            free = slice(self._starts[1])
            width = np.sqrt(np.maximum(np.diag(self._hessian)[free], 0.0))
            # Powers of two, so that nothing is rounded.
            self._scale[free] = np.exp2(-np.frexp(np.where(width > 0, width, 1.0))[1])
            self._hessian = self._hessian * self._scale * self._scale[:, None]
            self._cross = self._cross * self._scale

    def start(self, theta: Array) -> None:
        self.theta = theta

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        self.theta = self.theta / self._scale
        passes, dual = self._solve(alpha, tol, power, max_passes)
        self.theta, self._slope = self.theta * self._scale, self._slope / self._scale
        self._dual = self.theta if dual is None else dual * self._scale
        return passes

    def _solve(
        self, alpha: float, tol: float, power: float, max_passes: int
    ) -> tuple[int, Array | None]:
        """Passes and steps made, features without a penalty in their units; θ′ if it is not θ."""
        strength, ridge = self._strengths(alpha)
        # The kernel knows no penalized group at λ = 0.
        strength[self._weights[self.members] > 0] += np.finfo(np.float64).tiny
        hessian, values = self._hessian, self._values
        if ridge.any():  # the L2 part is a quadratic
            ridge = np.repeat(ridge, np.diff(self._starts))
            hessian, values = hessian + np.diag(ridge), values + ridge
        theta, cross = np.atleast_2d(self.theta), np.atleast_2d(self._cross)
        dual, targets = theta.copy(), list(zip(cross, theta, strict=True))

        def descend(most: int) -> int:
            self._slope = np.stack([lasso_gap.slope_at(hessian, *its) for its in targets])
            blocks = self._starts, strength, self._slack + 16 * EPS * strength, self._vectors
            at = values, theta, self._slope, dual
            passes, self.gap = group_descent.descend(hessian, cross, *blocks, *at, power, tol, most)
            return passes

        patience = max(_PATIENCE, int(_SHARE * theta.size))
        passes = descend(min(patience, max_passes))
        if patience <= passes < max_passes:
            rows = hessian, cross, self._starts, strength, theta, power
            theta[:], steps = smoothed_groups.newton(*rows, _INNER * tol, max_passes - passes)
            passes += steps
            passes += descend(max_passes - passes)
        if ridge.any():
            self._slope += ridge * theta
        return passes, None if np.array_equal(dual, theta) else dual.reshape(self.theta.shape)


KERNELS = {"coordinates": Coordinates, "groups": Groups}


def inner_kernel(blocks: CoefficientBlocks) -> InnerKernel:
    """The kernel that the penalty of these blocks names."""
    return KERNELS[blocks.penalty.kernel](blocks)
