"""The lasso and the elastic net on a quadratic: an active set, λ downwards, with a certificate."""

from __future__ import annotations

from typing import ClassVar

from skreg.quadratic.working_set import working_set_path
from skreg.solvers.l1_problem import L1Problem, join
from skreg.solvers.method import Answer, Method, Task


class ActiveSet(Method):
    """Coordinate descent and direct solves on the active features, each target by itself."""

    name = "active_set"
    scope = "L1 and elastic-net penalties, θ ≥ 0 on request, on squared error"
    needs: ClassVar = {"is_quadratic": (True,), "kernel": ("coordinates",)}
    unit = "rounds"

    def path(self, task: Task) -> Answer:
        """Follow the path of each target; θ̂ at λ = 0 is known without it, unless θ ≥ 0."""
        problem, penalty, alphas = task.quadratic, task.coordinates, task.alphas
        closed = (alphas == 0) & (not penalty.positive)
        order = task.descending(~closed)
        paths = []
        for t in range(problem.n_outputs):
            lasso = L1Problem(problem.form, t, penalty)
            goal = task.tol * 0.5 * lasso.power
            paths.append(working_set_path(lasso, alphas[order], goal, task.max_iter))
        answer = join(paths, problem, order, self.name, len(alphas))
        assert answer.gaps is not None  # `join` tells them
        if closed.any() and problem.null_risk > 0:
            answer.thetas[closed] = problem.minimizer
            answer.risk[closed] = value = problem.value(problem.minimizer)
            answer.gaps[closed] = max(value - problem.minimum_risk, 0.0) / problem.null_risk
        answer.exhausted = answer.n_iter >= task.max_iter
        answer.dof = None
        return answer

    def alpha_max(self, task: Task) -> float:
        """The largest of the targets'."""
        problem = task.quadratic
        targets = range(problem.n_outputs)
        return max(L1Problem(problem.form, t, task.penalty).alpha_max() for t in targets)
