"""The ridge under any loss along λ, for all rows and every training part of a cross-validation.

All rows are first solved roughly at a few λ, a decade apart, and Hessians are taken there. All
parts then start at these solutions, at once, unless they have no Hessians of their own. What they
find tells where they start at the λ in between, by a spline in log λ, in waves that halve the gaps:
the columns of all λ of a wave share its passes over X, and start the closer the narrower its gaps.
Scores need no more than rough solutions, all rows are solved to their tolerance.

Costs for n rows, p features, K classes, P parts: K·n·p² flops for a Hessian, of which there are one
a decade and a few; 4npK a column for a pass, in which some dozens of columns take half as long each
as a few do. A solution takes a pass where it starts, and one to three steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.interpolate import CubicSpline

from skreg._threads import one_blas_thread
from skreg.quadratic.reduction import RowSpace
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import Array, Indices
from skreg.solvers.fold_model import FoldModel, groups_of, n_held, size_of_raw
from skreg.solvers.fold_walk import FoldWalk
from skreg.solvers.method import Answer
from skreg.solvers.newton import is_wide, name_of

# Gaps between the λ of the first wave, in log λ, and the norm to which all rows are solved there.
_APART, _LEAD = float(np.log(10.0)), 1e-2
# Norms that are small enough however flat the rows are.
_CLOSEST = 1e-11


def solve_paths(
    risk: EmpiricalRisk,
    weights: Array,
    alphas: Array,
    factors: Array | None = None,
    *,
    tol: float = 1e-8,
    fold_tol: float | None = None,
    on_solved: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """argmin R(θ, b) + λ·½Σⱼfⱼθⱼ² for each λ on all rows, and on each training part.

    Parameters
    ----------
    risk : EmpiricalRisk
        That of all rows.
    weights : ndarray of shape (n, F)
        Those of the rows in each training part, 0 for others.
    alphas : ndarray of shape (m,)
        λ > 0, in any order.
    factors : ndarray of shape (p,), default=None
        f ≥ 0; None stands for ones.
    tol, fold_tol : float
        Gradient norms at which all rows, and the training parts, are solved; the latter is the
        former by default.
    on_solved : callable, default=None
        ``on_solved(f, i)`` is called when the i-th λ of fold f is solved, or given up.

    Returns
    -------
    list of Answer
        Of each training part, and last of all rows, which alone has the risk. Gradient norms are in
        the scales of all rows; one above the tolerance asks for another method.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    factors = np.ones(risk.n_features) if factors is None else np.asarray(factors, dtype=float)
    space = RowSpace(risk, factors) if is_wide(risk, factors) else None
    seen, held = (risk, factors) if space is None else (space.risk, space.factors)
    every = np.column_stack([weights, risk.share * risk.weight])
    F, m = weights.shape[1], len(alphas)
    rough = tol if fold_tol is None else max(tol, fold_tol)
    # λ whose logarithms rounding makes alike are one.
    logs, first_of, places = np.unique(np.log(alphas), return_index=True, return_inverse=True)
    # Numbers that overflow leave a column unsolved, which its norm says.
    with one_blas_thread(), np.errstate(all="ignore"):
        paths = _Paths(FoldModel(seen, held, every), alphas[first_of], logs)
        first, *waves = _waves(logs)
        paths.lead(first, tol, rough)
        for wave in first, *waves:
            for solved in paths.wave(wave, tol, rough):
                for f, i in zip(*solved, strict=True):
                    if on_solved is not None and f < F:
                        for same in np.flatnonzero(places == i).tolist():
                            on_solved(int(f), same)
    coefs, intercepts, norms, steps = paths.found(places)
    if space is not None:
        shape = (-1, *coefs.shape[2:])
        coefs, b = space.lift(coefs.reshape(shape), intercepts.reshape(-1, shape[1]))
        coefs, intercepts = coefs.reshape(F + 1, m, *coefs.shape[1:]), b.reshape(F + 1, m, -1)
    values = np.full((F + 1, m), np.nan)
    values[F] = paths.values(places)
    name = name_of(seen, space)
    return [
        Answer(theta, value, n, name, b, gradient_norms=norm, n_expansions=n)
        for theta, value, n, b, norm in zip(coefs, values, steps, intercepts, norms, strict=True)
    ]


class _Paths:
    """Points of every part at every λ, ascending: arrays begin with (P, m)."""

    def __init__(self, model: FoldModel, alphas: Array, logs: Array):
        self.model, self.alphas, self.logs = model, alphas, logs
        shape = model.shares.shape[1], len(alphas)
        self.theta = np.zeros((*shape, *model.scale.shape))
        self.norms, self.steps = np.full(shape, np.inf), np.zeros(shape, dtype=np.intp)
        self.known = np.zeros(len(alphas), dtype=bool)

    def lead(self, places: Indices, tol: float, rough: float) -> None:
        """Go down a few λ: there Hessians are taken, and every part starts.

        All rows alone, and roughly, where parts have Hessians of their own, which soon lead them
        from there. By another's they would take many steps, so that each finds its own way.
        """
        P = len(self.theta)
        parts, goal = np.arange(P), _goal(np.arange(P), P, tol, rough)
        if self.model.has_own:
            parts, goal = parts[-1:], (np.zeros(P), np.full(P, _LEAD))
        for some in groups_of(parts, self.model.room):
            walk = FoldWalk(self.model, some)
            for i in places[::-1]:
                walk.solve(np.full(len(some), self.alphas[i]), goal[0][some], goal[1][some])
                # Where the last solution still serves, so does its Hessian.
                is_elsewhere = i == places[-1] or walk.steps.any()
                if self.model.by_rows is None and is_elsewhere:
                    self.model.renew(self.alphas[i], walk.theta[-1], some[-1])
                self.theta[slice(None) if self.model.has_own else some, i] = walk.theta

    def wave(self, places: Indices, tol: float, rough: float) -> Iterator[tuple[Indices, Indices]]:
        """Solve every part at these λ. Yields the parts and places of columns that are done."""
        if self.known.any():
            spline = CubicSpline(self.logs[self.known], self.theta[:, self.known], axis=1)
            self.theta[:, places] = spline(self.logs[places])
        P = len(self.theta)
        parts, places = np.tile(np.arange(P), len(places)), np.repeat(places, P)
        yield from self._solve(parts, places, *_goal(parts, P, tol, rough))
        self.known[places] = True

    def _solve(
        self, parts: Indices, places: Indices, tols: Array, rough: Array
    ) -> Iterator[tuple[Indices, Indices]]:
        """Solve columns, in groups that there is room for."""
        for some in groups_of(np.arange(len(parts)), self.model.room):
            at = parts[some], places[some]
            walk = FoldWalk(self.model, parts[some], self.theta[at])
            walk.solve(self.alphas[places[some]], tols[some], rough[some])
            self.theta[at] = walk.theta
            self.norms[at] = np.where(walk.is_solved, walk.norms, np.inf)
            self.steps[at] += walk.steps
            yield at

    def found(self, places: Indices) -> tuple[Array, Array, Array, Indices]:
        """θ (P, m, K, p) and b (P, m, K) as users see them, norms and steps at these places."""
        theta = self.theta[:, places]
        coefs = theta[..., :-1].copy()
        b = theta[..., -1] - coefs @ self.model.risk.design.center
        return coefs, b, self.norms[:, places], self.steps[:, places]

    def values(self, places: Indices) -> Array:
        """R of all rows at the solutions at these places, (m,): one pass over X for many."""
        theta, risk, values = self.theta[-1, places], self.model.risk, np.empty(len(places))
        for some in groups_of(np.arange(len(places)), n_held(risk) // size_of_raw(risk)):
            raw = self.model.raw(theta[some])
            for i, place in enumerate(some):
                values[place] = risk.value_at(np.ascontiguousarray(raw[:, i]))
        return values


def _goal(parts: Indices, P: int, tol: float, rough: float) -> tuple[Array, Array]:
    """Norms that columns are solved to, as `FoldWalk.solve` takes them: all rows to ``tol``."""
    is_whole = parts == P - 1
    return np.where(is_whole, tol, min(tol, _CLOSEST)), np.where(is_whole, 0.0, rough)


def _waves(logs: Array) -> list[Indices]:
    """Places of ascending log λ: a few as far apart as may be, then what halves the gaps."""
    m = len(logs)
    n_gaps = min(int(np.ceil((logs[-1] - logs[0]) / _APART)), m - 1)
    wanted = np.linspace(logs[0], logs[-1], n_gaps + 1)
    done = np.unique(np.abs(logs[:, None] - wanted).argmin(axis=0))
    waves = [done]
    while len(done) < m:
        gaps = np.flatnonzero(np.diff(done) > 1)
        waves.append((done[gaps] + done[gaps + 1]) // 2)
        done = np.sort(np.concatenate([done, waves[-1]]))
    return waves
