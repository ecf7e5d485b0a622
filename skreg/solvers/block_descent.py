"""The group lasso on a quadratic: block coordinate descent, λ downwards, with a certificate."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skreg.solvers.method import Answer, Method, Task
from skreg.solvers.working_set import WorkingSet


class BlockDescent(Method):
    """Exact steps on groups of features, which all targets share."""

    name = "block_coordinate_descent"
    scope = "group penalties on squared error"
    needs: ClassVar = {"is_quadratic": (True,), "kernel": ("groups",)}
    unit = "passes"

    def path(self, task: Task) -> Answer:
        """Follow the path downwards in λ; θ̂ at λ = 0 is known without it."""
        problem, alphas, m = task.quadratic, task.alphas, len(task.alphas)
        thetas = np.zeros((m, problem.n_outputs, problem.n_features))
        gaps, risk = np.zeros((2, m))
        n_iter = np.ones(m, dtype=int)
        null_risk = problem.null_risk
        order = task.descending(alphas > 0)
        if null_risk > 0 and order.size:
            groups = WorkingSet(problem.form, task.penalty)
            state, last = groups.null(), alphas[order[0]]
            for i in order:
                state, gaps[i], n_iter[i] = groups.solve(
                    alphas[i], state, last, task.tol * null_risk, task.max_iter
                )
                last, thetas[i], risk[i] = alphas[i], state[0], groups.risk(*state)
        if null_risk > 0 and (free := np.flatnonzero(alphas == 0)).size:
            thetas[free] = problem.minimizer
            risk[free] = value = problem.value(problem.minimizer)
            gaps[free] = max(value - problem.minimum_risk, 0.0)
        return Answer(
            thetas=thetas,
            risk=risk,
            gaps=gaps / (null_risk or 1.0),
            n_iter=n_iter,
            solver=self.name,
            exhausted=n_iter >= task.max_iter,
        )

    def alpha_max(self, task: Task) -> float:
        """Largest norm of a group's slope over its weight, free groups being at their best."""
        groups = WorkingSet(task.quadratic.form, task.penalty)
        return groups.alpha_max(groups.null()[1])
