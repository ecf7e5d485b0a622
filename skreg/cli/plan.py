"""What a comparison will take: expected seconds, and less work where a budget asks for it."""

import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skreg.cli.report import format_alpha

#: Rows by which seconds are told.
_ROWS = 1000
#: A network with fewer epochs than this is not worth its place.
_LEAST_EPOCHS = 10
_SLACK = 0.8  # share of a budget that is planned with: expected seconds are rough


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
    share = len(y) / len(rows)
    steps = []
    for name, model in models.items():
        alphas = tuple(sorted(set(grids[name]), reverse=True))
        if name == "network":
            first = _seconds(model, X, y, rows, {"model__max_iter": 1})
            later = _seconds(model, X, y, rows, {"model__max_iter": 6})
            epoch = max(later - first, 1e-4 * first) / 5
            fits = len(alphas) * (options.folds - 1) / options.jobs + 2
            seconds, epochs = epoch * share * options.max_iter * fits, options.max_iter
        else:
            once = _seconds(model, X, y, rows, {"model__alpha": alphas[len(alphas) // 2]})
            # A path takes about as long as one fit: each λ starts from the one before.
            seconds, epochs = once * share * (options.folds + 1), None
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
    """The plan that fits into a budget: the network with fewer epochs, or without it.

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
    >>> steps = [Step("ridge", None, (0.1,), 1.0), Step("network", None, (0.1,), 90.0, 100)]
    >>> kept, notes = within(steps, 5.0)
    >>> [step.name for step in kept], notes
    (['ridge'], ['the network is left out: 10 epochs would take 9 s of the 5 s (--budget)'])
    """
    if budget is None:
        return list(steps), []
    kept: list[Step] = []
    notes: list[str] = []
    left = _SLACK * budget
    for step in sorted(steps, key=lambda step: step.epochs is not None):
        if step.seconds <= left or (not kept and step.epochs is None):
            kept.append(step)
        elif step.epochs and (fewer := int(step.epochs * left / step.seconds)) >= _LEAST_EPOCHS:
            step = replace(
                step,
                model=clone(step.model).set_params(model__max_iter=fewer),
                seconds=step.seconds * fewer / step.epochs,
                epochs=fewer,
            )
            kept.append(step)
            notes.append(f"the {step.name} trains for {fewer} epochs only (--budget)")
        elif step.epochs:
            least = min(_LEAST_EPOCHS, step.epochs)
            least_seconds = step.seconds * least / step.epochs
            notes.append(
                f"the {step.name} is left out: {least} epochs would take {least_seconds:.0f} s of "
                f"the {budget:g} s (--budget)"
            )
        else:
            notes.append(
                f"the {step.name} is left out: it would take {step.seconds:.0f} s (--budget)"
            )
        left -= step.seconds if kept and kept[-1].name == step.name else 0.0
    return kept, notes


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
