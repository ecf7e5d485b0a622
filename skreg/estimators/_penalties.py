"""The two penalties of the quadratic estimators: how λ is solved, and which λ a path takes."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skreg._validation import as_floats, check_factors
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.penalties import Penalty, Separable, make_penalty


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
    def gradient_norm_(self):
        """maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀), the gradient of the objective, with H and the risk R₀ at θ = 0."""
        check_is_fitted(self)
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
        form, unit = problem.form, np.sqrt(problem.null_risk or 1.0)
        theta, intercept = self._anchor()
        factors = 1.0 if self.penalty_factors is None else self._factors()
        alpha = self.alpha_ if np.ndim(self.alpha_) == 0 else np.reshape(self.alpha_, (-1, 1))
        norm = problem.gradient_norm(theta, alpha * factors * theta)
        off = 0.0
        if self.fit_intercept:
            off = np.abs(intercept - problem.intercepts(theta)).max() / unit
        # What rounding θ and b to float64 does to predictions of features far from 0.
        reach = np.sqrt(np.maximum(form.diagonal, 0.0)) + np.abs(form.x_mean)
        size = np.abs(theta) @ reach + np.abs(intercept)
        rounding = np.finfo(np.float64).eps * np.max(size) / unit
        return float(max(norm, off) + rounding)

    def _last_solution(self, problem):
        """θ and b of the last fit, or None if they are not of this problem's shape."""
        if not hasattr(self, "coef_"):
            return None
        coef, intercept = self._anchor()
        return (coef, intercept) if coef.shape == (problem.n_outputs, problem.n_features) else None


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
        given = {name: getattr(self, name) for name in self._shape}
        given = {n: v for n, v in given.items() if not _is_default(v, self._shape[n][1])}
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
                    given[name] = np.asarray(given[name], dtype=np.float64)
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
            check_factors(self.penalty_factors, n_features, may_exclude=True)


def _is_default(value, default):
    return value is None or (isinstance(value, Real) and value == default)


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
