"""The job on a user's own table: ridge, lasso and network against a baseline."""

import math
import time

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
from skreg.cli.columns import parse_types
from skreg.cli.comparison import compete, measure_baseline, winner_of
from skreg.cli.errors import UserError
from skreg.cli.importance import Important
from skreg.cli.metrics import metrics_of
from skreg.cli.page import check_page_path, write_page
from skreg.cli.plan import affordable, in_words, make_plan, within
from skreg.cli.preprocessing import build_preprocessor
from skreg.cli.reading import read_table
from skreg.cli.results import Report, print_comparison, print_problem
from skreg.cli.saving import check_save_path, save_model
from skreg.cli.search import network_parameters
from skreg.cli.table import make_problem

# Features and numeric targets have variance 1, so one grid serves every table.
ALPHAS = {
    "ridge": tuple(10.0 ** np.arange(1, -5.5, -0.5)),
    "lasso": tuple(10.0 ** np.arange(0, -4.25, -0.25)),
    "network": (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 0.0),
}


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
    check_page_path(options.report)
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
    print_problem(options, problem, kinds, table.notes)

    report = _compare(table, problem, metrics, by, preprocessor, options, started)
    print_comparison(report)
    if options.report is not None:
        write_page(report, options.report)
        print(f"Report: {options.report}")
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


def _compare(table, problem, metrics, by, preprocessor, options, started):
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
    contenders, before = [], None

    def search(step, settings=options):
        began, cpu = time.perf_counter(), time.process_time()
        found = compete(step.name, step.model, step.alphas, X, y, metrics, by.name, settings)
        return found, time.perf_counter() - began, time.process_time() - cpu

    for step in steps:
        if options.budget is not None:
            left = options.budget - (time.perf_counter() - started)
            step, note = affordable(step, left, before, search, options)
            if note:
                print(f"Note: {note}", flush=True)
            if step is None:
                continue
        found, seconds, _ = search(step)
        contenders.append(found)
        before = step, seconds
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


def _save(report):
    options, problem, winner = report.options, report.problem, report.winner
    model = clone(winner.model).fit(problem.X, problem.y)
    usage = save_model(model, options.save, report.table.code(problem.y.name))
    print(f"Saved the {winner.name}, refitted on all {len(problem.y):,} rows. "
          f"To use it:\n\n{usage}\n")  # fmt: skip
