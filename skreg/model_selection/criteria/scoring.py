"""Scores of predictions that were made without the rows they are for."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import _safe_indexing

from skreg.estimators._fitting import LinearModel
from skreg.model_selection.metrics import ClassPredictions, NoFormula, Residuals, recognized

# Parts that are left out in turn for the standard error of a score that is no mean over rows.
_PARTS = 20


class LeftOutPredictions(BaseEstimator):
    """An estimator whose predictions are known: what scorers take for a fitted one.

    Parameters
    ----------
    model : LinearModel
        For what raw predictions mean.
    raw : ndarray of shape (n,) or (n, K)
        Raw predictions of the rows that scorers ask about, in their order.
    """

    def __init__(self, model, raw):
        self.model, self.raw = model, raw
        self.fitted_ = True
        if is_classifier(model.estimator):
            self.classes_ = model.estimator.classes_
        self._loss = model.loss

    def predict(self, X, offset=None):
        """Their predictions: the offset is in the raw ones already."""
        return self.model.predictions(self.raw[None], X)[0]

    def decision_function(self, X):
        return self.raw

    def predict_proba(self, X):
        return self.model.probabilities(self.raw[None])[0]

    def predict_log_proba(self, X):
        return np.log(self.predict_proba(X))

    def score(self, X, y, **params):
        """As the estimator's own."""
        return type(self.model.estimator).score(self, X, y, **params)

    def __sklearn_tags__(self):
        return self.model.estimator.__sklearn_tags__()


@dataclass(frozen=True, eq=False)
class Known:
    """Left-out predictions of all rows, and what scorers are to be given.

    Attributes
    ----------
    model : LinearModel
    raw : ndarray of shape (n_alphas, n) or (n_alphas, n, K)
    X, y : as given to ``fit``
    params : dict
        For the scorers, for all rows.
    """

    model: LinearModel
    raw: np.ndarray
    X: object
    y: object
    params: dict

    def scores(self, scorer):
        """Scores and standard errors of every λ, each of shape (n_alphas,)."""
        weights = self.params.get("sample_weight")
        try:
            metric, sign = recognized(scorer, self.model)
            found = [_mean(sign * terms, weights) for terms in self._terms(metric, weights)]
        except NoFormula:
            found = [self._score(scorer or _own_score, raw) for raw in self.raw]
        return tuple(np.array(column) for column in zip(*found, strict=True))

    def _terms(self, metric, weights):
        """What each row adds to the mean that the score is, shape (n_alphas, n)."""
        of_classes = is_classifier(self.model.estimator)
        if set(self.params) - {"sample_weight"} or of_classes != metric.is_for_classes:
            raise NoFormula("scorers that are given more than weights, or are for other targets")
        if metric.terms is None:
            raise NoFormula("no mean over rows")
        if of_classes:
            return metric.terms(ClassPredictions.of(self.model, self.raw, self.y, weights))
        y = np.asarray(self.y, dtype=np.float64).reshape(self.raw.shape[1], -1)
        predicted = self.model.predictions(self.raw, self.X)
        return metric.terms(Residuals(predicted.reshape(len(self.raw), *y.shape) - y, y, weights))

    def _score(self, scorer, raw):
        """One λ: the score of all rows, and its standard error by the jackknife over parts."""
        n = len(raw)
        whole = scorer(LeftOutPredictions(self.model, raw), self.X, self.y, **self.params)
        parts, values = np.arange(n) % min(_PARTS, n), []
        for part in range(parts.max() + 1):
            rows = np.flatnonzero(parts != part)
            X, y = _safe_indexing(self.X, rows), _safe_indexing(self.y, rows)
            params = {key: _rows_of(value, rows, n) for key, value in self.params.items()}
            values.append(scorer(LeftOutPredictions(self.model, raw[rows]), X, y, **params))
        return whole, np.sqrt((len(values) - 1) * np.var(values))


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
