"""`solve` for several risks of the same rows in chunks, which share their passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from skreg._validation import check_alphas
from skreg.penalties import Penalty
from skreg.quadratic.chunk_risk import ChunkRisk
from skreg.solvers.chunk_paths import ChunkNewton, paths
from skreg.solvers.method import Solution, Task
from skreg.solvers.solve import reported


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
    on_solved, with_dof
        As for `skreg.solvers.chunk_paths.paths`.

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
    aims = [method.aimed(task, closely, enough)] * (len(risks) - 1)
    aims.append(method.aimed(task, closely, 0.0))
    answers = paths(risks, task, [aim.tol for aim, _ in aims], on_solved, with_dof)
    return [
        reported(replace(task, problem=risk), answer, method, reached, risk)
        for risk, answer, (_, reached) in zip(risks, answers, aims, strict=True)
    ]
