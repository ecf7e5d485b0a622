"""What every linear estimator does: validate, solve, and say what was found."""

from functools import partial
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _get_feature_names, check_is_fitted

from skreg._validation import check_factors, refuse_huge, validated
from skreg.model import QuadraticModel
from skreg.path import RegularizationPath, path_alphas
from skreg.penalties import Separable
from skreg.solvers import solve
from skreg.solvers.constrained import solve_bounded

DTYPES = [np.float64, np.float32]
SPARSE = ["csr", "csc"]


class QuadraticApproxLinear(BaseEstimator):
    """Base of the shells. A subclass mixes in a penalty and a task.

    The penalty (`_penalties.py`) says what J is, ``_penalty``, and what `solve` is to know beside
    it, ``_options``. The
    task (`_regression.py`, `_classification.py`) makes the problem of the rows, ``_problem``: a
    `Quadratic` where the risk is its own quadratic, else an `EmpiricalRisk`.
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_expansions": [Interval(Integral, 1, None, closed="left"), None],
        "fit_intercept": ["boolean"],
        "penalty_factors": ["array-like", None],
        "norm_bound": [Interval(Real, 0, None, closed="neither"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "warm_start": ["boolean"],
    }

    def _validate_params(self):
        super()._validate_params()
        refuse_huge(self)

    # Fitting -------------------------------------------------------------------------------------

    def _fit(self, X, y, **rows):
        problem = self._prepare(X, y, **rows)
        self._set_fitted(problem, self._solve_one(problem))
        return self

    def _set_fitted(self, problem, solution):
        """Set the fitted attributes, of which none refers to the rows for the sake of a number."""
        self._keep(problem)
        self._set_solution(solution, 0)
        self._dof = self._dof()

    def _prepare(self, X, y, **rows):
        """The problem that these rows pose."""
        self._check_parameters()
        X, y = self._validate(X, y)
        if self.penalty_factors is not None:
            self._check_factors(X.shape[1])
        return self._problem(X, y, **rows)

    def _check_factors(self, n_features):
        check_factors(self.penalty_factors, n_features)

    def _factors(self):
        if self.penalty_factors is None:
            return None
        return np.asarray(self.penalty_factors, dtype=np.float64)

    def _solve_one(self, problem):
        """The solution at ``alpha``, or under ``norm_bound``."""
        if self.norm_bound is not None:
            return self._solve_bounded(problem, self.norm_bound)
        return self._solve_closely(problem, np.array([self.alpha], dtype=np.float64))

    def _solve(self, problem, alphas, closely=False):
        """`Solution` for each λ, which warns of nothing."""
        return solve(
            problem,
            self._penalty(problem.n_features),
            alphas,
            tol=self.tol,
            max_iter=self.max_iter,
            max_expansions=self.max_expansions,
            closely=closely,
            **self._options(problem),
        )

    def _solve_closely(self, problem, alphas):
        """Solutions beyond ``tol`` where a step more brings them there."""
        found = self._solve(problem, alphas, closely=True)
        found.warn(stacklevel=4)
        return found

    def _norms_of(self, coefs):
        """J(θ) for each λ, summed over targets."""
        penalty = self._penalty(coefs.shape[-1])
        # One after the other: a path may be as large as the rows.
        return np.array([penalty.value(np.asarray(coef, dtype=np.float64)) for coef in coefs])

    def _alphas(self, problem, alphas):
        penalty = self._penalty(problem.n_features)
        return path_alphas(problem, penalty, alphas, getattr(self, "hessian", "full"))

    def _solve_bounded(self, problem, bound):
        exact = problem.is_quadratic
        found = solve_bounded(
            lambda alphas: self._solve(problem, alphas, closely=True),
            self._norms_of,
            bound,
            self._alphas(problem, 1)[0],
            power=self._norm_power,
            zero_first=exact,
            # The spectrum tells far smaller λ apart than an objective does.
            smallest=1e-30 if exact and self._norm_power < 0 else 1e-10,
        )
        found.warn(stacklevel=4)  # and not of λ on the way
        return found

    def _keep(self, problem):
        """Keep of the problem what fitted attributes need."""
        exact = problem.is_quadratic
        self._model = QuadraticModel(problem.without_rows()) if exact else None
        self._risk = None if exact else problem
        self._quadratic = self._erm = None

    def _set_solution(self, solution, i):
        self.coef_, self.intercept_ = solution.coefs[i].copy(), solution.intercepts[i].copy()
        self.alpha_ = float(solution.alphas[i])
        self._dof = partial(solution.freedom.at, i)
        self.n_iter_ = int(solution.n_iter[i])
        expansions = solution.n_expansions
        self.n_expansions_ = 1 if expansions is None else int(expansions[i])
        self.solver_ = solution.solver
        if solution.dual_gaps is not None:
            self.dual_gap_ = float(solution.dual_gaps[i])
        norms = solution.gradient_norms
        self._gradient_norm = None if norms is None else float(norms[i])

    # Many λ at once ------------------------------------------------------------------------------

    def _path(self, X, y, alphas, **rows):
        self._validate_params()
        source = clone(self)
        problem = source._prepare(X, y, **rows)
        solution = source._solve(problem, source._alphas(problem, alphas))
        solution.warn(stacklevel=4)
        source._keep(problem)
        return RegularizationPath.from_solution(solution, source, _get_feature_names(X))

    def _fitted_at(self, path, i):
        """A fitted estimator at the i-th λ of a path that this one is the source of."""
        fitted = type(self).__new__(type(self))
        vars(fitted).update(vars(self))
        fitted.alpha = float(path.alphas[i])
        fitted._set_solution(path, i)
        return fitted

    def _multiplier(self, bound):
        """The λ with J(θ(λ)) = ``bound``, where the quadratic that was kept can tell."""
        if self._model is None:
            return None
        return float(self._solve_bounded(self._model.problem, bound).alphas[0])

    # What was found ------------------------------------------------------------------------------

    @property
    def quadratic_(self):
        """The `QuadraticModel` of the risk: the risk itself for squared error.

        For other losses it is the expansion at the solution, made when first asked for.
        """
        check_is_fitted(self)
        if self._model is not None:
            return self._model
        if not self._loss.has_curvature:
            raise AttributeError(f"loss {self._loss.name!r} has no curvature, and so no quadratic.")
        if self._quadratic is None:
            expansion = self._rows_of("quadratic_").expand(*self._anchor())
            self._quadratic = QuadraticModel(expansion).without_rows()
        return self._quadratic

    @property
    def effective_dof_(self):
        """Effective degrees of freedom, the intercept not counted.

        Of an estimator taken from a path, they are counted when first asked for.
        """
        check_is_fitted(self)
        if callable(self._dof):
            self._dof = self._dof()
        return self._dof

    def _anchor(self):
        """θ (K, p) and b (K,) in float64."""
        coef = np.atleast_2d(np.asarray(self.coef_, dtype=np.float64))
        return coef, np.atleast_1d(np.asarray(self.intercept_, dtype=np.float64))

    @property
    def erm_coef_(self):
        """θ̂, the minimiser of the risk without a penalty, of smallest norm; shape of ``coef_``.

        Worked out when first asked for. Where there is no finite minimiser (separable classes), a
        warning says so and which λ > 0 stands in.
        """
        check_is_fitted(self)
        return self._minimiser()[0]

    @property
    def erm_intercept_(self):
        """The intercept that goes with ``erm_coef_``."""
        check_is_fitted(self)
        return self._minimiser()[1]

    def _minimiser(self):
        if self._erm is None:
            if self._model is not None:
                theta = self._model.minimiser
                self._erm = theta, self._model.intercept(theta)
            else:
                found = solve(self._rows_of("erm_coef_"), Separable(0.0), 0.0, max_iter=1000)
                found.warn(stacklevel=3)
                shape = np.shape(self.coef_), np.shape(self.intercept_)
                coef = found.coefs[0].reshape(shape[0])
                self._erm = coef, found.intercepts[0].reshape(shape[1])[()]
        return self._erm

    def __dir__(self):
        # scikit-learn looks up every name that `object` has, and its HTML shows the values: those
        # that are worked out when first asked for are not asked for by a glance.
        fitted = vars(self)
        later = {"erm_coef_", "erm_intercept_"} if fitted.get("_erm") is None else set()
        if fitted.get("_model") is None and fitted.get("_quadratic") is None:
            later.add("quadratic_")
        if callable(fitted.get("_dof")):
            later.add("effective_dof_")
        return [name for name in object.__dir__(self) if name not in later and hasattr(self, name)]

    def _rows_of(self, name):
        if self._risk is None:
            raise AttributeError(
                f"{name} is worked out from the rows fitted, which a pickle leaves behind. Ask "
                "for it before pickling, or fit again."
            )
        return self._risk

    def __getstate__(self):
        state = super().__getstate__()
        if callable(state.get("_dof")):
            state = {**state, "_dof": self.effective_dof_}
        if "_risk" in state:
            state = {**state, "_risk": None}
        return state

    # Predicting ----------------------------------------------------------------------------------

    def _raw(self, X):
        """Raw predictions f, as the coefficients are shaped; and X, checked."""
        check_is_fitted(self)
        X = validated(self, X, dtype=DTYPES, accept_sparse=SPARSE, reset=False)
        return safe_sparse_dot(X, self.coef_.T) + self.intercept_, X

    # What re-expanding gains ---------------------------------------------------------------------

    def _one_shot_gap(self, X, y, **rows):
        self._validate_params()
        exact, once = clone(self), clone(self)
        exact.set_params(max_expansions=None, warm_start=False)
        once.set_params(max_expansions=1, warm_start=False)
        problem = exact._prepare(X, y, **rows)
        best = exact._solve_one(problem)
        first = once.set_params(norm_bound=None)._solve(problem, best.alphas)
        values = [
            self._risk_of(problem, found) + best.alphas[0] * self._norms_of(found.coefs)[0]
            for found in (first, best)
        ]
        return float(values[0] - values[1])

    @staticmethod
    def _risk_of(problem, solution):
        coef, intercept = solution.coefs[0], solution.intercepts[0]
        return problem.value_of(coef, intercept)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
