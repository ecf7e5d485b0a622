"""The lasso of one quadratic under any loss: closed forms, and what they lose against the exact."""

from dataclasses import replace

import numpy as np

from skreg.quadratic import lasso
from skreg.solvers.certificate import Certificate
from skreg.solvers.newton import anchor_of
from skreg.solvers.solution import Solution, as_seen

EPS = np.finfo(np.float64).eps


def solve_one_shot(risk, alphas, penalty, hessian, tol, max_iter):
    """argmin R̃(θ) + λJ(θ) for each λ, R̃ the quadratic of R about one anchor (see `anchor_of`).

    Parameters
    ----------
    risk : LinearRisk
    alphas : ndarray of shape (n_alphas,)
    penalty : Separable
    hessian : {"full", "diagonal", "pca"}
    tol, max_iter
        As for `solve_lasso`, on the quadratic.

    Returns
    -------
    Solution
        ``risk`` and ``dual_gaps`` are those of the loss itself: how far the quadratic's solution
        may be from the exact one.
    """
    anchor = anchor_of(risk)
    model = risk.expand(anchor.coef, anchor.intercept)
    factors = None if penalty.factors is None else np.tile(penalty.factors, risk.n_outputs)
    fit = lasso.solve(model, alphas, hessian, tol, max_iter, replace(penalty, factors=factors))
    coefs, intercepts = model.coefficients(fit.thetas[:, 0])
    certificate = Certificate(risk, penalty)
    values, gaps = np.empty((2, len(alphas)))
    for i, alpha in enumerate(alphas):
        point = risk.at(coefs[i].ravel(), intercepts[i] + coefs[i] @ risk.design.centre)
        values[i] = point.value
        gaps[i] = certificate.gap(point, alpha, EPS * risk.null_risk)
    return Solution(
        alphas=alphas,
        **as_seen(risk, coefs, intercepts),
        dof=fit.dof,
        norms=penalty.values(coefs).sum(axis=1),
        risk=values,
        dual_gaps=gaps / (risk.null_risk or 1.0),
        n_iter=fit.n_iter,
        solver="one_shot_" + ("lasso" if hessian == "full" else "soft_threshold"),
        n_expansions=np.ones(len(alphas), dtype=int),
    )
