"""Scores of many λ at once: scikit-learn's metrics as formulas, and the scorers that are these.

scikit-learn's metrics look at y anew for every λ, which takes longer than the predictions. These
give the same numbers, from sums of squares, which moments have too, or from raw predictions.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.base import is_classifier
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.metrics._scorer import _PassthroughScorer, _Scorer
from sklearn.utils._metadata_requests import _routing_enabled

from skreg.estimators._classification import QuadraticApproxClassifier
from skreg.estimators._fitting import LinearModel
from skreg.losses import Loss
from skreg.rows import Moments
from skreg.rows.products import product

Array = NDArray[np.float64]
#: What a scorer gives for one λ: a number, or numbers by name.
Score = float | dict[str, float]

EPS = np.finfo(np.float64).eps
# Relative errors that rounding may leave in a sum of squares, by an estimate of it.
_EXACT = 1e-10
# A spread below this share of the sum of squares may be rounding.
_CONSTANT = 1e-12
# Residuals are worked out for as many λ at once as fit into this many numbers.
_BLOCK = 2**21


class NoFormula(Exception):
    """A score for which scikit-learn has to be asked, or has something to say."""


@dataclass(frozen=True, eq=False)
class Squares:
    """Of the residuals of every λ, on one set of rows."""

    residual: Array  # Σ wᵢ(yᵢ − fᵢ)², shape (n_alphas, q)
    spread: Array  # Σ wᵢ(yᵢ − ȳ)², shape (q,)
    weight: float  # Σ wᵢ
    # Whether the spread may be rounding, or there is one row: R² is then a matter of definition.
    is_constant: bool

    def mean(self) -> Array:
        """What `mean_squared_error` gives, shape (n_alphas,)."""
        return (self.residual / self.weight).mean(axis=1)

    def root_mean(self) -> Array:
        """What `root_mean_squared_error` gives."""
        return np.sqrt(self.residual / self.weight).mean(axis=1)

    def r2(self) -> Array:
        """What `r2_score` gives."""
        return (1.0 - self.residual / self.spread).mean(axis=1)


@dataclass(frozen=True, eq=False)
class Residuals:
    """f − y of every λ, (n_alphas, n, q), and y, (n, q): what each row adds to a mean."""

    off: Array
    y: Array
    weights: Array | None

    def squares(self) -> Array:
        """Of `mean_squared_error`, shape (n_alphas, n)."""
        return _over_targets(np.square(self.off))

    def absolutes(self) -> Array:
        """Of `mean_absolute_error`."""
        return _over_targets(np.abs(self.off))

    def r2(self) -> Array:
        """Of `r2_score`, with the spread of its first-order error: a quotient of means varies."""
        y, weights = self.y, self.weights
        away = np.square(y - np.average(y, axis=0, weights=weights))
        spread = np.average(away, axis=0, weights=weights)
        if _is_constant(len(y), spread, np.average(y**2, axis=0, weights=weights)):
            raise NoFormula("R² of a target that does not vary is a matter of definition")
        squares = np.square(self.off) / spread
        lost = np.average(squares, axis=1, weights=weights)[:, None]
        return _over_targets(1.0 - squares + lost * (away / spread - 1.0))


@dataclass(frozen=True, eq=False)
class ClassPredictions:
    """Raw predictions of every λ, (n_alphas, n) or (n_alphas, n, n_classes), for classes."""

    raw: NDArray
    index: NDArray[np.intp]  # which of the classes each row is of, −1 for none of them
    n_classes: int
    loss: Loss
    weights: Array | None

    @classmethod
    def of(
        cls, model: LinearModel, raw: NDArray, y: Any, weights: Array | None
    ) -> "ClassPredictions":
        """Of a classifier, and labels y."""
        y, classes = np.asarray(y), model.estimator.classes_
        if y.ndim != 1 or y.dtype.kind != classes.dtype.kind or not np.isfinite(raw).all():
            raise NoFormula("labels of another kind than the classes, or no finite predictions")
        place = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
        index = np.where(classes[place] == y, place, -1)
        return cls(raw, index, len(classes), model.loss, weights)

    def hits(self) -> Array:
        """Of `accuracy_score`, what each row adds to the mean, shape (n_alphas, n)."""
        winners = self.raw > 0 if self.raw.ndim == 2 else self.raw.argmax(axis=-1)
        return (winners == self.index).astype(np.float64)

    def log_losses(self) -> Array:
        """Of `log_loss`, which wants every class among the rows."""
        if not self.has_every_class() or self.raw.dtype != np.float64:
            raise NoFormula("the log loss takes every class, and scikit-learn's eps of float32")
        if self.raw.ndim == 2:
            first = expit(self.raw)
            own = np.where(self.index == 1, first, 1.0 - first)
        else:
            m, n, k = self.raw.shape
            every = self.loss.inverse_link(self.raw.reshape(-1, k)).reshape(m, n, k)
            own = np.take_along_axis(every, self.index[None, :, None], axis=2)[..., 0]
        return -np.log(np.clip(own, EPS, 1.0 - EPS))

    def roc_auc(self) -> Array:
        """`roc_auc_score` of two classes, shape (n_alphas,): Mann & Whitney's share of pairs."""
        if self.raw.ndim != 2 or not self.has_every_class() or self.weights is not None:
            raise NoFormula("AUC by ranks is for two classes, both among the rows, of one weight")
        positive = self.index == 1
        n, m = np.count_nonzero(positive), np.count_nonzero(~positive)
        ranks = rankdata(self.raw, axis=1)[:, positive].sum(axis=1)
        return (ranks - 0.5 * n * (n + 1)) / (n * m)

    def has_every_class(self) -> bool:
        """Whether all classes, and no others, are among the rows."""
        return self.index.min() >= 0 and len(np.unique(self.index)) == self.n_classes


@dataclass(frozen=True)
class Metric:
    """What is known of one of scikit-learn's metric functions; formulas give a score for each λ."""

    responses: tuple[str, ...] = ("predict",)  # what a scorer may ask of an estimator
    is_for_classes: bool = False
    squares: Callable[[Squares], Array] | None = None
    # What each row adds to a mean, of `Residuals` or `ClassPredictions`; a score that is no mean.
    terms: Callable[[Any], Array] | None = None
    whole: Callable[[ClassPredictions], Array] | None = None

    def of_classes(self, known: ClassPredictions) -> Array:
        """Scores of every λ, shape (n_alphas,)."""
        if not self.is_for_classes:
            raise NoFormula("a metric for numbers")
        if self.whole is not None:
            return self.whole(known)
        assert self.terms is not None
        return np.average(self.terms(known), axis=1, weights=known.weights)


METRICS = {
    mean_squared_error: Metric(squares=Squares.mean, terms=Residuals.squares),
    root_mean_squared_error: Metric(squares=Squares.root_mean),
    mean_absolute_error: Metric(terms=Residuals.absolutes),
    r2_score: Metric(squares=Squares.r2, terms=Residuals.r2),
    accuracy_score: Metric(is_for_classes=True, terms=ClassPredictions.hits),
    log_loss: Metric(("predict_proba",), True, terms=ClassPredictions.log_losses),
    roc_auc_score: Metric(
        ("decision_function", "predict_proba"), True, whole=ClassPredictions.roc_auc
    ),
}


def recognized(scorer: Any, model: LinearModel) -> tuple[Metric, int]:
    """The metric that a scorer is, and its sign; None stands for the estimator's own ``score``.

    `NoFormula` if it is none of `METRICS`.
    """
    if scorer is None or isinstance(scorer, _PassthroughScorer):
        if not is_classifier(model.estimator):
            if model.loss.scored_by_r2:
                return METRICS[r2_score], 1
        elif type(model.estimator).score is QuadraticApproxClassifier.score:
            return METRICS[accuracy_score], 1
        raise NoFormula("a score of the estimator's own")
    if type(scorer) is not _Scorer or scorer._kwargs:
        raise NoFormula("a scorer of the user's own")
    metric, asked = METRICS.get(scorer._score_func), scorer._response_method
    if metric is None or not set(np.atleast_1d(asked)) <= set(metric.responses):
        raise NoFormula("a metric without a formula here")
    return metric, scorer._sign


def weights_of(scorers: dict, score_params: dict, n_rows: int) -> Array | None:
    """The weights that every scorer is given, None for equal ones.

    `NoFormula` if they are given other things, not all the same, or what scikit-learn would refuse.
    """
    given = {name: value for name, value in score_params.items() if value is not None}
    if not given:
        return None
    if set(given) != {"sample_weight"} or (len(scorers) > 1 and _routing_enabled()):
        raise NoFormula("scorers that are given more than weights")
    weights = np.asarray(given["sample_weight"], dtype=np.float64)
    if weights.shape != (n_rows,) or not (weights >= 0).all() or not weights.any():
        raise NoFormula("weights that are none")
    return weights


def class_scores(
    model: LinearModel, raw: NDArray, y: Any, scorers: dict, score_params: dict
) -> list[Score] | None:
    """Scores of every λ of a classifier; None where scikit-learn has to be asked.

    From raw predictions (n_alphas, n) or (n_alphas, n, n_classes) and labels y, and what the
    scorers are given for these rows. A number each if the only scorer is named ``score``.
    """
    try:
        metrics = {name: recognized(scorer, model) for name, scorer in scorers.items()}
        known = ClassPredictions.of(model, raw, y, weights_of(scorers, score_params, len(y)))
        return by_lambda(
            {name: s * metric.of_classes(known) for name, (metric, s) in metrics.items()}
        )
    except NoFormula:
        return None


class SquareScores:
    """The scores of a regressor whose scorers are all functions of `Squares`.

    ``score_params`` are what these are given, and y (n, q) the targets, of all rows. `NoFormula` if
    other scorers are among them, or they are given other things than weights.
    """

    def __init__(self, model: LinearModel, scorers: dict, score_params: dict, y: Array) -> None:
        self._metrics = {}
        for name, scorer in scorers.items():
            metric, sign = recognized(scorer, model)
            if metric.squares is None:
                raise NoFormula("no function of squares")
            self._metrics[name] = metric.squares, sign
        self._by_spread = any(metric is Squares.r2 for metric, _ in self._metrics.values())
        self.y, self.weights = y, weights_of(scorers, score_params, len(y))

    def by_moments(
        self, part, coefs: Array, intercepts: Array, exact: float = _EXACT
    ) -> list[Score] | None:
        """Scores of each λ on rows of which the `Moments` are known; None if these cannot tell.

        ``coefs`` have shape (n_alphas, q, p), ``intercepts`` (n_alphas, q). Residuals are to be
        known to this share of themselves: inf where there are no rows to ask instead.
        """
        return self._named(_of_moments(part, coefs, intercepts, exact))

    def by_predictions(self, rows, predict: Callable, n_alphas: int) -> list[Score] | None:
        """The same by predictions.

        ``predict(some)`` gives them, (m, len(rows), q), for the slice ``some`` of the λ.
        """
        y, w = self.y[rows], None if self.weights is None else self.weights[rows]
        return self._named(_of_predictions(y, w, predict, n_alphas))

    def of_residuals(self, moments: Moments) -> Score | None:
        """The score of one model, by the moments of y, as features, and of its residuals."""
        spread, mean, W = np.diag(moments.xx), moments.x_mean, moments.weight
        residual = moments.yy + W * moments.y_mean**2
        constant = _is_constant(moments.n_rows, spread, W * mean**2)
        found = self._named(Squares(residual[None], spread, W, constant))
        return None if found is None else found[0]

    def _named(self, squares: Squares | None) -> list[Score] | None:
        if squares is None or not np.isfinite(squares.residual).all():
            return None
        if self._by_spread and squares.is_constant:
            return None
        return by_lambda({name: s * metric(squares) for name, (metric, s) in self._metrics.items()})


def square_scores(model: LinearModel, scorers: dict, n_targets: int = 1) -> SquareScores:
    """`SquareScores` of rows that are not at hand; ValueError for scorers that need these."""
    try:
        return SquareScores(model, scorers, {}, np.empty((0, n_targets)))
    except NoFormula:
        only = scorers.get("score")  # which has no name of its own
        raise ValueError(
            f"scoring={only or sorted(scorers)} needs predictions of single rows. From moments and "
            'chunks "r2", "neg_mean_squared_error" and "neg_root_mean_squared_error" are known.'
        ) from None


def by_lambda(found: dict[str, Array]) -> list[Score]:
    """Scores by name, as scorers give them for each λ."""
    if set(found) == {"score"}:
        return found["score"].tolist()
    rows: Iterable = zip(*found.values(), strict=True)
    return [dict(zip(found, row, strict=True)) for row in rows]


def _of_moments(part, coefs, intercepts, exact):
    """None where residuals are so small beside y, or the parts of a prediction, that digits go.

    Nor is there a mean of rows without weight.
    """
    if not part.weight > 0:
        return None
    m, q, p = coefs.shape
    flat = coefs.reshape(m * q, p)
    image = product(flat, part.xx).reshape(m, q, p)
    within = part.yy - np.einsum("mqp,mqp->mq", coefs, 2.0 * part.xy.T - image)
    shift = part.y_mean - intercepts - product(flat, part.x_mean[:, None]).reshape(m, q)
    between = part.weight * shift**2
    residual = np.maximum(within, 0.0) + between
    # Terms of either sign and about this size are added up.
    size = part.yy + np.sqrt(p) * np.einsum("mqp,p->mq", coefs**2, np.diag(part.xx))
    level = np.abs(part.y_mean) + np.sqrt(np.einsum("mqp,p->mq", coefs**2, part.x_mean**2))
    rounding = 8 * EPS * (size + part.weight * level * np.abs(shift))
    if exact < np.inf and not (rounding <= exact * residual).all():
        return None
    constant = _is_constant(part.n_rows, part.yy, part.weight * part.y_mean**2)
    return Squares(residual, part.yy, part.weight, constant)


def _of_predictions(y, weights, predict, n_alphas):
    """None where the weights are zero."""
    weights = np.ones(len(y)) if weights is None else weights
    weight = float(weights.sum())
    if not weight > 0:
        return None
    spread = weights @ (y - weights @ y / weight) ** 2
    constant = _is_constant(len(y), spread, weights @ y**2)
    residual, width = [], max(1, _BLOCK // y.size)
    for start in range(0, n_alphas, width):
        off = y - predict(slice(start, start + width))
        residual.append(np.einsum("n,mnq,mnq->mq", weights, off, off))
    return Squares(np.concatenate(residual), spread, weight, constant)


def _over_targets(terms: Array) -> Array:
    """Means over the last axis."""
    return terms[:, :, 0] if terms.shape[2] == 1 else terms.mean(axis=2)


def _is_constant(n_rows, spread, power):
    return n_rows < 2 or bool((spread <= _CONSTANT * power).any())
