"""Ridge regression by a quadratic decomposed once."""

from skreg.estimators._linear import QuadraticApproxRegressor
from skreg.path import ridge_alphas
from skreg.solvers import solve_ridge


class QuadraticApproxRidge(QuadraticApproxRegressor):
    """Linear regression with an L2 penalty, from the spectrum of the empirical risk.

    Minimises

        ½ Σᵢ wᵢ (yᵢ − xᵢᵀθ − b)² / Σᵢ wᵢ  +  λ·½‖θ‖₂²

    by θ(λ) = Q diag(σ/(σ+λ)) Qᵀθ̂, where H = QΣQᵀ is the risk's Hessian and θ̂ its minimiser. The
    result is ``sklearn.linear_model.Ridge(alpha=n·λ)``'s (Σwᵢ·λ with weights). H is decomposed once
    for all λ: see `regularization_path`.

    Parameters
    ----------
    alpha : float, default=0.01
        λ ≥ 0, against the mean loss. 0 gives the least-squares solution of smallest norm.
    fit_intercept : bool, default=True
        Whether to fit b, which is not penalised.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        θ(λ).
    intercept_ : float or ndarray of shape (n_targets,)
        b.
    alpha_ : float
        The λ in force.
    erm_coef_, erm_intercept_ : as ``coef_`` and ``intercept_``
        θ̂, the minimiser without a penalty.
    quadratic_ : QuadraticModel
        The quadratic. With more features than rows it refers to X.
    effective_dof_ : float
        Σσ/(σ+λ), the intercept not counted.
    n_expansions_, n_iter_ : int
        1: squared error is its own quadratic, solved in closed form.
    solver_ : {"eigh", "eigh-dual", "svd", "svd-dual"}
        What was decomposed: H; with p > n, the n × n products of rows; or X itself, where the
        condition number of H + λI would cost accuracy.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has string column names.

    See Also
    --------
    QuadraticApproxLasso : The L1 penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxRidge
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([1.0, 5.0])
    >>> ridge = QuadraticApproxRidge(alpha=1.0).fit(X, y)
    >>> ridge.coef_, ridge.intercept_, ridge.erm_coef_
    (array([1.]), np.float64(3.0), array([2.]))
    """

    _multi_output = True

    def __init__(self, alpha=0.01, *, fit_intercept=True):
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def _solve(self, model, alphas):
        return solve_ridge(model, alphas)

    def _alphas(self, model, alphas):
        return ridge_alphas(model, alphas)
