"""Scores of predictions that were made without the rows they are for."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics._scorer import _PassthroughScorer
from sklearn.utils import _safe_indexing

from skreg._validation import check_offset
from skreg.model_selection.metrics import ClassPredictions, NoFormula, Residuals, recognized
from skreg.rows.products import by_halves, dot

# Parts that are left out in turn for the standard error of a score that is no mean over rows.
_PARTS = 20
# Predictions that are looked at together: what is made of them stays in the second-level cache.
_TOGETHER = 2**15
# Predictions from which a second thread pays.
_WORTH_TWO = 5e5


def left_out_scores(fit, raw, X, y, params, scorer):
    """Scores and standard errors of every λ, each of shape (n_alphas,).

    ``raw``, (n_alphas, n) or (n_alphas, n, K), are raw predictions of every row by the fit to the
    others, with the offset if there is one, and ``params`` what the scorer is to be given for all
    rows; None is the estimator's own ``score``. −inf where it refuses predictions, as the
    exponential of a raw one may be infinite, or 0; ValueError if it refuses those of every λ.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found = _found(fit, raw, X, y, params, scorer)
    return tuple(np.array(column) for column in zip(*found, strict=True))


def _found(fit, raw, X, y, params, scorer):
    try:
        metric, sign = recognized(scorer, fit)
        if set(params) - {"sample_weight"} or is_classifier(fit.estimator) != metric.is_for_classes:
            raise NoFormula("scorers that are given more than weights, or are for other targets")
        return _means(fit, metric, sign, raw, X, y, params)
    except NoFormula:
        offset = check_offset(params.get("offset"), X)
    if offset is not None:  # scorers that are given it add it
        raw = raw - offset.reshape(len(offset), *raw.shape[2:])
    scorer, found, refused = scorer or _PassthroughScorer(fit.estimator), [], None
    for i in range(len(raw)):
        try:
            found.append(_score(fit, i, raw[i], X, y, params, scorer))
        except ValueError as error:
            refused = error
            found.append((-np.inf, np.nan))
    if refused is not None and all(score == -np.inf for score, _ in found):
        raise refused
    return found


def _means(fit, metric, sign, raw, X, y, params):
    """Of every λ the mean of ``metric`` over rows and its standard error."""
    step = max(_TOGETHER // raw[0].size, 1)

    def some(start, stop):
        parts = (raw[i : min(i + step, stop)] for i in range(start, stop, step))
        with np.errstate(over="ignore", invalid="ignore"):  # each thread has its own
            terms = (row for part in parts for row in _terms(fit, metric, part, X, y, params))
            return [_mean(sign * row, params.get("sample_weight")) for row in terms]

    halves = by_halves(some, len(raw), len(raw) > 1 and raw.size > _WORTH_TWO)
    return [each for half in halves for each in half]


def _terms(fit, metric, raw, X, y, params):
    """What each row adds to the mean that the score is, shape (n_alphas, n)."""
    weights = params.get("sample_weight")
    if metric.terms is None:
        raise NoFormula("no mean over rows")
    if metric.is_for_classes:
        return metric.terms(ClassPredictions.of(fit, raw, y, weights))
    y = np.asarray(y, dtype=np.float64).reshape(raw.shape[1], -1)
    predicted = fit.predictions(raw, X).reshape(len(raw), *y.shape)
    return metric.terms(Residuals(predicted - y, y, weights))


def _score(fit, i, raw, X, y, params, scorer):
    """The i-th λ: the score of all rows, and its standard error by the jackknife over parts."""
    n = len(raw)
    whole = scorer(fit.estimator_at(fit.path, i, (X, raw)), X, y, **params)
    weights = params.get("sample_weight")
    # Which of the rows that count it is, or comes behind.
    place = np.arange(n) if weights is None else np.cumsum(np.asarray(weights) > 0) - 1
    n_parts, values = min(_PARTS, place[-1] + 1), []
    parts = place % n_parts
    for part in range(n_parts):
        rows = np.flatnonzero(parts != part)
        some = _safe_indexing(X, rows)
        given = {key: _rows_of(value, rows, n) for key, value in params.items()}
        fitted = fit.estimator_at(fit.path, i, (some, raw[rows]))
        values.append(scorer(fitted, some, _safe_indexing(y, rows), **given))
    return whole, np.sqrt((len(values) - 1) * np.var(values))


def _mean(values, weights):
    """The mean over rows, and its standard error."""
    if weights is None:
        mean = values.mean()
        off = values - mean
        return mean, np.sqrt(dot(off, off) / (len(values) * (len(values) - 1)))
    share = np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    mean, squares = values @ share, share @ share
    return mean, np.sqrt(np.square(values - mean) @ share**2 / (1.0 - squares))


def _rows_of(value, rows, n):
    return _safe_indexing(value, rows) if np.ndim(value) and len(value) == n else value
