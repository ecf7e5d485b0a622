"""The ridge on a quadratic: a spectrum decomposed once and shifted for each λ."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skreg.solvers.method import Answer, Method, Task


class Spectral(Method):
    """θ(λ) = Q diag(σ/(σ+λ)) Qᵀθ̂ for H = QΣQᵀ; at λ = 0 the minimizer of smallest norm."""

    name = "spectral"
    scope = "½Σ fⱼθⱼ² on squared error, or on one quadratic"
    needs: ClassVar = {
        "is_quadratic": (True,),
        "is_smooth": (True,),
        "kernel": ("coordinates",),
        "is_large": (False,),
    }

    def path(self, task: Task) -> Answer:
        """Shift the spectrum for every λ."""
        problem, alphas = task.quadratic, task.alphas
        factors = task.coordinates.ridge_factors(problem.n_features)
        thetas, spectrum = problem.ridge(alphas, factors)
        kept = spectrum.factors(alphas)
        power = spectrum.eigenvalues * (spectrum.coordinates**2).sum(axis=1)
        lost = 1.0 - kept[:, : spectrum.rank]
        explained = power.sum() + spectrum.free_power
        return Answer(
            thetas=thetas,
            # R(θ) = R(θ̂) + ½ Σ σ (1 − σ/(σ+λ))² c², with c = Qᵀθ̂: no difference of large numbers.
            risk=max(problem.null_risk - 0.5 * explained, 0.0) + 0.5 * lost**2 @ power,
            dof=problem.n_outputs * (kept.sum(axis=1) + spectrum.free_rank),
            n_iter=np.ones(len(alphas), dtype=int),
            solver=spectrum.solver,
        )


class ConjugateGradients(Method):
    """Krylov spaces of the rows, shared by every λ where that is possible."""

    name = "cg"
    scope = "½Σ fⱼθⱼ² on squared error, for sparse rows that are too large to decompose"
    needs: ClassVar = {
        "is_quadratic": (True,),
        "is_smooth": (True,),
        "kernel": ("coordinates",),
        "is_large": (True,),
    }
    unit = "steps"

    def path(self, task: Task) -> Answer:
        """Solve for every λ; the degrees of freedom are not known."""
        problem, alphas = task.quadratic, task.alphas
        factors = task.coordinates.ridge_factors(problem.n_features)
        found = problem.ridge(alphas, factors)[1]
        return Answer(
            thetas=found.thetas,
            risk=found.risk,
            dof=np.full(len(alphas), np.nan),
            gradient_norms=found.gradient_norms,
            n_iter=found.n_iter,
            solver="cg",
            is_exact=False,
            notes=found.notes,
        )
