"""L1 and elastic net under any loss: proximal Newton along a path, with a certificate at every λ.

At a point θ the risk is replaced by its quadratic, with the gradient g there and a Hessian H that may
be older, and the quadratic's lasso on a working set gives the next point (Lee, Sun & Saunders, 2014).
Written as ½θᵀHθ + Nᵀθ with N = g − Hθ, all that a step needs to know is N, a smooth function of λ
along the path. So the first point at a new λ takes N *extrapolated* from the last few λ, by the
degree that would have served best at the last of them; mostly one more step, or none, is enough.

Steps are accepted on sufficient decrease of the objective (the intercepts always at their best), and
shortened if need be, with a Hessian taken anew first: convergence is global. H is renewed when the
steps that its age has cost weigh as much as a new one.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skreg.solvers.proximal_path import EPS, MAX_EXPANSIONS, ProximalPath
from skreg.solvers.solution import Solution


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
        Quadratics for each λ. None takes as many as ``tol`` wants. 1 takes one for all λ, around the
        minimiser of R (where there is none, of R + λ₀·½‖θ‖²) and solves its lasso.
    tol : float, default=1e-6
        Duality gap, relative to the risk of the null model, at which a λ counts as solved.
    max_iter : int, default=10000
        Passes of coordinate descent for each λ.

    Returns
    -------
    Solution
        ``dof`` counts the non-zero coefficients and those without a penalty, ``norms`` are J's L1
        part ‖θ‖₁, ``dual_gaps`` are relative to the risk of the null model.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import BinaryLogLoss
    >>> from skreg.penalties.separable import Separable
    >>> from skreg.quadratic.risk import LinearRisk
    >>> from skreg.solvers.proximal_newton import solve_proximal_newton
    >>> X = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    >>> risk = LinearRisk(X, np.array([[0.0], [1.0], [0.0], [1.0]]), BinaryLogLoss())
    >>> solve_proximal_newton(risk, np.array([0.5, 0.25]), Separable(), tol=1e-9).coefs.round(6)
    array([[0.      , 0.      ],
           [1.098612, 0.      ]])
    """
    path = ProximalPath(risk, penalty, tol, max_iter, max_expansions or MAX_EXPANSIONS)
    order = np.argsort(-alphas, kind="stable")
    results = [None] * len(alphas)
    for i in order:
        results[i] = path.solve(alphas[i])
    return _solution(risk, penalty, alphas, results, path, tol, max_iter)


def alpha_max(risk, penalty):
    """The smallest λ at which every penalised coefficient is 0.

    ‖∂R/∂θⱼ‖/(ρfⱼ) at its largest, where θ = 0 but for features without a penalty, which are at their
    best beside the intercept.
    """
    return ProximalPath(risk, penalty, 1e-10, 10_000).alpha_max


def _solution(risk, penalty, alphas, results, path, tol, max_iter):
    k, p = risk.n_outputs, risk.n_features
    thetas = np.array([result.theta for result in results]).reshape(-1, k, p)
    intercepts = np.array([result.intercept for result in results]).reshape(-1, k)
    intercepts = intercepts - thetas @ risk.design.centre
    gaps = np.array([result.gap for result in results]) / (path.null_risk or 1.0)
    inside = thetas != 0
    if (gaps > max(tol, 64 * EPS)).any():
        worst = gaps.argmax()
        warnings.warn(
            f"the proximal Newton method stopped (max_iter={max_iter} passes) with a relative "
            f"duality gap of {gaps[worst]:.1e} at alpha={alphas[worst]:.6g}, above tol={tol:g}. "
            "Raise max_iter, or accept this accuracy by raising tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return Solution(
        alphas=alphas,
        coefs=(thetas[:, 0] if k == 1 else thetas).astype(risk.dtype),
        intercepts=(intercepts[:, 0] if k == 1 else intercepts).astype(risk.dtype),
        dof=inside.sum(axis=(1, 2)).astype(np.float64),
        norms=np.abs(thetas).sum(axis=(1, 2)),
        risk=np.array([result.value for result in results]),
        dual_gaps=gaps,
        n_iter=np.array([result.passes for result in results]),
        solver="proximal_newton",
        n_expansions=np.array([result.expansions for result in results]),
    )
