"""The ridge under any loss: Newton's method along a path of λ, or one quadratic for every λ."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from skreg._threads import one_blas_thread
from skreg.penalties import Separable
from skreg.quadratic.hessian import DenseHessian, Hessian
from skreg.quadratic.reduction import RowSpace
from skreg.solvers.anchor import (
    Recession,
    find_anchor,
    go_to_limit,
    null_curvatures,
    recession,
)
from skreg.solvers.descent import Descent
from skreg.solvers.interior_point import Iterate
from skreg.solvers.method import Answer, Method, Stop, Task
from skreg.solvers.original_rows import OriginalRows

#: Coefficients (features × outputs) beyond which no Hessian is formed.
LARGEST_DENSE = 3000
# Multiplications of a Hessian below which a second BLAS thread is not worth waiting for.
_SMALL_GRAM = 2e9
# A Hessian serves λ down to this part of the one it was taken at.
_DECADE = 10.0
# What the rows' span may lose without being looked at, as a condition number, and the steps that
# mend it.
_LOSSY, _MENDS = 100.0, 8
# Newton steps in which features without a penalty show whether they have a minimizer.
_FREE_STEPS = 200
# A relative gap to which interior points go before Newton's method takes over.
_INSIDE = 1e-11
# Rows beyond which wide problems are not reduced to n × n.
_LARGEST_DUAL = 4000


class Newton(Method):
    """Newton's method along a path of λ, or one quadratic for every λ.

    The quadratic about the current point is minimized, and taken again at its minimizer, until the
    gradient is 0 to ``tol``. With ``max_expansions=1`` it is taken once, at the anchor (θ₀, b₀),
    for all λ:

        θ(λ) = θ₀ − (H₀ + λF)⁻¹(g₀ + λFθ₀).

    The anchor is the unpenalized minimizer, where g₀ = 0. Classes that can be separated (and
    counts in a like position) have none; then it is the minimizer at λ₀ = maxⱼ Hⱼⱼ/fⱼ / 100, H
    being that of the null model, and a note says so.

    The Hessian is an array where K·p is small; with p > n features that are all but a few
    penalized, the problem is first reduced to the rows' span (`RowSpace`); otherwise products with
    the Hessian serve (conjugate gradients). ``tol`` is a gradient norm, maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀) over
    coefficients and intercepts, with H and the risk R₀ those of the null model: half its square is
    about the decrease of the objective, relative to R₀, that a coefficient alone could still bring.

    Degrees of freedom are those of the quadratic where it is the same for all λ, and those of each
    solution otherwise.
    """

    name = "newton"
    scope = "½Σ fⱼθⱼ² under any loss with a curvature"
    needs: ClassVar = {
        "problem.is_quadratic": (False,),
        "problem.has_curvature": (True,),
        "penalty.is_smooth": (True,),
        "penalty.kernel": ("coordinates",),
        "is_full": (True,),
    }
    unit = "steps"
    # One step more of Newton's method. Predictions err by the gradient over λ, and those of a fit
    # and of a path are to agree to eight digits.
    closer = 1e-3

    def tol_of_gap(self, gap: float) -> float:
        """√gap: half the square of a component is about the decrease that it could bring."""
        return float(np.sqrt(gap))

    def path(self, task: Task) -> Answer:
        """Solve downwards in λ, each solution the start of the next."""
        if (alone := without_excluded(self, task)) is not None:
            return alone
        risk = task.risk
        # Passes over X then take most of the time, rather than Hessians.
        is_small = min(risk.X.shape) ** 2 * max(risk.X.shape) < _SMALL_GRAM
        with one_blas_thread() if is_small else nullcontext():
            space, descent, name = _prepare(risk, task.coordinates.l2(risk.n_features))
            if task.start is not None:
                start = task.start if space is None else space.lower(*task.start)
                descent.start_at(*start)
            endless: dict[int, Recession] = {}
            is_one_shot = task.max_expansions == 1
            stops = _one_shot(descent, task) if is_one_shot else _path(descent, task, endless)
            known = {"rounding": descent.rounding, "notes": descent.notes}
            answer = Answer.of(replace(task, problem=descent.risk), name, stops, **known)
        if space is not None:
            answer.thetas, answer.intercepts = space.lift(answer.thetas, answer.intercepts)
        if OriginalRows.is_far(risk) or (space and space.condition > _LOSSY):
            rows = OriginalRows(risk, task.coordinates.l2(risk.n_features))
            # A point that is lost altogether has an infinite gradient, and says so.
            with np.errstate(over="ignore", invalid="ignore"):
                answer.rounding += _settle(task, rows, space, answer)
        for i, kind in endless.items():
            _put_limit(task, answer, i, kind)
        answer.exhausted = answer.n_iter >= task.max_iter
        answer.is_exact, answer.has_minimizer = task.max_expansions is None, not endless
        return answer


def without_excluded(method: Method, task: Task) -> Answer | None:
    """Of a ridge that excludes features what a method answers on the others, else None."""
    problem: Any = task.problem
    kept = ~task.coordinates.excluded(problem.n_features)
    if kept.all():
        return None
    factors = task.coordinates.l2(problem.n_features)[kept]
    start = None if task.start is None else (task.start[0][:, kept], task.start[1])
    alone = problem.restricted(np.flatnonzero(kept))
    answer = method.path(replace(task, problem=alone, penalty=Separable(0.0, factors), start=start))
    thetas = np.zeros((*answer.thetas.shape[:2], len(kept)))
    thetas[:, :, kept] = answer.thetas
    return replace(answer, thetas=thetas)


def anchor_of(risk, factors=None, *, tol=1e-8, max_iter=1000):
    """Where the quadratic of ``max_expansions=1`` is taken, see `Newton`.

    θ₀ (K, p), b₀ (K,), λ₀, which is 0 for the unpenalized minimizer (of least norm), and what users
    are to be told of it.
    """
    space, descent, _ = _prepare(risk, factors)
    alpha, _ = find_anchor(descent, tol, max_iter)
    return *_as_seen(descent, space), alpha, descent.notes


def _as_seen(descent, space):
    """θ (K, p) and b (K,) of the point where ``descent`` is, as users see them."""
    point, risk = descent.point, descent.risk
    theta = point.theta.reshape(1, risk.n_outputs, -1)
    found = theta, point.intercept[None] - theta[0] @ risk.design.center
    thetas, intercepts = found if space is None else space.lift(*found)
    return thetas[0], intercepts[0]


def _prepare(risk, factors):
    """The reduction (or None), the walk over λ, and what the method is called."""
    factors = np.ones(risk.n_features) if factors is None else np.asarray(factors, dtype=float)
    space = RowSpace(risk, factors) if is_wide(risk, factors) else None
    if space is not None and not space.risk.n_features:  # rows that do not differ
        space = None
    if space is not None:
        risk, factors = space.risk, space.factors
    name = name_of(risk, space)
    if name == "newton-cg":
        return space, Descent(risk, factors, Hessian, patience=0.0, always_fresh=True), name
    # Gradients that a Hessian costs: n·p²·K(K+1)/2 flops beside passes that wait for memory.
    patience = risk.n_features * (risk.n_outputs + 1) / 24
    return space, Descent(risk, factors, DenseHessian, patience), name


def name_of(risk, space):
    """What the method is called for a risk, or for that of a reduction."""
    if risk.n_features * risk.n_outputs > LARGEST_DENSE:
        return "newton-cg"
    return "newton-cholesky" if space is None else "newton-dual"


def is_wide(risk, factors):
    """Whether a ridge is first reduced to the rows' span."""
    n, p = risk.X.shape
    return n < p and n <= _LARGEST_DUAL and np.count_nonzero(factors == 0) <= max(n // 4, 1)


def _path(descent, task, endless):
    """The place of each λ and its `Stop`, downwards, each solution the start of the next.

    Where the risk has no minimizer, and λ = 0, nothing is done; ``endless`` gets the `Recession`.
    """
    alphas, tol, limit = task.alphas, task.tol, task.max_iter
    if task.max_expansions is not None:
        limit, descent.always_fresh = min(limit, task.max_expansions), True
    for i in task.descending():
        alpha = alphas[i]
        if alpha == 0 and (kind := recession(descent, tol, limit)) is not Recession.NONE:
            endless[i] = kind
            yield i, Stop(descent.point, n_expansions=1, gradient_norm=0.0)
            continue
        before = _start_inside(descent, alpha) if task.max_expansions is None else 0
        steps, norm = descent.run(alpha, tol, limit, task.size)
        steps, point = max(steps + before, 1), descent.point
        if descent.taken_at > _DECADE * alpha:
            descent.renew(alpha)
        dof, norm = _dof_of_fit(descent, task), np.fmin(norm, np.inf)  # NaN: a point that is lost
        yield i, Stop(point, n_iter=steps, n_expansions=steps, dof=dof, gradient_norm=norm)


def _dof_of_fit(descent, task):
    """Degrees of freedom of a fit, which needs them: its point is at hand, to be expanded."""
    alpha = task.alphas[0]
    is_fit = len(task.alphas) == 1 and alpha > 0 and task.size is None
    if not (is_fit and isinstance(descent.hessian, DenseHessian)):
        return np.nan
    descent.renew(alpha)
    return descent.factor(alpha).dof()


def _start_inside(descent, alpha):
    """Go to what interior points find where targets are far out on linear sides, and their steps.

    A quadratic says little of such a loss: from elsewhere there are up to thousands of steps.
    """
    risk = descent.risk
    if not risk.is_piecewise_linear or risk.n_features > LARGEST_DENSE:
        return 0
    found = Iterate(risk, Separable(0.0, descent.factors), float(alpha)).run(_INSIDE, _FREE_STEPS)
    theta = found.point.theta[None]
    descent.start_at(theta, found.point.intercept - theta @ risk.design.center)
    return found.n_iter


def free_directions_notes(problem, penalty, thetas):
    """What to say if the risk falls forever along features without a penalty; empty if not.

    With these alone in the model the question is the one of λ = 0, whatever the others do: a
    direction in which no row's loss rises, and some fall, is one wherever it starts. ``thetas``
    (n_alphas, K, p) are the answers: of bounded features those count that are off their bounds.
    """
    if not problem.loss.no_minimum or not len(thetas):
        return []
    if not (free := penalty.free(problem.n_features)).any():
        return []
    free = np.flatnonzero(free & penalty.curvature(thetas[-1]).active.any(axis=0))
    if not free.size:
        return []
    with one_blas_thread():
        _, descent, _ = _prepare(problem.restricted(free), None)
        kind = recession(descent, 1e-8, _FREE_STEPS)
    if kind is Recession.NONE:
        return []
    return [
        f"the risk has no finite minimizer ({problem.loss.no_minimum}) along the features without "
        "a penalty, whatever alpha is: their coefficients are as large as tol took them. Give "
        "them a positive penalty factor, or leave them out."
    ]


def _settle(task, rows, space, answer):
    """Measure the solutions on the rows as they are, and mend what the rows' span has lost.

    Returns the largest norm of a solution that its own rounding keeps from ``tol``.
    """
    rounded, coefs, intercepts = 0.0, answer.thetas, answer.intercepts
    for i, alpha in enumerate(task.alphas):
        solved, best = answer.gradient_norms[i] <= task.tol, np.inf
        coef, b = coefs[i].copy(), intercepts[i].copy()
        for _ in range(_MENDS):
            slope, total, curvature = rows.gradient(rows.raw(coef, b), coef, alpha)
            norm = rows.norm(slope, total)
            if not norm < best:
                break
            best, coefs[i], intercepts[i] = norm, coef, b
            if space is None or norm <= task.tol or not solved:
                break
            d, d_b = space.step(curvature, slope, total, alpha)
            coef, b = coef + d, b + d_b
        answer.gradient_norms[i] = best
        if solved and space is None:
            rounded = max(rounded, best)
    return rounded


def _put_limit(task, answer, i, kind):
    """The answer at the i-th λ, 0, of a risk without a minimizer."""
    ceiling = answer.risk[task.alphas > 0].min(initial=np.inf)
    space, descent, _ = _prepare(task.risk, null_curvatures(task.risk))
    steps, norm, note = go_to_limit(descent, kind, task.tol, task.max_iter, ceiling)
    answer.thetas[i], answer.intercepts[i] = _as_seen(descent, space)
    answer.risk[i], answer.gradient_norms[i] = descent.point.value, norm
    answer.n_iter[i] = answer.n_expansions[i] = steps
    if note not in answer.notes:
        answer.notes.append(note)


def _one_shot(descent, task):
    """The place of each λ and its `Stop`: a single Newton step from the anchor."""
    _, steps = find_anchor(descent, task.tol, task.max_iter)
    anchor = descent.point
    for i in task.descending():
        alpha = task.alphas[i]
        descent.point, dof = descent.quadratic_minimum(alpha), descent.factor(alpha).dof()
        norm = descent.gradient_norm(alpha)
        yield i, Stop(descent.point, n_iter=steps, n_expansions=1, dof=dof, gradient_norm=norm)
        descent.point = anchor
