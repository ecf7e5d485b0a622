"""Ridge regression by a quadratic decomposed once."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skreg._arrays import follows_x
from skreg._validation import as_floats
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._lazy import lazily
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.estimators._regression import QuadraticApproxRegressor
from skreg.losses import Loss
from skreg.penalties import Separable
from skreg.solvers.closed_forms import gradient_norm
from skreg.solvers.evidence import log_evidence, noise_variance, posterior_variance


class RidgeShell(QuadraticApproxLinear):
    """J(θ) = ½ Σⱼ fⱼθⱼ²."""

    _norm_power = -0.5  # ‖θ‖⁻¹ is nearly linear in λ
    _is_ridge = True

    def _check_parameters(self):
        if np.ndim(self.alpha):
            check_alpha_by_target(self.alpha)

    def _penalty(self, n_features):
        return Separable(0.0, self._factors())

    def _options(self, problem):
        return {"start": self._last_solution(problem) if self.warm_start else None}

    @property
    def gradient_norm_(self) -> float:
        """maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀), the gradient of the objective, with H and the risk R₀ at θ = 0."""
        check_is_fitted(self, "coef_")
        if self._gradient_norm is None and not self._loss.is_quadratic:
            raise AttributeError(
                f"loss {self._loss.name!r} has no gradient where a row is interpolated: dual_gap_ "
                "certifies the solution."
            )
        if self._gradient_norm is None:
            self._gradient_norm = self._model_gradient_norm()
        return self._gradient_norm

    def _model_gradient_norm(self):
        """The same of a closed form, whose intercept is at its best but for rounding."""
        problem = self._exact_for("gradient_norm_")
        unit = np.sqrt(problem.null_risk or 1.0)
        theta, intercept = self._anchor()
        factors = 1.0 if self.penalty_factors is None else self._factors()
        factors = np.where(np.isinf(factors), np.nan, factors)  # excluded: of no account
        alpha = self.alpha_ if np.ndim(self.alpha_) == 0 else np.reshape(self.alpha_, (-1, 1))
        norm = gradient_norm(problem, theta, alpha * factors * theta)
        off = 0.0
        if self.fit_intercept:
            off = np.abs(intercept - problem.intercepts(theta)).max() / unit
        # What rounding θ and b to float64 does to predictions of features far from 0.
        reach = np.sqrt(np.maximum(problem.diagonal, 0.0)) + np.abs(problem.x_mean)
        size = np.abs(theta) @ reach + np.abs(intercept)
        rounding = np.finfo(np.float64).eps * np.max(size) / unit
        return float(max(norm, off) + rounding)

    def _last_solution(self, problem):
        """θ and b of the last fit, or None if they are not of this problem's shape."""
        if not hasattr(self, "coef_"):
            return None
        coef, intercept = self._anchor()
        return (coef, intercept) if coef.shape == (problem.n_outputs, problem.n_features) else None


def check_alpha_by_target(alpha):
    """Raise unless ``alpha`` is a vector of finite λ ≥ 0.

    Examples
    --------
    >>> check_alpha_by_target([0.1, -1.0])
    Traceback (most recent call last):
        ...
    ValueError: alpha must be finite and not negative, got -1.0 for target 1.
    """
    array = as_floats(alpha, "alpha")
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"alpha must be one number, or one for each target, got shape {array.shape}."
        )
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if bad.size:
        raise ValueError(
            f"alpha must be finite and not negative, got {array[bad[0]]} for target {bad[0]}."
        )


class QuadraticApproxRidge(RidgeShell, QuadraticApproxRegressor):
    """Linear regression with an L2 penalty, from the quadratic of the empirical risk.

    Minimizes

        Σᵢ wᵢ ℓ(yᵢ, xᵢᵀθ + b) / Σᵢ wᵢ  +  λ·½ Σⱼ fⱼθⱼ².

    For squared error θ(λ) = Q diag(σ/(σ+λ)) Qᵀθ̂, where H = QΣQᵀ is the risk's Hessian and θ̂ its
    minimizer: the result is ``sklearn.linear_model.Ridge(alpha=n·λ)``'s (Σwᵢ·λ with weights), and H
    is decomposed once for all λ: see `regularization_path`. Other losses are expanded to a
    quadratic again and again (Newton's method) until the exact minimizer is reached.

    Parameters
    ----------
    alpha : float, "auto" or array-like of shape (n_targets,), default=0.01
        λ ≥ 0, against the mean loss. 0 gives the minimizer of smallest norm. Targets of squared
        error may have one each; `regularization_path` and searches give all of them the same.
        ``"auto"`` chooses λ within the fit: that of the least leave-one-out loss, exact for squared
        error, else approximate; see ``alpha_curve_``.
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
        link), Poisson and gamma; or more, where the deviance is not convex and the solution a
        stationary point.
    dispersion : float, default=1.0
        α > 0 of ``"negative_binomial"``, which is not estimated.
    max_expansions : None or int, default=None
        How often the risk is expanded to a quadratic for one λ. None: until the exact minimizer is
        reached. 1: once, at θ̂, the minimizer without a penalty (where it does not exist, at that
        of a λ₀ > 0 with a warning); every λ is then a closed form.
        Squared error is its own quadratic: this changes nothing there.
    fit_intercept : bool, default=True
        Whether to fit b, which is not penalized.
    penalty_factors : None or array-like of shape (n_features,), default=None
        f ≥ 0 for each feature, 0 for one that is not penalized, inf for one that is excluded;
        None stands for ones.
    norm_bound : None or float, default=None
        k > 0: minimize the risk subject to J(θ) ≤ k. ``alpha`` is then ignored and ``alpha_`` is
        the multiplier, the λ with J(θ(λ)) = k; 0 where the constraint is slack, J(θ̂) ≤ k.
    max_iter : int, default=1000
        Newton steps allowed for each λ; squared error needs none.
    tol : float, default=1e-8
        ``gradient_norm_`` at which a λ counts as solved.
    warm_start : bool, default=False
        Whether Newton's method starts from the last solution. The problem is convex: this changes
        the time it takes, and not the result.
    store_quadratic : bool, default=False
        Whether the estimator and its pickles keep what ``quadratic_``, ``erm_coef_``,
        ``predict(return_std=True)`` and `partial_fit` after `fit` take: H; or, with more features
        than rows, and for ``quadratic_`` and ``erm_coef_`` of other losses than squared error, a
        reference to X and y. False keeps H in memory only, and X not at all.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        θ(λ).
    intercept_ : float or ndarray of shape (n_targets,)
        b.
    alpha_ : float or ndarray of shape (n_targets,)
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
        tr H(H + λF)⁻¹, Σσ/(σ+λ) without factors; the intercept is not counted, and targets
        are summed over.
    n_expansions_, n_iter_ : int
        Quadratics taken, and Newton steps; 1 for squared error, a closed form.
    dual_gap_ : float
        For ``loss="quantile"``: the objective exceeds its minimum by ``dual_gap_ · R₀`` at most.
    gradient_norm_ : float
        For other losses maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀), the gradient of the objective with H and the risk
        R₀ at θ = 0: half its square is about what a coefficient alone could still gain, as a share
        of R₀. That of the coefficients as they are, rounded to a float32 of X.
    noise_variance_, log_evidence_ : float
        For squared error, of the Bayesian model below.
    solver_ : str
        What was decomposed. For squared error: ``"eigh"``, H; with p > n ``"eigh-dual"``, the n × n
        products of rows; or ``"svd"`` and ``"svd-dual"``, X itself, where the condition number of
        H + λI would cost accuracy; ``"cg"``, nothing, for a sparse X too large for that, where
        ``effective_dof_`` is NaN. For other losses: ``"newton-cholesky"``, with p > n
        ``"newton-dual"``, or ``"newton-cg"``; ``"semismooth-newton"`` for Huber's where
        targets lie a thousand δ away and more; ``"interior_point"`` for quantiles.
    out_activation_ : str
        Activation of the raw predictions: ``"identity"``, or ``"exponential"`` for a log link.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has string column names.

    See Also
    --------
    QuadraticApproxLasso : The L1 penalty.
    QuadraticApproxRidgeClassifier : Classes.

    Notes
    -----
    The ridge on squared error is the posterior mean of the model y ~ N(xᵀθ + b, σ²/w), θ ~ N(0,
    σ²/(nλ)·I), weights scaled to mean 1 over the n rows that have one and b held at its best
    value: `sklearn.linear_model.BayesianRidge` with ``lambda_/alpha_`` = nλ. The noise σ² = 2R(θ) +
    λ‖θ‖² maximizes the evidence, ``predict(X, return_std=True)`` gives √(σ² + σ²(x − x̄)ᵀ(H +
    λI)⁻¹(x − x̄)/n), and ``regularization_path(…).log_evidence`` compares λ without held-out rows
    (MacKay, 1992).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxRidge
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([1.0, 5.0])
    >>> ridge = QuadraticApproxRidge(alpha=1.0).fit(X, y)
    >>> ridge.coef_, ridge.intercept_, ridge.erm_coef_
    (array([1.]), np.float64(3.0), array([2.]))

    Counts, each over its own exposure:

    >>> counts = QuadraticApproxRidge(alpha=0.0, loss="poisson")
    >>> exposure = np.log([1.0, 2.0])
    >>> counts.fit(X, [2.0, 12.0], offset=exposure).predict(X, offset=exposure).round(6)
    array([ 2., 12.])
    """

    _noise: NDArray[np.float64] | None
    _evidence: float | None

    _parameter_constraints: ClassVar[dict] = {
        **QuadraticApproxRegressor._parameter_constraints,
        "alpha": [*QuadraticApproxRegressor._parameter_constraints["alpha"], "array-like"],
    }

    def __init__(
        self,
        alpha: Any = 0.01,
        *,
        loss: str | Loss = "squared_error",
        delta: float = 1.35,
        quantile: float = 0.5,
        power: float = 1.5,
        dispersion: float = 1.0,
        max_expansions: int | None = None,
        fit_intercept: bool = True,
        penalty_factors: ArrayLike | None = None,
        norm_bound: float | None = None,
        max_iter: int = 1000,
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
        self.max_expansions = max_expansions
        self.fit_intercept = fit_intercept
        self.penalty_factors = penalty_factors
        self.norm_bound = norm_bound
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.store_quadratic = store_quadratic

    def _settle(self):
        if self._exact is not None and not self._not_bayesian():
            _ = self.noise_variance_, self.log_evidence_  # which keep what they find

    @follows_x
    @lazily
    def predict(self, X: MatrixLike, *, offset: Any = None, return_std: bool = False) -> Any:
        """Predict the target: xᵀθ + b, its exponential for ``"poisson"`` and ``"gamma"``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : None or array-like of shape (n_samples,), default=None
            Added to the raw predictions.
        return_std : bool, default=False
            Whether to return the standard deviation of y given x as well; for squared error. See
            the notes of the class.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        std : ndarray of the same shape
            Only with ``return_std=True``.

        Raises
        ------
        ValueError
            If X or the offset are not usable, or there is no standard deviation to return.
        """
        raw, X = self._raw(X)
        predicted = self._from_raw(raw[None], X, offset)[0]
        if not return_std:
            return predicted
        if reason := self._not_bayesian():
            raise ValueError(f"return_std=True needs {reason}")
        if self._exact is None:
            raise ValueError(
                "return_std=True needs H, which this estimator has not kept: set "
                "store_quadratic=True, and fit again."
            )
        noise = np.atleast_1d(self.noise_variance_)
        spread = posterior_variance(self._exact, self.alpha_, X)
        std = np.sqrt((1.0 + spread)[:, None] * noise).astype(predicted.dtype)
        return predicted, std.reshape(predicted.shape)

    @property
    def noise_variance_(self) -> Any:
        """σ² of the noise; for several targets an array."""
        check_is_fitted(self, "coef_")
        if reason := self._not_bayesian():
            raise AttributeError(f"noise_variance_ needs {reason}")
        if self._noise is None:
            problem = self._exact_for("noise_variance_")
            self._noise = noise_variance(problem, np.array([self.alpha_]))[0]
        return float(self._noise[0]) if self.coef_.ndim == 1 else self._noise

    @property
    def log_evidence_(self) -> float:
        """log P(y | λ), summed over targets."""
        check_is_fitted(self, "coef_")
        if self._evidence is None:
            self._evidence = float(self._log_evidence(np.array([self.alpha_]))[0])
        return self._evidence

    def _set_solution(self, solution, i):
        super()._set_solution(solution, i)
        self._noise = self._evidence = None

    def _log_evidence(self, alphas):
        if self._not_bayesian():
            return super()._log_evidence(alphas)
        return log_evidence(self._exact_for("the evidence"), alphas)

    def _not_bayesian(self):
        """What is missing for a posterior in closed form."""
        if not self._loss.is_quadratic:
            return (
                f"loss='squared_error', whose posterior is Gaussian; this is {self._loss.name!r}."
            )
        if getattr(self, "solver_", "") == "cg":
            return "the spectrum of H, for which this sparse X is too large."
        if self.penalty_factors is not None:
            return "one prior for all features: leave penalty_factors out."
        if np.ndim(getattr(self, "alpha_", 0.0)):
            return "one prior for all targets: give one alpha."
        return ""
