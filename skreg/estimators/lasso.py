"""The lasso and the elastic net on a quadratic."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions

from skreg._validation import as_floats
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.estimators._regression import QuadraticApproxRegressor
from skreg.losses import Loss
from skreg.penalties import Penalty, make_penalty
from skreg.penalties.partition import check_feature_factors


class LassoShell(QuadraticApproxLinear):
    """J(θ) = Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)½θⱼ²), within bounds on request, or a penalty by its name."""

    _norm_power = 1.0  # J is piecewise linear in λ
    _is_ridge = False

    penalty: str | Penalty | None
    l1_ratio: float
    asparse: float
    gamma: float | None
    q: float
    hessian: str
    positive: bool
    bounds: tuple[ArrayLike, ArrayLike] | None
    l2_factors: ArrayLike | None
    groups: Any

    _parameter_constraints: ClassVar[dict] = {
        "penalty": [str, Penalty, None],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "asparse": [Interval(Real, 0, 1, closed="both")],
        "gamma": [Interval(Real, 1, None, closed="neither"), None],
        "q": [Interval(Real, 0, 1, closed="neither")],
        "bounds": [tuple, list, None],
        "l2_factors": ["array-like", None],
        "hessian": [StrOptions({"full", "diagonal", "pca"})],
        "positive": ["boolean"],
        "groups": ["array-like", list, tuple, StrOptions({"targets"}), None],
    }

    # Parameters that shape a penalty: what `make_penalty` calls them, and their defaults.
    _shape: ClassVar[dict] = {
        "penalty_factors": ("factors", None),
        "l2_factors": ("l2_factors", None),
        "l1_ratio": ("l1_ratio", 1.0),
        "asparse": ("asparse", 0.05),
        "gamma": ("gamma", None),
        "q": ("q", 0.1),
        "positive": ("positive", False),
        "bounds": ("bounds", None),
        "groups": ("groups", None),
    }

    def _check_parameters(self):
        if self.groups is not None and self.hessian != "full":
            raise ValueError(
                f"hessian={self.hessian!r} does not go with groups, whose penalty is "
                "Σ √|g|·‖θ_g‖₂. Use hessian='full', or groups=None."
            )
        given = {"penalty": self.penalty, "bounds": self.bounds, "l2_factors": self.l2_factors}
        for name, value in given.items():
            if self.hessian != "full" and value is not None:
                raise ValueError(
                    f"{name} does not go with hessian={self.hessian!r}, a closed form of the "
                    "elastic net. Use hessian='full'."
                )
        if self.hessian == "pca":
            for name in ("positive", "penalty_factors"):
                if (value := getattr(self, name)) is not None and value is not False:
                    raise ValueError(
                        f"{name} speaks of features, and hessian='pca' penalizes their principal "
                        "components. Use hessian='full'."
                    )

    def _penalty(self, n_features):
        given = {
            name: value
            for name, (_, default) in self._shape.items()
            if not _is_default(value := getattr(self, name), default)
        }
        if isinstance(self.penalty, Penalty):
            if given:
                raise ValueError(
                    f"{next(iter(given))} does not go with a penalty that is given as an object. "
                    "Give it to that object."
                )
            penalty = self.penalty
        else:
            if isinstance(self.groups, str):  # "targets"
                given["groups"] = np.arange(n_features)
            for name in ("penalty_factors", "l2_factors"):
                if name in given:
                    given[name] = as_floats(given[name], name)
            kind = self.penalty or ("elasticnet" if self.groups is None else "group")
            penalty = make_penalty(kind, **{self._shape[n][0]: v for n, v in given.items()})
        if self.norm_bound is not None and not penalty.is_convex:
            raise ValueError(
                f"norm_bound does not go with {penalty!r}, which is not a multiple of λ. Use alpha."
            )
        return penalty

    def _options(self, problem):
        return {"hessian": self.hessian, "with_gaps": True}

    def _check_factors(self, n_features):
        if self.groups is None:  # with groups there is one for each group: `Group` checks
            for name in ("penalty_factors", "l2_factors"):
                if (factors := getattr(self, name)) is not None:
                    check_feature_factors(factors, n_features, name)


def _is_default(value, default):
    return value is None or value is default or (isinstance(value, Real) and value == default)


class QuadraticApproxLasso(LassoShell, QuadraticApproxRegressor):
    """Linear regression with an L1 penalty, on the quadratic of the empirical risk.

    Minimizes

        Σᵢ wᵢ ℓ(yᵢ, xᵢᵀθ + b) / Σᵢ wᵢ  +  λ Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)½θⱼ²),

    for squared error as ``sklearn.linear_model.Lasso(alpha=λ)`` and ``ElasticNet(alpha=λ,
    l1_ratio=ρ)`` do; several targets are then solved each by itself. Other losses are expanded to a
    quadratic again and again (proximal Newton) until the exact minimizer is reached.

    Parameters
    ----------
    alpha : float or "auto", default=0.01
        λ ≥ 0, against the mean loss. 0 gives the minimizer of smallest norm.
        ``"auto"`` chooses λ within the fit: that of the least leave-one-out loss, approximate;
        see ``alpha_curve_``.
    loss : str or Loss, default="squared_error"
        ℓ of the raw prediction f = xᵀθ + b:

        - ``"squared_error"``: ½(y − f)².
        - ``"huber"``: ½r² for |r| ≤ δ and else δ|r| − ½δ², r = y − f.
        - ``"quantile"``: τr for r ≥ 0 and else (τ − 1)r, for the τ-quantile of y.
        - ``"poisson"``, ``"gamma"``, ``"tweedie"``, ``"negative_binomial"``: half the unit deviance
          of the mean exp(f), for counts; for positive numbers; for amounts that may be 0, with
          variance φμᵖ; for counts with variance μ + αμ².

        Or a loss of your own: see `skreg.losses.register`.
    delta : float, default=1.35
        δ of ``"huber"``, in the units of y.
    quantile : float, default=0.5
        τ in (0, 1) of ``"quantile"``: 0.5 is half the absolute error, whose minimizer is the
        median.
    power : float, default=1.5
        p of ``"tweedie"``: between 1 and 2; or 0, 1, 2, which are squared error (with the identity
        link), Poisson and gamma.
    dispersion : float, default=1.0
        α > 0 of ``"negative_binomial"``, which is not estimated.
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
          sign(θ̂ᵢ)·max(|θ̂ᵢ| − λ/Hᵢᵢ, 0). Exact where the features are uncorrelated (by PCA, say), an
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
        Squared error is its own quadratic: this changes nothing there.
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
    max_iter : int, default=10000
        Rounds (evaluations of the gradient) allowed for each λ.
    tol : float, default=1e-8
        Duality gap, relative to the risk of the intercept alone, at which a λ counts as solved.
        Where the support is found, the solution goes beyond it, to rounding.
    warm_start : bool, default=False
        For scikit-learn's interface; without effect. Every solution is reached from λ_max, where
        it is 0, as the working sets have it.
    store_quadratic : bool, default=False
        Whether the estimator and its pickles keep what ``quadratic_``, ``erm_coef_`` and
        `partial_fit` after `fit` take: H; or, with more features than rows, and for other losses
        than squared error, a reference to X and y. False keeps H in memory only, and X not at all.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        θ(λ); zeros are exact.
    intercept_ : float or ndarray of shape (n_targets,)
        b.
    dual_gap_ : float
        Duality gap at ``coef_``, divided by R₀, the risk of the intercept alone: the objective
        exceeds its minimum by ``dual_gap_ · R₀`` at most. For ``"pca"``, of the rotated problem.
    alpha_ : float
        The λ in force: ``alpha``, or the multiplier of ``norm_bound``.
    alpha_curve_ : dict of str to ndarray of shape (n_alphas,)
        With ``alpha="auto"``: ``alpha``, descending; ``loss``, the mean loss ℓ of each row under
        the fit to the others; ``std_error`` of that mean; and ``doubt``, about how far it may be
        off, as a share of it.
        After `partial_fit`, which keeps no rows, by generalized cross-validation.
    erm_coef_, erm_intercept_ : as ``coef_`` and ``intercept_``
        θ̂, the minimizer without a penalty, worked out when asked for.
    quadratic_ : QuadraticModel
        The risk; with more features than rows it refers to X. For other losses than squared error
        the expansion at the solution, made when asked for. See ``store_quadratic``.
    effective_dof_ : float
        Number of non-zero components, of ``coef_`` or, for ``"pca"``, of Qᵀ``coef_``.
    n_iter_ : int
        Rounds of the solver; 1 for a closed form.
    n_expansions_ : int
        Quadratics taken; 1 for squared error.
    solver_ : str
        ``"active_set"``, ``"soft_threshold"`` for a diagonal Hessian, or the name of the
        solver for groups and for other losses.
    out_activation_ : str
        Activation of the raw predictions: ``"identity"``, or ``"exponential"`` for a log link.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has string column names.

    See Also
    --------
    QuadraticApproxRidge : The L2 penalty.
    QuadraticApproxLassoClassifier : Classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxLasso
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> y = X @ [3.0, 0.2]
    >>> QuadraticApproxLasso(alpha=1.0).fit(X, y).coef_
    array([1., 0.])

    The budget instead of its price:

    >>> bounded = QuadraticApproxLasso(norm_bound=1.0).fit(X, y)
    >>> bounded.coef_.round(9), round(bounded.alpha_, 9)
    (array([1., 0.]), 1.0)
    """

    _parameter_constraints: ClassVar[dict] = {
        **QuadraticApproxRegressor._parameter_constraints,
        **LassoShell._parameter_constraints,
    }

    def __init__(
        self,
        alpha: float | str = 0.01,
        *,
        loss: str | Loss = "squared_error",
        delta: float = 1.35,
        quantile: float = 0.5,
        power: float = 1.5,
        dispersion: float = 1.0,
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
        max_iter: int = 10_000,
        tol: float = 1e-8,
        warm_start: bool = False,
        store_quadratic: bool = False,
    ) -> None:
        self.alpha = alpha
        self.loss = loss
        self.delta = delta
        self.quantile = quantile
        self.power = power
        self.dispersion = dispersion
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
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.store_quadratic = store_quadratic
