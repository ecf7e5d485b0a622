"""Scores of classifiers that are functions of raw predictions, for many λ at once.

scikit-learn's metrics look at the labels anew for every λ, which takes longer than the predictions.
These give the same numbers.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.metrics._scorer import _PassthroughScorer, _Scorer
from sklearn.utils._metadata_requests import _routing_enabled


@dataclass(frozen=True, eq=False)
class RawPredictions:
    """Of every λ, on one set of rows.

    Attributes
    ----------
    raw : ndarray of shape (n_alphas, n) or (n_alphas, n, n_classes)
    index : ndarray of shape (n,)
        Which of the classes each row is of, −1 for none of them.
    n_classes : int
    loss : Loss
        Its link.
    weights : ndarray of shape (n,) or None
    """

    raw: np.ndarray
    index: np.ndarray
    n_classes: int
    loss: object
    weights: np.ndarray | None

    def accuracy(self):
        """Of `accuracy_score`, shape (n_alphas,)."""
        winners = self.raw > 0 if self.raw.ndim == 2 else self.raw.argmax(axis=-1)
        return self._mean(winners == self.index)

    def log_loss(self):
        """Of `log_loss`, which wants every class among the rows."""
        if not self._has_every_class() or self.raw.dtype != np.float64:
            raise LookupError
        if self.raw.ndim == 2:
            first = expit(self.raw)
            own = np.where(self.index == 1, first, 1.0 - first)
        else:
            m, n, k = self.raw.shape
            every = self.loss.inverse_link(self.raw.reshape(-1, k)).reshape(m, n, k)
            own = np.take_along_axis(every, self.index[None, :, None], axis=2)[..., 0]
        eps = np.finfo(np.float64).eps
        return -self._mean(np.log(np.clip(own, eps, 1.0 - eps)))

    def roc_auc(self):
        """Of `roc_auc_score` for two classes: Mann & Whitney's share of pairs in order."""
        if self.raw.ndim != 2 or not self._has_every_class() or self.weights is not None:
            raise LookupError
        positive = self.index == 1
        n, m = np.count_nonzero(positive), np.count_nonzero(~positive)
        ranks = rankdata(self.raw, axis=1)[:, positive].sum(axis=1)
        return (ranks - 0.5 * n * (n + 1)) / (n * m)

    def _has_every_class(self):
        return self.index.min() >= 0 and len(np.unique(self.index)) == self.n_classes

    def _mean(self, values):
        return np.average(values, axis=1, weights=self.weights)


_METRICS = {
    accuracy_score: RawPredictions.accuracy,
    log_loss: RawPredictions.log_loss,
    roc_auc_score: RawPredictions.roc_auc,
}


def scores_along(source, raw, y, scorers, score_params):
    """Scores of every λ; None where scikit-learn has to be asked, or has something to say.

    Parameters
    ----------
    source : classifier
        With ``classes_``.
    raw : ndarray of shape (n_alphas, n) or (n_alphas, n, n_classes)
        Raw predictions.
    y : array-like of shape (n,)
        Labels.
    scorers : dict of str to callable
    score_params : dict
        What the scorers are given, for these rows.

    Returns
    -------
    None or list of float or of dict of str to float
        As scorers give them: a number if the only one is named ``score``.
    """
    try:
        found = _scores(source, raw, y, scorers, score_params)
    except LookupError:
        return None
    if set(found) == {"score"}:
        return found["score"].tolist()
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _scores(source, raw, y, scorers, score_params):
    """By name, shape (n_alphas,); a LookupError says that there is no answer here."""
    metrics = {name: _metric(scorer, source) for name, scorer in scorers.items()}
    y, classes = np.asarray(y), source.classes_
    weights = _weights(score_params, scorers, y)
    if y.ndim != 1 or y.dtype.kind != classes.dtype.kind or not np.isfinite(raw).all():
        raise LookupError
    place = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    index = np.where(classes[place] == y, place, -1)
    known = RawPredictions(raw, index, len(classes), source._loss, weights)
    return {name: sign * metric(known) for name, (metric, sign) in metrics.items()}


def _weights(score_params, scorers, y):
    """What every scorer is given, None for equal weights."""
    given = {name: value for name, value in score_params.items() if value is not None}
    if not given:
        return None
    if set(given) != {"sample_weight"} or (len(scorers) > 1 and _routing_enabled()):
        raise LookupError
    weights = np.asarray(given["sample_weight"], dtype=np.float64)
    if weights.shape != y.shape or not (weights >= 0).all() or not weights.any():
        raise LookupError
    return weights


def _metric(scorer, source):
    """A function of `RawPredictions` and its sign."""
    if isinstance(scorer, _PassthroughScorer):
        if type(source).score is not ClassifierMixin.score:
            raise LookupError
        return RawPredictions.accuracy, 1
    if type(scorer) is not _Scorer or scorer._kwargs or scorer._score_func not in _METRICS:
        raise LookupError
    return _METRICS[scorer._score_func], scorer._sign
