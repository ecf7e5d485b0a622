"""L1 and elastic net under any loss: proximal Newton along a path, with a certificate at every λ.

At a point θ the risk is replaced by its quadratic, with the gradient g there and a Hessian H that
may be older, and the quadratic's lasso on a working set gives the next point (Lee, Sun & Saunders,
2014). Written as ½θᵀHθ + Nᵀθ with N = g − Hθ, all that a step needs to know is N, a smooth function
of λ along the path. So the first point at a new λ takes N *extrapolated* from the last few λ, by
the degree that would have served best at the last of them.

The certificate need not wait until the gradient is right to many digits. The quadratic's own dual
point, the residual linearised about the points that N came from, meets the conditions on the
working set exactly, and the gap it gives is of second order in the error of the quadratic, where
the residual itself gives one of first order. Mostly a λ takes one quadratic.

Steps are accepted on sufficient decrease of the objective (the intercepts always at their best),
and shortened if need be, with a Hessian taken anew first: convergence is global. H is renewed when
the steps that its age has cost weigh as much as a new one.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skreg._threads import one_blas_thread
from skreg.penalties import NoPenalty
from skreg.solvers.certificate import Certificate
from skreg.solvers.newton import solve_newton
from skreg.solvers.one_shot import solve_one_shot
from skreg.solvers.proximal_path import EPS, MAX_EXPANSIONS, ProximalPath, Stop
from skreg.solvers.solution import Solution, as_seen

# Relative gaps from which on a further step is taken for the digits of θ.
_POLISHED = 1e-12


def solve_proximal_newton(
    risk, alphas, penalty, *, hessian="full", max_expansions=None, tol=1e-6, max_iter=10_000
):
    """argmin R(θ, b) + λJ(θ) for each λ, J an L1 or elastic-net penalty, under any loss.

    Parameters
    ----------
    risk : LinearRisk
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    penalty : Separable
    hessian : {"full", "diagonal", "pca"}, default="full"
        The form of H where ``max_expansions=1``; the exact solution needs "full".
    max_expansions : int or None, default=None
        Quadratics for each λ. None takes as many as ``tol`` wants. 1 takes one for all λ, around
        the minimiser of R (where there is none, of R + λ₀·½‖θ‖²) and solves its lasso.
    tol : float, default=1e-6
        Duality gap, relative to the risk of the null model, at which a λ counts as solved.
    max_iter : int, default=10000
        Rounds of the active set for each λ.

    Returns
    -------
    Solution
        ``dof`` counts the non-zero coefficients and those without a penalty, ``norms`` are J(θ),
        ``dual_gaps`` are relative to the risk of the null model.

    Raises
    ------
    ValueError
        If a λ is negative, or ``hessian`` asks for a closed form where there is none.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached, or λ = 0 has no finite answer.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import BinaryLogLoss
    >>> from skreg.penalties.separable import Separable
    >>> from skreg.quadratic.risk import LinearRisk
    >>> from skreg.solvers.proximal_newton import solve_proximal_newton
    >>> X = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    >>> risk = LinearRisk(X, np.array([[0.0], [1.0], [0.0], [1.0]]), BinaryLogLoss())
    >>> solve_proximal_newton(risk, np.array([0.5, 0.25]), Separable(), tol=1e-13).coefs.round(6)
    array([[0.      , 0.      ],
           [1.098612, 0.      ]])
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    if max_expansions == 1:
        return solve_one_shot(risk, alphas, penalty, hessian, tol, max_iter)
    if hessian != "full":
        raise ValueError(
            f"hessian={hessian!r} is a closed form of one quadratic: it goes with "
            f"max_expansions=1, got max_expansions={max_expansions}."
        )
    if alphas.size and not (alphas >= 0).all():
        raise ValueError(f"alphas must not be negative, got {alphas.min()}.")
    with one_blas_thread():
        path = ProximalPath(risk, penalty, tol, max_iter, max_expansions or MAX_EXPANSIONS)
        stops = [None] * len(alphas)
        for i in np.argsort(-alphas, kind="stable"):
            if alphas[i] > 0 or penalty.positive:
                stops[i] = path.solve(alphas[i])
                if tol <= _POLISHED:
                    stops[i] = path.polish(stops[i])
            else:
                stops[i] = _unpenalised(path)
    return _solution(risk, penalty, alphas, stops, path.null_risk, tol, max_iter)


def alpha_max(risk, penalty):
    """The smallest λ at which every penalised coefficient is 0.

    |∂R/∂θⱼ|/(ρfⱼ) at its largest, where θ = 0 but for features without a penalty, which are at
    their best beside the intercept.
    """
    with one_blas_thread():
        return ProximalPath(risk, penalty, 1e-10, 10_000).alpha_max


def _unpenalised(path):
    """λ = 0: Newton's method knows where there is no finite minimiser, and says what it does then.

    The gap is the risk itself, as no loss is negative, or less where the residual can be made
    orthogonal to all features.
    """
    risk = path.risk
    fit = solve_newton(risk, np.zeros(1), tol=1e-10)
    coef = fit.coefs.reshape(risk.n_outputs, -1).astype(np.float64)
    intercept = fit.intercepts.reshape(-1) + coef @ risk.design.centre
    point = path.evaluate(coef.ravel(), intercept)
    gap = point.value
    if coef.size < len(risk.y):
        gap = min(gap, Certificate(risk, NoPenalty()).gap(point, 0.0, 0.0))
    steps = int(fit.n_iter[0])
    return Stop(point.theta, point.intercept, point.value, gap, steps, steps)


def _solution(risk, penalty, alphas, stops, null_risk, tol, max_iter):
    k, p = risk.n_outputs, risk.n_features
    thetas = np.array([stop.theta for stop in stops]).reshape(-1, k, p)
    intercepts = np.array([stop.intercept for stop in stops]).reshape(-1, k)
    intercepts = intercepts - thetas @ risk.design.centre
    free = penalty.unpenalised(p)
    if risk.loss.coupled:
        # What all classes have in common changes nothing where it costs nothing.
        intercepts = intercepts - intercepts.mean(axis=1, keepdims=True)
        if not penalty.positive:
            thetas[:, :, free] -= thetas[:, :, free].mean(axis=1, keepdims=True)
    gaps = np.array([stop.gap for stop in stops]) / (null_risk or 1.0)
    late = (gaps > max(tol, 64 * EPS)) & (alphas > 0)
    if late.any():
        worst = np.where(late, gaps, 0.0).argmax()
        warnings.warn(
            f"the proximal Newton method stopped (max_iter={max_iter} rounds) with a relative "
            f"duality gap of {gaps[worst]:.1e} at alpha={alphas[worst]:.6g}, above tol={tol:g}. "
            "Raise max_iter, or accept this accuracy by raising tol.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return Solution(
        alphas=alphas,
        **as_seen(risk, thetas, intercepts),
        dof=((thetas != 0) | free).sum(axis=(1, 2)).astype(np.float64),
        norms=penalty.values(thetas).sum(axis=1),
        risk=np.array([stop.value for stop in stops]),
        dual_gaps=gaps,
        n_iter=np.array([stop.passes for stop in stops]),
        solver="proximal_newton",
        n_expansions=np.array([stop.expansions for stop in stops]),
    )
