"""`RegularizedMLPClassifier`."""

from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from skreg._validation import validated_fit
from skreg.estimators._available import only_where, takes_rows
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._lazy import lazily
from skreg.estimators._mlp import BaseRegularizedMLP, needs_batches
from skreg.estimators._mlp_chunks import LabelTally
from skreg.estimators._mlp_targets import ClassTarget, label_target


@dataclass(eq=False, repr=False)
class RegularizedMLPClassifier(ClassifierMixin, BaseRegularizedMLP):
    """Network classifier with penalized weights.

    Minimizes Σᵢ wᵢℓ(yᵢ, f(xᵢ)) / Σᵢ wᵢ + alpha·J(weights), with ℓ the log loss: binary,
    multinomial, or for a matrix of 0 and 1 (multilabel) the sum of the columns'.
    Biases are never penalized.

    Parameters
    ----------
    {parameters}

    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, which multiply those of the rows: by label; "balanced" makes every
        class weigh the same; for multilabel one dict a column. Validation scores do without.

    label_smoothing : float, default=0.0
        Share ε in [0, 1) of each training label that is spread evenly over all classes: the network
        is trained on 1 − ε + ε/K for its class and ε/K for the others (C. Szegedy, V. Vanhoucke, S.
        Ioffe, J. Shlens, Z. Wojna, 2016, "Rethinking the inception architecture for computer
        vision"), so that no probability has to become 1. ``objective_`` and the loss curve have
        the loss at these; validation rows keep their labels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; for multilabel the numbers of the columns.

    {attributes}

    See Also
    --------
    RegularizedMLPRegressor : The same for numbers.
    sklearn.neural_network.MLPClassifier : Its λ is ``alpha`` divided by the weight of the batch.

    Notes
    -----
    One stochastic gradient step with the L2 penalty is θ ← (1 − ηλ)θ − η∇R(θ) (weight decay; A.
    Krogh, J. Hertz, 1991, "A simple weight decay can improve generalization"). With an L1 penalty a
    step is followed by soft-thresholding, so weights become exactly 0.

    Without hidden layers this is ``LogisticRegression(C=1 / (n_samples * alpha))``, whatever the
    solver and the batch size.

    The defaults were chosen by inner folds of tables with standardized features, by the loss and
    the time of a fit (``python -m benchmarks network-candidates``), and λ is meant for such.
    Features on other scales train as well, since the first layer starts and moves in units of each
    column; but the penalty is on the weights of X as it is.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import RegularizedMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = RegularizedMLPClassifier((16,), alpha=0.01, learning_rate_init=0.01,
    ...                                    max_iter=500, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    >>> model[-1].history_frame().columns.tolist()
    ['objective', 'loss', 'n_nonzero', 'norm']

    Features that do not matter are switched off, and the network is cut down to the rest:

    >>> network.set_params(penalty="group", groups="inputs", alpha=0.05)
    RegularizedMLPClassifier(...)
    >>> model.fit(X, y)[-1].selected_features_
    array([2, 3])
    >>> model[-1].compress().coefs_[0].shape[0]
    2
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseRegularizedMLP._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    _: KW_ONLY
    class_weight: dict | list[dict] | str | None = None
    label_smoothing: float = 0.0

    classes_: np.ndarray = field(init=False)
    _target: ClassTarget = field(init=False)

    @only_where(needs_batches)
    @takes_rows
    @validated_fit
    def partial_fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: MatrixLike | None = None,
    ) -> Self:
        """Train for one epoch over the given rows.

        With ``early_stopping`` the score on ``X_val`` is noted at each call; when it has not
        improved for more than ``n_iter_no_change`` calls, the best parameters come back and further
        calls change nothing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call unless ``fit`` came before.
            For multilabel the numbers of the columns.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, relative to each other within this call.
        X_val, y_val : array-like, default=None
            Validation rows; needed with ``early_stopping``.

        Returns
        -------
        self : RegularizedMLPClassifier
        """
        return self._fit(X, y, sample_weight, X_val, y_val, incremental=True, classes=classes)

    @lazily
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Most probable class of each row; for multilabel 1 for each label more probable than not.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        raw = self._predict_raw(X)
        return self._target.predict(raw)

    @lazily
    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Probability of each class, in the order of ``classes_``; for multilabel of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        raw = self._predict_raw(X)
        return self._target.probabilities(raw)

    @lazily
    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Logarithm of `predict_proba`, without rounding small probabilities to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        raw = self._predict_raw(X)
        return self._target.log_probabilities(raw)

    score = takes_rows(ClassifierMixin.score)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _new_target(self, y, weights, classes, incremental) -> ClassTarget:
        if incremental and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return label_target(y, classes)

    def _tally(self) -> LabelTally:
        return LabelTally()
