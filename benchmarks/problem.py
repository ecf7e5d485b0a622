"""What a problem says about itself; the runner knows nothing else."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import benchmarks.problems


@dataclass(frozen=True)
class Case:
    """One size of a problem.

    Attributes
    ----------
    name : str
        The size, as tables show it.
    make : callable
        Makes the data that contenders and the judge receive; never timed.
    epochs : (short, long) or None
        If given, a contender's ``run(epochs, seed)`` is timed at both lengths and the figure is the
        difference a epoch, so that set-up cancels. Otherwise ``run()`` is timed as a whole.
    """

    name: str
    make: Callable[[], Any]
    epochs: tuple[int, int] | None = None


@dataclass(frozen=True)
class Problem:
    """A task, its sizes and its judge.

    Attributes
    ----------
    name, title : str
        As typed, and in a sentence.
    task : str
        The function that an adapter defines to take part: ``task`` itself, or ``task__variant``
        for a second way of doing it with the same library.
    unit : str
        What is timed: "path" or "epoch".
    cases : callable
        ``cases(quick)`` gives the sizes; with ``quick`` a small version of each.
    objective : callable
        ``objective(data, solution)``: one value, or one a λ, computed by `benchmarks.objective`.
    relative, absolute : float
        How far above the best contender's objective still counts as the same objective.
    duality_gap : callable, optional
        ``duality_gap(data, solution)``: the largest relative gap over the solution, which may be
        `largest_gap` at most.
    memory : bool
        Whether peak memory is measured as well, in one more run.
    """

    name: str
    title: str
    task: str
    unit: str
    cases: Callable[[bool], list[Case]]
    objective: Callable[[Any, Any], np.ndarray | float]
    relative: float
    absolute: float = 0.0
    duality_gap: Callable[[Any, Any], float] | None = None
    largest_gap: float = np.inf
    memory: bool = False


def all_problems():
    """Every problem of `benchmarks.problems`, by name."""
    modules = (
        importlib.import_module(f"benchmarks.problems.{info.name}")
        for info in pkgutil.iter_modules(benchmarks.problems.__path__)
    )
    return {problem.name: problem for module in modules for problem in module.PROBLEMS}
