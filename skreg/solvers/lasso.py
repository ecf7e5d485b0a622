"""The lasso and its kin: soft-thresholding, or an active set with a certificate."""

import numpy as np

from skreg.penalties.separable import Separable
from skreg.quadratic import lasso
from skreg.solvers.solution import Solution

_NAMES = {
    "full": "active_set",
    "diagonal": "soft_threshold",
    "pca": "soft_threshold",
}


def solve_lasso(model, alphas, hessian="full", tol=1e-8, max_iter=10_000, penalty=None):
    """argmin R(θ) + λJ(θ) for each λ, each target by itself.

    Parameters
    ----------
    model : Quadratic
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    hessian : {"full", "diagonal", "pca"}, default="full"
    tol : float, default=1e-8
        Duality gap, relative to R(0), at which a λ counts as solved.
    max_iter : int, default=10000
        Rounds of the active set for each λ: evaluations of the gradient.
    penalty : None or Separable, default=None
        J; None for ‖θ‖₁.

    Returns
    -------
    Solution
        ``dof`` counts the components not switched off, ``norms`` are J(θ), for ``"pca"`` ‖θ‖₁.

    Raises
    ------
    ValueError
        If ``hessian`` is unknown, or the penalty does not go with it or with the features.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.solvers import solve_lasso
    >>> model = QuadraticModel.from_data([[-1.0], [1.0]], [-2.0, 2.0])
    >>> solve_lasso(model.problem, np.array([0.5, 2.0])).coefs
    array([[1.5],
           [0. ]])
    """
    fit = lasso.solve(model, alphas, hessian, tol, max_iter, penalty)
    norm = Separable() if penalty is None else penalty
    return Solution(
        alphas=alphas,
        **model.as_seen(fit.thetas),
        dof=fit.dof,
        norms=np.array([norm.value(theta) for theta in fit.thetas]),
        risk=fit.risk,
        dual_gaps=fit.gaps,
        n_iter=fit.n_iter,
        solver=_NAMES[hessian],
    )
