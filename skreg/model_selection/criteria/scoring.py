"""Scores of predictions that were made without the rows they are for."""

from dataclasses import dataclass

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
        by_row = self._by_row(scorer)
        if by_row is not None:
            return _means(by_row, self.params.get("sample_weight"))
        found = [self._score(scorer or _own_score, raw) for raw in self.raw]
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

    def _by_row(self, scorer):
        """What each row adds to the mean that the score is, (n_alphas, n); None if it is none."""
        if set(self.params) - {"sample_weight"}:
            return None
        if isinstance(scorer, _PassthroughScorer) or scorer is None:
            own = _r2 if self.source._loss.name in ("squared_error", "huber") else None
            metric, sign = (_accuracy if is_classifier(self.source) else own), 1
        elif type(scorer) is _Scorer and not scorer._kwargs:
            metric, sign = _METRICS.get(scorer._score_func), scorer._sign
        else:
            return None
        if metric is None or (is_classifier(self.source) != (metric in _OF_CLASSES)):
            return None
        values = metric(self)
        return values if values is None or sign > 0 else -values

    def predictions(self):
        """ŷ, (n_alphas, n, q), and y (n, q)."""
        predicted = self.source._from_raw(self.raw, self.X, None)
        y = np.asarray(self.y, dtype=np.float64)
        return predicted.reshape(len(self.raw), len(y), -1), y.reshape(len(y), -1)


def _own_score(estimator, X, y, **params):
    return estimator.score(X, y, **params)


def _means(values, weights):
    if weights is None:
        return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    share = np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    mean = values @ share
    return mean, np.sqrt((values - mean[:, None]) ** 2 @ share**2)


def _rows_of(value, rows, n):
    return _safe_indexing(value, rows) if np.ndim(value) and len(value) == n else value


def _squares(known):
    predicted, y = known.predictions()
    return np.square(predicted - y).mean(axis=2)


def _absolutes(known):
    predicted, y = known.predictions()
    return np.abs(predicted - y).mean(axis=2)


def _r2(known):
    """Of mean R², and with the spread of its first-order error: a quotient of two means varies."""
    predicted, y = known.predictions()
    weights = known.params.get("sample_weight")
    away = np.square(y - np.average(y, axis=0, weights=weights))
    spread = np.average(away, axis=0, weights=weights)
    if (spread <= 1e-12 * np.average(y**2, axis=0, weights=weights)).any():
        return None
    squares = np.square(predicted - y) / spread
    lost = np.average(squares, axis=1, weights=weights)[:, None]
    return (1.0 - squares + lost * (away / spread - 1.0)).mean(axis=2)


def _accuracy(known):
    return (known.source._from_raw(known.raw) == np.asarray(known.y)).astype(np.float64)


def _log_losses(known):
    index = np.searchsorted(known.source.classes_, np.asarray(known.y))
    out = np.empty(known.raw.shape[:2])
    for row, raw in zip(out, known.raw, strict=True):
        p = known.source._probabilities(raw[None])[0]
        tiny = np.finfo(p.dtype).eps
        row[:] = -np.log(np.clip(p[np.arange(len(p)), index], tiny, 1.0 - tiny))
    return out


_METRICS = {
    mean_squared_error: _squares,
    mean_absolute_error: _absolutes,
    r2_score: _r2,
    accuracy_score: _accuracy,
    log_loss: _log_losses,
}
_OF_CLASSES = (_accuracy, _log_losses)
