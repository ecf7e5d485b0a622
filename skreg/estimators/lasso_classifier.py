"""Logistic regression with an L1 or elastic-net penalty."""

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from skreg.estimators._classification import QuadraticApproxClassifier
from skreg.estimators.lasso import LassoShell
from skreg.penalties import Penalty


class QuadraticApproxLassoClassifier(LassoShell, QuadraticApproxClassifier):
    """Logistic regression with an L1 penalty, by quadratics of the empirical risk.

    Minimizes

        Σᵢ wᵢ ℓ(yᵢ, θxᵢ + b) / Σᵢ wᵢ  +  λ Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)½θⱼ²),

    ℓ the log loss, of two classes or, with a row of θ for each class, of more (the true
    multinomial). The result is that of ``sklearn.linear_model.LogisticRegression(C=1/(n·λ),
    l1_ratio=ρ)``.

    Parameters
    ----------
    alpha : float or "auto", default=0.01
        λ ≥ 0, against the mean loss.
        ``"auto"`` chooses λ within the fit: that of the least leave-one-out loss, approximate;
        see ``alpha_curve_``.
    penalty : None, str or Penalty, default=None
        J. None: the elastic net, with ``groups`` the group lasso. Or by name:

        - ``"l1"``, ``"elasticnet"``, ``"group"``: the same, spelled out.
        - ``"sparse_group"``: Σ_g f_g((1−a)√|g|·‖θ_g‖₂ + a‖θ_g‖₁) with a = ``asparse``.
        - ``"mcp"``, ``"scad"``: concave, hardly shrinking large coefficients. There are local
          minima: the one that continues 0 at λ_max is found, and ``dual_gap_`` is then its
          stationarity residual.
        - ``"slope"``: sorted L1 with the weights of Benjamini and Hochberg at ``q``.

        Or one of `skreg.penalties.PENALTIES` that you have added, or a `skreg.penalties.Penalty`.
    l1_ratio : float, default=1.0
        ρ in [0, 1]: 1 is the lasso, less the elastic net, 0 the ridge's penalty.
    asparse : float, default=0.05
        The share of the L1 part in ``"sparse_group"``, as in R's sparsegl.
    gamma : None or float, default=None
        γ of ``"mcp"`` (None: 3) and ``"scad"`` (None: 3.7), as in R's ncvreg.
    q : float, default=0.1
        The rate of false discoveries that ``"slope"`` has in mind.
    hessian : {"full", "diagonal", "pca"}, default="full"
        - ``"full"``: the problem above; certified by ``dual_gap_``.
        - ``"diagonal"``: H, the Hessian of the risk, replaced by its diagonal around θ̂: θᵢ =
          sign(θ̂ᵢ)·max(|θ̂ᵢ| − λ/Hᵢᵢ, 0). Exact where the features are uncorrelated, an
          approximation elsewhere: ``dual_gap_`` says how far it is from the lasso.
        - ``"pca"``: the same in the eigenvectors Q of H, where H is diagonal: cᵢ =
          sign(ĉᵢ)·max(|ĉᵢ| − λ/σᵢ, 0) with ĉ = Qᵀθ̂, then θ = Qc. This is the exact minimizer for
          the penalty λ‖Qᵀθ‖₁, which selects principal components and not features. Where
          eigenvalues coincide Q, and with it the penalty, is not unique.

        The last two are closed forms of one quadratic: ``max_expansions`` is then 1.
    max_expansions : None or int, default=None
        How often the risk is expanded to a quadratic for one λ. None: until the exact minimizer is
        reached. 1: once, at θ̂, the minimizer without a penalty (where it does not exist, at that
        of a λ₀ > 0 with a warning).
    positive : bool, default=False
        Whether to require θ ≥ 0; as bounds, beside L1, elastic-net and group penalties.
    bounds : None or (lower, upper), default=None
        Numbers, or one for each feature, with lower ≤ 0 ≤ upper: θ is held between them. With
        ``groups`` each coefficient of a group has its own, and proximal gradients solve.
    l2_factors : None or array-like of shape (n_features,), default=None
        Factors of the L2 part, if they are not to be ``penalty_factors``.
    groups : None, array-like of shape (n_features,), list of lists or "targets", default=None
        A label for each feature, or the features of each group: the penalty is then
        λ Σ_g f_g√|g|·‖θ_g‖₂ (Yuan & Lin, 2006), which keeps or drops whole groups, and
        ``penalty_factors`` has an f_g for each group (in the order of the sorted labels, or of
        the list). Several targets or classes share the groups; ``"targets"`` makes one of each
        feature (the multi-task lasso).
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
    max_iter : int, default=10000
        Passes of coordinate descent allowed for each λ.
    tol : float, default=1e-8
        Duality gap, relative to the risk of the intercept alone, at which a λ counts as solved.
        Where the support is found, the solution goes beyond it, to rounding.
    warm_start : bool, default=False
        For scikit-learn's interface; without effect. Every solution is reached from λ_max, where
        it is 0, as the working sets have it.
    store_quadratic : bool, default=False
        Whether the estimator and its pickles keep a reference to X and y, which ``quadratic_`` and
        ``erm_coef_`` are worked out from.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        θ(λ), with exact zeros; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        b.
    dual_gap_ : float
        Duality gap at ``coef_``, divided by R₀, the risk of the intercept alone: the objective
        exceeds its minimum by ``dual_gap_ · R₀`` at most.
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
        Number of non-zero coefficients.
    n_expansions_, n_iter_ : int
        Quadratics taken, and passes of coordinate descent.
    solver_ : str
        How it was solved.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has string column names.

    See Also
    --------
    QuadraticApproxRidgeClassifier : The L2 penalty.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skreg import QuadraticApproxLassoClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = QuadraticApproxLassoClassifier(alpha=0.03).fit(scale(X), y)
    >>> int(model.effective_dof_), model.score(scale(X), y) > 0.95
    (6, True)
    """

    _parameter_constraints: ClassVar[dict] = {
        **QuadraticApproxClassifier._parameter_constraints,
        **LassoShell._parameter_constraints,
    }

    def __init__(
        self,
        alpha: float | str = 0.01,
        *,
        penalty: str | Penalty | None = None,
        l1_ratio: float = 1.0,
        asparse: float = 0.05,
        gamma: float | None = None,
        q: float = 0.1,
        hessian: str = "full",
        max_expansions: int | None = None,
        positive: bool = False,
        bounds: Any = None,
        l2_factors: ArrayLike | None = None,
        groups: Any = None,
        fit_intercept: bool = True,
        penalty_factors: ArrayLike | None = None,
        norm_bound: float | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        max_iter: int = 10_000,
        tol: float = 1e-8,
        warm_start: bool = False,
        store_quadratic: bool = False,
    ) -> None:
        self.alpha = alpha
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.asparse = asparse
        self.gamma = gamma
        self.q = q
        self.hessian = hessian
        self.max_expansions = max_expansions
        self.positive = positive
        self.bounds = bounds
        self.l2_factors = l2_factors
        self.groups = groups
        self.fit_intercept = fit_intercept
        self.penalty_factors = penalty_factors
        self.norm_bound = norm_bound
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.store_quadratic = store_quadratic
