"""The two penalties of the quadratic estimators: how λ is solved, and which λ a path takes."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skreg.penalties import Group, Separable


class RidgeShell:
    """J(θ) = ½ Σⱼ fⱼθⱼ²."""

    # For the search of a multiplier: ‖θ‖⁻¹ is nearly linear in λ.
    _norm_power = -0.5

    def _check_parameters(self):
        pass

    def _penalty(self, n_features):
        return Separable(0.0, self._factors())

    def _options(self, problem):
        return {"start": self._last_solution(problem) if self.warm_start else None}

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


class LassoShell:
    """J(θ) = Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)½θⱼ²), on θ ≥ 0 on request, or Σ_g f_g√|g|‖θ_g‖₂."""

    # For the search of a multiplier: J is piecewise linear in λ.
    _norm_power = 1.0

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
            return _group(self.groups, n_features, self._factors())
        return Separable(float(self.l1_ratio), self._factors(), self.positive)

    def _options(self, problem):
        return {"hessian": self.hessian, "with_gaps": True}

    def _check_factors(self, n_features):
        if self.groups is None:  # with groups there is one for each group: `Group` checks
            super()._check_factors(n_features)


def _group(groups, n_features, factors):
    """The `Group` that a user's ``groups`` and factors stand for."""
    if isinstance(groups, str):  # "targets"
        groups = np.arange(n_features)
    return Group(groups, factors)
