"""The lasso: soft-thresholding, or coordinate descent with a certificate."""

import numpy as np

from skreg.quadratic import lasso
from skreg.solvers.solution import Solution

_NAMES = {
    "full": "coordinate_descent",
    "diagonal": "soft_threshold",
    "pca": "soft_threshold",
}


def solve_lasso(model, alphas, hessian="full", tol=1e-8, max_iter=10_000):
    """argmin R(θ) + λ‖θ‖₁ for each λ.

    Parameters
    ----------
    model : QuadraticModel
        Of one target.
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    hessian : {"full", "diagonal", "pca"}, default="full"
    tol : float, default=1e-8
        Duality gap, relative to R(0), at which a λ counts as solved.
    max_iter : int, default=10000
        Passes of coordinate descent for each λ.

    Returns
    -------
    Solution
        ``dof`` counts the components not switched off, ``norms`` are ‖θ‖₁.

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
    >>> solve_lasso(model, np.array([0.5, 2.0])).coefs
    array([[1.5],
           [0. ]])
    """
    fit = lasso.solve(model, alphas, hessian, tol, max_iter)
    thetas = fit.thetas[:, None, :]
    return Solution(
        alphas=alphas,
        coefs=model._out(thetas),
        intercepts=model._out_intercepts(thetas),
        dof=fit.dof,
        norms=np.abs(fit.thetas).sum(axis=1),
        risk=fit.risk,
        dual_gaps=fit.gaps,
        n_iter=fit.n_iter,
        solver=_NAMES[hessian],
    )
