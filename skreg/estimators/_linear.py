"""What every linear estimator does: validate, solve, and say what was found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skreg._arrays import as_numpy, fitted_as_numpy
from skreg._validation import check_parameters, is_in_memory, validated
from skreg.estimators._auto_alpha import AUTO, Curve, tuned
from skreg.estimators._chunked import ChunkHooks, fitting_of
from skreg.estimators._fitting import Fitting, MatrixLike
from skreg.estimators._progress import PathProgress, told_of
from skreg.losses import Loss
from skreg.model import QuadraticModel
from skreg.path import RegularizationPath
from skreg.penalties import Separable
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic
from skreg.solvers import Solution, solve
from skreg.solvers.closed_forms import solve_by_target

# Bytes of moments that a pickle carries without being asked to.
_SMALL = 4096
DTYPES = [np.float64, np.float32]
SPARSE = ["csr", "csc"]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows as ``fit`` has checked them.

    Attributes
    ----------
    X : ndarray, CSR or CSC of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
        Targets as the loss takes them; (n,) for squared error with one target only.
    loss : Loss
    weights : ndarray of shape (n,) or None
    offset : ndarray of shape (n,) or (n, K) or None
    owner : str
        Name of the estimator, for errors.
    """

    X: Any
    y: NDArray
    loss: Loss
    weights: Array | None
    offset: Array | None
    owner: str = ""

    @property
    def remainder(self) -> NDArray:
        """What squared error has to explain: y less the offset."""
        return self.y if self.offset is None else (self.y.T - self.offset).T

    def problem(self, fit_intercept: bool) -> Problem:
        """The risk of these rows."""
        if self.loss.is_quadratic:
            y = self.remainder
            return Quadratic.from_rows(self.X, y, self.weights, fit_intercept, self.owner)
        return EmpiricalRisk(self.X, self.y, self.loss, self.weights, self.offset, fit_intercept)


class QuadraticApproxLinear(CallbackSupportMixin, ChunkHooks):
    """Base of the linear estimators, which are made of a penalty and a task.

    The penalty (`lasso.py`, `ridge.py`) says what J is; the task (`_regression.py`,
    `_classification.py`) what y means: see `LinearHooks`. Callbacks (`set_callbacks`) see a fit as
    one task, and of a path every λ.
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({AUTO})],
        "max_expansions": [Interval(Integral, 1, None, closed="left"), None],
        "fit_intercept": ["boolean"],
        "penalty_factors": ["array-like", None],
        "norm_bound": [Interval(Real, 0, None, closed="neither"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "warm_start": ["boolean"],
        "store_quadratic": ["boolean"],
    }
    _exact = _risk = _quadratic = _erm = _known = None
    _streamed: bool
    alpha_curve_: Curve

    # Fitting -------------------------------------------------------------------------------------

    def _fit(self, X, y, **rows):
        task = None
        if getattr(self, "_skl_callbacks", ()):  # a context costs as much as a check of y
            told = told_of(self, X, y, rows)
            task = self._init_callback_context(max_subtasks=None).call_on_fit_task_begin(**told)
        problem = None if is_in_memory(X) else self._chunk_problem(X, y, **rows)
        is_streamed = problem is not None
        if problem is None:
            problem = self._checked(X, y, **rows).problem(self.fit_intercept)
        self._set_fitted(problem, self._solve_one(problem), is_streamed)
        if task is not None:
            task.call_on_fit_task_end(**told, reconstruction_attributes=dict)
        return self

    def _validate_params(self) -> None:
        check_parameters(self, self._parameter_constraints)

    def _checked(self, X, y, **rows):
        self._check_parameters()
        X, y = self._validate(X, y)
        self._check_factors(X.shape[1])
        return self._sample(X, y, **rows)

    def _solve_one(self, problem: Problem) -> Solution:
        """The solution at ``alpha`` or under ``norm_bound``, beyond ``tol`` where that is cheap."""
        self.__dict__.pop("alpha_curve_", None)
        if self.norm_bound is not None:
            return Fitting(self, problem).solve_bounded(self.norm_bound)
        if isinstance(self.alpha, str):  # "auto"
            found, self.alpha_curve_ = tuned(Fitting(self, problem))
        else:
            alpha = np.asarray(self.alpha, dtype=np.float64)
            closely = partial(self._solve, problem, closely=True)
            found = solve_by_target(closely, problem, alpha) if alpha.ndim else closely(alpha[None])
        found.warn()
        return found

    def _solve(self, problem, alphas, closely=False, **more):
        options = self._options(problem) | {k: v for k, v in more.items() if v is not None}
        return solve(
            problem,
            self._penalty(problem.n_features),
            alphas,
            tol=self.tol,
            max_iter=self.max_iter,
            max_expansions=self.max_expansions,
            closely=closely,
            **options,
        )

    def _set_fitted(self, problem, solution, streamed=False):
        """Set the fitted attributes, of which none refers to the rows unless asked to."""
        self._keep(problem, streamed)
        self._set_solution(solution, 0)
        self._dof = self._dof()
        self._let_go()

    def _let_go(self):
        """Work out the numbers that rows are needed for, and keep no reference to the rows."""
        exact = self._exact
        has_rows = self._risk is not None or (exact is not None and exact.data is not None)
        if has_rows and not self.store_quadratic:
            self._settle()
            self._exact = self._risk = self._quadratic = None

    def _settle(self) -> None:
        """Work out the numbers that only the quadratic tells, before it is let go."""

    def _factors(self):
        if self.penalty_factors is None:
            return None
        return np.asarray(self.penalty_factors, dtype=np.float64)

    def _keep(self, problem, streamed=False):
        """Keep of the problem what fitted attributes need, and whether it came in parts."""
        self._streamed = streamed
        exact = problem.is_quadratic
        self._exact = problem.without_rows() if exact else None
        self._risk = None if exact else problem
        self._quadratic = self._erm = None

    def _set_solution(self, solution, i):
        self.__dict__.pop("_later", None)
        self.coef_, self.intercept_ = solution.coefs[i].copy(), solution.intercepts[i].copy()
        alpha = solution.alphas[i]
        self.alpha_ = alpha.copy() if np.ndim(alpha) else float(alpha)
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

    def regularization_path(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        alphas: int | ArrayLike | None = None,
        sample_weight: float | ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> RegularizationPath:
        """Solve for many λ at once; the estimator itself is not changed, and ``alpha`` not used.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), Moments or Chunks
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            As for `fit`.
        alphas : None, int or array-like of shape (n_alphas,), default=None
            Values of λ. An int asks for an automatic grid of so many values, None for 100: see
            `skreg.path.path_alphas` for its range.
        sample_weight : None, float or array-like of shape (n_samples,), default=None
        offset : None or array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            As for `fit`.

        Returns
        -------
        RegularizationPath
        """
        X, y, sample_weight, offset = map(as_numpy, (X, y, sample_weight, offset))
        return self._path(X, y, alphas, sample_weight=sample_weight, offset=offset)

    @with_callbacks
    def _path(self, X, y, alphas, **rows):
        progress = PathProgress(self, alphas, told_of(self, X, y, rows))
        fitting = None if is_in_memory(X) else fitting_of(self, X, y, **rows)
        X = X if fitting is None else None
        fitting = fitting or Fitting.of(self, X, y, **rows)
        grid = progress.walk(fitting.alphas(alphas))
        solution = fitting.solve(grid, on_solved=progress.solved if progress.is_watched else None)
        progress.end()
        solution.warn()
        return fitting.as_path(solution, X)

    def one_shot_gap(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: float | ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> float:
        """What ``max_expansions=1`` would lose: its objective minus the exact one's.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : None, float or array-like of shape (n_samples,), default=None
        offset : None or array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            All as for `fit`.

        Returns
        -------
        float
            R + λJ of the one-shot solution minus that of the exact one. 0 up to rounding for
            squared error, which is its own quadratic.
        """
        exact = clone(self).set_params(max_expansions=None, warm_start=False)
        if np.ndim(self.alpha):
            raise ValueError("one_shot_gap compares solutions at one alpha, got an array of them.")
        best = Fitting.of(exact, X, y, sample_weight=sample_weight, offset=offset)
        problem, found = best.problem, exact._solve_one(best.problem)
        once = clone(exact).set_params(max_expansions=1, norm_bound=None)
        first = Fitting(once, problem).solve(found.alphas)
        values = [
            problem.value_of(some.coefs[0], some.intercepts[0])
            + found.alphas[0] * best.penalties(some.coefs)[0]
            for some in (first, found)
        ]
        return float(values[0] - values[1])

    # What was found ------------------------------------------------------------------------------

    @property
    def quadratic_(self) -> QuadraticModel:
        """The `QuadraticModel` of the risk: the risk itself for squared error.

        For other losses it is the expansion at the solution, made when first asked for.
        """
        check_is_fitted(self, "coef_")
        if self._quadratic is not None:
            return self._quadratic
        if self._loss.is_quadratic:
            self._quadratic = QuadraticModel(self._exact_for("quadratic_"))
            return self._quadratic
        if not self._loss.has_curvature:
            raise AttributeError(f"loss {self._loss.name!r} has no curvature, and so no quadratic.")
        expansion = self._rows_of("quadratic_").expand(*self._anchor())
        self._quadratic = QuadraticModel(expansion).without_rows()
        return self._quadratic

    @property
    def effective_dof_(self) -> float:
        """Effective degrees of freedom, the intercept not counted.

        Of an estimator taken from a path, they are counted when first asked for.
        """
        check_is_fitted(self, "coef_")
        if callable(self._dof):
            self._dof = self._dof()
        return self._dof

    def _anchor(self):
        """θ (K, p) and b (K,) in float64."""
        coef = np.atleast_2d(np.asarray(fitted_as_numpy(self.coef_), dtype=np.float64))
        return coef, np.atleast_1d(np.asarray(fitted_as_numpy(self.intercept_), dtype=np.float64))

    @property
    def erm_coef_(self) -> NDArray:
        """θ̂, the minimizer of the risk without a penalty, of smallest norm; shape of ``coef_``.

        Worked out when first asked for. Where there is no finite minimizer (separable classes), a
        warning says so and which λ > 0 stands in.
        """
        check_is_fitted(self, "coef_")
        return self._minimizer()[0]

    @property
    def erm_intercept_(self) -> Any:
        """The intercept that goes with ``erm_coef_``."""
        check_is_fitted(self, "coef_")
        return self._minimizer()[1]

    def _minimizer(self):
        if self._erm is None:
            if self._loss.is_quadratic:
                model = QuadraticModel(self._exact_for("erm_coef_"))
                theta = model.minimizer
                self._erm = theta, model.intercept(theta)
            else:
                found = solve(self._rows_of("erm_coef_"), Separable(0.0), 0.0, max_iter=1000)
                found.warn()
                shape = np.shape(self.coef_), np.shape(self.intercept_)
                coef = found.coefs[0].reshape(shape[0])
                self._erm = coef, found.intercepts[0].reshape(shape[1])[()]
        return self._erm

    def __dir__(self):
        # scikit-learn looks up every name that `object` has, and its HTML shows the values: those
        # that are worked out when first asked for are not asked for by a glance.
        fitted = vars(self)
        later = {"erm_coef_", "erm_intercept_"} if fitted.get("_erm") is None else set()
        if fitted.get("_exact") is None and fitted.get("_quadratic") is None:
            later.add("quadratic_")
        if callable(fitted.get("_dof")):
            later.add("effective_dof_")
        return [name for name in object.__dir__(self) if name not in later and hasattr(self, name)]

    def _rows_of(self, name):
        if self._risk is None:
            raise AttributeError(_not_stored(name))
        return self._risk

    def _exact_for(self, name):
        if self._exact is None:
            raise AttributeError(_not_stored(name))
        return self._exact

    def __getstate__(self):
        if hasattr(self, "coef_"):
            self._dof = self.effective_dof_
            self._settle()
            if self._exact is not None:
                getattr(self, "gradient_norm_", None)
        if self.store_quadratic or "_exact" not in vars(self):
            if self._risk is not None:
                getattr(self, "quadratic_", None)  # to be had where the rows are left behind
            return super().__getstate__()
        kept = self._twin()
        kept._risk = None
        if self._exact is not None:
            kept._exact = self._exact.of_moments(np.inf if self._streamed else _SMALL)
        return super(QuadraticApproxLinear, kept).__getstate__()

    # Predicting ----------------------------------------------------------------------------------

    def _raw(self, X):
        """Raw predictions f, as the coefficients are shaped; and X, checked."""
        if self._known is not None and X is self._known[0]:
            return self._known[1], X
        if not hasattr(self, "coef_"):
            check_is_fitted(self, "coef_")  # raises; to say that all is well takes 10 µs
        X = validated(self, X, dtype=DTYPES, accept_sparse=SPARSE, reset=False)
        return X @ self.coef_.T + self.intercept_, X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _not_stored(name):
    return (
        f"{name} is worked out from H or the rows fitted, which are kept if asked for: set "
        "store_quadratic=True, and fit again. Files hold H, and no rows: for these take a pickle."
    )
