"""Networks from rows in chunks: each λ of each split by passes of its own, one after the other."""

import time
import traceback
from copy import copy
from typing import cast

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _score

from skreg.model_selection.chunk_steps import (
    applied,
    check_step,
    fit_steps,
    head_of,
    reading,
    through,
)
from skreg.model_selection.chunked_rows import ChunkedRows, Part
from skreg.model_selection.job import Declined, along_path, attempt
from skreg.model_selection.network_folds import in_pool
from skreg.model_selection.path_folds import looks_at_predictions_only
from skreg.model_selection.pipelines import is_network, last_step, steps_ahead
from skreg.rows import Chunks
from skreg.rows.sources import is_chunked


def goes_by_streams(estimator, X):
    """Whether X is rows in chunks, and the estimator a network."""
    return is_network(estimator) and (isinstance(X, Chunks) or is_chunked(X))


def behind(estimator, X):
    """The first steps of an estimator that rows in chunks take passes for; none of moments."""
    return head_of(estimator) if isinstance(X, Chunks) or is_chunked(X) else []


def rows_of(search, X, y, sample_weight, scorers):
    """The `ChunkedRows` that a search goes by; ValueError, before a pass, for what cannot be."""
    for step in steps_ahead(search.estimator):
        check_step(step)
    for name in ("resource", "candidates"):
        if (given := getattr(search, name)) is not None:
            raise ValueError(
                f"{name}={given!r} holds networks that wait, which is for rows in memory. Leave "
                f"{name}=None."
            )
    for name, scorer in scorers.items() if is_network(search.estimator) else ():
        if not looks_at_predictions_only(scorer, None):
            raise ValueError(
                f"the scorer {name!r} may look at the rows, which are not all at hand. Use one of "
                "scikit-learn's, by name or from make_scorer."
            )
    chunks = cast(Chunks, Chunks.of(X, y, sample_weight))
    return ChunkedRows(reading(chunks, search.estimator), search.cv)


def serves(job):
    """Rows in chunks."""
    return isinstance(job.X, ChunkedRows)


def run(job):
    """Fit and score every λ of every split. See `Route`."""
    parts = [Part(j) for j in range(len(job.splits))]
    heads = fit_steps(steps_ahead(job.estimator), job.X, parts, job.verbose)
    tasks = [(job, j, i, head) for j, head in enumerate(heads) for i in range(len(job.alphas))]
    fits = [[None] * len(job.alphas) for _ in parts]
    # In another thread, so that Ctrl-C ends the search and not an epoch of it.
    for (_, j, i, _), fit in in_pool(_fit_and_score, tasks, 1):
        fits[j][i] = fit
        job.watch.solved(j)
        if i + 1 == len(job.alphas):
            yield j, fits[j]


def _fit_and_score(job, j, i, head):
    """What scikit-learn's ``_fit_and_score`` says of the i-th λ on the j-th split."""
    alpha = {job.alpha_name.rpartition("__")[2]: job.alphas[i].item()}
    network = clone(last_step(job.estimator)).set_params(**alpha)
    train, test = (through(job.X, Part(j, tests), head) for tests in (False, True))
    start, n_test = time.perf_counter(), len(job.splits[j][1])
    try:
        attempt(network.fit, train)
    except Declined as failed:
        if job.error_score == "raise":
            raise (failed.__cause__ or failed) from None
        several = set(job.scorers) != {"score"}
        none = dict.fromkeys(job.scorers, job.error_score) if several else job.error_score
        trains = [none] if job.return_train_score else None
        fit = along_path(n_test, [none], trains, time.perf_counter() - start, 0.0)[0]
        return fit | {"fit_error": "".join(traceback.format_exception(failed.__cause__))}
    fitted = time.perf_counter()
    tests = [_score_on(job, network, test)]
    trains = [_score_on(job, network, train)] if job.return_train_score else None
    return along_path(n_test, tests, trains, fitted - start, time.perf_counter() - fitted)[0]


def _score_on(job, network, chunks):
    knows, X, y, params = _knowing(network, chunks)
    return _score(knows, X, y, job.scorer, params, job.error_score)


def _knowing(network, chunks, steps=()):
    """A network that knows its raw predictions for rows in chunks; what else a scorer is given.

    No more is kept of the rows than targets and predictions.
    """
    parts = [
        (network._predict_raw(applied(steps, chunk.X.copy())), chunk.y, chunk.weights)
        for chunk in chunks
    ]
    raw, y = (np.concatenate(rows) for rows in list(zip(*parts, strict=True))[:2])
    params = {}
    if any(weights is not None for *_, weights in parts):
        given = (np.ones(len(y)) if w is None else w for _, y, w in parts)
        params = {"sample_weight": np.concatenate(list(given))}
    knows = copy(network)
    knows._predict_raw = lambda X: raw
    return knows, np.empty((len(y), 0)), y[:, 0] if y.shape[1] == 1 else y, params


def score_of_network(estimator, scorer, chunks):
    """The score of a fitted network, or a Pipeline that ends in one, on rows in chunks."""
    steps = [_nameless(step) for step in steps_ahead(estimator)]
    network = _nameless(last_step(estimator))
    knows, X, y, params = _knowing(network, reading(chunks, estimator), steps)
    return scorer(knows, X, y, **params)


def _nameless(fitted):
    """A copy that does not ask for the names of columns."""
    plain = copy(fitted)
    vars(plain).pop("feature_names_in_", None)
    return plain
