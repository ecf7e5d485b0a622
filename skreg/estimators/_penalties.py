"""The two penalties of the quadratic estimators: how λ is solved, and which λ a path takes."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skreg.path import group_alphas, lasso_alphas, ridge_alphas
from skreg.penalties import Separable
from skreg.solvers import solve_lasso, solve_ridge
from skreg.solvers.group_lasso import group_penalty, solve_group_lasso
from skreg.solvers.newton import solve_newton
from skreg.solvers.proximal_newton import solve_proximal_newton


class RidgeShell:
    """J(θ) = ½ Σⱼ fⱼθⱼ²."""

    # For the search of a multiplier: ‖θ‖⁻¹ is nearly linear in λ.
    _norm_power = -0.5
    # The share of tol that a single fit aims at: one step of Newton's method more. Predictions err
    # by the gradient over λ, and those of a fit and of a path are to agree to eight digits.
    _closer = 1e-3
    _is_exact = True

    def _check_parameters(self):
        pass

    def _norms_of(self, coefs):
        """J(θ) for each λ, summed over targets."""
        return _sums(Separable(0.0, self._factors()), coefs)

    def _solve(self, problem, alphas, tol=None):
        if problem.is_quadratic:
            return solve_ridge(problem, alphas, self._factors())
        return solve_newton(
            problem,
            alphas,
            self._factors(),
            max_expansions=self.max_expansions,
            tol=tol or self.tol,
            max_iter=self.max_iter,
            start=self._last_solution(problem) if self.warm_start else None,
        )

    @property
    def gradient_norm_(self):
        """maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀), the gradient of the objective, with H and the risk R₀ at θ = 0."""
        check_is_fitted(self)
        if self._gradient_norm is None:
            self._gradient_norm = self._model_gradient_norm()
        return self._gradient_norm

    def _model_gradient_norm(self):
        """The same of a closed form, whose intercept is at its best."""
        model, theta = self._model, np.asarray(self.coef_, dtype=np.float64)
        factors = 1.0 if self.penalty_factors is None else self._factors()
        gradient = model.gradient(theta).astype(np.float64) + self.alpha_ * factors * theta
        width = np.sqrt(model.problem.form.diagonal * model.null_risk)
        return float(np.abs(gradient / np.where(width > 0, width, np.inf)).max(initial=0.0))

    def _last_solution(self, problem):
        """θ and b of the last fit, or None if they are not of this problem's shape."""
        if not hasattr(self, "coef_"):
            return None
        coef, intercept = self._anchor()
        return (coef, intercept) if coef.shape == (problem.n_outputs, problem.n_features) else None

    def _alphas(self, problem, alphas):
        return ridge_alphas(problem, alphas)


class LassoShell:
    """J(θ) = Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)½θⱼ²), on θ ≥ 0 on request, or Σ_g f_g√|g|‖θ_g‖₂."""

    # For the search of a multiplier: J is piecewise linear in λ.
    _norm_power = 1.0
    # The share of tol that a single fit aims at.
    _closer = 1e-6

    @property
    def _is_exact(self):
        """Whether a certificate is due, rather than a closed form that approximates."""
        return self.hessian == "full"

    _parameter_constraints: ClassVar[dict] = {
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "hessian": [StrOptions({"full", "diagonal", "pca"})],
        "positive": ["boolean"],
        "groups": ["array-like", list, tuple, StrOptions({"targets"}), None],
    }

    def _check_parameters(self):
        if self.groups is not None:
            for name, plain in (("hessian", "full"), ("positive", False), ("l1_ratio", 1.0)):
                if (value := getattr(self, name)) != plain:
                    raise ValueError(
                        f"{name}={value!r} does not go with groups, whose penalty is "
                        f"Σ √|g|·‖θ_g‖₂. Use {name}={plain!r}, or groups=None."
                    )
        if self.hessian == "pca":
            for name in ("positive", "penalty_factors"):
                if (value := getattr(self, name)) is not None and value is not False:
                    raise ValueError(
                        f"{name} speaks of features, and hessian='pca' penalises their principal "
                        "components. Use hessian='full'."
                    )

    def _penalty(self, n_features):
        if self.groups is not None:
            return group_penalty(self.groups, n_features, self._factors())
        return Separable(float(self.l1_ratio), self._factors(), self.positive)

    def _norms_of(self, coefs):
        """J(θ) for each λ, summed over targets."""
        return _sums(self._penalty(coefs.shape[-1]), coefs)

    def _check_factors(self, n_features):
        if self.groups is None:  # with groups there is one for each group: `Group` checks
            super()._check_factors(n_features)

    def _solve(self, problem, alphas, tol=None):
        limits = {"tol": tol or self.tol, "max_iter": self.max_iter}
        if self.groups is not None:
            return solve_group_lasso(problem, alphas, self.groups, self._factors(), **limits)
        if problem.is_quadratic:
            return solve_lasso(
                problem, alphas, self.hessian, penalty=self._penalty(problem.n_features), **limits
            )
        return solve_proximal_newton(
            problem,
            alphas,
            self._penalty(problem.n_features),
            hessian=self.hessian,
            # A diagonal Hessian is a closed form of one quadratic.
            max_expansions=self.max_expansions if self.hessian == "full" else 1,
            **limits,
        )

    def _alphas(self, problem, alphas):
        if self.groups is not None:
            return group_alphas(problem, alphas, self.groups, self._factors())
        return lasso_alphas(problem, alphas, self.hessian, self._penalty(problem.n_features))


def _sums(penalty, coefs):
    """J for each λ, one after the other: a path may be as large as the rows."""
    return np.array([np.sum(penalty.value(np.asarray(c, dtype=np.float64))) for c in coefs])
