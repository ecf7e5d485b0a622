"""What `skreg.solvers.solve` asks of a method, and what a method answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from skreg.penalties import Penalty, Separable
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic

Array = NDArray[np.float64]


class Progress:
    """Tells ``on_solved`` of each λ once, by its place."""

    def __init__(self, on_solved: Callable[[int], None] | None = None):
        self._on_solved = on_solved
        self._told: set[int] = set()

    def __call__(self, i: int | np.intp) -> None:
        if self._on_solved is not None and int(i) not in self._told:
            self._told.add(int(i))
            self._on_solved(int(i))

    def rest(self, places: Iterable[int | np.intp]) -> None:
        """Tell of those that have not been told of."""
        for i in places:
            self(i)


@dataclass(frozen=True, eq=False)
class Task:
    """argmin R(θ, b) + P(θ; λ) for each λ, and how closely.

    Attributes
    ----------
    problem : Problem
        R.
    penalty : Penalty
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order.
    tol : float
        Relative duality gap or gradient norm at which a λ counts as solved.
    max_iter : int
        Iterations allowed for each λ, in the method's own unit.
    max_expansions : None or int
        Quadratics allowed for each λ; None for as many as ``tol`` asks for.
    hessian : {"full", "diagonal", "pca"}
        What the Hessian of the one quadratic is replaced by.
    start : None or (ndarray of shape (K, p), ndarray of shape (K,))
        θ and b to start from.
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
    progress: Progress = field(default_factory=Progress)

    @property
    def quadratic(self) -> Quadratic:
        """The problem where ``is_quadratic``, with the members that come with it."""
        return cast(Quadratic, self.problem)

    @property
    def risk(self) -> EmpiricalRisk:
        """The problem where it is not."""
        return cast(EmpiricalRisk, self.problem)

    @property
    def is_quadratic(self) -> bool:
        """Whether the risk is its own quadratic."""
        return self.problem.is_quadratic

    @property
    def has_curvature(self) -> bool:
        """Whether the risk can be expanded to a quadratic, or is one."""
        return self.problem.has_curvature

    @property
    def has_linear_sides(self) -> bool:
        """Whether the loss is linear on both sides of y."""
        return self.problem.has_linear_sides

    @property
    def is_convex(self) -> bool:
        """Whether the risk is."""
        return self.problem.is_convex

    @property
    def is_large(self) -> bool:
        """Whether the rows of a quadratic are too many and too wide to decompose H."""
        return self.problem.is_large

    @property
    def is_smooth(self) -> bool:
        """Whether the penalty is."""
        return self.penalty.is_smooth

    @property
    def kernel(self) -> str:
        """The compiled solver that knows the penalty."""
        return self.penalty.kernel

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

    def descending(self, which: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
        """Places of λ (of those marked), from the largest to the smallest."""
        places = np.arange(len(self.alphas)) if which is None else np.flatnonzero(which)
        return places[np.argsort(-self.alphas[places], kind="stable")]


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
    n_iter: NDArray[np.intp]
    solver: str
    intercepts: Array | None = None
    gaps: Array | None = None
    gradient_norms: Array | None = None
    dof: Array | None = None
    n_expansions: NDArray[np.intp] | None = None
    exhausted: NDArray[np.bool_] | None = None
    is_exact: bool = True
    rounding: float = 0.0
    has_minimizer: bool = True
    notes: list[str] = field(default_factory=list)


class Method(ABC):
    """A way to solve some tasks.

    Attributes
    ----------
    name : str
        What ``method=`` of `solve` calls it.
    scope : str
        Which tasks it serves, in words.
    needs : dict of str to tuple
        The same as values that properties of a `Task` may have.
    unit : str
        What ``max_iter`` counts.
    closer : float
        The share of ``tol`` that a solution asked for closely aims at.
    """

    name: ClassVar[str]
    scope: ClassVar[str]
    needs: ClassVar[dict[str, tuple[Any, ...]]] = {}
    unit: ClassVar[str] = "iterations"
    closer: ClassVar[float] = 1.0

    def serves(self, task: Task) -> bool:
        """Whether it can solve this task."""
        return not self.missing(task)

    def missing(self, task: Task) -> dict[str, Any]:
        """What of the task it does not serve: properties and their values."""
        return {
            name: getattr(task, name)
            for name, allowed in self.needs.items()
            if getattr(task, name) not in allowed
        }

    @abstractmethod
    def path(self, task: Task) -> Answer:
        """Solve for every λ."""

    def alpha_max(self, task: Task) -> float:
        """The smallest λ at which every penalized coefficient is 0; +inf if there is none."""
        return np.inf
