"""How good predictions are: the metrics of a task, and their intervals on rows held out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, get_scorer, make_scorer

Array = NDArray[np.float64]
#: A value and the ends of its interval.
Estimate = tuple[float, float, float]

_Z = 1.959964  # 95 % of a normal distribution
_RESAMPLES = 200


@dataclass(frozen=True)
class Measure:
    """A measure of predictions.

    Attributes
    ----------
    name : str
        As ``--metric`` takes it.
    label : str
    sign : {1, -1}
        By which the scorer's score is to be multiplied to get the measure; 1 if more is better.
    scorer : callable
        Of scikit-learn's kind, more being better.
    estimate : callable
        ``estimate(y, predicted)`` gives the value on other rows with a 95 % interval, where
        ``predicted`` are numbers, or probabilities of shape (n, n_classes) for y as indices.
    percent : bool
    """

    name: str
    label: str
    sign: int
    scorer: Any
    estimate: Callable[[NDArray, Array], Estimate]
    percent: bool = False

    def measured(self, scores: Array) -> Array:
        """The measure from the scorer's scores."""
        if self.name == "error":
            return 1.0 - scores
        return self.sign * scores + 0.0


def metrics_of(task: str, y: Any) -> dict[str, Measure]:
    """The metrics of a task, the one that λ is chosen by first.

    Parameters
    ----------
    task : {"classification", "regression"}
    y : array-like of shape (n_samples,)
        The target; of two classes the rarer one is the positive one.

    Returns
    -------
    dict of str to Measure

    Examples
    --------
    >>> from skreg.cli.metrics import metrics_of
    >>> list(metrics_of("classification", ["a", "b", "b"]))
    ['log_loss', 'error', 'roc_auc', 'average_precision']
    >>> list(metrics_of("regression", [0.5, 1.5]))
    ['rmse', 'mae', 'r2']
    """
    if task == "regression":
        found = [
            Measure("rmse", "RMSE", -1, get_scorer("neg_root_mean_squared_error"), _rmse),
            Measure("mae", "MAE", -1, get_scorer("neg_mean_absolute_error"), _mae),
            Measure("r2", "R²", 1, get_scorer("r2"), _r2),
        ]
    else:
        classes, counts = np.unique(np.asarray(y), return_counts=True)
        found = [
            Measure("log_loss", "log loss", -1, get_scorer("neg_log_loss"), _log_loss),
            Measure("error", "error", -1, get_scorer("accuracy"), _error, percent=True),
        ]
        if len(classes) == 2:
            rare = int(counts.argmin())
            score = partial(_precision_of, positive=classes.tolist()[rare], sign=2 * rare - 1)
            methods = ("decision_function", "predict_proba")
            scorer = make_scorer(score, response_method=methods)
            found += [
                Measure("roc_auc", "ROC AUC", 1, get_scorer("roc_auc"), _roc_auc),
                Measure(
                    "average_precision",
                    "average precision",
                    1,
                    scorer,
                    lambda y, p: average_precision(y == rare, p[:, rare]),
                ),
            ]
    return {metric.name: metric for metric in found}


def _precision_of(y: NDArray, score: Array, *, positive: Any, sign: int) -> float:
    """Average precision by the score of the second class.

    Not by ``pos_label`` of `make_scorer`: several scorers share one response, whose sign it would
    not turn (scikit-learn 1.9).
    """
    return average_precision_score(y, sign * score, pos_label=positive)


def mean_estimate(values: Array) -> Estimate:
    """A mean with the interval of a normal distribution."""
    mean = float(values.mean())
    half = _Z * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    return mean, mean - half, mean + half


def _log_loss(y: NDArray, predicted: Array) -> Estimate:
    own = np.maximum(predicted[np.arange(len(y)), y], np.finfo(predicted.dtype).eps)
    return mean_estimate(-np.log(own))


def _error(y: NDArray, predicted: Array) -> Estimate:
    """The share of wrong classes with Wilson's interval (1927), which holds at 0 too."""
    n, share = len(y), float(np.mean(predicted.argmax(axis=1) != y))
    center = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return share, max(0.0, center - half), min(1.0, center + half)


def _mae(y: NDArray, predicted: Array) -> Estimate:
    return mean_estimate(np.abs(predicted - y))


def _rmse(y: NDArray, predicted: Array) -> Estimate:
    value, low, high = mean_estimate(np.square(predicted - y))
    return float(np.sqrt(value)), float(np.sqrt(max(0.0, low))), float(np.sqrt(high))


def _r2(y: NDArray, predicted: Array) -> Estimate:
    """R² with the interval of its first-order error, as it is a quotient of means."""
    away = np.square(y - y.mean())
    spread = float(away.mean())
    if not spread:  # one row, or rows that are all the same
        return np.nan, np.nan, np.nan
    lost = float(np.square(predicted - y).mean()) / spread
    each = 1.0 - np.square(predicted - y) / spread + lost * (away / spread - 1.0)
    _, low, high = mean_estimate(each)
    return 1.0 - lost, low, min(1.0, high)


def _roc_auc(y: NDArray, predicted: Array) -> Estimate:
    """The area under the ROC curve with the standard error of DeLong et al. (1988)."""
    positive, score = y == 1, predicted[:, 1]
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return np.nan, np.nan, np.nan
    ranks = rankdata(score)
    above = (ranks[positive] - rankdata(score[positive])) / n  # share of negatives below each
    below = 1.0 - (ranks[~positive] - rankdata(score[~positive])) / m
    area = float(above.mean())
    half = _Z * float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    return area, max(0.0, area - half), min(1.0, area + half)


def average_precision(positive: NDArray[np.bool_], score: Array) -> Estimate:
    """Average precision with the interval of a bootstrap of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.cli.metrics import average_precision
    >>> round(average_precision(np.array([True, False] * 20), np.arange(40.0) % 2)[0], 2)
    0.5
    """
    value = float(average_precision_score(positive, score)) if positive.any() else np.nan
    order = np.argsort(-score, kind="stable")
    hit = positive[order].astype(np.float64)
    random = np.random.default_rng(0)
    n, found = len(hit), []
    for _ in range(_RESAMPLES):
        count = np.bincount(random.integers(0, n, n), minlength=n)
        true = np.cumsum(count * hit)
        if true[-1]:
            precision = true / np.maximum(np.cumsum(count), 1)
            found.append(float(np.dot(count * hit, precision) / true[-1]))
    low, high = np.quantile(found, (0.025, 0.975)) if found else (np.nan, np.nan)
    return value, min(value, float(low)), max(value, float(high))
