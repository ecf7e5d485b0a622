"""Networks from rows in chunks: each λ of each split by passes of its own, one after the other."""

import time
from copy import copy
from typing import cast

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _score

from skreg.model_selection.chunk_steps import (
    check_step,
    fit_steps,
    head_of,
    reading,
    steps_ahead,
    through,
)
from skreg.model_selection.chunked_rows import ChunkedRows, Part
from skreg.model_selection.job import along_path
from skreg.model_selection.network_folds import in_pool
from skreg.model_selection.path_folds import looks_at_predictions_only
from skreg.model_selection.pipelines import is_network, last_step
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
    start = time.perf_counter()
    network = clone(last_step(job.estimator)).set_params(**alpha)
    network.fit(through(job.X, Part(j), head))
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    tests = [_scores(job, network, through(job.X, Part(j, tests=True), head))]
    trains = (
        [_scores(job, network, through(job.X, Part(j), head))] if job.return_train_score else None
    )
    n_test = len(job.splits[j][1])
    return along_path(n_test, tests, trains, seconds, time.perf_counter() - start)[0]


def _scores(job, network, chunks):
    """The scores on rows in chunks, of which no more is kept than targets and predictions."""
    parts = [(network._predict_raw(chunk.X), chunk.y, chunk.weights) for chunk in chunks]
    raw, y = (np.concatenate(rows) for rows in list(zip(*parts, strict=True))[:2])
    params = {}
    if any(weights is not None for *_, weights in parts):
        given = (np.ones(len(y)) if w is None else w for _, y, w in parts)
        params = {"sample_weight": np.concatenate(list(given))}
    knows = copy(network)
    knows._predict_raw = lambda X: raw
    y = y[:, 0] if y.shape[1] == 1 else y
    return _score(knows, np.empty((len(y), 0)), y, job.scorer, params, job.error_score)
