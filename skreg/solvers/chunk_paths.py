"""Solutions of rows in chunks: all training parts and all λ together, certified and reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from skreg._validation import check_alphas
from skreg.penalties import Penalty, Separable
from skreg.quadratic import Problem
from skreg.quadratic.chunk_risk import ChunkRisk, look
from skreg.rows.products import EPS, Array
from skreg.solvers.anchor import FIRST, LAST, limit_note
from skreg.solvers.chunk_newton import Track, advance, follow
from skreg.solvers.chunk_walk import Walk, walks_of
from skreg.solvers.degrees_of_freedom import degrees_of_freedom
from skreg.solvers.method import Answer, Freedom, Method, Solution, Task

# At λ = 0 gradients are followed further.
_UNPENALIZED = 1e-10
# A relative gap or gradient norm that may be rounding alone.
_ROUNDING = 256 * EPS


class ChunkNewton(Method):
    """Newton's method by passes over the rows, see `chunk_newton`."""

    name = "chunk_newton"
    scope = "any convex penalty under a loss with a curvature, for rows in chunks"
    needs: ClassVar = {
        "problem.is_in_chunks": (True,),
        "penalty.is_convex": (True,),
        "is_full": (True,),
    }
    unit = "passes"

    def path(self, task: Task) -> Answer:
        """Solve for every λ."""
        risk = cast(ChunkRisk, task.problem)
        return paths([risk], replace(task, problem=risk), [task.tol])[0]

    def closer_of(self, penalty: Penalty) -> float:
        """The share of ``tol`` that a solution asked for closely aims at.

        Gradient norms are of first order in the error, and gaps by natural dual points nearly so.
        """
        return 1e-3 if penalty.is_smooth else 1e-4

    def alpha_max(self, task: Task) -> float:
        """Largest pull of the null model, features without a penalty at their best."""
        risk, penalty = cast(ChunkRisk, task.problem), task.penalty
        p, point = risk.n_features, risk.null
        free = penalty.free(p)
        if free.any():
            held = Separable(0.0, np.where(free, 0.0, np.inf))
            track = follow(walks_of([risk], held, [_UNPENALIZED]), np.ones(1), [1e-8], 1000)[0][0]
            point = track.point
        return penalty.alpha_max(point.gradient.reshape(risk.n_outputs, p))


def solve_in_chunks(
    risks: Sequence[ChunkRisk],
    penalty: Penalty,
    alphas: ArrayLike,
    *,
    tol: float = 1e-8,
    max_iter: int = 10_000,
    closely: bool = False,
    enough: float = 0.0,
    on_solved: Callable[[int, int], None] | None = None,
    with_dof: bool = True,
) -> list[Solution]:
    """The solutions of risks that share their passes, one `Solution` for each.

    Parameters
    ----------
    risks : sequence of ChunkRisk
    penalty, alphas, tol, max_iter, closely
        As for `skreg.solvers.solve`; ``max_iter`` counts passes for each λ.
    enough : float, default=0.0
        A relative duality gap that is as good as any smaller one for all but the last risk.
    on_solved : callable, default=None
        Called with the places of a risk and of a λ that is solved.
    with_dof : bool, default=True
        Whether the last risk's solutions come with their degrees of freedom, at the price of a pass
        with the second derivatives of each.

    Raises
    ------
    ValueError
        If a λ is negative, or the penalty is not convex.
    """
    alphas, method = check_alphas(alphas)[0], ChunkNewton()
    penalty = penalty.for_outputs(risks[0].n_outputs)
    penalty.check_features(risks[0].n_features)
    task = Task(risks[-1], penalty, alphas, tol, max_iter)
    if not method.serves(task):
        raise ValueError(
            f"{penalty!r} needs the rows themselves: rows in chunks are for convex penalties and "
            "losses. Give X and y as arrays."
        )
    aim = tol * method.closer_of(penalty) if closely else tol
    least = np.sqrt(enough) if penalty.is_smooth else enough
    aim = max(aim, _ROUNDING)
    aims = [max(aim, least)] * (len(risks) - 1) + [aim]
    answers = paths(risks, task, aims, on_solved, with_dof)
    found = zip(risks, answers, aims, strict=True)
    return [_solution(replace(task, problem=r), a, method, max(tol, goal)) for r, a, goal in found]


def solution_in_chunks(
    problem: Problem,
    penalty: Penalty,
    alphas: Array,
    tol: float,
    max_iter: int,
    closely: bool,
    on_solved: Callable[[int], None] | None,
) -> Solution:
    """The solutions of one risk by passes over its rows, as `skreg.solvers.solve` wants them."""
    told = None if on_solved is None else (lambda j, i: on_solved(i))
    return solve_in_chunks(
        [cast(ChunkRisk, problem)], penalty, alphas, tol=tol, max_iter=max_iter, closely=closely,
        on_solved=told,
    )[0]  # fmt: skip


def paths(
    risks: Sequence[ChunkRisk],
    task: Task,
    aims: Sequence[float],
    on_solved: Callable[[int, int], None] | None = None,
    with_dof: bool = True,
) -> list[Answer]:
    """An `Answer` for each risk, whose relative gaps (or gradient norms) are to be its aim."""
    walks = walks_of(risks, task.penalty, aims)
    alphas, places = np.unique(-task.alphas, return_inverse=True)

    def told(j: int, i: int) -> None:
        for place in np.flatnonzero(places == i) if on_solved is not None else ():
            on_solved(j, int(place))  # type: ignore[misc]

    tracks = follow(walks, -alphas, [max(task.tol, aim) for aim in aims], task.max_iter, told)
    answers = [
        _answer(walk, [part[i] for i in places]) for walk, part in zip(walks, tracks, strict=True)
    ]
    if with_dof:
        answers[-1].dof = _degrees(walks[-1], tracks[-1])[places]
    return answers


class _Limit(NamedTuple):
    track: Track
    note: str


def _answer(walk: Walk, tracks: Sequence[Track]) -> Answer:
    """What the tracks of a walk came to."""
    notes: list[str] = []
    ceiling = min((t.point.value for t in tracks if t.alpha > 0), default=np.inf)
    ends = []
    for track in tracks:
        if track.is_endless:
            track, note = _limit(walk, track, ceiling)
            notes += [] if note in notes else [note]
        ends.append(track)
    points = [track.point for track in ends]
    shape = len(ends), *walk.shape
    answer = Answer(
        thetas=np.reshape([point.theta for point in points], shape),
        intercepts=np.reshape([point.intercept for point in points], shape[:2]),
        risk=np.array([point.value for point in points]),
        n_iter=np.array([max(t.n_passes, 1) for t in ends]),
        n_expansions=np.array([t.n_quadratics for t in ends]),
        exhausted=np.array([t.is_exhausted for t in ends]),
        solver=ChunkNewton.name,
        has_minimizer=not notes,
        notes=notes,
    )
    if walk.is_ridge:
        answer.gradient_norms = np.array([t.walk.measure(t.point, t.alpha) for t in ends])
    else:
        answer.gaps = np.array([walk.gap(t.point, t.alpha) for t in ends])
    if walk.risk.loss.coupled and not walk.is_bounded:
        # What all classes have in common changes nothing where it costs nothing.
        thetas, free = answer.thetas, walk.free
        thetas[:, :, free] -= thetas[:, :, free].mean(axis=1, keepdims=True)
    return answer


def _limit(walk: Walk, track: Track, ceiling: float) -> _Limit:
    """What is answered at λ = 0 where the risk has no minimizer, see `anchor.Limit`."""
    risk, loss = walk.risk, walk.risk.loss
    diagonal = risk.null_hessian.diagonal.reshape(walk.shape).mean(axis=0)
    curvatures = np.where(diagonal > 0, diagonal, 1.0)
    curvatures = np.where(walk.kept[: walk.shape[1]], curvatures, np.inf)
    near, alpha = Walk(risk, Separable(0.0, curvatures), track.tol), FIRST
    while True:
        end = Track(near, alpha, track.tol, track.max_iter, watches=True)
        while not end.is_done:
            advance([end])
        near.solved.append((alpha, end.point, end.hessian))
        settled = (end.is_right or not track.is_separated) and end.point.value <= ceiling
        if settled or end.is_exhausted or alpha <= LAST:
            return _Limit(end, limit_note(loss, alpha))
        alpha *= 0.1


def _degrees(walk: Walk, tracks: Sequence[Track]) -> Array:
    """Degrees of freedom at each λ: a number of coefficients, or by second derivatives there."""
    p, penalty, out = walk.shape[1], walk.penalty, np.empty(len(tracks))
    shared = walk.risk.couples_outputs and walk.free.any()
    asked = []
    for i, track in enumerate(tracks):
        theta = track.point.theta.reshape(walk.shape)
        if penalty.is_flat and not shared and track.alpha > 0:
            out[i] = penalty.support(theta).sum()
        else:
            asked.append(i)
    at_once = max(walk.at_once, 1)
    for start in range(0, len(asked), at_once):
        some = asked[start : start + at_once]
        points = [tracks[i].point for i in some]
        spots = look([(walk.risk, point.theta, point.intercept, True) for point in points])
        for i, spot in zip(some, spots, strict=True):
            tangent = penalty.curvature(spot.point.theta.reshape(-1, p), tracks[i].alpha)
            out[i] = degrees_of_freedom(cast(Any, spot.hessian), tangent)
    return out


def _solution(task: Task, answer: Answer, method: Method, tol: float) -> Solution:
    from skreg.solvers.solve import norms_of, shortfall  # which calls this module

    risk = cast(ChunkRisk, task.problem)
    assert answer.intercepts is not None
    dof = np.full(len(task.alphas), np.nan) if answer.dof is None else answer.dof
    answer.rounding = _ROUNDING
    return Solution(
        task.alphas,
        *risk.as_seen(answer.thetas, answer.intercepts),
        freedom=Freedom(dof),
        norms=norms_of(task.penalty, answer.thetas),
        risk=answer.risk,
        dual_gaps=answer.gaps,
        n_iter=answer.n_iter,
        solver=answer.solver,
        gradient_norms=answer.gradient_norms,
        n_expansions=answer.n_expansions,
        has_minimizer=answer.has_minimizer,
        notes=(*answer.notes, *(() if answer.notes else shortfall(task, answer, method, tol))),
    )
