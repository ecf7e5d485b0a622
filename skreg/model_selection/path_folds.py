"""One path for each split: warm starts along λ, and predictions of many λ at once."""

import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer, _PassthroughScorer
from sklearn.model_selection._validation import _score
from sklearn.utils._metadata_requests import _routing_enabled
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

from skreg._threads import in_parallel, one_blas_thread
from skreg.model_selection import refits
from skreg.model_selection.job import along_path, or_else
from skreg.model_selection.metrics import NoFormula, SquareScores, class_scores
from skreg.model_selection.pipelines import Training, has_path, last_step

#: Raw predictions are made for as many λ at once as fit into this many numbers.
BLOCK = 2**21


def serves(job):
    """A linear estimator of this package, on its own or at the end of a Pipeline."""
    return job.y is not None and has_path(job.estimator)


def run(job):
    """Follow the path on the training part of each split, and score it. See `Route`."""
    calls = ({"job": job, "j": j} for j in range(len(job.splits)))
    together = effective_n_jobs(job.n_jobs) > 1
    with one_blas_thread() if together else nullcontext():
        yield from enumerate(in_parallel(one_split, calls, n_jobs=job.n_jobs, prefer="threads"))


def one_split(job, j):
    """What `refits.one_split` returns, by one path."""
    return or_else(lambda: _one_split(job, j), lambda: refits.one_split(job, j))


def _one_split(job, j):
    train, test = job.splits[j]
    start = time.perf_counter()
    X, y = _safe_split(job.estimator, job.X, job.y, train)
    training = Training(job.estimator, X, y, _check_method_params(job.X, job.fit_params, train))
    path = training.follow(job.alphas, job.watch.of_split(j), job.enough)
    solved = time.perf_counter()
    X_test, y_test = _safe_split(job.estimator, job.X, job.y, test, train)
    tests = _scores_along(job, training, path, X_test, y_test, test)
    scored = time.perf_counter()
    trains = None
    if job.return_train_score:
        trains = _scores_along(job, training, path, X, y, train, training.prefix.rows)
    return along_path(len(test), tests, trains, solved - start, scored - solved)


def _scores_along(job, training, path, X, y, index, transformed=None):
    """The scores of every λ on rows, transformed once unless a scorer looks into the Pipeline."""
    params = _check_method_params(job.X, job.score_params, index)
    if looks_at_predictions_only(job.scorer, job):
        transformed = training.prefix.transform(X) if transformed is None else transformed
        if transformed is not None:
            return scores_of_path(job, path, transformed, y, params)
    fitted = (path.model.estimator_at(path, i) for i in range(len(path)))
    whole = map(training.prefix.whole, fitted)
    return [_score(one, X, y, job.scorer, params, job.error_score) for one in whole]


def scores_of_path(job, path, X, y, params):
    """The scores of every λ on rows as the path sees them: by formulas, or else by the scorers."""
    formulas = _class_scores if is_classifier(path.source) else _square_scores
    found = formulas(job, path, X, y, params)
    if found is not None:
        return found
    fitted = fitted_along(path, X)
    return [_score(one, X, y, job.scorer, params, job.error_score) for one in fitted]


def scores_on(job, path, rows):
    """The same on rows of the job, of an estimator by itself."""
    X, y = _safe_split(job.estimator, job.X, job.y, rows)
    return scores_of_path(job, path, X, y, _check_method_params(job.X, job.score_params, rows))


def _class_scores(job, path, X, y, params):
    """Scores by formulas that take many λ; None where scikit-learn has to be asked."""
    scores = []
    for some in _blocks(path, X):
        raw = _raw(some, X)
        part = None if raw is None else class_scores(path.model, raw, y, job.scorers, params)
        if part is None:
            return None
        scores += part
    return scores


def _square_scores(job, path, X, y, params):
    is_single = path.coefs.dtype == np.float32 and getattr(y, "dtype", None) == np.float32
    if is_single or _raw(_part(path, slice(1)), X) is None:
        return None  # scikit-learn adds up float32 in float32
    try:
        y = np.asarray(y, dtype=np.float64).reshape(_num_samples(y), -1)
        squares = SquareScores(path.model, job.scorers, params, y)
    except (NoFormula, TypeError, ValueError):  # y of the test rows may be anything
        return None

    def predict(some):
        return _part(path, some).predict(X).reshape(-1, *y.shape)

    return squares.by_predictions(slice(None), predict, len(path))


def _raw(path, X):
    """Raw predictions; None for an X that scorers are to complain of."""
    try:
        return path.decision_function(X)
    except (TypeError, ValueError):
        return None


def looks_at_predictions_only(scorer, job):
    """Whether the last step on transformed rows is as good as the Pipeline on the rows.

    True of scikit-learn's scorers; another callable may look at anything.
    """
    if isinstance(scorer, _MultimetricScorer):
        return all(looks_at_predictions_only(one, job) for one in scorer._scorers.values())
    if isinstance(scorer, _PassthroughScorer):
        # ``estimator.score``: where metadata is routed, the Pipeline is the one to route it.
        routed = _routing_enabled() and bool(job.score_params)
        return not routed or job.estimator is last_step(job.estimator)
    return isinstance(scorer, _BaseScorer)


def fitted_along(path, X):
    """Fitted estimators at every λ of a path that know their raw predictions for X already."""
    start = 0
    for some in _blocks(path, X):
        block = _raw(some, X)
        for i in range(len(some.coefs)):
            known = None if block is None else (X, block[i])
            yield path.model.estimator_at(path, start + i, known)
        start += len(some.coefs)


def _blocks(path, X):
    """The path in parts whose predictions for X fit into `BLOCK` numbers."""
    width = max(1, BLOCK // max(1, _num_samples(X) * path.intercepts[0].size))
    for start in range(0, len(path), width):
        yield _part(path, slice(start, start + width))


def _part(path, some):
    """What of a path predicts, for some of its λ."""
    return replace(path, coefs=path.coefs[some], intercepts=path.intercepts[some])
