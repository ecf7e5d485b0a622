"""The job on a user's own table: ridge, lasso and network against a baseline."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.cli.columns import listing, parse_types
from skreg.cli.comparison import Contender, compete, measure_baseline, winner_of
from skreg.cli.errors import UserError
from skreg.cli.importance import Important
from skreg.cli.metrics import Metric, metrics_of
from skreg.cli.plan import in_words, make_plan, within
from skreg.cli.preprocessing import build_preprocessor
from skreg.cli.reading import Table, read_table
from skreg.cli.report import format_alpha, format_interval, format_measure, format_table
from skreg.cli.saving import check_save_path, save_model
from skreg.cli.search import network_parameters
from skreg.cli.table import Dataset, make_problem

# Features and numeric targets have variance 1, so one grid serves every table.
ALPHAS = {
    "ridge": tuple(10.0 ** np.arange(1, -5.5, -0.5)),
    "lasso": tuple(10.0 ** np.arange(0, -4.25, -0.25)),
    "network": (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 0.0),
}


@dataclass(frozen=True)
class Report:
    """All that is known at the end, for what is printed and for the page."""

    options: Any
    table: Table
    problem: Dataset
    metrics: dict[str, Metric]
    by: Metric
    contenders: list[Contender]
    winner: Contender
    held_out: tuple[Any, Any]
    important: Important | None


def run(options):
    """Tune λ of each model on a table, compare them on rows held out, save the best.

    Parameters
    ----------
    options : Options

    Raises
    ------
    UserError
        If the file, the target or an option is wrong, or a fit fails.
    """
    started = time.perf_counter()
    check_save_path(options.save)
    table = read_table(options.data, separator=options.separator, target=options.target)
    problem = make_problem(
        table.frame,
        options.target,
        task=options.task,
        drop=options.drop,
        given=parse_types(options.types, table.frame),
    )
    check_size(problem, options)
    metrics = metrics_of(problem.task, problem.y)
    by = _metric_of(options.metric, metrics, problem.task)
    preprocessor, kinds = build_preprocessor(problem.X, problem.columns)
    if not preprocessor.transformers:
        raise UserError(f"{options.data} has no column to learn from beside the target")
    _print_problem(options, problem, kinds, table.notes)

    report = _compare(table, problem, metrics, by, preprocessor, options)
    _print_comparison(report)
    if options.save is not None:
        _save(report)
    print(f"{time.perf_counter() - started:.0f} s in all.")


def _metric_of(name, metrics, task):
    if name == "auto":
        return next(iter(metrics.values()))
    if name not in metrics:
        raise UserError(
            f"--metric {name} does not measure this {task}; use one of {', '.join(metrics)}"
        )
    return metrics[name]


def _compare(table, problem, metrics, by, preprocessor, options):
    """Search each model on the rows that are not held out."""
    stratify = problem.y if problem.task == "classification" else None
    X, X_held, y, y_held = train_test_split(
        problem.X,
        problem.y,
        test_size=options.holdout,
        random_state=options.seed,
        stratify=stratify,
    )
    models = build_models(problem.task, preprocessor, len(y), options)
    grids = {name: options.alphas or ALPHAS[name] for name in models}
    steps, notes = within(make_plan(models, grids, X, y, options), options.budget)
    for note in notes:
        print(f"Note: {note}")
    print(in_words(steps, options.folds), flush=True)
    contenders = []
    for step in steps:
        found = compete(step.name, step.model, step.alphas, X, y, metrics, by.name, options)
        contenders.append(found)
        for note in found.notes:
            print(f"Note: {note}")
    contenders.append(measure_baseline(X, y, metrics, options))
    winner, _ = winner_of(contenders, by)
    important = next((Important.of(c) for c in contenders if c.name == "lasso"), None)
    return Report(
        options, table, problem, metrics, by, contenders, winner, (X_held, y_held), important
    )


def check_size(problem, options):
    """Check that hold-out and folds each get their share of the rows.

    Raises
    ------
    UserError
        If there are too few rows, or too few of some class.
    """
    # Of each class at least one row a fold in the search, and one row held out.
    needed = math.ceil(max(options.folds / (1 - options.holdout), 1 / options.holdout))
    remedy = "use fewer --folds, or a --holdout nearer to 0.5"
    if problem.task == "classification":
        counts = problem.y.value_counts()
        if counts.iloc[-1] < needed:
            raise UserError(
                f"target {problem.y.name!r} has too few rows of class {counts.index[-1]!s} "
                f"({counts.iloc[-1]}; of each of its {len(counts)} classes {needed} are needed): "
                f"merge or remove rare classes, or {remedy}"
            )
    elif len(problem.y) < 2 * needed:
        raise UserError(
            f"{options.data} has too few rows with a target "
            f"({len(problem.y)}; {2 * needed} are needed): {remedy}"
        )


def build_models(task, preprocessor, n_rows, options):
    """The models to compare.

    Parameters
    ----------
    task : {"classification", "regression"}
    preprocessor : ColumnTransformer
    n_rows : int
        Rows of the search.
    options : Options

    Returns
    -------
    dict of str to Pipeline
        Each by its name; λ is the ``alpha`` of its last step.
    """
    network = network_parameters(options, n_rows * (options.folds - 1) // options.folds)
    if task == "classification":
        candidates = {
            "ridge": QuadraticApproxRidgeClassifier(),
            "lasso": QuadraticApproxLassoClassifier(),
            "network": RegularizedMLPClassifier(**network),
        }
    else:
        candidates = {
            "ridge": QuadraticApproxRidge(),
            "lasso": QuadraticApproxLasso(),
            "network": RegularizedMLPRegressor(**network),
        }
    return {
        name: Pipeline([("prepare", preprocessor), ("model", model)])
        for name, model in candidates.items()
    }


def _print_problem(options, problem, kinds, notes):
    usable = [
        f"{len(kinds[kind])} {plural}"
        for kind, plural in (("number", "numeric"), ("category", "categorical"), ("date", "date"))
        if kind in kinds
    ]
    name = "standard input" if str(options.data) == "-" else options.data
    print(f"{name}: {len(problem.y):,} rows, columns: {', '.join(usable)}\n")
    print(listing(problem.columns), end="\n\n")
    for note in (*notes, *problem.notes):
        print(f"Note: {note}")


def _print_comparison(report):
    metrics, contenders = report.metrics, report.contenders
    marked = contenders.index(report.winner)
    header = ["model", "λ", *(metric.label for metric in metrics.values())]
    rows = [[c.name, "" if c.alpha is None else format_alpha(c.alpha)] for c in contenders]
    scored = [
        row + [format_measure(c.mean(m), c.standard_error(m), m) for m in metrics.values()]
        for row, c in zip(rows, contenders, strict=True)
    ]
    print(f"\nCross-validation, mean ± standard error (λ chosen by {report.by.label}):\n")
    print(format_table(header, scored, marked=marked))
    X, y = report.held_out
    scored = [
        row + [format_interval(c.held_out(m, X, y), m) for m in metrics.values()]
        for row, c in zip(rows, contenders, strict=True)
    ]
    print(f"\nThe {len(y):,} rows held out, with 95 % intervals:\n")
    print(format_table(header, scored, marked=marked))
    print(f"\n{verdict(contenders, report.by)}\n")
    if report.important is not None:
        classes = getattr(report.winner.model, "classes_", None)
        positive = str(classes[1]) if classes is not None and len(classes) == 2 else None
        print(report.important.text(report.problem.y.name, positive), end="\n\n")


def verdict(contenders, by):
    """Which model is best, and which cannot be told from it.

    Parameters
    ----------
    contenders : list of Contender
    by : Metric

    Returns
    -------
    str
    """
    winner, tied = winner_of(contenders, by)
    if winner.name == "baseline":
        return (
            f"No model does clearly better than the baseline, which looks at the target alone: "
            f"the best {by.label} is within one standard error of its."
            if tied
            else "No model does better than the baseline, which looks at the target alone."
        )
    named = f"the {winner.name} with λ = {format_alpha(winner.alpha)}"
    if not tied:
        return f"Best by {by.label} in cross-validation: {named}."
    others = " and ".join(f"the {c.name}" for c in tied)
    return (
        f"A tie: by {by.label} in cross-validation {named} and {others} are within one standard "
        f"error of the best. The {winner.name} is the simplest of them, and is taken."
    )


def _save(report):
    options, problem, winner = report.options, report.problem, report.winner
    model = clone(winner.model).fit(problem.X, problem.y)
    usage = save_model(model, options.save, report.table.code(problem.y.name))
    print(f"Saved the {winner.name}, refitted on all {len(problem.y):,} rows. "
          f"To use it:\n\n{usage}\n")  # fmt: skip
