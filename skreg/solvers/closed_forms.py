"""One quadratic for every λ: closed forms, conjugate gradients, and the quadratic of any loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from skreg.penalties import Separable
from skreg.quadratic import Problem, Quadratic, conjugate_gradient
from skreg.rows.products import EPS, Array
from skreg.solvers.certificate import Certificate
from skreg.solvers.method import Answer, Freedom, Method, Solution, Task
from skreg.solvers.newton import anchor_of, without_excluded
from skreg.solvers.proximal_newton import ProximalNewton
from skreg.solvers.working_set import ActiveSet, PenalizedQuadratic

# A relative gradient norm from which on a closed form is said to have lost digits.
_LOST = 1e-6


class Diagonal(Method):
    """θⱼ = soft(Hⱼⱼθ̂ⱼ, l1ⱼ)/(Hⱼⱼ + l2ⱼ), or the same in the principal components."""

    name = "soft_threshold"
    scope = "L1 and elastic-net penalties on a quadratic, with hessian='diagonal' or 'pca'"
    needs: ClassVar = {
        "is_full": (False,),
        "problem.is_quadratic": (True,),
        "penalty.kernel": ("coordinates",),
    }

    def path(self, task: Task) -> Answer:
        """The closed form for every λ, with the gap of the problem itself.

        A feature without curvature gains nothing by leaving 0, and has θⱼ = 0; without a penalty it
        keeps θ̂ⱼ.
        """
        problem, penalty, m = task.quadratic, task.coordinates, len(task.alphas)
        axes = _axes(task)
        lasso, l2 = PenalizedQuadratic(axes.quadratic, penalty), penalty.l2(axes.start.shape[1])
        threshold, limits = Separable(), penalty.limits(len(l2))
        l1, curvature = penalty.l1(len(l2)), np.broadcast_to(axes.curvature, axes.start.shape)
        thetas = np.empty((m, problem.n_outputs, problem.n_features))
        gaps, risk, dof = np.zeros((3, m))
        for i, alpha in enumerate(task.alphas):
            total = curvature + alpha * l2
            theta = np.zeros_like(total)
            np.divide(threshold.prox(axes.start, alpha * l1), total, out=theta, where=curvature > 0)
            kept = (curvature == 0) & (alpha * (l1 + l2) == 0)
            if alpha == 0 and not penalty.is_bounded(len(l2)):
                kept = np.ones_like(kept)
            theta[kept] = axes.minimizer[kept]
            theta = np.clip(theta, *limits) + 0.0
            slope = lasso.slope(theta)
            gaps[i], risk[i] = lasso.gap(theta, slope, alpha), lasso.risk(theta, slope)
            on = (theta != 0) & (theta > limits[0]) & (theta < limits[1])
            dof[i] = (curvature[on] / total[on]).sum()
            thetas[i] = problem.minimizer if kept.all() else axes.lift(theta)
        gaps /= problem.null_risk or 1.0
        n_iter = np.ones(m, dtype=int)
        return Answer(thetas, risk, n_iter, self.name, gaps=gaps, dof=dof, is_exact=False)

    def alpha_max(self, task: Task) -> float:
        """The smallest λ at which this closed form is 0."""
        return task.penalty.alpha_max(-_axes(task).start)


def check_pca(task: Task) -> None:
    """Raise if the penalty speaks of features where components are penalized."""
    if task.hessian != "pca":
        return
    for name, given in (
        ("penalty_factors", task.coordinates.factors is not None),
        ("l2_factors", task.coordinates.l2_factors is not None),
        ("positive=True", task.coordinates.positive),
        ("bounds", task.coordinates.bounds is not None),
    ):
        if given:
            raise ValueError(
                f"{name} speaks of features, and hessian='pca' penalizes their principal "
                "components. Use hessian='full'."
            )


class _Features:
    """The features themselves as the axes of H: what is off the diagonal is left out."""

    def __init__(self, problem: Quadratic):
        self.quadratic, self.minimizer = problem, problem.minimizer
        self.curvature = np.maximum(problem.diagonal, 0.0)
        self.start = self.curvature * self.minimizer

    def lift(self, theta: Array) -> Array:
        """θ (q, p) from its components along the axes."""
        return theta


class _Components:
    """The principal components, in which H is diagonal; a quadratic of its own."""

    def __init__(self, problem: Quadratic):
        self.quadratic, self._spectrum = self, problem.spectrum(0.0)
        self.minimizer, self.power = self._spectrum.coordinates.T, problem.power
        self.diagonal = self.curvature = self._spectrum.eigenvalues
        self.start = self.curvature * self.minimizer
        self.cross = self.start.T

    def slope(self, theta: Array, target: int) -> Array:
        """As `Quadratic.slope`."""
        return self.start[target] - self.curvature * theta

    def lift(self, theta: Array) -> Array:
        """θ (q, p) from its components along the axes."""
        return self._spectrum.lift(theta.T[None])[0]


def _axes(task: Task) -> Any:
    check_pca(task)
    return (_Components if task.hessian == "pca" else _Features)(task.quadratic)


class Spectral(Method):
    """θ(λ) = Q diag(σ/(σ+λ)) Qᵀθ̂ for H = QΣQᵀ; at λ = 0 the minimizer of smallest norm."""

    name = "spectral"
    scope = "½Σ fⱼθⱼ² on squared error, or on one quadratic"
    needs: ClassVar = {
        "problem.is_quadratic": (True,),
        "penalty.is_smooth": (True,),
        "penalty.kernel": ("coordinates",),
        "problem.is_large": (False,),
    }

    def path(self, task: Task) -> Answer:
        """Shift the spectrum for every λ."""
        problem, alphas = task.quadratic, task.alphas
        factors = task.coordinates.ridge_factors(problem.n_features)
        spectrum = problem.spectrum(alphas.min(), factors)
        thetas = spectrum.ridge(alphas)
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
            notes=_lost_digits(task, thetas) if spectrum.solver == "svd-dual" else [],
        )


def _lost_digits(task: Task, thetas: Array) -> list[str]:
    """What to say if the gradient at the smallest λ, on the rows themselves, is not 0.

    The rows' own products decide where p > n, and one large feature without a center takes the
    digits of all that are small beside it.
    """
    problem, i = task.quadratic, int(np.argmin(task.alphas))
    slope = task.penalty.gradient(thetas[i], task.alphas[i])
    slope[:, task.coordinates.excluded(problem.n_features)] = np.nan
    norm = gradient_norm(problem, thetas[i], slope)
    if norm <= max(task.tol, _LOST):
        return []
    scales = np.sqrt(problem.diagonal[problem.diagonal > 0])
    return [
        f"spectral came, for rounding, no nearer than a relative gradient norm of {norm:.1e} at "
        f"alpha={task.alphas[i]:.6g}: features are of scales from {scales.min():.1e} to "
        f"{scales.max():.1e}, and more than the rows. Bring them to one scale, and center them or "
        "set fit_intercept=True."
    ]


def gradient_norm(problem: Quadratic, theta: Array, of_penalty: Array) -> float:
    """maxⱼ |∂ⱼR + ∂ⱼP| / √(Hⱼⱼ·R₀), R₀ the risk at 0, where H bends and ∂P is not NaN."""
    width = np.sqrt(np.maximum(problem.diagonal, 0.0) * problem.null_risk)
    used = width > 0
    total = np.nan_to_num(problem.gradient(theta) + of_penalty)
    return float(np.abs(total[:, used] / width[used]).max(initial=0.0))


class ConjugateGradients(Method):
    """Krylov spaces of the rows, shared by every λ where that is possible."""

    name = "cg"
    scope = "½Σ fⱼθⱼ² on squared error, for sparse rows that are too large to decompose"
    needs: ClassVar = Spectral.needs | {"problem.is_large": (True,)}
    unit = "steps"

    def path(self, task: Task) -> Answer:
        """Solve for every λ; the degrees of freedom are not known."""
        problem, alphas = task.quadratic, task.alphas
        if not problem.is_large:  # without the features that the penalty excludes
            return Spectral().path(task)
        if (alone := without_excluded(self, task)) is not None:
            return alone
        factors = task.coordinates.ridge_factors(problem.n_features)
        found = conjugate_gradient.ridge(problem, alphas, factors)
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
        lower, upper = task.coordinates.limits(risk.n_features)
        # A feature that is held at 0 has no say in where the quadratic is taken.
        kept = np.flatnonzero(lower < upper)
        theta, notes = np.zeros((risk.n_outputs, risk.n_features)), []
        intercept = risk.null_intercept()
        if kept.size:
            theta[:, kept], intercept, _, notes = anchor_of(risk.restricted(kept))
        expansion = risk.expand(theta, intercept)
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
        penalty = task.coordinates.repeated(task.risk.n_outputs, task.risk.n_features)
        inner = replace(task, problem=quadratic, penalty=penalty, max_expansions=None)
        diagonal = Diagonal()
        return (diagonal if diagonal.serves(inner) else ActiveSet()), inner


def solve_by_target(
    solve: Callable[[Array], Solution],
    problem: Problem,
    alphas: Array,
) -> Solution:
    """The ridge of squared error with each of q targets at its own λ.

    H is decomposed once for all of them: ``solve`` makes a `Solution` of an array of λ. That of the
    answer has one row, and ``alphas`` of shape (1, q). ValueError if there are not q of them.
    """
    q = problem.n_outputs
    if len(alphas) != q:
        raise ValueError(
            f"alpha must be one number, or one for each of the {q} targets, got {len(alphas)} "
            "numbers."
        )
    distinct, place = np.unique(alphas, return_inverse=True)
    found = solve(distinct)
    if q == 1:
        return found
    targets = np.arange(q)
    coefs, intercepts = found.coefs[place, targets], found.intercepts[place, targets]
    norms = found.gradient_norms
    return replace(
        found,
        alphas=alphas[None],
        coefs=coefs[None],
        intercepts=intercepts[None],
        # All targets have the same number at the same λ.
        freedom=Freedom(np.array([found.dof[place].sum() / q])),
        norms=np.array([np.linalg.norm(coefs)]),
        risk=np.array([problem.value_of(coefs, intercepts)]),
        n_iter=found.n_iter.max(keepdims=True),
        gradient_norms=None if norms is None else norms.max(keepdims=True),
    )
