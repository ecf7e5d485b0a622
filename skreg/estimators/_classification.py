"""The task of the quadratic classifiers: the log loss of two classes or more."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import column_or_1d

from skreg._labels import check_classes
from skreg._validation import (
    check_offset,
    check_weights,
    refuse_out_of_range,
    relative,
    validated,
    validated_fit,
)
from skreg._warnings import warn_user
from skreg.estimators._available import takes_rows
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._lazy import lazily
from skreg.estimators._linear import DTYPES, SPARSE, QuadraticApproxLinear, Sample
from skreg.losses import BinaryLogLoss, MultinomialLogLoss

# From so many classes, and probabilities of all rows, a fit is told of before it is begun.
_MANY_CLASSES, _MUCH_WORK = 200, 1_000_000


class QuadraticApproxClassifier(ClassifierMixin, QuadraticApproxLinear):
    """Base of the classifiers."""

    class_weight: Any
    classes_: NDArray[Any]

    _loss: BinaryLogLoss | MultinomialLogLoss
    _parameter_constraints: ClassVar[dict] = {
        **QuadraticApproxLinear._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    @validated_fit
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Chunks
            CSR and CSC stay sparse. float32 stays float32; the sums are made in float64. Rows in
            `Chunks`, and all that these may be made of, are read once for every Newton step, with
            ``y`` and ``sample_weight`` the names of columns.
        y : array-like of shape (n_samples,), or str
            Labels of the classes, at least two: numbers or strings.
        sample_weight : None, float or array-like of shape (n_samples,), default=None
            Weights, at least one positive. Their scale does not matter.
        offset : None or array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the raw predictions xᵢᵀθ + b, as it is: of two classes the log odds that are
            known beforehand, of more a number for each, in the order of ``classes_``. Give
            `predict` the offset of its rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y, the weights or the offset are not usable; the message says which
            and why.

        Warns
        -----
        ConvergenceWarning
            If ``tol`` is not reached; the message says what was.
        UserWarning
            Before the work, if there are hundreds of classes and a fit may take minutes.
        """
        return self._fit(X, y, sample_weight=sample_weight, offset=offset)

    @lazily
    def decision_function(self, X: MatrixLike, *, offset: Any = None) -> Any:
        """Raw predictions xᵀθ + b.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : None or array-like, default=None
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes log P(second)/P(first); for more log P(class) up to a constant of each
            row.
        """
        raw = self._raw_with(X, offset)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    @lazily
    def predict(self, X: MatrixLike, *, offset: Any = None) -> Any:
        """Most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : None or array-like, default=None
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._from_raw(self.decision_function(X, offset=offset)[None])[0]

    @lazily
    def predict_proba(self, X: MatrixLike, *, offset: Any = None) -> Any:
        """Probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : None or array-like, default=None
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        raw = self._raw_with(X, offset)
        return self._loss.inverse_link(raw)

    @lazily
    def predict_log_proba(self, X: MatrixLike, *, offset: Any = None) -> Any:
        """Logarithm of `predict_proba`, without rounding small probabilities to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        offset : None or array-like, default=None
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        raw = self._raw_with(X, offset)
        return self._loss.log_inverse_link(raw)

    @takes_rows
    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Share of the rows whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : None or array-like of shape (n_samples,), default=None
        offset : None or array-like, default=None
            As for `fit`.

        Returns
        -------
        float
        """
        return accuracy_score(y, self.predict(X, offset=offset), sample_weight=sample_weight)

    def _validate(self, X, y):
        return validated(self, X, y, dtype=DTYPES, accept_sparse=SPARSE)

    def _asked_loss(self):
        return BinaryLogLoss()

    def _sample(self, X, y, sample_weight=None, offset=None):
        if not (isinstance(y, np.ndarray) and y.ndim == 1):
            y = column_or_1d(y, warn=True)
        weights = check_weights(sample_weight, X)
        if y.dtype.kind not in "biuU":  # integers and strings are classes
            check_classes(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                f"y holds one class only, {self.classes_}. A classifier needs at least two classes."
            )
        if n_classes >= _MANY_CLASSES and n_classes * len(y) >= _MUCH_WORK:
            warn_user(
                f"y holds {n_classes} classes in {len(y)} rows: every step works on "
                f"{n_classes * len(y):.1e} probabilities, and a fit may take minutes. If y is a "
                "quantity use a regressor; else merge or leave out classes of few rows.",
                UserWarning,
            )
        refuse_out_of_range(X, "X")
        offset = self._checked_offset(offset, X)
        self._check_classes(index, weights)
        if self.class_weight is not None:
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=weights
            )
            by_class = relative(by_class)[index]
            weights = check_weights(by_class if weights is None else weights * by_class, X)
            self._check_classes(index, weights)
        if n_classes == 2:
            self._loss = BinaryLogLoss()
            targets = index[:, None].astype(np.float64)
        else:
            self._loss = MultinomialLogLoss()
            targets = np.eye(n_classes)[index]
        return Sample(X, targets, self._loss, weights, offset)

    def _set_classes(self, classes):
        self.classes_ = classes
        self._loss = BinaryLogLoss() if len(classes) == 2 else MultinomialLogLoss()

    def _check_classes(self, index, weights):
        if weights is None:
            return
        empty = self.classes_[np.bincount(index, weights, len(self.classes_)) == 0].tolist()
        if empty:
            raise ValueError(
                f"the weight is zero in every row of class {empty[0]!r}. Give one "
                "of its rows a positive sample_weight and the class a positive class_weight, or "
                "leave its rows out."
            )

    def _set_solution(self, solution, i):
        super()._set_solution(solution, i)
        # Two classes have one row of coefficients, as in scikit-learn.
        self.coef_ = np.atleast_2d(self.coef_)
        self.intercept_ = np.atleast_1d(self.intercept_)

    def _checked_offset(self, offset, X):
        n_classes = len(self.classes_)
        return check_offset(offset, X, 1 if n_classes == 2 else n_classes)

    def _raw_with(self, X, offset):
        """Raw predictions with the offset, shape (n, 1) or (n, K)."""
        raw, X = self._raw(X)
        offset = self._checked_offset(offset, X)
        return raw if offset is None else raw + offset.reshape(len(raw), -1).astype(raw.dtype)

    def _refuse_moments(self):
        raise ValueError(
            f"{type(self).__name__} needs the rows themselves: only squared error is known by "
            "moments. Give X and y as arrays, or rows in Chunks."
        )

    def _by_moments(self, moments):
        raise NotImplementedError  # `_refuse_moments` does

    def _shifted(self, raw, X, offset):
        """Raw predictions of shape (m, n) or (m, n, K) with the offset."""
        offset = self._checked_offset(offset, X)
        return raw if offset is None else raw + offset.astype(raw.dtype)

    def _from_raw(self, raw, X=None, offset=None):
        """Labels from raw predictions of shape (m, n) or (m, n, K)."""
        raw = self._shifted(raw, X, offset)
        winners = (raw > 0).astype(int) if len(self.classes_) == 2 else raw.argmax(axis=-1)
        return self.classes_[winners]

    def _probabilities(self, raw):
        """Probabilities from raw predictions of shape (m, n) or (m, n, K)."""
        flat = raw.reshape(-1, 1 if len(self.classes_) == 2 else len(self.classes_))
        return self._loss.inverse_link(flat).reshape(*raw.shape[:2], -1)
