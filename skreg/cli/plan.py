"""What a comparison will take: expected seconds, and less work where a budget asks for it."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skreg.cli.report import format_alpha

#: Rows by which seconds are told: at most so many, and a quarter of them.
_ROWS = 1000
#: A network with fewer epochs than this is not worth its place.
_LEAST_EPOCHS = 10
#: Epochs of the longer of two trials by which the time of a network is told.
_TRIED = 4
_SLACK = 0.85  # share of a budget that is planned with: expected seconds are rough


@dataclass(frozen=True)
class Step:
    """A model to tune, and the seconds it is expected to take."""

    name: str
    model: Any
    alphas: tuple[float, ...]
    seconds: float
    epochs: int | None = None

    def __str__(self) -> str:
        low, high = format_alpha(min(self.alphas)), format_alpha(max(self.alphas))
        grid = (
            f"{len(self.alphas)} λ from {high} to {low}" if len(self.alphas) > 1 else f"λ = {high}"
        )
        epochs = f" × {self.epochs} epochs" if self.epochs else ""
        return f"{self.name}: {grid}{epochs}"


def make_plan(
    models: Mapping[str, Any], grids: Mapping[str, Sequence[float]], X: Any, y: Any, options
) -> list[Step]:
    """Tell how long each model takes, by trying it once on at most `_ROWS` rows.

    A linear model follows a path for each fold and one for all rows. A network is trained for each
    λ and fold.
    """
    rows = np.random.default_rng(options.seed).permutation(len(y))[:_ROWS]
    steps = []
    for name, model in models.items():
        alphas = tuple(sorted(set(grids[name]), reverse=True))
        if name == "network":
            first = _seconds(model, X, y, rows, {"model__max_iter": 1})
            later = _seconds(model, X, y, rows, {"model__max_iter": 6})
            epoch = max(later - first, 1e-4 * first) / 5 * len(y) / len(rows)
            fits = len(alphas) * (options.folds - 1) / options.jobs + 2
            seconds, epochs = epoch * options.max_iter * fits, options.max_iter
        else:
            chosen = {"model__alpha": alphas[len(alphas) // 2]}
            fewer, more = (_seconds(model, X, y, some, chosen) for some in (rows[::4], rows))
            per_row = max(more - fewer, 0.0) / max(len(rows) - len(rows[::4]), 1)
            # A path takes about as long as one fit: each λ starts from the one before.
            seconds = (more + per_row * (len(y) - len(rows))) * (options.folds + 1)
            epochs = None
        steps.append(Step(name, model, alphas, seconds, epochs))
    return steps


def _seconds(model: Any, X: Any, y: Any, rows: Any, parameters: dict[str, Any]) -> float:
    started = time.perf_counter()
    target = y.iloc[rows]
    if np.issubdtype(target.dtype, np.floating):
        target = (target - target.mean()) / (target.std() or 1.0)
    # What goes wrong here goes wrong in the search too, which says so.
    with warnings.catch_warnings(), suppress(ValueError):
        warnings.simplefilter("ignore")
        clone(model).set_params(**parameters).fit(X.iloc[rows], target)
    return time.perf_counter() - started


def within(steps: Sequence[Step], budget: float | None) -> tuple[list[Step], list[str]]:
    """The plan that fits into a budget: without linear models that are expected to exceed it.

    The network comes last and takes what is left: `shortened` decides when it is known.

    Parameters
    ----------
    steps : sequence of Step
    budget : float or None
        Seconds.

    Returns
    -------
    steps : list of Step
    notes : list of str
        What was given up.

    Examples
    --------
    >>> from skreg.cli.plan import Step, within
    >>> steps = [Step("ridge", None, (0.1,), 1.0), Step("lasso", None, (0.1,), 9.0)]
    >>> kept, notes = within(steps, 5.0)
    >>> [step.name for step in kept], notes
    (['ridge'], ['the lasso is left out: it would take 9 s of the 5 s (--budget)'])
    """
    if budget is None:
        return list(steps), []
    kept: list[Step] = []
    notes: list[str] = []
    left = _SLACK * budget
    for step in sorted(steps, key=lambda step: step.epochs is not None):
        if step.seconds <= left or not kept or step.epochs:
            kept.append(replace(step, seconds=min(step.seconds, max(left, 0.0))))
            left -= step.seconds
        else:
            notes.append(
                f"the {step.name} is left out: it would take {step.seconds:.0f} s of the "
                f"{budget:g} s (--budget)"
            )
    return kept, notes


def shortened(
    step: Step, left: float, trial: Callable[[int], tuple[float, float]]
) -> tuple[Step | None, str | None]:
    """The network with as many epochs as the time left is enough for, or without it.

    Parameters
    ----------
    step : Step
        With its number of epochs.
    left : float
        Seconds.
    trial : callable
        Does the whole step with so many epochs, and tells the seconds that passed, and those of
        the processor.

    Returns
    -------
    step : Step or None
    note : str or None
        What was given up.

    Examples
    --------
    >>> from skreg.cli.plan import Step, shortened
    >>> from sklearn.pipeline import Pipeline
    >>> from skreg import RegularizedMLPClassifier
    >>> network = Pipeline([("model", RegularizedMLPClassifier())])
    >>> step = Step("network", network, (0.1,), 200.0, 100)
    >>> shortened(step, 100.0, lambda epochs: 2 * (1.0 + 2.0 * epochs,))[1]
    'the network trains for 36 epochs only (--budget)'
    """
    assert step.epochs is not None
    least = min(_LEAST_EPOCHS, step.epochs)
    left_out = (
        f"the {step.name} is left out: {least} epochs would take more than is left (--budget)"
    )
    first, first_cpu = trial(1)
    if 3 * first > left:
        return None, left_out
    later, later_cpu = trial(_TRIED)
    # What else the machine does shows in the seconds that pass, for better or worse in either
    # trial; so an epoch is told by the processor's.
    pace = (first + later) / (first_cpu + later_cpu)
    epoch = pace * max(later_cpu - first_cpu, 1e-3 * first_cpu) / (_TRIED - 1)
    fixed = pace * first_cpu - epoch
    left = _SLACK * (left - first - later)
    epochs = min(int((left - fixed) / epoch), step.epochs)
    if epochs < least:
        return None, left_out
    if epochs == step.epochs:
        return step, None
    model = clone(step.model).set_params(model__max_iter=epochs)
    note = f"the {step.name} trains for {epochs} epochs only (--budget)"
    return replace(step, model=model, epochs=epochs), note


def affordable(
    step: Step, left: float, before: tuple[Step, float] | None, search: Callable[..., Any], options
) -> tuple[Step | None, str | None]:
    """A step as the time left allows it, or None, and what there is to say about it.

    Parameters
    ----------
    step : Step
    left : float
        Seconds.
    before : None or tuple of Step and float
        The step before, and the seconds that it took; None for the first, which is always done.
    search : callable
        Takes a step and options; does the step, and gives what it found, the seconds that passed
        and those of the processor.
    options : Options
    """
    if before is None:
        return step, None
    last, seconds = before
    # Two trials and the step, each at least what preparing and scoring took for as many λ.
    needed = 3 * seconds * len(step.alphas) / len(last.alphas)
    if step.epochs is None:
        needed = step.seconds * seconds / max(last.seconds, 1e-3)
    if needed > left:
        return None, f"the {step.name} is left out: {max(left, 0):.0f} s are left (--budget)"
    if step.epochs is None:
        return step, None

    def trial(epochs: int) -> tuple[float, float]:
        model = clone(step.model).set_params(model__max_iter=epochs)
        return search(replace(step, model=model), replace(options, quiet=True))[1:]

    return shortened(step, left, trial)


def in_words(steps: Sequence[Step], folds: int) -> str:
    """The plan in a line or two."""
    seconds = sum(step.seconds for step in steps)
    return (
        f"Plan: {folds}-fold cross-validation of {'; '.join(map(str, steps))}.\n"
        f"Expected: {_about(seconds)} (--budget SECONDS bounds it)."
    )


def _about(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    return f"about {seconds:.0f} s" if seconds < 120 else f"about {seconds / 60:.0f} minutes"
