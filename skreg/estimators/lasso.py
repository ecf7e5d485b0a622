"""The lasso on a quadratic."""

from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from skreg.estimators._linear import QuadraticApproxRegressor
from skreg.path import lasso_alphas
from skreg.solvers import solve_lasso


class QuadraticApproxLasso(QuadraticApproxRegressor):
    """Linear regression with an L1 penalty, on the quadratic of the empirical risk.

    Minimises

        ½ Σᵢ wᵢ (yᵢ − xᵢᵀθ − b)² / Σᵢ wᵢ  +  λ‖θ‖₁,

    as ``sklearn.linear_model.Lasso(alpha=λ)`` does, with H = XᵀWX/Σw (X centred) in one of three
    forms. One target; wrap it in `sklearn.multioutput.MultiOutputRegressor` for more.

    Parameters
    ----------
    alpha : float, default=0.01
        λ ≥ 0, against the mean loss. 0 gives the least-squares solution of smallest norm.
    hessian : {"full", "diagonal", "pca"}, default="full"
        - ``"full"``: the problem above, by compiled coordinate descent and a direct solve on the
          support it finds; certified by ``dual_gap_``.
        - ``"diagonal"``: H replaced by its diagonal around θ̂, the minimiser without a penalty:
          θᵢ = sign(θ̂ᵢ)·max(|θ̂ᵢ| − λ/Hᵢᵢ, 0). Exact where the features are uncorrelated, an
          approximation elsewhere: ``dual_gap_`` says how far it is from the lasso.
        - ``"pca"``: the same in the eigenvectors Q of H, where H is diagonal: cᵢ =
          sign(ĉᵢ)·max(|ĉᵢ| − λ/σᵢ, 0) with ĉ = Qᵀθ̂, then θ = Qc. This is the exact minimiser for
          the penalty λ‖Qᵀθ‖₁, which selects principal components and not features. Where
          eigenvalues coincide Q, and with it the penalty, is not unique.
    fit_intercept : bool, default=True
        Whether to fit b, which is not penalised.
    max_iter : int, default=10000
        Passes of coordinate descent allowed for each λ (``hessian="full"``).
    tol : float, default=1e-8
        Duality gap, relative to the risk at θ = 0, at which a λ counts as solved. The direct solve
        goes beyond it, to rounding, wherever the support is found.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        θ(λ); zeros are exact.
    intercept_ : float
        b.
    alpha_ : float
        The λ in force.
    dual_gap_ : float
        Duality gap of the lasso at ``coef_``, divided by R(0), the risk at θ = 0: the objective
        exceeds its minimum by ``dual_gap_ · R(0)`` at most. For ``"pca"``, of the rotated problem.
    erm_coef_, erm_intercept_ : as ``coef_`` and ``intercept_``
        θ̂, the minimiser without a penalty.
    quadratic_ : QuadraticModel
        The quadratic. With more features than rows it refers to X.
    effective_dof_ : float
        Number of non-zero components, of ``coef_`` or, for ``"pca"``, of Qᵀ``coef_``.
    n_iter_ : int
        Passes of coordinate descent; 1 for a closed form.
    n_expansions_ : int
        1: squared error is its own quadratic.
    solver_ : {"coordinate_descent", "soft_threshold"}
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has string column names.

    See Also
    --------
    QuadraticApproxRidge : The L2 penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxLasso
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> QuadraticApproxLasso(alpha=1.0).fit(X, X @ [3.0, 0.2]).coef_
    array([1., 0.])
    """

    _multi_output = False
    _parameter_constraints: ClassVar[dict] = {
        **QuadraticApproxRegressor._parameter_constraints,
        "hessian": [StrOptions({"full", "diagonal", "pca"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, alpha=0.01, *, hessian="full", fit_intercept=True, max_iter=10_000, tol=1e-8
    ):
        self.alpha = alpha
        self.hessian = hessian
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def _solve(self, model, alphas):
        return solve_lasso(model, alphas, self.hessian, self.tol, self.max_iter)

    def _alphas(self, model, alphas):
        return lasso_alphas(model, alphas, self.hessian)
