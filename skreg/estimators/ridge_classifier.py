"""Logistic regression with an L2 penalty."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from skreg.estimators._classification import QuadraticApproxClassifier
from skreg.estimators.ridge import RidgeShell


class QuadraticApproxRidgeClassifier(RidgeShell, QuadraticApproxClassifier):
    """Logistic regression with an L2 penalty, by quadratics of the empirical risk.

    Minimizes

        Σᵢ wᵢ ℓ(yᵢ, θxᵢ + b) / Σᵢ wᵢ  +  λ·½ Σⱼ fⱼθⱼ²,

    ℓ the log loss, of two classes or, with a row of θ for each class, of more (the true
    multinomial). The result is ``sklearn.linear_model.LogisticRegression(C=1/(n·λ))``'s.

    Parameters
    ----------
    alpha : float or "auto", default=0.01
        λ ≥ 0, against the mean loss.
        ``"auto"`` chooses λ within the fit: that of the least leave-one-out loss, approximate;
        see ``alpha_curve_``.
    max_expansions : None or int, default=None
        How often the risk is expanded to a quadratic for one λ. None: until the exact minimizer is
        reached. 1: once, at θ̂, the minimizer without a penalty (where it does not exist, at that
        of a λ₀ > 0 with a warning); every λ is then a closed form.
    fit_intercept : bool, default=True
        Whether to fit b, which is not penalized.
    penalty_factors : None or array-like of shape (n_features,), default=None
        f ≥ 0 for each feature, 0 for one that is not penalized, inf for one that is excluded;
        None stands for ones.
    norm_bound : None or float, default=None
        k > 0: minimize the risk subject to J(θ) ≤ k. ``alpha`` is then ignored and ``alpha_`` is
        the multiplier, the λ with J(θ(λ)) = k; 0 where the constraint is slack, J(θ̂) ≤ k.
    class_weight : None, "balanced" or dict of label to float, default=None
        Multiplies the weights of the rows of each class; ``"balanced"`` makes the classes' sums
        equal.
    max_iter : int, default=1000
        Newton steps allowed for each λ.
    tol : float, default=1e-8
        ``gradient_norm_`` at which a λ counts as solved.
    warm_start : bool, default=False
        Whether Newton's method starts from the last solution. The problem is convex: this changes
        the time it takes, and not the result.
    store_quadratic : bool, default=False
        Whether the estimator and its pickles keep a reference to X and y, which ``quadratic_`` and
        ``erm_coef_`` are worked out from.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        θ(λ); one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        b.
    alpha_ : float
        The λ in force: ``alpha``, or the multiplier of ``norm_bound``.
    alpha_curve_ : dict of str to ndarray of shape (n_alphas,)
        With ``alpha="auto"``: ``alpha``, descending; ``loss``, the mean loss ℓ of each row under
        the fit to the others; ``std_error`` of that mean; and ``doubt``, about how far it may be
        off, as a share of it.
    erm_coef_, erm_intercept_ : as ``coef_`` and ``intercept_``
        θ̂, the minimizer without a penalty, worked out when asked for; ``store_quadratic=True``.
        Classes that a plane separates have none: a warning says which λ stands in.
    quadratic_ : QuadraticModel
        The risk's expansion at the solution, made when asked for, with ``store_quadratic=True``.
    effective_dof_ : float
        tr H(H + λF)⁻¹ at the solution; intercepts are not counted.
    n_expansions_, n_iter_ : int
        Quadratics taken, and Newton steps.
    gradient_norm_ : float
        maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀), the gradient of the objective with H and the risk R₀ at θ = 0: half
        its square is about what a coefficient alone could still gain, as a share of R₀. That of
        the coefficients as they are, rounded to a float32 of X.
    solver_ : str
        How it was solved.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has string column names.

    See Also
    --------
    QuadraticApproxLassoClassifier : The L1 penalty.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import QuadraticApproxRidgeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = QuadraticApproxRidgeClassifier(alpha=1e-3).fit(X, y)
    >>> model.coef_.shape, model.score(X, y) > 0.95
    ((3, 4), True)
    """

    def __init__(
        self,
        alpha: float | str = 0.01,
        *,
        max_expansions: int | None = None,
        fit_intercept: bool = True,
        penalty_factors: ArrayLike | None = None,
        norm_bound: float | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        max_iter: int = 1000,
        tol: float = 1e-8,
        warm_start: bool = False,
        store_quadratic: bool = False,
    ) -> None:
        self.alpha = alpha
        self.max_expansions = max_expansions
        self.fit_intercept = fit_intercept
        self.penalty_factors = penalty_factors
        self.norm_bound = norm_bound
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.store_quadratic = store_quadratic
