"""The two penalties of the quadratic estimators: how λ is solved, and which λ a path takes."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skreg.path import lasso_alphas, ridge_alphas
from skreg.penalties import Separable
from skreg.penalties.group import Group
from skreg.quadratic import QuadraticModel
from skreg.solvers import solve_lasso, solve_ridge


class RidgeShell:
    """J(θ) = ½ Σⱼ fⱼθⱼ²."""

    # ‖θ‖⁻¹ is nearly linear in λ.
    _norm_power = -0.5

    def _check_parameters(self):
        pass

    def _penalty(self):
        return Separable(0.0, self._factors())

    def _norms_of(self, coefs):
        """J(θ) for each λ, summed over targets."""
        values = self._penalty().value(np.asarray(coefs, dtype=np.float64))
        return values.reshape(len(coefs), -1).sum(axis=1)

    def _solve(self, problem, alphas):
        if isinstance(problem, QuadraticModel):
            factors = () if self._factors() is None else (self._factors(),)  # TEMP
            return solve_ridge(problem, alphas, *factors)
        from skreg.solvers.newton import solve_newton  # TEMP

        return solve_newton(
            problem,
            alphas,
            self._factors(),
            max_expansions=self.max_expansions,
            tol=self.tol,
            max_iter=self.max_iter,
        )

    def _alphas(self, problem, alphas):
        return ridge_alphas(problem, alphas)


class LassoShell:
    """J(θ) = Σⱼ fⱼ(ρ|θⱼ| + (1−ρ)½θⱼ²), on θ ≥ 0 on request, or Σ_g f_g√|g|‖θ_g‖₂."""

    # J is piecewise linear in λ.
    _norm_power = 1.0

    _parameter_constraints: ClassVar[dict] = {
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "hessian": [StrOptions({"full", "diagonal", "pca"})],
        "positive": ["boolean"],
        "groups": ["array-like", list, tuple, None],
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

    def _penalty(self):
        if self.groups is not None:
            return Group(self.groups, self._factors())
        return Separable(float(self.l1_ratio), self._factors(), self.positive)

    def _norms_of(self, coefs):
        """J(θ) for each λ, summed over targets."""
        coefs, penalty = np.asarray(coefs, dtype=np.float64), self._penalty()
        if self.groups is not None:
            return np.array([penalty.value(coef) for coef in coefs])
        return penalty.value(coefs).reshape(len(coefs), -1).sum(axis=1)

    def _check_factors(self, n_features):
        if self.groups is None:  # with groups there is one for each group: `Group` checks
            super()._check_factors(n_features)

    def _solve(self, problem, alphas):
        limits = {"tol": self.tol, "max_iter": self.max_iter}
        if self.groups is not None:
            from skreg.solvers.group_lasso import solve_group_lasso  # TEMP

            return solve_group_lasso(problem, alphas, self.groups, self._factors(), **limits)
        if isinstance(problem, QuadraticModel):
            return solve_lasso(problem, alphas, self.hessian, penalty=self._penalty(), **limits)
        from skreg.solvers.proximal_newton import solve_proximal_newton  # TEMP

        return solve_proximal_newton(
            problem,
            alphas,
            self._penalty(),
            hessian=self.hessian,
            # A diagonal Hessian is a closed form of one quadratic.
            max_expansions=self.max_expansions if self.hessian == "full" else 1,
            **limits,
        )

    def _alphas(self, problem, alphas):
        return lasso_alphas(problem, alphas, self.hessian, self._penalty())
