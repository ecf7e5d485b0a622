"""The lasso in closed form where H is taken as diagonal: in the features or the eigenvectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from skreg._kernels import lasso_gap
from skreg.penalties import Separable
from skreg.quadratic.quadratic import Quadratic
from skreg.solvers.l1_problem import L1Problem, join
from skreg.solvers.method import Answer, Array, Method, Task

Step = tuple[Array, float, float, int, float]


class Diagonal(Method):
    """θⱼ = soft(Hⱼⱼθ̂ⱼ, l1ⱼ)/(Hⱼⱼ + l2ⱼ), or the same in the principal components."""

    name = "soft_threshold"
    scope = "L1 and elastic-net penalties on a quadratic, with hessian='diagonal' or 'pca'"
    needs: ClassVar = {"is_quadratic": (True,), "kernel": ("coordinates",), "is_full": (False,)}

    def path(self, task: Task) -> Answer:
        """The closed form for every λ, with the gap of the problem itself."""
        problem, penalty = task.quadratic, task.penalty
        check_pca(task)
        steps = pca_path if task.hessian == "pca" else diagonal_path
        answer = join(
            [
                steps(problem, L1Problem(problem.form, t, penalty), task.alphas)
                for t in range(problem.n_outputs)
            ],
            problem,
            np.arange(len(task.alphas)),
            self.name,
        )
        answer.is_exact = False
        return answer

    def alpha_max(self, task: Task) -> float:
        """The smallest λ at which this closed form is 0."""
        check_pca(task)
        slope = pca_slope if task.hessian == "pca" else diagonal_slope
        targets = range(task.quadratic.n_outputs)
        return max(task.penalty.alpha_max(-slope(task.quadratic, t)) for t in targets)


def check_pca(task: Task) -> None:
    """Raise if the penalty speaks of features where components are penalized."""
    if task.hessian != "pca":
        return
    for name, given in (
        ("penalty_factors", task.coordinates.factors is not None),
        ("l2_factors", task.coordinates.l2_factors is not None),
        ("positive=True", task.coordinates.positive),
    ):
        if given:
            raise ValueError(
                f"{name} speaks of features, and hessian='pca' penalizes their principal "
                "components. Use hessian='full'."
            )


def diagonal_slope(problem: Quadratic, target: int) -> Array:
    """diag(H)·θ̂, where a diagonal that is not positive counts as 0."""
    return np.maximum(problem.form.diagonal, 0.0) * problem.minimizer[target]


def diagonal_path(problem: Quadratic, lasso: L1Problem, alphas: Array) -> Iterator[Step]:
    """H replaced by its diagonal around θ̂: θⱼ = soft(Hⱼⱼθ̂ⱼ, l1ⱼ)/(Hⱼⱼ + l2ⱼ) for each λ.

    A feature without curvature gains nothing by leaving 0, and has θⱼ = 0; without a penalty it
    keeps θ̂ⱼ. Yields (θ, gap, risk, 1, dof) with the gap of the lasso itself.
    """
    curvature = np.maximum(problem.form.diagonal, 0.0)
    start = diagonal_slope(problem, lasso.target)
    for alpha in alphas:
        theta = _closed(start, curvature, alpha, lasso)
        if alpha == 0 and not lasso.positive:
            theta = problem.minimizer[lasso.target].copy()
        flat = (curvature == 0) & (alpha * (lasso.l1 + lasso.l2) == 0)
        if flat.any():
            kept = problem.minimizer[lasso.target, flat]
            theta[flat] = np.maximum(kept, 0.0) if lasso.positive else kept
        slope = lasso.slope(theta)
        gap, risk = lasso.gap(theta, slope, alpha), lasso.risk(theta, slope)
        on = theta != 0
        dof = float((curvature[on] / (curvature[on] + alpha * lasso.l2[on])).sum())
        yield theta, gap, risk, 1, dof


def pca_slope(problem: Quadratic, target: int) -> Array:
    """ΣQᵀθ̂."""
    spectrum = problem.spectrum(0.0)
    return spectrum.eigenvalues * spectrum.coordinates[:, target]


def pca_path(problem: Quadratic, lasso: L1Problem, alphas: Array) -> Iterator[Step]:
    """H is diagonal in its eigenvectors: c = soft(σĉ, λρ)/(σ + λ(1−ρ)), θ = Qc for each λ.

    Yields (θ, gap, risk, 1, dof) of the rotated problem, whose penalty is on c.
    """
    spectrum, start = problem.spectrum(0.0), pca_slope(problem, lasso.target)
    sigma, rank = spectrum.eigenvalues, len(start)
    l1, l2 = lasso.l1[:rank], lasso.l2[:rank]  # without factors all are alike
    for alpha in alphas:
        c = Separable().prox(start, alpha * l1) / (sigma + alpha * l2)
        slope = start - sigma * c
        gap = lasso_gap.duality_gap(start, c, slope, alpha * l1, alpha * l2, lasso.power)
        risk = max(0.5 * (lasso.power - c @ (start + slope)), 0.0)
        dof = float((sigma / (sigma + alpha * l2))[c != 0].sum())
        theta = spectrum.lift(c[None, :, None])[0, 0]
        if alpha == 0:
            theta = problem.minimizer[lasso.target].copy()
        yield theta, gap, risk, 1, dof


def _closed(start: Array, curvature: Array, alpha: float, lasso: L1Problem) -> Array:
    """argmin Σ ½Hⱼⱼθⱼ² − startⱼθⱼ + λ·penalty."""
    threshold = Separable(positive=lasso.positive).prox(start, alpha * lasso.l1)
    total = curvature + alpha * lasso.l2
    return np.divide(threshold, total, out=np.zeros_like(total), where=curvature > 0)
