"""The lasso of one quadratic under any loss: closed forms, and what they lose against the exact."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from skreg.penalties import Separable
from skreg.quadratic.quadratic import Quadratic
from skreg.rows.products import EPS
from skreg.solvers.certificate import Certificate
from skreg.solvers.closed_forms import Diagonal
from skreg.solvers.method import Answer, Method, Task
from skreg.solvers.newton import anchor_of
from skreg.solvers.proximal_newton import ProximalNewton
from skreg.solvers.working_set import ActiveSet


class OneShot(Method):
    """argmin R̃(θ) + λJ(θ) for each λ, R̃ the quadratic of R about one anchor (see `anchor_of`).

    ``risk`` and ``gaps`` are those of the loss itself: how far the quadratic's solution may be from
    the exact one. A gap is infinite where features without a penalty leave the residual nothing to
    say.
    """

    name = "one_shot"
    scope = "L1 and elastic-net penalties under any loss, with max_expansions=1"
    needs: ClassVar = {
        "problem.is_quadratic": (False,),
        "problem.has_curvature": (True,),
        "penalty.kernel": ("coordinates",),
        "is_one_shot": (True,),
    }
    unit = "rounds"

    def path(self, task: Task) -> Answer:
        """Solve the quadratic, and certify its solutions for the loss."""
        risk, alphas = task.risk, task.alphas
        *anchor, _, notes = anchor_of(risk)
        expansion = risk.expand(*anchor)
        method, inner = self._inner(task, expansion)
        answer = method.path(inner)
        coefs, intercepts = expansion.coefficients(answer.thetas[:, 0])
        certificate = Certificate(risk, task.penalty)
        values, gaps = np.empty((2, len(alphas)))
        for i, point in enumerate(risk.points(coefs, intercepts)):
            alpha, values[i] = alphas[i], point.value
            # No loss is negative, so the objective itself is a bound.
            gap = certificate.gap(point, alpha, EPS * risk.null_risk)
            gaps[i] = min(gap, certificate.objective(point, alpha))
            if alpha == 0:
                gaps[i] = min(gaps[i], certificate.gap_of_small(point, alpha))
        return Answer(
            thetas=coefs,
            intercepts=intercepts,
            risk=values,
            gaps=gaps / (risk.null_risk or 1.0),
            n_iter=answer.n_iter,
            solver="one_shot_" + ("lasso" if task.hessian == "full" else "soft_threshold"),
            n_expansions=np.ones(len(alphas), dtype=int),
            is_exact=False,
            notes=notes,
        )

    def alpha_max(self, task: Task) -> float:
        """That of the exact problem."""
        return ProximalNewton().alpha_max(task)

    @staticmethod
    def _inner(task: Task, quadratic: Quadratic) -> tuple[Method, Task]:
        """The quadratic's own task, whose coefficients are those of all classes in a row."""
        p, k, penalty = task.risk.n_features, task.risk.n_outputs, task.coordinates
        factors, l2_factors, lower, upper = (
            None if given is None else np.tile(np.broadcast_to(given, p), k)
            for given in (penalty.factors, penalty.l2_factors, *(penalty.bounds or (None, None)))
        )
        bounds = None if lower is None or upper is None else (lower, upper)
        penalty = Separable(penalty.l1_ratio, factors, penalty.positive, l2_factors, bounds)
        inner = replace(task, problem=quadratic, penalty=penalty, max_expansions=None)
        diagonal = Diagonal()
        return (diagonal if diagonal.serves(inner) else ActiveSet()), inner
