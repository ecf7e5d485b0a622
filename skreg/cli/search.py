"""Choosing λ by cross-validation."""

import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from joblib import cpu_count, parallel_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import make_scorer, root_mean_squared_error, zero_one_loss
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from skreg.cli.errors import UserError
from skreg.cli.progress import progress_callbacks

ERRORS = {"classification": zero_one_loss, "regression": root_mean_squared_error}


@dataclass(frozen=True)
class CrossValidated:
    """The errors of one model for each λ; arrays of shape (n_alphas,), in the order of the search.

    ``cv_error`` is the mean over the K folds and ``cv_standard_error`` their standard deviation
    over √K. ``notes`` says what a user should know of the fits.
    """

    name: str
    search: GridSearchCV
    alphas: tuple[float, ...]
    train_error: np.ndarray
    cv_error: np.ndarray
    cv_standard_error: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def best(self):
        """Index of the chosen λ."""
        return int(self.search.best_index_)

    @property
    def alpha(self):
        """The chosen λ."""
        return self.alphas[self.best]


@contextmanager
def share_cores(jobs):
    """Run joblib's tasks in so many threads, and share the cores out to them.

    Threads serve because the kernels run without the GIL; nothing is copied to other processes.
    """
    threads = max(1, cpu_count() // jobs)
    with parallel_config("threading", n_jobs=jobs), threadpool_limits(threads):
        yield


def network_parameters(options, n_rows=math.inf):
    """The parameters of a network, λ apart.

    It runs through all of its epochs, with steps that shrink as 1/√epoch: the last network is then
    as good as one picked from the last few.

    Parameters
    ----------
    options : Options
    n_rows : int, default=inf
        The fewest rows that it will be fitted to: the limit of a mini-batch.
    """
    return {
        "hidden_layer_sizes": options.hidden,
        "batch_size": min(options.batch_size, n_rows),
        "learning_rate": "invscaling",
        "learning_rate_init": options.learning_rate,
        "max_iter": options.max_iter,
        "n_iter_no_change": np.inf,
        "tol": float(np.finfo(np.float64).max),  # nor is it told that it was still falling
        "dropout": 0.0,
        "random_state": options.seed,
    }


def splitter(task, options):
    """The folds: shuffled, and stratified by class for a classification."""
    kind = StratifiedKFold if task == "classification" else KFold
    return kind(options.folds, shuffle=True, random_state=options.seed)


def tune(name, model, parameter, alphas, X, y, *, task, options):
    """Compare the values of λ by cross-validation and refit with the best.

    The values are tried from the largest to the smallest, so that of equally good ones the most
    regularized is chosen.

    Parameters
    ----------
    name : str
        Of the model, for progress and errors.
    model : estimator
    parameter : str
        The name of λ in ``model.get_params()``.
    alphas : sequence of float
        The grid of λ.
    X : {ndarray, DataFrame} of shape (n_samples, n_features)
    y : {ndarray, Series} of shape (n_samples,)
    task : {"classification", "regression"}
        Decides the error: the share of wrong classes, or the root of the mean squared error.
    options : Options

    Returns
    -------
    CrossValidated

    Raises
    ------
    UserError
        If a fit fails.
    """
    alphas = tuple(sorted(set(alphas), reverse=True))
    search = GridSearchCV(
        model,
        {parameter: list(alphas)},
        scoring=make_scorer(ERRORS[task], greater_is_better=False),
        cv=splitter(task, options),
        error_score="raise",
        return_train_score=True,
    )
    search.set_callbacks(*progress_callbacks(name, quiet=options.quiet))
    try:
        with share_cores(options.jobs), _unconverged() as messages:
            search.fit(X, y)
    except ValueError as error:
        raise UserError(f"the {name} could not be fitted: {error}") from error
    results = search.cv_results_
    folds = np.array([results[f"split{k}_test_score"] for k in range(options.folds)])
    return CrossValidated(
        name=name,
        search=search,
        alphas=alphas,
        train_error=0.0 - results["mean_train_score"],  # 0 rather than −0
        cv_error=0.0 - results["mean_test_score"],
        cv_standard_error=folds.std(axis=0, ddof=1) / np.sqrt(options.folds),
        notes=_note(name, messages),
    )


@contextmanager
def _unconverged():
    """A list to which the messages of ConvergenceWarnings go, instead of stderr."""
    messages = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        yield messages
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            messages.append(str(warning.message))
        else:
            warnings.showwarning(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _note(name, messages):
    """One note of all fits that warned."""
    if not messages:
        return ()
    fits = "a fit" if len(messages) == 1 else f"{len(messages)} fits"
    return (f"{fits} of the {name} warned, the first: {messages[0]}",)
