"""What is asked of `skreg.solvers.solve` and its methods, and what they answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skreg._warnings import warn_user
from skreg.penalties import Penalty, Separable
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic
from skreg.quadratic.point import Point
from skreg.rows.products import Array, Indices, Mask
from skreg.solvers.degrees_of_freedom import along_path

# How a member by such a name as "penalty.kernel" is got.
_member = cache(attrgetter)
# Rows, or features, up to which matrices of their size are made at will.
_LARGEST = 4000


class Progress:
    """Tells ``on_solved`` of each λ once, by its place."""

    def __init__(self, on_solved: Callable[[int], None] | None = None):
        self._on_solved = on_solved
        self._told: set[int] = set()

    def __call__(self, i: int | np.intp) -> None:
        if self._on_solved is not None and int(i) not in self._told:
            self._told.add(int(i))
            self._on_solved(int(i))


@dataclass(frozen=True, eq=False)
class Task:
    """argmin R(θ, b) + P(θ; λ) for each λ, and how closely.

    Attributes
    ----------
    problem, penalty, alphas, tol, max_iter, max_expansions, hessian, start, size
        As for `skreg.solvers.solve`; ``alphas`` in any order.
    progress : Progress
        Called with the place of each λ as it is solved, by methods that go from one to the next.
    """

    problem: Problem
    penalty: Penalty
    alphas: Array
    tol: float = 1e-8
    max_iter: int = 10_000
    max_expansions: int | None = None
    hessian: str = "full"
    start: tuple[Array, Array] | None = None
    size: float | None = None
    progress: Progress = field(default_factory=Progress)

    @property
    def quadratic(self) -> Quadratic:
        """The problem where it ``is_quadratic``, with the members that come with it."""
        return cast(Quadratic, self.problem)

    @property
    def risk(self) -> EmpiricalRisk:
        """The problem where it is not."""
        return cast(EmpiricalRisk, self.problem)

    @property
    def has_inner_bounds(self) -> bool:
        """Whether a coefficient has a finite bound other than 0."""
        if self.penalty.kernel != "coordinates":
            return False
        limits = np.array(self.coordinates.limits(self.problem.n_features))
        return bool((np.isfinite(limits) & (limits != 0)).any())

    @property
    def is_small(self) -> bool:
        """Whether matrices of rows, or of features, are not too large."""
        return min(self.risk.X.shape) <= _LARGEST

    @property
    def is_full(self) -> bool:
        """Whether the Hessian is taken as it is."""
        return self.hessian == "full"

    @property
    def is_one_shot(self) -> bool:
        """Whether one quadratic is to serve every λ."""
        return self.max_expansions == 1 or not self.is_full

    @property
    def coordinates(self) -> Separable:
        """The penalty where its kernel is "coordinates", with the members that come with it."""
        return cast(Separable, self.penalty)

    def descending(self, which: Mask | None = None) -> Indices:
        """Places of λ (of those marked), from the largest to the smallest."""
        places = np.arange(len(self.alphas)) if which is None else which.nonzero()[0]
        if len(places) < 2:
            return places
        return places[(-self.alphas[places]).argsort(kind="stable")]


@dataclass(eq=False)
class Answer:
    """θ for each λ; every array has a row for each λ, in the order of `Task.alphas`.

    Attributes
    ----------
    thetas : ndarray of shape (n_alphas, K, p)
    risk : ndarray of shape (n_alphas,)
        R(θ, b).
    n_iter : ndarray of shape (n_alphas,)
    solver : str
        What users see as ``solver_``.
    intercepts : ndarray of shape (n_alphas, K) or None
        None stands for the best ones, which a `Quadratic` knows.
    gaps : ndarray of shape (n_alphas,) or None
        Duality gaps relative to the risk of the null model, or, where the penalty is not convex,
        residuals of stationarity.
    gradient_norms : ndarray of shape (n_alphas,) or None
    dof : ndarray of shape (n_alphas,) or None
        Where the method knows them at no cost.
    n_expansions : ndarray of shape (n_alphas,) or None
    exhausted : ndarray of bool, shape (n_alphas,), or None
        Where the method ended by ``max_iter``; elsewhere rounding allowed no more.
    is_exact : bool
        Whether a gap above ``tol`` is a failure, and not the price of an approximation.
    rounding : float
        A relative gap or gradient norm that may be rounding alone.
    has_minimizer : bool
        False where the risk was found to have none.
    notes : list of str
        What users are to be warned of, beside gaps above ``tol``.
    """

    thetas: Array
    risk: Array
    n_iter: NDArray
    solver: str
    intercepts: Array | None = None
    gaps: Array | None = None
    gradient_norms: Array | None = None
    dof: Array | None = None
    n_expansions: NDArray | None = None
    exhausted: Mask | None = None
    is_exact: bool = True
    rounding: float = 0.0
    has_minimizer: bool = True
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, task: Task, solver: str, found: Iterable[tuple[int, Stop]], **more: Any) -> Answer:
        """Of the place of each λ and its `Stop`, as they are found; ``more`` goes before these."""
        problem, stops = task.problem, cast(list[Stop], [None] * len(task.alphas))
        for i, stop in found:
            # Numbers for every row are not to be kept for every λ.
            stops[i] = stop._replace(point=stop.point.bare())
            task.progress(i)
        points, shape = [stop.point for stop in stops], (problem.n_outputs, problem.n_features)
        thetas = np.reshape([point.theta for point in points], (len(points), *shape))
        rest: dict[str, Any] = {}
        if not problem.is_quadratic:
            b = np.array([point.intercept for point in points])
            rest["intercepts"] = b if problem.is_in_chunks else b - thetas @ task.risk.design.center
        if not (problem.is_quadratic or problem.is_in_chunks):
            rest["rounding"] = task.risk.rounding.value / (problem.null_risk or 1.0)
        gaps, norms, dof = np.transpose([(s.gap, s.gradient_norm, s.dof) for s in stops])
        n_iter, expansions = np.transpose([(s.n_iter, s.n_expansions) for s in stops])
        rest |= {
            "gaps": None if np.isnan(gaps).all() else gaps / (problem.null_risk or 1.0),
            "gradient_norms": None if np.isnan(norms).all() else norms,
            "dof": None if np.isnan(dof).any() else dof,
            "n_expansions": expansions if expansions.any() else None,
            "exhausted": n_iter >= task.max_iter,
            "has_minimizer": all(stop.has_minimizer for stop in stops),
            "notes": list(dict.fromkeys(note for stop in stops for note in stop.notes)),
        }
        return cls(thetas, np.array([p.value for p in points]), n_iter, solver, **rest | more)


class Stop(NamedTuple):
    """What was found at one λ.

    Attributes
    ----------
    point : Point
    gap : float
        As in `Answer`, but absolute; NaN where it is not known.
    n_iter, n_expansions, dof, has_minimizer, gradient_norm, notes
        As in `Answer`.
    """

    point: Point
    gap: float = np.nan
    n_iter: int = 1
    n_expansions: int = 0
    dof: float = np.nan
    has_minimizer: bool = True
    gradient_norm: float = np.nan
    notes: tuple[str, ...] = ()


class Freedom:
    """Degrees of freedom of the solutions on a path, counted when first asked for.

    A count that is still to be made refers to the problem and so to its rows, which must not be
    overwritten; it is made before pickling or copying, so that neither carries rows. Threads that
    ask at the same time may count twice, and count the same.

    Parameters
    ----------
    counts : ndarray of shape (n_alphas,)
        NaN where ``path`` is to tell.
    path : None or (Problem, Penalty, ndarray of shape (n_alphas,), (n_alphas, K, p), (n_alphas, K))
        λ, θ and b of the solutions.
    """

    def __init__(
        self, counts: Array, path: tuple[Problem, Penalty, Array, Array, Array] | None = None
    ):
        self._counts, self._path = counts, path

    @classmethod
    def of(
        cls, problem: Problem, penalty: Penalty, alphas: Array, thetas: Array, intercepts: Array
    ) -> Freedom:
        """Those of solutions: known at once where they are numbers of active coefficients."""
        counts = active_counts(problem, penalty, alphas, thetas)
        path = problem, penalty, alphas, thetas, intercepts
        return cls(counts, path if np.isnan(counts).any() else None)

    def counts(self, on_counted: Callable[[int], None] | None = None) -> Array:
        """Degrees of freedom for each λ, shape (n_alphas,); NaN where that takes too much.

        ``on_counted`` is called with the number of each λ that is not known yet, once it is.
        """
        if self._path is not None:
            along_path(*self._path, self._counts, on_counted=on_counted)
            self._path = None
        return self._counts

    def at(self, i: int) -> float:
        """Those of the i-th λ, without counting the others."""
        if self._path is not None:
            problem, penalty, *path = self._path
            along_path(problem, penalty, *(part[i : i + 1] for part in (*path, self._counts)))
        return float(self._counts[i])

    def __getstate__(self) -> dict[str, Any]:
        return {"_counts": self.counts(), "_path": None}


def active_counts(problem: Problem, penalty: Penalty, alphas: Array, thetas: Array) -> Array:
    """Degrees of freedom where they are numbers of active coefficients, else NaN, (n_alphas,).

    So it is where J bends nowhere and the active columns are independent, as they are at a solution
    that is unique, unless there may be more of them than the rows have rank. What all classes of a
    feature share is in no Hessian.
    """
    if not penalty.is_flat or (problem.couples_outputs and penalty.free(problem.n_features).any()):
        return np.full(len(alphas), np.nan)
    support = penalty.support(thetas)
    active = support.sum(axis=(1, 2))
    rank = min(problem.n_rows - 1, problem.n_features) * problem.n_outputs
    known = (alphas > 0) & (active <= rank)
    if problem.couples_outputs:
        known &= ~np.any(support.all(axis=1), axis=1)
    return np.where(known, active, np.nan)


@dataclass(frozen=True, eq=False)
class Solution:
    """argmin R(θ) + λJ(θ) for several λ; every array has one row for each λ.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        λ, in the order they were asked for.
    coefs : ndarray of shape (n_alphas, p) or (n_alphas, q, p)
    intercepts : ndarray of shape (n_alphas,) or (n_alphas, q)
    freedom : Freedom
        Counts `dof` when asked to.
    norms : ndarray of shape (n_alphas,)
        ‖θ‖₂ for the ridge, ‖θ‖₁ for the lasso.
    risk : ndarray of shape (n_alphas,)
        R(θ) on the rows fitted, summed over targets.
    dual_gaps : ndarray of shape (n_alphas,) or None
        Duality gaps relative to R(0); None for a closed form that needs no certificate.
    n_iter : ndarray of shape (n_alphas,)
        Rounds of an active set, passes over groups, steps of Newton's method or of conjugate
        gradients; 1 for a closed form.
    solver : str
    gradient_norms : ndarray of shape (n_alphas,) or None
        For a smooth penalty found by iteration, norms of the objective's gradient, relative.
    n_expansions : ndarray of shape (n_alphas,) or None
        Quadratics taken; None where the risk is its own quadratic.
    notes : tuple of str
        What users are to be warned of, as a λ that is not solved to ``tol``.
    has_minimizer : bool
        False where the risk was found to have none: an answer at λ = 0 is then that at a small λ.
    """

    alphas: NDArray
    coefs: NDArray
    intercepts: NDArray
    freedom: Freedom
    norms: NDArray
    risk: NDArray
    dual_gaps: NDArray | None
    n_iter: NDArray
    solver: str
    gradient_norms: NDArray | None = None
    n_expansions: NDArray | None = None
    notes: tuple[str, ...] = ()
    has_minimizer: bool = True

    @property
    def dof(self) -> NDArray:
        """Effective degrees of freedom, the intercept not counted, shape (n_alphas,).

        Where they take a decomposition for each λ, they are counted when first asked for.
        """
        return self.freedom.counts()

    def warn(self) -> None:
        """Warn of what `notes` say, once each, in the name of the user's line."""
        for note in self.notes:
            warn_user(note, ConvergenceWarning)


class Method(ABC):
    """A way to solve some tasks.

    Attributes
    ----------
    name : str
        What ``method=`` of `solve` calls it.
    scope : str
        Which tasks it serves, in words.
    needs : dict of str to tuple
        The same as values that members of a `Task` may have, such as "penalty.is_smooth".
    unit : str
        What ``max_iter`` counts.
    remedy : str
        What helps where rounding keeps it from ``tol``.
    reads_chunks : bool
        Whether it is for rows in chunks, and no others.
    closer : float
        The share of ``tol`` that a solution asked for closely aims at.
    """

    name: ClassVar[str]
    scope: ClassVar[str]
    needs: ClassVar[dict[str, tuple[Any, ...]]] = {}
    unit: ClassVar[str] = "iterations"
    remedy: ClassVar[str] = "Bring the features to one scale"
    reads_chunks: ClassVar[bool] = False
    closer: ClassVar[float] = 1.0

    def serves(self, task: Task) -> bool:
        """Whether it can solve this task."""
        return task.problem.is_in_chunks == self.reads_chunks and all(
            _member(name)(task) in allowed for name, allowed in self.needs.items()
        )

    @abstractmethod
    def path(self, task: Task) -> Answer:
        """Solve for every λ."""

    def aimed(self, task: Task, closely: bool, enough: float) -> tuple[Task, float]:
        """The task with the ``tol`` to go to, and that at which a λ is solved: see `solve`."""
        least = self.tol_of_gap(enough)
        aim = max(task.tol * self.closer if closely else task.tol, least)
        return task if aim == task.tol else replace(task, tol=aim), max(task.tol, least)

    def tol_of_gap(self, gap: float) -> float:
        """The ``tol`` at which relative duality gaps are about this."""
        return gap

    def alpha_max(self, task: Task) -> float:
        """The smallest λ at which every penalized coefficient is 0; +inf if there is none."""
        return np.inf


def by_targets(path: Any) -> tuple[NDArray, NDArray]:
    """θ (n_alphas, q, p) and b (n_alphas, q) of a path or a `Solution`, in float64."""
    b = path.intercepts.reshape(len(path.coefs), -1)
    coefs = path.coefs.reshape(*b.shape, path.coefs.shape[-1])
    return coefs.astype(np.float64, copy=False), b.astype(np.float64, copy=False)
