"""min R̃(θ) + λJ(θ) on a quadratic, by working sets of blocks, λ downwards.

The working set grows by the strong rule (Tibshirani et al., 2012): a block joins where its pull is
above 2λ less the λ before. A kernel solves the problem on it (`skreg.solvers.inner`), and the slope
q = h − Hθ over all blocks says which were missed. Several targets share H and the blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skreg.penalties.base import Penalty
from skreg.quadratic.forms import Form
from skreg.solvers.blocks import CoefficientBlocks
from skreg.solvers.certificate import quadratic_gap
from skreg.solvers.inner import inner_kernel

EPS = np.finfo(np.float64).eps
# Features that join the working set at once: this many, or as many as are active.
_BATCH = 100
# The problem on the working set is solved closer than the whole.
_INNER = 0.3

Array = NDArray[np.float64]
State = tuple[Array, Array]


class WorkingSet:
    """The penalized quadratic at any λ; remembers its working set from one λ to the next.

    A state is (θ, q), both of shape (q, p).

    Parameters
    ----------
    form : GramForm or RowForm
    penalty : Penalty
        With the kernel "groups".

    Attributes
    ----------
    features : ndarray of int
        Those of the working set, block by block.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import Group
    >>> from skreg.quadratic.quadratic import Quadratic
    >>> from skreg.rows.moments import Moments
    >>> from skreg.solvers.working_set import WorkingSet
    >>> X = np.sqrt(3) * np.eye(3)
    >>> moments = Moments.from_rows(X, X @ np.array([[3.0], [4.0], [1.0]]), None)
    >>> form = Quadratic.from_moments(moments, fit_intercept=False).form
    >>> path = WorkingSet(form, Group(["a", "a", "b"]))
    >>> state, gap, passes = path.solve(np.sqrt(2), path.null(), np.sqrt(2), 1e-8, 100)
    >>> state[0].round(6)
    array([[1.8, 2.4, 0. ]])
    """

    def __init__(self, form: Form, penalty: Penalty) -> None:
        self.form, self.penalty = form, penalty
        self.cross = np.ascontiguousarray(form.cross.T)
        self.power = float(form.power.sum())
        self.blocks = CoefficientBlocks(penalty, self.cross.shape[1])
        # Rounding may leave a diagonal below zero, which counts as no curvature.
        width = np.sqrt(np.maximum(form.diagonal, 0.0))
        self._slack = 64 * EPS * width * np.sqrt(self.power)
        self._margin = self.blocks.pull(self._slack)
        self._curved = self.blocks.nonzero(width)
        self._grams = form.working_grams()
        self._clear()

    def null(self) -> State:
        """The state with every penalized block at zero."""
        theta = np.zeros(self.cross.shape)
        if not self.blocks.free.size:
            return theta, self.cross
        self._clear()
        self._add(self.blocks.free, theta, self.cross)
        self._solve(0.0, theta, 0.0, 1)
        return theta, self.slope(theta)

    def alpha_max(self, slope: Array) -> float:
        """The smallest λ for which zero is optimal, from the slope there."""
        return float(self.blocks.pull(slope).max(initial=0.0))

    def solve(
        self, alpha: float, state: State, last_alpha: float, tol: float, max_iter: int
    ) -> tuple[State, float, int]:
        """(state, gap, passes) at λ = ``alpha`` from the state at a larger one; gaps absolute."""
        theta, slope, passes = state[0].copy(), state[1], 0
        threshold = min(alpha, 2 * alpha - last_alpha)
        pull = self.blocks.pull(slope)
        self._shrink(theta, slope)
        while True:
            self._grow(pull, threshold, alpha, theta, slope)
            passes += self._solve(alpha, theta, _INNER * tol, max_iter - passes)
            slope = self.slope(theta)
            gap = quadratic_gap(self.penalty, theta, slope, alpha, self.risk(theta, slope))
            pull = self.blocks.pull(slope)
            missed = pull > alpha + self._margin
            missed[self._members] = False
            if gap <= tol or passes >= max_iter or not missed.any():
                return (theta, slope), gap, max(passes, 1)
            threshold = alpha

    def slope(self, theta: Array) -> Array:
        """q = h − Hθ."""
        return np.stack([self.form.slope(one, t) for t, one in enumerate(theta)])

    def risk(self, theta: Array, slope: Array) -> float:
        """½‖r‖²."""
        return max(0.5 * (self.power - float(np.vdot(theta, self.cross + slope))), 0.0)

    # The working set -----------------------------------------------------------------------------

    @property
    def _members(self) -> NDArray[np.intp]:
        return self._inner.members

    def _clear(self) -> None:
        self._inner = inner_kernel(self.blocks)
        self.features = np.empty(0, dtype=np.intp)

    def _add(self, new: NDArray[np.intp], theta: Array, slope: Array) -> None:
        self.features = np.concatenate([self.features, self.blocks.coefficients(new)])
        which = self.features
        hessian = self._grams(which)
        parts = self.cross[:, which], slope[:, which], self._slack[which]
        self._inner.extend(hessian, *parts, new)
        self._inner.theta[...] = theta[:, which]

    def _shrink(self, theta: Array, slope: Array) -> None:
        """Start anew from the active blocks where they are few beside the working set."""
        active = self.blocks.nonzero(np.abs(theta).sum(axis=0))
        active[self.blocks.free] = True
        if 3 * self.blocks.sizes[active].sum() + _BATCH < len(self.features):
            self._clear()
            self._add(np.flatnonzero(active), theta, slope)

    def _grow(self, pull: Array, threshold: float, alpha: float, theta: Array, slope: Array):
        """Add the blocks whose pull exceeds the threshold, the most promising ones if many."""
        joins = (pull > threshold) & self._curved
        joins[self._members] = False
        joins[self.blocks.free] = ~np.isin(self.blocks.free, self._members)
        new = np.flatnonzero(joins)
        new = new[np.argsort(alpha - pull[new], kind="stable")]
        room = max(_BATCH, len(self.features))
        new = new[: max(1, np.searchsorted(np.cumsum(self.blocks.sizes[new]), room, "right"))]
        if new.size:
            self._add(np.sort(new), theta, slope)

    def _solve(self, alpha: float, theta: Array, tol: float, max_passes: int) -> int:
        """Solve on the working set; changes ``theta``."""
        which = self.features
        if not which.size:
            return 0
        passes = self._inner.solve(alpha, tol, self.power, max_passes)
        theta[:, which] = self._inner.theta
        return passes
