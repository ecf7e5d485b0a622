"""Linear estimators as paths, searches and criteria see them, and the hooks that they answer by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import sparray, spmatrix
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import _get_feature_names

from skreg._documentation import DocumentedMixin
from skreg._state import Stored
from skreg.estimators._linear_stored import HELD
from skreg.losses import Loss
from skreg.path import PathModel, RegularizationPath, path_alphas
from skreg.penalties import Penalty, Separable
from skreg.penalties.partition import check_feature_factors
from skreg.quadratic import Moments, Problem, Quadratic
from skreg.solvers import Solution
from skreg.solvers.constrained import solve_bounded

if TYPE_CHECKING:
    from skreg.estimators._linear import Sample

#: What X may be.
MatrixLike: TypeAlias = ArrayLike | sparray | spmatrix
Array = NDArray[np.float64]
OnSolved = Callable[[int], None] | None


class LinearHooks(Stored, DocumentedMixin, BaseEstimator, ABC):
    """What a penalty and a task have to say for a linear estimator to be fitted.

    The hooks are private, so that users see scikit-learn's methods only. What paths, searches and
    criteria ask of an estimator, they ask its `LinearModel` or its `Fitting`.
    """

    alpha: float | str
    max_expansions: int | None
    fit_intercept: bool
    penalty_factors: ArrayLike | None
    norm_bound: float | None
    max_iter: int
    tol: float
    warm_start: bool

    coef_: NDArray[Any]
    intercept_: Any
    alpha_: float
    n_iter_: int
    n_expansions_: int
    solver_: str
    dual_gap_: float
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _loss: Loss
    _dof: Any
    #: The risk of the rows fitted where it is its own quadratic, else None.
    _exact: Quadratic | None
    #: An X and its raw predictions, which are then looked up.
    _known: Any
    #: A power of J that is nearly linear in λ, for the search of a multiplier.
    _norm_power: ClassVar[float]
    #: Whether J is that of the ridge, whatever the parameters.
    _is_ridge: ClassVar[bool]

    _held = HELD

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        # scikit-learn reads the signature again for every clone, of which a search makes many.
        return super()._get_param_names()

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise ValueError where parameters of the penalty do not go together."""

    @abstractmethod
    def _penalty(self, n_features: int) -> Penalty:
        """J on so many features."""

    @abstractmethod
    def _options(self, problem: Problem) -> dict[str, Any]:
        """What `solve` is to know beside the penalty."""

    @abstractmethod
    def _asked_loss(self) -> Loss | None:
        """The loss, as far as parameters tell; None if `fit` refuses them."""

    @abstractmethod
    def _validate(self, X: Any, y: Any) -> tuple[Any, Any]:
        """X and y, checked and in float; sets ``n_features_in_`` and ``feature_names_in_``."""

    @abstractmethod
    def _sample(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Sample:
        """The rows, y and all that goes with it checked; sets ``_loss`` and ``classes_``."""

    @abstractmethod
    def _refuse_moments(self) -> None:
        """Raise ValueError if the estimator, as its parameters are, needs the rows themselves."""

    @abstractmethod
    def _by_moments(self, moments: Moments) -> Quadratic:
        """The problem of rows that are known by their moments; sets what `_sample` does."""

    @abstractmethod
    def _shifted(self, raw: NDArray, X: Any, offset: ArrayLike | None) -> NDArray:
        """Raw predictions of shape (m, n) or (m, n, K) with the offset."""

    @abstractmethod
    def _from_raw(self, raw: NDArray, X: Any, offset: ArrayLike | None) -> NDArray:
        """Predictions from raw ones of shape (m, n) or (m, n, K), for m values of λ."""

    @abstractmethod
    def _probabilities(self, raw: NDArray) -> NDArray:
        """Probabilities of the classes from raw predictions."""

    def _check_factors(self, n_features: int) -> None:
        """Raise ValueError if ``penalty_factors`` are not for so many features."""
        if self.penalty_factors is not None:
            check_feature_factors(self.penalty_factors, n_features)

    def _log_evidence(self, alphas: Array) -> Array:
        """log P(y | λ), of a ridge on squared error."""
        raise AttributeError(f"the evidence needs {self._not_bayesian()}")

    def _not_bayesian(self) -> str:
        """What is missing for a posterior in closed form; empty if nothing is."""
        return f"QuadraticApproxRidge with loss='squared_error', not {type(self).__name__}."

    @abstractmethod
    def _keep(self, problem: Problem) -> None:
        """Keep of the problem what fitted attributes need."""

    @abstractmethod
    def _set_solution(self, solution: Solution, i: int) -> None:
        """Set the fitted attributes of the i-th λ."""

    @abstractmethod
    def _let_go(self) -> None:
        """Keep no reference to the rows, unless asked to."""

    @abstractmethod
    def _validate_params(self) -> None:
        """Check the parameters one by one."""

    @abstractmethod
    def _checked(self, X: Any, y: Any, **rows: Any) -> Sample:
        """The rows, checked with the parameters."""

    @abstractmethod
    def _solve(
        self, problem: Problem, alphas: ArrayLike, closely: bool = False, **more: Any
    ) -> Solution:
        """`Solution` for each λ, which warns of nothing; ``more`` as for `skreg.solvers.solve`."""

    def _path_model(self) -> LinearModel:
        """The estimator as a path asks it."""
        return LinearModel(self)

    def _twin(self) -> Self:
        """A copy that shares what the estimator holds."""
        twin = object.__new__(type(self))
        twin.__dict__.update(vars(self))
        return twin


class LinearModel(PathModel):
    """A linear estimator as paths, searches and criteria ask it.

    Parameters
    ----------
    estimator : LinearHooks
        Its parameters, but for ``alpha``, and what every λ shares, once rows have been seen: the
        loss, the classes, the names of the features.
    """

    def __init__(self, estimator: LinearHooks) -> None:
        self.estimator = estimator

    @property
    def is_ridge(self) -> bool:
        """Whether J is that of the ridge, whatever the parameters."""
        return self.estimator._is_ridge

    @property
    def asked_loss(self) -> Loss | None:
        """The loss before rows have been seen, None if there is no such loss.

        That of two classes stands for that of more.
        """
        return self.estimator._asked_loss()

    @property
    def loss(self) -> Loss:
        """The loss of the rows seen."""
        return self.estimator._loss

    @property
    def norm_power(self) -> float:
        """A power of J that is nearly linear in λ; negative where J^power grows with λ."""
        return self.estimator._norm_power

    def penalty(self, n_features: int) -> Penalty:
        """J."""
        return self.estimator._penalty(n_features)

    def penalties(self, coefs: NDArray) -> Array:
        """J(θ) for each λ, summed over targets."""
        return self.penalty(coefs.shape[-1]).values(coefs)

    def predictions(self, raw: NDArray, X: Any, offset: ArrayLike | None = None) -> NDArray:
        """Predictions from raw ones of shape (m, n) or (m, n, K), for m values of λ."""
        return self.estimator._from_raw(raw, X, offset)

    def shifted(self, raw: NDArray, X: Any, offset: ArrayLike | None) -> NDArray:
        """Raw predictions of shape (m, n) or (m, n, K) with the offset."""
        return self.estimator._shifted(raw, X, offset)

    def probabilities(self, raw: NDArray) -> NDArray:
        """Probabilities of the classes from raw predictions."""
        return self.estimator._probabilities(raw)

    def log_evidence(self, alphas: Array) -> Array:
        """log P(y | λ), of a ridge on squared error."""
        return self.estimator._log_evidence(alphas)

    def not_bayesian(self) -> str:
        """What is missing for the evidence; empty if nothing is."""
        return self.estimator._not_bayesian()

    def multiplier(self, bound: float) -> float | None:
        """The λ with J(θ(λ)) = ``bound``, where the quadratic that was kept can tell."""
        if (problem := self.estimator._exact) is None:
            return None
        return float(Fitting(self.estimator, problem).solve_bounded(bound).alphas[0])

    def solved(self, alpha: float) -> Solution | None:
        """The solution at any λ, where the quadratic that was kept can tell."""
        if (problem := self.estimator._exact) is None:
            return None
        return Fitting(self.estimator, problem).solve_closely([alpha])

    @property
    def hessian(self) -> str:
        """What the Hessian of the one quadratic is replaced by, or "full"."""
        return getattr(self.estimator, "hessian", "full")

    @classmethod
    def before_rows(cls, estimator: LinearHooks) -> LinearModel:
        """That of a clone, with the loss that it asks for."""
        estimator = clone(estimator)
        estimator._validate_params()
        estimator._loss = cast(Loss, estimator._asked_loss())
        return LinearModel(estimator)

    def for_moments(self) -> LinearModel:
        """That of a clone, as far as it is known before a fit to moments.

        ValueError if it cannot be fitted to these.
        """
        estimator = clone(self.estimator)
        estimator._refuse_moments()
        estimator._loss = cast(Loss, estimator._asked_loss())
        return LinearModel(estimator)

    def is_smooth(self, n_features: int) -> bool:
        """Whether J on so many features has no kinks."""
        return self.penalty(n_features).is_smooth

    def estimator_at(
        self, path: RegularizationPath, i: int, known: tuple[Any, NDArray] | None = None
    ) -> LinearHooks:
        """The estimator, fitted, at the i-th λ; ``known`` are an X and its raw predictions."""
        fitted = self.estimator._twin()
        fitted.alpha = float(path.alphas[i])
        fitted._set_solution(path, i)
        fitted._let_go()
        if known is not None:  # two classes have one row of coefficients, of which paths know not
            X, raw = known
            fitted._known = X, raw[:, None] if raw.ndim < fitted.coef_.ndim else raw
        return fitted


class Fitting(LinearModel):
    """A linear estimator and the problem that rows pose to it: solutions for any λ.

    Parameters
    ----------
    estimator : LinearHooks
    problem : Problem

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxLasso
    >>> from skreg.estimators._fitting import Fitting
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> fitting = Fitting.of(QuadraticApproxLasso(), X, X @ [3.0, 0.2])
    >>> fitting.solve([1.0]).coefs
    array([[1., 0.]])
    """

    def __init__(self, estimator: LinearHooks, problem: Problem) -> None:
        super().__init__(estimator)
        self.problem = problem

    @staticmethod
    def sample(estimator: LinearHooks, X: Any, y: Any, **rows: Any) -> tuple[LinearHooks, Sample]:
        """A clone of the estimator and the rows, both checked."""
        estimator = clone(estimator)
        estimator._validate_params()
        return estimator, estimator._checked(X, y, **rows)

    @classmethod
    def of(cls, estimator: LinearHooks, X: Any, y: Any, **rows: Any) -> Fitting:
        """Of a clone of the estimator, and rows as they are given to its ``fit``."""
        estimator, sample = cls.sample(estimator, X, y, **rows)
        return cls(estimator, sample.problem(estimator.fit_intercept))

    @classmethod
    def of_checked(cls, estimator: LinearHooks, X: Any, y: Any, **rows: Any) -> Fitting:
        """The same for an estimator and an X that have been checked already."""
        estimator = clone(estimator)
        return cls(estimator, estimator._sample(X, y, **rows).problem(estimator.fit_intercept))

    @classmethod
    def of_moments(cls, estimator: LinearHooks, moments: Moments) -> Fitting:
        """Of a clone of the estimator, of squared error, and rows that are known by moments."""
        estimator = clone(estimator)
        estimator._validate_params()
        estimator._refuse_moments()
        return cls(estimator, estimator._by_moments(moments))

    @property
    def ridge_factors(self) -> Array | None:
        """Factors of ½θⱼ² of an estimator that ``is_ridge``; None where all are 1."""
        p = self.problem.n_features
        return cast(Separable, self.penalty(p)).ridge_factors(p)

    def alphas(self, choice: int | ArrayLike | None = None) -> Array:
        """λ for a path, see `path_alphas`."""
        penalty = self.penalty(self.problem.n_features)
        return path_alphas(self.problem, penalty, choice, self.hessian)

    def solve(self, alphas: ArrayLike, closely: bool = False, **more: Any) -> Solution:
        """`Solution` for each λ, which warns of nothing; ``more`` as for `skreg.solvers.solve`."""
        return self.estimator._solve(self.problem, alphas, closely, **more)

    def solve_closely(
        self,
        alphas: ArrayLike,
        on_solved: OnSolved = None,
        enough: float = 0.0,
        start: tuple[Array, Array] | None = None,
    ) -> Solution:
        """Solutions beyond ``tol`` where a step more brings them there, it warns.

        A relative duality gap of ``enough`` is as good as any smaller one; ``start`` as for
        `skreg.solvers.solve`.
        """
        more = {"on_solved": on_solved, "enough": enough, "start": start}
        found = self.solve(alphas, closely=True, **more)
        found.warn()
        return found

    def solve_bounded(self, bound: float) -> Solution:
        """The solution with J(θ) = ``bound``, or that at λ = 0."""
        found = solve_bounded(
            self.problem,
            partial(self.solve, closely=True, size=bound),
            self.penalties,
            bound,
            self.alphas(1)[0],
            power=self.norm_power,
            tol=self.estimator.tol,
            max_iter=self.estimator.max_iter,
        )
        found.warn()  # and not of λ on the way
        return found

    def as_path(self, solution: Solution, X: Any) -> RegularizationPath:
        """The path that a solution is, the features named as the columns of X are.

        Without an X they are named as by the estimator.
        """
        twin = self.estimator._twin()
        twin._keep(self.problem)
        found = dict(vars(solution))
        names = getattr(twin, "feature_names_in_", None) if X is None else _get_feature_names(X)
        if found["n_expansions"] is None:
            found["n_expansions"] = np.ones(len(solution.alphas), dtype=int)
        return RegularizationPath(**found, model=LinearModel(twin), given_names=names)
