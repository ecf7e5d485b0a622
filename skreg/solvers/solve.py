"""The one front door: a problem, a penalty and λ in, a `Solution` out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from skreg._validation import check_alphas
from skreg.penalties import Penalty
from skreg.quadratic import EmpiricalRisk, Problem
from skreg.rows.products import EPS, Array, Indices
from skreg.solvers.certificate import Certificate
from skreg.solvers.chunk_paths import ChunkNewton
from skreg.solvers.closed_forms import ConjugateGradients, Diagonal, OneShot, Spectral
from skreg.solvers.interior_point import InteriorPoint
from skreg.solvers.method import Answer, Freedom, Method, Progress, Solution, Task
from skreg.solvers.newton import Newton, free_directions_notes
from skreg.solvers.penalized_interior import PenalizedInterior
from skreg.solvers.proximal_gradient import ProximalGradient
from skreg.solvers.proximal_newton import ProximalNewton
from skreg.solvers.rounded import loss_of_digits, measured_as_seen, price_of_rounding, toward_zero
from skreg.solvers.semismooth_newton import SemismoothNewton
from skreg.solvers.working_set import ActiveSet, BlockDescent, PenalizedQuadratic

# A relative gap that may be rounding alone, of a sum over rows.
_ROUNDING = 64 * EPS

HESSIANS = ("full", "diagonal", "pca")
#: Every method, in the order in which they are asked whether they serve a task.
METHODS: tuple[Method, ...] = (
    ChunkNewton(),
    Diagonal(),
    SemismoothNewton(),
    Newton(),
    OneShot(),
    Spectral(),
    ConjugateGradients(),
    ActiveSet(),
    BlockDescent(),
    InteriorPoint(),
    PenalizedInterior(),
    ProximalNewton(),
    ProximalGradient(),
)


def solve(
    problem: Problem,
    penalty: Penalty,
    alphas: ArrayLike,
    *,
    tol: float = 1e-8,
    max_iter: int = 10_000,
    method: str = "auto",
    max_expansions: int | None = None,
    hessian: str = "full",
    start: tuple[Array, Array] | None = None,
    closely: bool = False,
    enough: float = 0.0,
    size: float | None = None,
    with_gaps: bool = False,
    on_solved: Callable[[int], None] | None = None,
) -> Solution:
    """argmin R(θ, b) + P(θ; λ) for each λ.

    Parameters
    ----------
    problem : Problem
        R: a risk that is its own quadratic, or rows and a loss.
    penalty : Penalty
        P(θ; λ), λ·J(θ) for most.
    alphas : float or array-like of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    tol : float, default=1e-8
        Duality gap relative to the risk of the null model, or for a smooth penalty under a loss
        the scaled norm of the gradient, at which a λ counts as solved.
    max_iter : int, default=10000
        Iterations allowed for each λ, in the method's own unit.
    method : str, default="auto"
        The name of one of `METHODS`; "auto" for the first that serves, see `select_method`.
    max_expansions : None or int, default=None
        Quadratics of a loss allowed for each λ; None for as many as ``tol`` asks for.
    hessian : {"full", "diagonal", "pca"}, default="full"
        What the Hessian of the one quadratic is replaced by.
    start : None or (ndarray of shape (K, p), ndarray of shape (K,)), default=None
        θ and b to start from, for methods that can; the proximal Newton method takes one for each
        λ, too: arrays of shape (n_alphas, K, p) and (n_alphas, K).
    closely : bool, default=False
        Whether to go on beyond ``tol`` where one step more is likely to bring many digits.
    enough : float, default=0.0
        A relative duality gap that is as good as any smaller one, also where ``tol`` is smaller.
    size : None or float, default=None
        A J(θ) that is looked for: Newton's method goes on until J is right beside it.
    with_gaps : bool, default=False
        Whether a closed form is to have a duality gap, too.
    on_solved : None or callable, default=None
        Called with the place of each λ in ``alphas`` once it is solved, or at the end by a method
        that solves all at once.

    Returns
    -------
    Solution
        Its ``notes`` say what users are to be warned of; nothing is warned of here, as this may
        run in a thread.

    Raises
    ------
    ValueError
        If a λ is negative, no method serves, or ``method`` does not.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import Separable
    >>> from skreg.quadratic import Quadratic
    >>> from skreg.solvers import select_method, solve
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0])
    >>> problem = Quadratic.from_rows(X, y, None, fit_intercept=True)
    >>> solution = solve(problem, Separable(), [0.5, 2.0])
    >>> solution.coefs, solution.solver
    (array([[1.5],
           [0. ]]), 'active_set')
    >>> select_method(problem, Separable(0.0), 0.5).name
    'spectral'
    """
    alphas = check_alphas(alphas)[0]
    if method == "auto":
        penalty.check_features(problem.n_features)
        penalty = penalty.for_outputs(problem.n_outputs)
    near, shift = _about_zero(problem)
    if start is not None:
        start = start[0], start[1] - shift
    progress = Progress(on_solved)
    task = Task(
        near, penalty, alphas, tol, max_iter, max_expansions, hessian, start, size, progress
    )
    chosen = _chosen(task, method)
    task, tol = chosen.aimed(task, closely, enough)
    answer = chosen.path(task)
    if on_solved is not None:
        for i in task.descending():
            progress(i)
    if with_gaps and answer.gaps is None and not problem.is_in_chunks:
        answer.gaps = np.array(_gaps(task, answer, np.arange(len(alphas))))
    return reported(task, answer, chosen, tol, problem, shift)


def reported(
    task: Task,
    answer: Answer,
    method: Method,
    tol: float,
    problem: Problem,
    shift: Array | float = 0.0,
) -> Solution:
    """The `Solution` that an answer is, certified where the method left that to be done.

    ``tol`` is what counts as solved, and ``problem`` that of the user, whose targets lie ``shift``
    above those of the task.
    """
    penalty, alphas = task.penalty, task.alphas
    if answer.intercepts is None:
        answer.intercepts = task.quadratic.intercepts(answer.thetas)
    if answer.gaps is not None and answer.is_exact:
        answer.gaps = _looked_at_again(task, answer, answer.gaps, max(tol, _ROUNDING))
    if answer.dof is None:
        freedom = Freedom.of(task.problem, penalty, alphas, answer.thetas, answer.intercepts)
    else:
        freedom = Freedom(answer.dof)
    intercepts = answer.intercepts + shift
    seen = problem.as_seen(answer.thetas, intercepts)
    if problem.dtype != np.float64 and penalty.is_bounded(problem.n_features):
        seen = toward_zero(seen[0], answer.thetas), seen[1]
    norms = answer.gradient_norms
    if norms is not None:
        norms = measured_as_seen(task, answer, problem, norms, *seen)
    endless: list[str] = []
    if not (task.problem.is_quadratic or task.problem.is_in_chunks):
        endless = free_directions_notes(task.risk, penalty, answer.thetas)
    notes = (*answer.notes, *(endless or shortfall(task, answer, method, tol)))
    gaps = answer.gaps
    if gaps is not None and problem.dtype != np.float64 and task.is_full:
        task = replace(task, problem=problem)
        price = price_of_rounding(task, answer.thetas, intercepts, *seen)
        gaps, notes = gaps + price, (*notes, *loss_of_digits(task, price, tol))
    return Solution(
        alphas,
        *seen,
        freedom=freedom,
        norms=_norms_of(penalty, answer.thetas),
        risk=answer.risk,
        dual_gaps=gaps,
        n_iter=answer.n_iter,
        solver=answer.solver,
        gradient_norms=norms,
        n_expansions=answer.n_expansions,
        has_minimizer=answer.has_minimizer,
        notes=notes,
    )


def select_method(problem: Problem, penalty: Penalty, alphas: ArrayLike, **options: Any) -> Method:
    """The method that `solve` takes; its ``scope`` says why.

    Parameters
    ----------
    problem, penalty, alphas
        As for `solve`.
    **options
        ``max_expansions``, ``hessian`` and the others of `Task`.

    Returns
    -------
    Method

    Raises
    ------
    ValueError
        If none serves.
    """
    penalty = penalty.for_outputs(problem.n_outputs)
    return _chosen(Task(problem, penalty, check_alphas(alphas)[0], **options), "auto")


def alpha_max(problem: Problem, penalty: Penalty, hessian: str = "full") -> float:
    """The smallest λ at which every penalized coefficient is 0; +inf if there is none.

    Features without a penalty, and the intercepts, are at their best there.
    """
    penalty = penalty.for_outputs(problem.n_outputs)
    task = Task(_about_zero(problem)[0], penalty, np.ones(1), hessian=hessian)
    return _chosen(task, "auto").alpha_max(task)


def _about_zero(problem: Problem) -> tuple[Problem, Array]:
    """The problem with targets about 0, and what is missing in its intercepts."""
    if problem.is_quadratic or problem.is_in_chunks:  # its means are taken out
        return problem, np.zeros(problem.n_outputs)
    return cast(EmpiricalRisk, problem).shifted


def _chosen(task: Task, name: str) -> Method:
    """The method of that name, or the first that serves."""
    if task.hessian not in HESSIANS:
        raise ValueError(f"hessian must be one of {list(HESSIANS)}, got {task.hessian!r}.")
    task.penalty.check_features(task.problem.n_features)
    for method in METHODS:
        if name in ("auto", method.name) and method.serves(task):
            return method
    if name == "auto":
        known = "\n".join(f"  {method.name}: {method.scope}" for method in METHODS)
        remedy = ""
        if not task.problem.has_curvature:
            remedy = (
                " Its loss has no curvature, and so no quadratic. Use hessian='full' and "
                "max_expansions=None, or loss='huber'."
            )
        elif task.problem.is_in_chunks:
            remedy = " Rows in chunks are for convex penalties and losses. Give X and y as arrays."
        elif not task.problem.is_convex:
            remedy = (
                " Its loss is not convex. Use a convex one, as loss='tweedie' with a power of at "
                "most 2, or QuadraticApproxRidge."
            )
        raise ValueError(
            f"no method serves {task.penalty!r} on this problem.{remedy} They are:\n{known}"
        )
    scopes = {method.name: method.scope for method in METHODS}
    if name not in scopes:
        raise ValueError(f"method must be 'auto' or one of {list(scopes)}, got {name!r}.")
    raise ValueError(
        f"method={name!r} is for {scopes[name]}. Use method='auto', which takes "
        f"{_chosen(task, 'auto').name!r} here."
    )


def _gaps(task: Task, answer: Answer, which: Indices, are_small: bool = False) -> list[float]:
    """Gaps of some solutions, relative to the risk of the null model.

    ``are_small`` says that their λ may be below the rounding of gradients.
    """
    thetas, alphas = answer.thetas[which], task.alphas[which]
    null_risk = task.problem.null_risk
    if task.problem.is_quadratic:
        quadratic = PenalizedQuadratic(task.quadratic, task.penalty)
        of_quadratic = quadratic.gap_of_small if are_small else quadratic.gap
        gaps = [of_quadratic(x, quadratic.slope(x), a) for x, a in zip(thetas, alphas, strict=True)]
    else:
        assert answer.intercepts is not None  # of a loss every method tells them
        certificate = Certificate(task.risk, task.penalty)
        points = zip(task.risk.points(thetas, answer.intercepts[which]), alphas, strict=True)
        gaps = [
            certificate.gap_of_small(*at) if are_small else certificate.gap(*at, EPS * null_risk)
            for at in points
        ]
    return [gap / (null_risk or 1.0) for gap in gaps]


def _looked_at_again(task: Task, answer: Answer, gaps: Array, enough: float) -> Array:
    """Other bounds for gaps above ``enough``: λ may be below the rounding of gradients."""
    late = np.flatnonzero((gaps > enough) & (task.alphas > 0))
    is_asked = late.size and task.penalty.is_convex and task.problem.has_curvature
    if not is_asked or task.problem.is_in_chunks:  # where that was done on the way
        return gaps
    gaps = gaps.copy()
    gaps[late] = np.minimum(gaps[late], _gaps(task, answer, late, are_small=True))
    return gaps


def _norms_of(penalty: Penalty, thetas: Array) -> Array:
    """‖θ‖₂ where J is smooth, else J(θ)."""
    if penalty.is_smooth:
        return np.sqrt(np.einsum("ijk,ijk->i", thetas, thetas))
    return penalty.values(thetas)


def shortfall(task: Task, answer: Answer, method: Method, tol: float) -> list[str]:
    """What to say of the λ furthest from ``tol``; empty if all are solved.

    λ = 0 of a loss does not count: there may be no minimizer, which a note says where it is so.
    """
    reached = answer.gradient_norms if answer.gaps is None else answer.gaps
    if reached is None or not answer.is_exact:
        return []
    if not task.problem.is_quadratic:
        reached = np.where(task.alphas > 0, reached, 0.0)
    worst = int(reached.argmax())
    if not reached[worst] > max(tol, _ROUNDING) + answer.rounding:
        return []
    quantity = "gradient norm" if answer.gaps is None else "duality gap"
    if not task.penalty.is_convex:
        quantity = "residual of stationarity"
    why, remedy = "came, for rounding, no nearer than", method.remedy
    if answer.exhausted is None or answer.exhausted[worst]:
        why, remedy = f"stopped at max_iter={task.max_iter} {method.unit} with", "Raise max_iter"
        if answer.n_expansions is not None and answer.n_iter[worst] < task.max_iter:
            why = f"stopped after {answer.n_expansions[worst]} quadratics with"
            remedy = "Raise max_expansions"
    advice = f"{remedy}, or accept this accuracy by raising tol."
    risk = task.problem
    if not task.penalty.is_convex and isinstance(risk, EmpiricalRisk) and risk.loss.no_minimum:
        advice += f" If {risk.loss.no_minimum}, this penalty may leave no minimum: raise alpha."
    return [
        f"{method.name} {why} a relative {quantity} of {reached[worst]:.1e} at "
        f"alpha={task.alphas[worst]:.6g}, above tol={tol:g}. {advice}"
    ]
