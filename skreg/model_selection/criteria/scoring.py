"""Scores of predictions that were made without the rows they are for."""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
)
from sklearn.metrics._scorer import _PassthroughScorer, _Scorer
from sklearn.utils import _safe_indexing

# Parts that are left out in turn for the standard error of a score that is no mean over rows.
_PARTS = 20


class LeftOutPredictions(BaseEstimator):
    """An estimator whose predictions are known: what scorers take for a fitted one.

    Parameters
    ----------
    source : linear estimator
        With its loss and its classes, for what raw predictions mean.
    raw : ndarray of shape (n,) or (n, K)
        Raw predictions of the rows that scorers ask about, in their order.
    """

    def __init__(self, source, raw):
        self.source, self.raw = source, raw
        self.fitted_ = True
        if is_classifier(source):
            self.classes_ = source.classes_
        self._loss = source._loss

    def predict(self, X, offset=None):
        """Their predictions: the offset is in the raw ones already."""
        return self.source._from_raw(self.raw[None], X, None)[0]

    def decision_function(self, X):
        return self.raw

    def predict_proba(self, X):
        return self.source._probabilities(self.raw[None])[0]

    def predict_log_proba(self, X):
        return np.log(self.predict_proba(X))

    def score(self, X, y, **params):
        """As the estimator's own."""
        return type(self.source).score(self, X, y, **params)

    def __sklearn_tags__(self):
        return self.source.__sklearn_tags__()


@dataclass(frozen=True, eq=False)
class Known:
    """Left-out predictions of all rows, and what scorers are to be given.

    Attributes
    ----------
    source : linear estimator
    raw : ndarray of shape (n_alphas, n) or (n_alphas, n, K)
    X, y : as given to ``fit``
    params : dict
        For the scorers, for all rows.
    """

    source: object
    raw: np.ndarray
    X: object
    y: object
    params: dict

    def scores(self, scorer):
        """Scores and standard errors of every λ, each of shape (n_alphas,)."""
        metric, sign = self._metric(scorer)
        if metric is None:
            found = [self._score(scorer or _own_score, raw) for raw in self.raw]
        else:
            weights = self.params.get("sample_weight")
            found = [_mean(sign * metric(self, raw), weights) for raw in self.raw]
        return tuple(np.array(column) for column in zip(*found, strict=True))

    def _score(self, scorer, raw):
        """One λ: the score of all rows, and its standard error by the jackknife over parts."""
        n = len(raw)
        whole = scorer(LeftOutPredictions(self.source, raw), self.X, self.y, **self.params)
        parts, values = np.arange(n) % min(_PARTS, n), []
        for part in range(parts.max() + 1):
            rows = np.flatnonzero(parts != part)
            X, y = _safe_indexing(self.X, rows), _safe_indexing(self.y, rows)
            params = {key: _rows_of(value, rows, n) for key, value in self.params.items()}
            values.append(scorer(LeftOutPredictions(self.source, raw[rows]), X, y, **params))
        return whole, np.sqrt((len(values) - 1) * np.var(values))

    def _metric(self, scorer):
        """What each row adds to the mean that the score is, and its sign; None if it is none."""
        metric, sign = None, 1
        if isinstance(scorer, _PassthroughScorer) or scorer is None:
            if is_classifier(self.source):
                metric = _accuracy
            elif self.source._loss.scored_by_r2:
                metric = _r2
        elif type(scorer) is _Scorer and not scorer._kwargs:
            metric, sign = _METRICS.get(scorer._score_func), scorer._sign
        unknown = set(self.params) - {"sample_weight"}
        of_others = is_classifier(self.source) != (metric in _OF_CLASSES)
        if unknown or of_others or (metric is _r2 and self._is_constant()):
            metric = None
        return metric, sign

    def residuals(self, raw):
        """ŷ − y, (n, q)."""
        predicted = self.source._from_raw(raw[None], self.X, None)[0]
        return predicted.reshape(len(raw), -1) - self.targets

    @cached_property
    def targets(self):
        """y, (n, q)."""
        return np.asarray(self.y, dtype=np.float64).reshape(len(self.raw[0]), -1)

    @cached_property
    def away(self):
        """(y − ȳ)², (n, q), and its mean over rows."""
        mean = partial(np.average, axis=0, weights=self.params.get("sample_weight"))
        away = np.square(self.targets - mean(self.targets))
        return away, mean(away)

    def _is_constant(self):
        """Whether a target does not vary, beside its size."""
        weights = self.params.get("sample_weight")
        power = np.average(self.targets**2, axis=0, weights=weights)
        return bool((self.away[1] <= 1e-12 * power).any())


def _own_score(estimator, X, y, **params):
    return estimator.score(X, y, **params)


def _mean(values, weights):
    """The mean over rows, and its standard error."""
    if weights is None:
        mean = values.mean()
        return mean, np.sqrt(np.square(values - mean).sum() / (len(values) * (len(values) - 1)))
    share = np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    mean = values @ share
    return mean, np.sqrt(np.square(values - mean) @ share**2)


def _rows_of(value, rows, n):
    return _safe_indexing(value, rows) if np.ndim(value) and len(value) == n else value


def _squares(known, raw):
    return np.square(known.residuals(raw)).mean(axis=1)


def _absolutes(known, raw):
    return np.abs(known.residuals(raw)).mean(axis=1)


def _r2(known, raw):
    """Of mean R², and with the spread of its first-order error: a quotient of two means varies."""
    away, spread = known.away
    squares = np.square(known.residuals(raw)) / spread
    lost = np.average(squares, axis=0, weights=known.params.get("sample_weight"))
    return (1.0 - squares + lost * (away / spread - 1.0)).mean(axis=1)


def _accuracy(known, raw):
    return (known.source._from_raw(raw[None])[0] == np.asarray(known.y)).astype(np.float64)


def _log_losses(known, raw):
    index = np.searchsorted(known.source.classes_, np.asarray(known.y))
    p = known.source._probabilities(raw[None])[0]
    tiny = np.finfo(p.dtype).eps
    return -np.log(np.clip(p[np.arange(len(p)), index], tiny, 1.0 - tiny))


_METRICS = {
    mean_squared_error: _squares,
    mean_absolute_error: _absolutes,
    r2_score: _r2,
    accuracy_score: _accuracy,
    log_loss: _log_losses,
}
_OF_CLASSES = (_accuracy, _log_losses)
