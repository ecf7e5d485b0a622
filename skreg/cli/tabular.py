"""The job on a user's own table: ridge, lasso and network against a baseline."""

import math
import time
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.cli.columns import listing, parse_types
from skreg.cli.errors import UserError
from skreg.cli.preprocessing import build_preprocessor
from skreg.cli.reading import read_table
from skreg.cli.report import format_alpha, format_error, format_table
from skreg.cli.saving import check_save_path, save_model
from skreg.cli.search import ERRORS, network_parameters, splitter, tune
from skreg.cli.table import make_problem

# Features and numeric targets have variance 1, so one grid serves every table.
ALPHAS = {
    "ridge": tuple(10.0 ** np.arange(1, -6, -1)),
    "lasso": tuple(10.0 ** np.arange(0, -4.5, -0.5)),
    "network": (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 0.0),
}


class Contender(NamedTuple):
    """A line of the comparison; ``alpha`` is None for the baseline."""

    name: str
    alpha: float | None
    cv_error: float
    cv_standard_error: float
    model: Any

    @classmethod
    def from_outcome(cls, outcome):
        """The best λ of a search."""
        i = outcome.best
        return cls(
            outcome.name,
            outcome.alphas[i],
            outcome.cv_error[i],
            outcome.cv_standard_error[i],
            outcome.search.best_estimator_,
        )


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
    preprocessor, kinds = build_preprocessor(problem.X, problem.columns)
    if not preprocessor.transformers:
        raise UserError(f"{options.data} has no column to learn from beside the target")
    _print_problem(options, problem, kinds, table.notes)

    stratify = problem.y if problem.task == "classification" else None
    X, X_held, y, y_held = train_test_split(
        problem.X,
        problem.y,
        test_size=options.holdout,
        random_state=options.seed,
        stratify=stratify,
    )
    models = build_models(problem.task, preprocessor, len(y), options)
    contenders = []
    for name, (model, parameter) in models.items():
        outcome = tune(
            name,
            model,
            parameter,
            options.alphas or ALPHAS[name],
            X,
            y,
            task=problem.task,
            options=options,
        )
        contenders.append(Contender.from_outcome(outcome))
        for note in outcome.notes:
            print(f"Note: {note}")
    best = min(contenders, key=lambda contender: contender.cv_error)
    baseline = measure_baseline(problem.task, X, y, options)
    _print_comparison([*contenders, baseline], best, problem.task, X_held, y_held)
    if best.cv_error < baseline.cv_error:
        print(f"Best in cross-validation: the {best.name} with λ = {format_alpha(best.alpha)}.")
    else:
        print("No model does better than the baseline, which looks at the target alone.")

    if options.save is not None:
        model = clone(best.model).fit(problem.X, problem.y)
        usage = save_model(model, options.save, table.code(problem.y.name))
        print(
            f"Saved the {best.name}, refitted on all {len(problem.y):,} rows. "
            f"To use it:\n\n{usage}\n"
        )
    print(f"{time.perf_counter() - started:.0f} s in all.")


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
    dict of str to (Pipeline, str)
        For each name the model and the name of its parameter λ.
    """
    network = network_parameters(options, n_rows * (options.folds - 1) // options.folds)
    if task == "classification":
        candidates = {
            "ridge": QuadraticApproxRidgeClassifier(),
            "lasso": QuadraticApproxLassoClassifier(),
            "network": RegularizedMLPClassifier(**network),
        }
        return {
            name: (Pipeline([("prepare", preprocessor), ("model", model)]), "model__alpha")
            for name, model in candidates.items()
        }
    candidates = {
        "ridge": QuadraticApproxRidge(),
        "lasso": QuadraticApproxLasso(),
        "network": RegularizedMLPRegressor(**network),
    }
    return {
        name: (
            Pipeline(
                [
                    ("prepare", preprocessor),
                    ("model", TransformedTargetRegressor(model, transformer=StandardScaler())),
                ]
            ),
            "model__regressor__alpha",
        )
        for name, model in candidates.items()
    }


def measure_baseline(task, X, y, options):
    """Measure, on the same folds, a model that ignores X.

    Returns
    -------
    Contender
    """
    if task == "classification":
        name, model = "most frequent class", DummyClassifier(strategy="most_frequent")
    else:
        name, model = "mean", DummyRegressor()
    scorer = make_scorer(ERRORS[task], greater_is_better=False)
    errors = -cross_val_score(model, X, y, scoring=scorer, cv=splitter(task, options))
    standard_error = errors.std(ddof=1) / math.sqrt(len(errors))
    return Contender(name, None, errors.mean(), standard_error, model.fit(X, y))


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


def _print_comparison(contenders, best, task, X_held, y_held):
    rows = []
    for contender in contenders:
        predicted = contender.model.predict(X_held)
        rows.append(
            [
                contender.name,
                "" if contender.alpha is None else format_alpha(contender.alpha),
                format_error(contender.cv_error, contender.cv_standard_error, task=task),
                format_error(ERRORS[task](y_held, predicted), task=task),
            ]
        )
        if task == "regression":
            rows[-1].append(f"{round(r2_score(y_held, predicted), 3) + 0.0:.3f}")
    if task == "classification":
        header = ["model", "λ", "cross-validated error", "held-out error"]
    else:
        header = ["model", "λ", "cross-validated RMSE", "held-out RMSE", "held-out R²"]
    print(f"\n{format_table(header, rows, marked=contenders.index(best))}\n")
