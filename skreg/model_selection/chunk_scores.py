"""Scores of every λ from rows in chunks: sums over the rows of each fold, by one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame
from sklearn.metrics import mean_gamma_deviance, mean_poisson_deviance, roc_auc_score
from sklearn.metrics._scorer import _PassthroughScorer, _Scorer

from skreg.estimators._fitting import LinearModel
from skreg.losses import Gamma, Loss, Poisson
from skreg.model_selection.metrics import (
    ClassPredictions,
    Metric,
    NoFormula,
    Residuals,
    Score,
    Squares,
    by_lambda,
    recognized,
)
from skreg.quadratic.risk_sums import WHOLE, RowsOfParts, TargetMoments
from skreg.rows import Chunks, Moments
from skreg.rows.chunk import Chunk, Work
from skreg.rows.products import Array, product

# Metrics that are twice the mean of a loss.
DEVIANCES: dict[Any, Loss] = {mean_poisson_deviance: Poisson(), mean_gamma_deviance: Gamma()}
# Numbers in the predictions of a block of rows for every λ.
_BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Some rows of a part, and what is predicted for them.

    Attributes
    ----------
    raw, predicted : ndarray of shape (n_alphas, n) or (n_alphas, n, K)
        Raw predictions; of a regressor, what they mean.
    y : ndarray of shape (n, K)
        Targets as the loss takes them.
    weights : ndarray of shape (n,)
    null : ndarray of shape (K,)
        The raw prediction of the best constant for all rows of the part.
    loss : Loss
    """

    raw: Array
    predicted: Array | None
    y: Array
    weights: Array
    null: Array
    loss: Loss


class Term(Protocol):
    """What a scorer adds up over the rows, and the score that it makes of the sums."""

    def sums(self, block: ScoredRows) -> Array:
        """The sums of some rows; one for each λ, and others behind them."""

    def scores(self, sums: Array, part: Moments) -> Array:
        """The scores of each λ, by the sums of all rows and the moments of the part."""


@dataclass(frozen=True)
class MeanOfRows(Term):
    """A mean over rows, by a `Metric` that knows its terms."""

    metric: Metric
    sign: int

    def sums(self, block: ScoredRows) -> Array:
        """Σ w·term."""
        assert self.metric.terms is not None
        if self.metric.is_for_classes:
            two = block.y.shape[1] == 1
            index = block.y[:, 0].astype(np.intp) if two else block.y.argmax(axis=1)
            n = 2 if two else block.y.shape[1]
            known: Any = _OfSomeRows(block.raw, index, n, block.loss, None)
        else:
            known = Residuals(_off(block)[:, :, None], block.y, None)
        return self.metric.terms(known) @ block.weights

    def scores(self, sums: Array, part: Moments) -> Array:
        """Of sign and weight."""
        return self.sign * sums / part.weight


class _OfSomeRows(ClassPredictions):
    """Predictions of rows among which not every class need be, as it is among all."""

    def has_every_class(self) -> bool:
        return True


@dataclass(frozen=True)
class OfSquares(Term):
    """A function of squared errors."""

    metric: Metric
    sign: int

    def sums(self, block: ScoredRows) -> Array:
        """Σ w·(f − y)²."""
        return np.square(_off(block)) @ block.weights

    def scores(self, sums: Array, part: Moments) -> Array:
        """As of `Squares`; ValueError where R² is a matter of definition."""
        assert self.metric.squares is not None
        if self.metric.squares is Squares.r2 and not part.yy.all():
            raise ValueError(
                "y is constant in a fold, and R² a matter of definition. Use larger folds, or "
                'scoring="neg_mean_squared_error".'
            )
        squares = Squares(sums[:, None], part.yy, part.weight, False)
        return self.sign * self.metric.squares(squares)


@dataclass(frozen=True)
class Deviance(Term):
    """Twice the mean of a loss of predictions."""

    loss: Loss
    sign: int

    def sums(self, block: ScoredRows) -> Array:
        """Σ w·2ℓ."""
        assert block.predicted is not None
        return 2.0 * _losses(self.loss, block.y, self.loss.link(block.predicted)) @ block.weights

    def scores(self, sums: Array, part: Moments) -> Array:
        """Of sign and weight."""
        return self.sign * sums / part.weight


class Explained(Term):
    """D², the share of deviance explained, as `Loss.explained` has it."""

    def sums(self, block: ScoredRows) -> Array:
        """Σ wℓ, then that of the best constant and of the least losses."""
        loss, y, w = block.loss, block.y, block.weights
        null = np.broadcast_to(block.null, (1, len(y)))
        least = -loss.conjugate(y, np.zeros_like(y)) @ w
        return np.concatenate(
            [_losses(loss, y, block.raw) @ w, _losses(loss, y, null) @ w, [least]]
        )

    def scores(self, sums: Array, part: Moments) -> Array:
        """1 − the share that is left."""
        left, whole = sums[:-2] - sums[-1], sums[-2] - sums[-1]
        if whole <= 0:  # constant targets
            return np.where(left <= 0, 1.0, 0.0)
        return 1.0 - left / whole


def _off(block: ScoredRows) -> Array:
    assert block.predicted is not None
    return block.predicted - block.y[:, 0]


def _losses(loss: Loss, y: Array, raw: Array) -> Array:
    """ℓ of every row for raw predictions (m, n)."""
    targets = np.tile(y, (len(raw), 1))
    return loss.derivatives(targets, raw.reshape(-1, 1))[0].reshape(raw.shape)


def terms_of(model: LinearModel, scorers: dict[str, Any]) -> dict[str, Term]:
    """What each scorer adds up; ValueError for one that looks at all rows of a fold together."""
    return {name: _term(model, name, scorer) for name, scorer in scorers.items()}


def _term(model: LinearModel, name: str, scorer: Any) -> Term:
    of_scikit_learn = type(scorer) is _Scorer and not scorer._kwargs
    if of_scikit_learn and scorer._score_func in DEVIANCES and not model.loss.is_for_classes:
        return Deviance(DEVIANCES[scorer._score_func], scorer._sign)
    own = scorer is None or isinstance(scorer, _PassthroughScorer)
    if own and model.loss.has_log_link:  # a constant's deviance is least at the mean of y
        return Explained()
    try:
        metric, sign = recognized(scorer, model)
    except NoFormula:
        metric, sign = Metric(), 1
    if metric.squares is not None and not model.loss.is_for_classes:
        return OfSquares(metric, sign)
    if metric.terms is not None and metric.is_for_classes == model.loss.is_for_classes:
        return MeanOfRows(metric, sign)
    known = '"neg_log_loss" and "accuracy"'
    if not model.loss.is_for_classes:
        known = (
            '"r2", "neg_mean_squared_error", "neg_root_mean_squared_error", '
            '"neg_mean_absolute_error", "neg_mean_poisson_deviance", "neg_mean_gamma_deviance" and '
            "D², where the loss has a log link,"
        )
    why = "looks at all rows of a fold together, or is not known"
    if of_scikit_learn and scorer._score_func is roc_auc_score:
        why = "ranks all rows of a fold"
    shown = scorer if name == "score" else name  # the only one has no name of its own
    raise ValueError(f"scoring={shown!r} {why}. From rows in chunks {known} are known.")


@dataclass(frozen=True, eq=False)
class ScoreWork(Work):
    """The sums of every scorer on the test part of each fold, and on the training part if wanted.

    Attributes
    ----------
    rows : RowsOfParts
    thetas, intercepts : ndarray of shape (n_folds, n_alphas, K, p) and (n_folds, n_alphas, K)
        For features about the common center, fitted to the training part of each fold.
    terms : dict of str to Term
    nulls : dict of (bool, int) to ndarray of shape (K,)
        The best constants of training (True) and test parts.
    with_train : bool
    model : LinearModel
    """

    rows: RowsOfParts
    thetas: Array
    intercepts: Array
    terms: dict[str, Term]
    nulls: dict[tuple[bool, int], Array]
    with_train: bool
    model: LinearModel

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add the rows of a chunk; keys are (whether of the training part, fold, scorer)."""
        J, m, K, _ = self.thetas.shape
        for fold, *block in self.rows.blocks(chunk, m * K, _BLOCK):
            assert fold != WHOLE
            self._add(sums, (False, fold), *block)
            for other in range(J) if self.with_train else ():
                if other != fold:
                    self._add(sums, (True, other), *block)

    def _add(
        self, sums: dict[Any, Any], part: tuple[bool, int], x: Array, y: Array, w: Array
    ) -> None:
        _, m, K, p = self.thetas.shape
        raw = product(x, self.thetas[part[1]].reshape(-1, p).T) + self.intercepts[part[1]].ravel()
        raw = np.ascontiguousarray(raw.T.reshape(m, K, -1).transpose(0, 2, 1))
        raw, loss, predicted = raw[:, :, 0] if K == 1 else raw, self.rows.loss, None
        if not loss.is_for_classes:
            predicted = self.model.predictions(raw, x)
        block = ScoredRows(raw, predicted, y, w, self.nulls[part], loss)
        for name, term in self.terms.items():
            key = *part, name
            sums[key] = sums.get(key, 0) + term.sums(block)

    def scores(self, sums: dict[Any, Any], is_train: bool, fold: int, part: Moments) -> list[Score]:
        """The scores of every λ on a part, of which these are the moments."""
        found = {
            name: term.scores(sums[is_train, fold, name], part) for name, term in self.terms.items()
        }
        return by_lambda(found)


def null_of(loss: Loss, part: Moments) -> NDArray:
    """The raw prediction of the best constant, where the mean of y tells it."""
    return loss.null_intercept(part.y_mean[None].copy(), np.ones(1))


@dataclass(frozen=True, eq=False)
class FittedWork(Work):
    """The sums of one scorer by the predictions of a fitted estimator, under the key None."""

    rows: RowsOfParts
    estimator: Any
    term: Term
    null: NDArray

    def add_to(self, sums: dict[Any, Any], chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        loss, y, predicted = self.rows.loss, self.rows.targets(chunk), None
        X = chunk.X if chunk.names is None else DataFrame(chunk.X, columns=chunk.names, copy=False)
        if loss.is_for_classes:
            raw = self.estimator.decision_function(X)
        else:
            predicted = self.estimator.predict(X)[None]
            raw = loss.link(predicted[0])
        weights = np.ones(len(y)) if chunk.weights is None else chunk.weights
        block = ScoredRows(raw[None], predicted, y, weights, self.null, loss)
        sums[None] = sums.get(None, 0) + self.term.sums(block)


def score_of_rows(estimator: Any, last: Any, scorer: Any, chunks: Chunks) -> float:
    """The score of a fitted estimator with this last step, by a pass for y and one for the rest."""
    model = LinearModel(last)
    loss, term = model.loss, terms_of(model, {"score": scorer})["score"]
    if isinstance(chunks.source, Iterator):
        raise ValueError(
            "the source of chunks can be read once only, and a score takes two passes. Give a "
            "function that returns the chunks anew."
        )
    chunks = chunks.read_as(has_labels=loss.is_for_classes)
    rows = RowsOfParts(loss, np.zeros(0), classes=getattr(last, "classes_", None))
    part = chunks.reduced(TargetMoments(rows))[None]
    sums = chunks.reduced(FittedWork(rows, estimator, term, null_of(loss, part)))[None]
    return float(term.scores(sums, part)[0])
