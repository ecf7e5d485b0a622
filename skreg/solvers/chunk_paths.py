"""Solutions of rows in chunks: all training parts and all λ together, certified on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np

from skreg.penalties import Separable
from skreg.quadratic.chunk_risk import ChunkRisk, look
from skreg.rows.products import EPS, Array
from skreg.solvers.anchor import FIRST, LAST, limit_note
from skreg.solvers.chunk_newton import Track, advance, follow
from skreg.solvers.chunk_walk import Walk, walks_of
from skreg.solvers.degrees_of_freedom import degrees_of_freedom
from skreg.solvers.method import Answer, Method, Stop, Task, active_counts

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
    reads_chunks = True

    def path(self, task: Task) -> Answer:
        """Solve for every λ."""
        risk = cast(ChunkRisk, task.problem)
        return paths([risk], task, [task.tol], lambda _, i: task.progress(i))[0]

    def aimed(self, task: Task, closely: bool, enough: float) -> tuple[Task, float]:
        """As of every method.

        Gradient norms are of first order in the error, and gaps by natural dual points nearly so.
        """
        is_smooth = task.penalty.is_smooth
        closer = 1e-3 if is_smooth else 1e-4
        least = max(np.sqrt(enough) if is_smooth else enough, _ROUNDING)
        aim = max(task.tol * closer if closely else task.tol, least)
        return replace(task, tol=aim), max(task.tol, least)

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


def paths(
    risks: Sequence[ChunkRisk],
    task: Task,
    aims: Sequence[float],
    on_solved: Callable[[int, int], None] | None = None,
    with_dof: bool = True,
) -> list[Answer]:
    """An `Answer` for each risk, whose relative gaps (or gradient norms) are to be its aim.

    ``on_solved`` is called with the places of a risk and of a λ that is solved. ``with_dof`` says
    whether the last risk's answer is to have degrees of freedom, at the price of a pass with second
    derivatives for each; the others' are not known.
    """
    walks = walks_of(risks, task.penalty, aims)
    alphas, places = np.unique(-task.alphas, return_inverse=True)

    def told(j: int, i: int) -> None:
        for place in np.flatnonzero(places == i) if on_solved is not None else ():
            on_solved(j, int(place))  # type: ignore[misc]

    tracks = follow(walks, -alphas, [max(task.tol, aim) for aim in aims], task.max_iter, told)
    answers = [
        _answer(walk, task, [part[i] for i in places])
        for walk, part in zip(walks, tracks, strict=True)
    ]
    for answer in answers:
        answer.dof = np.full(len(places), np.nan)
    if with_dof:
        answers[-1].dof = _degrees(walks[-1], tracks[-1])[places]
    return answers


def _answer(walk: Walk, task: Task, tracks: Sequence[Track]) -> Answer:
    """What the tracks of a walk came to."""
    ceiling = min((t.point.value for t in tracks if t.alpha > 0), default=np.inf)
    stops, unit = [], walk.risk.null_risk or 1.0
    for track in tracks:
        notes: tuple[str, ...] = ()
        if track.is_endless:
            track, note = _limit(walk, track, ceiling)
            notes = (note,)
        point, alpha = track.point, track.alpha
        gap = np.nan if walk.is_ridge else unit * walk.gap(point, alpha)
        norm = track.walk.measure(point, alpha) if walk.is_ridge else np.nan
        steps = max(track.n_passes, 1), track.n_quadratics
        stops.append(Stop(point, gap, *steps, np.nan, not notes, norm, notes))
    own = replace(task, problem=walk.risk)
    answer = Answer.of(own, ChunkNewton.name, enumerate(stops), rounding=_ROUNDING)
    if walk.risk.loss.coupled and not walk.is_bounded:
        # What all classes have in common changes nothing where it costs nothing.
        thetas, free = answer.thetas, walk.free
        thetas[:, :, free] -= thetas[:, :, free].mean(axis=1, keepdims=True)
    return answer


def _limit(walk: Walk, track: Track, ceiling: float) -> tuple[Track, str]:
    """What is answered at λ = 0 where the risk has no minimizer, and a note: see `go_to_limit`."""
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
            return end, limit_note(loss, alpha)
        alpha *= 0.1


def _degrees(walk: Walk, tracks: Sequence[Track]) -> Array:
    """Degrees of freedom at each λ: a number of coefficients, or by second derivatives there."""
    points, alphas = [track.point for track in tracks], np.array([t.alpha for t in tracks])
    thetas = np.reshape([point.theta for point in points], (len(points), *walk.shape))
    out = active_counts(walk.risk, walk.penalty, alphas, thetas)
    asked = np.flatnonzero(np.isnan(out))
    for start in range(0, len(asked), walk.at_once):
        some = asked[start : start + walk.at_once]
        seen = look([(walk.risk, points[i].theta, points[i].intercept, True) for i in some])
        for i, (_, hessian) in zip(some, seen, strict=True):
            tangent = walk.penalty.curvature(thetas[i], alphas[i])
            out[i] = degrees_of_freedom(cast(Any, hessian), tangent)
    return out
