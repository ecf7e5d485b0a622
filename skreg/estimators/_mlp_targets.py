"""What the targets of a network are: encoded to train on, decoded from raw predictions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit, log_expit
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from skreg._labels import check_classes
from skreg.losses import BinaryLogLoss, Loss, MultinomialLogLoss


class Target(ABC):
    """What a network is trained on, in place of y, and what its raw predictions mean.

    Attributes
    ----------
    loss : Loss
        The loss of the raw predictions.
    classes : ndarray or None
        The labels; None for numbers.
    """

    loss: Loss
    classes: np.ndarray | None

    @abstractmethod
    def encode(self, y) -> tuple[np.ndarray, np.ndarray | None]:
        """(Y of shape (n, n_outputs), what stratifies a split or None)."""

    def check_range(self, dtype) -> None:
        """Raise if predictions in this dtype cannot hold the targets."""
        return

    def check_complete(self, y) -> None:
        """Raise if a warm start must not go on with these targets."""
        return

    @abstractmethod
    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Predictions in the form of y."""

    def smoothed(self, Y: np.ndarray, share: float) -> np.ndarray:
        """Encoded targets of which a share is spread over all classes; numbers are left alone."""
        return Y

    @abstractmethod
    def score(self, raw: np.ndarray, Y: np.ndarray, sample_weight: np.ndarray | None) -> float:
        """The estimator's score, higher is better, at encoded targets."""

    def last_layer(self, weights: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights and biases of the last layer whose raw predictions are in the units of y."""
        return weights, biases

    def raw_last_layer(
        self, weights: np.ndarray, biases: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `last_layer`."""
        return weights, biases


class ClassTarget(Target):
    """Labels of one kind or another."""

    classes: np.ndarray

    @property
    @abstractmethod
    def n_choices(self) -> int:
        """Of how many classes a label is one."""

    def smoothed(self, Y, share):
        """Each label as 1 − share, plus its part of the share."""
        return Y if share == 0 else (Y * (1 - share) + share / self.n_choices).astype(Y.dtype)

    @abstractmethod
    def check_classes(self, classes) -> None:
        """``classes`` of a later call must be those of the first."""

    @abstractmethod
    def class_weights(self, class_weight, y, sample_weight) -> np.ndarray:
        """The weight of each row by its classes."""

    @abstractmethod
    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Of every class, in the order of ``classes``."""

    @abstractmethod
    def log_probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Their logarithms."""


@dataclass(frozen=True, eq=False)
class Labels(ClassTarget):
    """One label a row, of two classes or more."""

    classes: np.ndarray

    @classmethod
    def of(cls, y, classes):
        """The classes of ``y``, or those named."""
        known = np.unique(y) if classes is None else np.unique(classes)
        if len(known) < 2:
            raise ValueError(
                f"y holds one class only, {known}. A classifier needs at least two classes."
            )
        return cls(known)

    @property
    def loss(self):
        """The loss of the raw predictions."""
        return BinaryLogLoss() if len(self.classes) == 2 else MultinomialLogLoss()

    @property
    def n_choices(self):
        """The number of classes."""
        return len(self.classes)

    def check_classes(self, classes):
        """``classes`` of a later call must be those of the first."""
        if not np.array_equal(np.unique(classes), self.classes):
            raise ValueError(
                f"classes={classes!r} are not those of the first call, {self.classes}. Leave "
                "classes out, or start afresh with a new estimator."
            )

    def check_complete(self, y):
        """A warm start is on all classes; `partial_fit` may see some of them."""
        missing = np.setdiff1d(self.classes, y)
        if missing.size:
            raise ValueError(
                f"y lacks the classes {missing}, which this network was fitted to with "
                "warm_start=True. Give rows of every class, use partial_fit, or set "
                "warm_start=False to start afresh."
            )

    def encode(self, y):
        """(Y, what stratifies a split)."""
        y = column_or_1d(y)
        check_classes(y)
        unknown = np.setdiff1d(y, self.classes)
        if unknown.size:
            raise ValueError(
                f"y holds classes that are not among the known ones, {self.classes}: {unknown}. "
                "Name all classes beforehand, in partial_fit or Chunks, or set warm_start=False to "
                "start afresh."
            )
        index = np.searchsorted(self.classes, y)
        return index[:, np.newaxis] if len(self.classes) == 2 else _indicators(
            index, len(self.classes)
        ), index

    def class_weights(self, class_weight, y, sample_weight):
        """The weight of each row's class."""
        index = np.searchsorted(self.classes, column_or_1d(y))
        if class_weight != "balanced":
            return compute_class_weight(class_weight, classes=self.classes, y=self.classes)[index]
        # Classes without any weight have no share to balance.
        totals = np.bincount(index, sample_weight, minlength=len(self.classes))
        share = totals.sum() / np.count_nonzero(totals)
        return np.divide(share, totals, out=np.ones(len(totals)), where=totals > 0)[index]

    def predict(self, raw):
        """The most probable label."""
        return self.classes[_winners(raw)]

    def probabilities(self, raw):
        """Of every class, in the order of ``classes``."""
        return self.loss.inverse_link(raw)

    def log_probabilities(self, raw):
        """Their logarithms."""
        return self.loss.log_inverse_link(raw)

    def score(self, raw, Y, sample_weight):
        """Accuracy."""
        truth = Y[:, 0] if Y.shape[1] == 1 else Y.argmax(axis=1)
        return accuracy_score(truth, _winners(raw), sample_weight=sample_weight)


@dataclass(frozen=True, eq=False)
class LabelSets(ClassTarget):
    """Any number of labels a row: a column of 0 and 1 for each."""

    classes: np.ndarray

    @classmethod
    def of(cls, y, classes):
        """As many labels as ``y`` has columns."""
        sets = cls(np.arange(y.shape[1]))
        if classes is not None:
            sets.check_classes(classes)
        return sets

    loss = BinaryLogLoss()
    n_choices = 2

    def check_classes(self, classes):
        """``classes`` may be the labels' numbers, or rows of the indicators themselves."""
        shape = np.shape(classes)
        n_labels = shape[1] if len(shape) == 2 else len(np.unique(classes))
        if n_labels != len(self.classes):
            raise ValueError(
                f"classes={classes!r} name {n_labels} labels, but y has {len(self.classes)} "
                "columns. Give a number for each column."
            )

    def encode(self, y):
        """(Y, None: sets of labels do not stratify a split)."""
        Y = y.toarray() if issparse(y) else np.asarray(y)
        if Y.ndim != 2 or Y.shape[1] != len(self.classes):
            raise ValueError(
                f"y has shape {Y.shape}, but this network was fitted to {len(self.classes)} "
                "columns of labels. Give the same columns, or start afresh with a new estimator."
            )
        return Y, None

    def class_weights(self, class_weight, y, sample_weight):
        """The product over the labels of the weight of each row's 0 or 1."""
        return compute_sample_weight(class_weight, self.encode(y)[0])

    def predict(self, raw):
        """1 where a label is more probable than not."""
        return (raw > 0).astype(int)

    def probabilities(self, raw):
        """P(label) for every label."""
        return expit(raw)

    def log_probabilities(self, raw):
        """Their logarithms."""
        return log_expit(raw)

    def score(self, raw, Y, sample_weight):
        """Share of the rows in which every label is right."""
        return accuracy_score(Y.astype(int), self.predict(raw), sample_weight=sample_weight)


@dataclass(frozen=True, eq=False)
class Numbers(Target):
    """One number a row or several, brought to mean 0 and variance 1 for training.

    Parameters
    ----------
    loss : Loss
    mean, scale : ndarray of shape (n_outputs,)
        With a log link the mean stays: the scale is the mean itself.
    is_single : bool
        Whether predictions are a vector.
    """

    loss: Loss
    mean: np.ndarray
    scale: np.ndarray
    is_single: bool

    classes: Any = None

    @classmethod
    def of(cls, y, loss, weights):
        """Mean and scale of ``y``."""
        loss.check_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:  # as scikit-learn's MLPRegressor takes it
            y = column_or_1d(y, warn=True)
        return cls.about(loss, *mean_and_scale(y, weights), y.ndim == 1)

    @classmethod
    def about(cls, loss, mean, scale, is_single):
        """Of targets with this mean and standard deviation."""
        if loss.has_log_link:
            return cls(loss, np.zeros_like(mean), np.where(mean > 0, mean, 1.0), is_single)
        is_constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(mean)
        return cls(loss, mean, np.where(is_constant, 1.0, scale), is_single)

    def check_range(self, dtype):
        """Predictions have the dtype of X."""
        largest = float(np.max(np.abs(self.mean) + self.scale))
        most = float(np.finfo(dtype).max)
        if largest > most / 1e3:
            raise ValueError(
                f"y is about {largest:.2g}, and predictions in the dtype of X, "
                f"{np.dtype(dtype).name}, reach no further than {most:.2g}. Scale y down, or give "
                "X in float64."
            )

    def encode(self, y):
        """(Y, None: numbers do not stratify a split)."""
        self.loss.check_targets(y)
        Y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if Y.shape[1] != len(self.mean):
            raise ValueError(
                f"y has {Y.shape[1]} columns, but this network was fitted to {len(self.mean)}. "
                "Give the same columns, or start afresh with warm_start=False and fit."
            )
        return (Y - self.mean) / self.scale, None

    def predict(self, raw):
        """In the units of y, in the precision of ``raw``."""
        out = (self.loss.inverse_link(raw) * self.scale + self.mean).astype(raw.dtype)
        return out[:, 0] if self.is_single else out

    def last_layer(self, weights, biases):
        """Weights and biases of the last layer whose raw predictions are in the units of y."""
        if self.loss.has_log_link:
            return weights, (biases + np.log(self.scale)).astype(biases.dtype)
        scaled = (weights * self.scale).astype(weights.dtype)
        return scaled, (biases * self.scale + self.mean).astype(biases.dtype)

    def raw_last_layer(self, weights, biases):
        """The inverse of `last_layer`."""
        if self.loss.has_log_link:
            return weights, biases - np.log(self.scale)
        return weights / self.scale, (biases - self.mean) / self.scale

    def score(self, raw, Y, sample_weight):
        """R² for squared error, otherwise minus the mean loss."""
        if self.loss.is_quadratic:
            return r2_score(Y, raw, sample_weight=sample_weight)
        return -self.loss.value(Y, raw, sample_weight)


def mean_and_scale(y, weights):
    """Mean and standard deviation of each target."""
    Y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    # In units of a power of two, so that sums and squares neither overflow nor vanish.
    unit = np.exp2(np.frexp(np.abs(Y).max(axis=0))[1] - 1.0)
    mean = unit * np.average(Y / unit, axis=0, weights=weights)
    squares = np.square(Y / unit - mean / unit)
    return mean, unit * np.sqrt(np.average(squares, axis=0, weights=weights))


def label_target(y, classes):
    """`Labels` or `LabelSets`, by what ``y`` is."""
    if not _is_flat(y) and type_of_target(y) == "multilabel-indicator":
        return LabelSets.of(y, classes)
    y = column_or_1d(y, warn=True)
    check_classes(y)
    return Labels.of(y, classes)


def _is_flat(y):
    """Whether y is known to have one dimension."""
    return getattr(y, "ndim", 0) == 1 or (isinstance(y, list) and not any(map(np.ndim, y)))


def _winners(raw):
    """Index of the most probable class from raw predictions."""
    return (raw[:, 0] > 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)


def _indicators(index, n_classes):
    Y = np.zeros((len(index), n_classes))
    Y[np.arange(len(index)), index] = 1
    return Y
