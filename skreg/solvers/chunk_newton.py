"""Every λ of every training part under any loss, from rows in chunks: Newton's method by passes.

A pass over the rows tells the risk, its gradient and, where they are asked for, its second
derivatives at many points: those of all training parts and of many λ share it. What happens between
two passes is small. At each point the risk is replaced by its quadratic, which `solve` minimizes
with the penalty, and the minimizer is looked at in the next pass; where the objective did not fall
enough, a part of the step is (Lee, Sun & Saunders, 2014). So a line search costs no pass
unless it is needed.

A λ begins where its neighbors say: the quadratic of the nearest that is solved, with its linear
term interpolated from a few, as these are smooth functions of log λ. So the λ are solved in levels,
every 64th first, then every 16th, and so on, and late levels take few passes. A point's
second derivatives are taken anew where the passes that this saves weigh more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from skreg.quadratic.chunk_risk import ChunkPoint, look
from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.point import Point
from skreg.rows.products import EPS, Array
from skreg.solvers.chunk_walk import Walk

# Sufficient decrease of the objective, and the shortest part of a step.
_ARMIJO, _SHORTEST = 1e-4, 1e-10
# By how much a level's λ are denser than those before.
_DENSER = 4
# What a pass is expected to divide the gap by, where none has told yet.
_GUESS = 10.0
# Steps that do not halve the gap, where objectives differ by rounding alone: the end.
_STALLS = 3
# A raw prediction that still moves by so much in a step, in so many steps, moves forever.
_MOVING, _LOOKS = 0.1, 3


class Track:
    """One λ of a `Walk`, from its first point to its last.

    Attributes
    ----------
    proposal : (ndarray of shape (K·p,), ndarray of shape (K,))
        What is to be looked at in the next pass.
    wants : bool
        Whether with second derivatives.
    way : (ndarray, ndarray)
        The step of θ and b from the last point to the proposal.
    point : Point
    hessian : DenseHessian
        The last that is known.
    reached : float
        `Walk.measure` of the point.
    n_passes, n_quadratics : int
    is_done, is_exhausted : bool
        Whether no pass is needed any more; because there were too many.
    watches : bool
        Whether it is to be seen if rows are on the right side, and predictions move forever.
    is_endless : bool
        Whether the risk was found to have no minimizer; ``is_separated`` if every row's loss falls.
    is_right : bool
        Whether all rows are on the right side, where that was watched.
    """

    def __init__(
        self, walk: Walk, alpha: float, tol: float, max_iter: int, watches: bool = False
    ) -> None:
        self.walk, self.alpha, self.tol, self.max_iter = walk, alpha, tol, max_iter
        may_end = walk.is_smooth_at(alpha) and bool(walk.risk.loss.no_minimum)
        self.watches = watches or (alpha == 0 and may_end)
        self.n_passes, self.n_quadratics, self._stalls, self._looks = 0, 1, 0, 0
        self.is_done = self.is_exhausted = self.is_endless = False
        self.is_separated = self.is_right = False
        self.point, self._is_new, self._begun = walk.risk.null, False, False
        self.reached = self._before = np.inf
        theta, b, self.hessian = walk.predicted(alpha)
        if walk.risk.loss.coupled and walk.is_smooth_at(alpha):
            # No step changes what is common to all classes.
            theta = (theta.reshape(walk.shape) - theta.reshape(walk.shape).mean(axis=0)).ravel()
        self.proposal, self.wants, self._t = (theta, b), False, 1.0
        self.way = theta - self.point.theta, b - self.point.intercept
        # Without a neighbor the first quadratic says little.
        self.wants = self.hessian is walk.risk.null_hessian
        if (reached := walk.measure(self.point, alpha)) <= walk.aim:
            self.is_done, self.reached = True, reached

    def let_go(self, keep: bool) -> tuple[float, Point, DenseHessian | None]:
        """What is to be known of the solution; second derivatives only if they are to be kept."""
        hessian, self.hessian = self.hessian, self.walk.risk.null_hessian
        return self.alpha, self.point, hessian if keep else None

    def see(self, new: ChunkPoint, hessian: DenseHessian | None) -> None:
        """Learn what a pass said of the proposal, and make the next one."""
        self.n_passes += 1
        walk, alpha = self.walk, self.alpha
        start, end = walk.objective(self.point, alpha), walk.objective(new, alpha)
        promise = self._t * self._promise if self._begun else 0.0
        slack = 64 * EPS * (abs(start) + walk.risk.null_risk)
        if not end <= start + _ARMIJO * promise + slack:
            self._shorten(start, end)
            return
        self.point, self._begun = new, True
        if hessian is not None:
            self.hessian = hessian
        self._is_new = hessian is not None
        self._before, self.reached = self.reached, walk.measure(new, alpha)
        self.is_right = new.is_separated
        if self.alpha == 0 and self.watches and self._is_endless(new):
            return
        self._go_on()

    def _is_endless(self, new: ChunkPoint) -> bool:
        if new.is_separated:
            self.is_endless = self.is_separated = self.is_done = True
        elif self.reached <= self.tol and new.moved >= _MOVING:
            self._looks += 1
            self.is_endless = self.is_done = self._looks >= _LOOKS
        else:
            return False
        if not self.is_done:
            self._step(wants=True)
        return True

    def _go_on(self) -> None:
        """End here, or propose the next point."""
        if self.reached <= self.walk.aim:
            self.is_done = True
        elif self.n_passes >= self.max_iter:
            self.is_done = self.is_exhausted = True
        else:
            self._step(self._is_slow())

    def _is_slow(self) -> bool:
        """Whether new second derivatives would save more passes than they weigh."""
        rate = np.log(_GUESS)
        if np.isfinite(self._before):
            rate = np.log(self._before / self.reached) if self.reached < self._before else 0.0
        return bool(np.log(self.reached / self.walk.aim) > rate * (self.walk.patience + 2.0))

    def _step(self, wants: bool) -> None:
        """Propose the minimizer of the quadratic about the point."""
        walk, alpha, point = self.walk, self.alpha, self.point
        theta, b = walk.target(point, self.hessian, alpha)
        self.n_quadratics += 1
        self.way, self._t = (theta - point.theta, b - point.intercept), 1.0
        penalty = walk.penalty.value(theta.reshape(walk.shape), alpha)
        penalty -= walk.penalty.value(point.theta.reshape(walk.shape), alpha)
        self._promise = float(point.gradient @ self.way[0] + point.total @ self.way[1]) + penalty
        rounding = EPS * (abs(walk.objective(point, alpha)) + walk.risk.null_risk)
        self.proposal, self.wants = (theta, b), wants
        if self._promise > -rounding:  # what is left is rounding, or nearly
            self._stalls = 0 if self.reached < 0.5 * self._before else self._stalls + 1
            self.is_done = self._stalls >= _STALLS
            self.wants = self._stalls > 0

    def _shorten(self, start: float, end: float) -> None:
        """Take a part of the step, or second derivatives at the point if these are old."""
        if self.n_passes >= self.max_iter:
            self.is_done = self.is_exhausted = True
        elif not self._begun:  # the start is worse than the null model
            self.hessian, self._begun, self._is_new = self.walk.risk.null_hessian, True, True
            self.reached = self.walk.measure(self.point, self.alpha)
            self._step(wants=True)
        elif not self._is_new:
            self.proposal, self.wants = (self.point.theta, self.point.intercept), True
            self.way, self._t = (0.0 * self.way[0], 0.0 * self.way[1]), 0.0
        else:
            drop, t = self._t * self._promise, self._t
            bend = 2.0 * (end - start - drop)
            share = -drop / bend if np.isfinite(bend) and bend > 0 else 0.1
            self._t = t * min(max(share, 0.1), 0.5)
            self.way = d, d_b = self.way[0] * (self._t / t), self.way[1] * (self._t / t)
            self.proposal = self.point.theta + d, self.point.intercept + d_b
            self.wants, self.is_done = True, self._t < _SHORTEST


def levels(n: int) -> Iterator[list[int]]:
    """The places of n descending λ, level by level.

    Examples
    --------
    >>> list(levels(9))
    [[0, 4, 8], [1, 2, 3, 5, 6, 7]]
    """
    step = 1
    while n > step * _DENSER + 1:
        step *= _DENSER
    done: set[int] = set()
    while step:
        level = [i for i in (*range(0, n, step), n - 1) if i not in done]
        yield sorted(set(level))
        done.update(level)
        step //= _DENSER


def follow(
    walks: Sequence[Walk],
    alphas: Array,
    tols: Sequence[float],
    max_iter: int,
    on_solved: Callable[[int, int], None] | None = None,
) -> list[list[Track]]:
    """The `Track` of every walk and λ, those of λ = 0 last; ``alphas`` descend.

    ``on_solved`` is called with the place of a walk and of a λ that is solved.
    """
    tracks: list[list[Any]] = [[None] * len(alphas) for _ in walks]
    positive = int(np.count_nonzero(alphas > 0))
    rounds = [*levels(positive), [*range(positive, len(alphas))]] if positive else [[0]]
    at_once, kept = walks[0].at_once, 0
    for number, level in enumerate(rounds):
        waiting = [(j, i) for i in level for j in range(len(walks))]
        going: list[tuple[int, int]] = []
        solved: list[tuple[int, Any]] = []
        while waiting or going:
            while waiting and len(going) < at_once:
                j, i = waiting.pop(0)
                tracks[j][i] = Track(walks[j], float(alphas[i]), tols[j], max_iter)
                going.append((j, i))
            moving = [tracks[j][i] for j, i in going if not tracks[j][i].is_done]
            if moving:
                advance(moving)
            for j, i in [(j, i) for j, i in going if tracks[j][i].is_done]:
                going.remove((j, i))
                keep = kept < at_once or number == 0
                kept += keep
                solved.append((j, tracks[j][i].let_go(keep)))
                if on_solved is not None:
                    on_solved(j, i)
        for j, node in solved:
            walks[j].solved.append(node)
    return tracks


def advance(tracks: Sequence[Track]) -> None:
    """One pass for these tracks."""
    tracks = sorted(tracks, key=lambda track: not track.watches)
    ways = [track.way for track in tracks if track.watches]
    asked = [(track.walk.risk, *track.proposal, track.wants) for track in tracks]
    for track, seen in zip(tracks, look(asked, ways), strict=True):
        track.see(*seen)
