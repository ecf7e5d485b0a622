"""Squared error from the moments of each fold alone: the rows need not be at hand."""

import time

import numpy as np

from skreg.model_selection.affine import MomentTraining
from skreg.model_selection.job import along_path
from skreg.model_selection.metrics import square_scores
from skreg.model_selection.parts import Parts
from skreg.solvers.method import by_targets


def serves(job):
    """Rows that are known by the moments of their folds."""
    return isinstance(job.X, Parts)


def run(job):
    """Solve every λ on the training part of each split, and score it. See `Route`."""
    parts = job.X.of(job.estimator)
    for j, split in enumerate(zip(parts.heads, parts.trains, parts.tests, strict=True)):
        yield j, _one_split(job, j, *split)


def _one_split(job, j, head, train, test):
    start = time.perf_counter()
    training = MomentTraining(job.estimator, train, head)
    path = training.solve_closely(job.alphas, job.watch.of_split(j))
    solved = time.perf_counter()
    trains = _scores(job, training, path, train) if job.return_train_score else None
    tests = _scores(job, training, path, test)
    seconds = solved - start, time.perf_counter() - solved
    return along_path(test.n_rows, tests, trains, *seconds)


def _scores(job, training, path, moments):
    moments = training.prefix.apply(moments)
    squares = square_scores(training, job.scorers, moments.y_mean.size)
    found = squares.by_moments(moments, *by_targets(path), exact=np.inf)
    if found is None:
        raise ValueError(
            "y is constant in a fold, or has one row in it, and R² a matter of definition. Use "
            'larger folds, or scoring="neg_mean_squared_error".'
        )
    return found
