"""`RegularizedMLPClassifier` and `RegularizedMLPRegressor`."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skreg.estimators._fitting import all_or_nothing
from skreg.estimators._mlp import BaseRegularizedMLP
from skreg.losses import BinaryLogLoss, MultinomialLogLoss, SquaredError


class RegularizedMLPClassifier(ClassifierMixin, BaseRegularizedMLP):
    """Network classifier with penalised weights.

    Minimises Σᵢ wᵢℓ(yᵢ, f(xᵢ)) / Σᵢ wᵢ + alpha·J(weights), with ℓ the log loss (binary or
    multinomial). Biases are never penalised.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer; ``()`` for none, which makes a linear model.

    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden units.

    solver : {"adam", "sgd"}, default="adam"
        The optimiser. L1 penalties are handled by a proximal step in its own metric.

    penalty : {"l2", "l1", "elasticnet", "none"} or None, default="l2"
        J: ½‖θ‖₂², ‖θ‖₁, l1_ratio·‖θ‖₁ + (1 − l1_ratio)·½‖θ‖₂², or 0, over the weights of all
        layers.

    alpha : float, default=0.0001
        λ ≥ 0, the strength of the penalty. It multiplies J against the *mean* loss, whatever the
        batch size, the solver and the number of rows; 0 means no penalty.

    l1_ratio : float, default=0.5
        Share of ‖θ‖₁ in the elastic net, in [0, 1].

    batch_size : int or "auto", default="auto"
        Rows in a mini-batch; "auto" is min(200, n_samples).

    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule: ``learning_rate_init``; that over (epoch + 1)^power_t, epochs counted from 0; or
        that divided by 5 each time progress ends, until it is below 1e-6.

    learning_rate_init : float, default=0.001
        Learning rate of the first epoch.

    power_t : float, default=0.5
        Exponent of the schedule "invscaling".

    max_iter : int, default=200
        Number of epochs at most.

    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the held-out rows of early stopping and the shuffles. The same
        value gives the same result to the bit, for any number of threads.

    tol : float, default=1e-4
        Training stops when the objective (with early stopping, the score) has not improved by
        more than ``tol`` for more than ``n_iter_no_change`` epochs in a row.

    verbose : bool, default=False
        Whether to print a line an epoch. For a progress bar see
        :class:`sklearn.callback.ProgressBar` and ``set_callbacks``.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters and the optimiser's state of the last fit.

    momentum : float, default=0.9
        Of "sgd", in [0, 1).

    nesterovs_momentum : bool, default=True
        Whether "sgd" takes gradients at the look-ahead point.

    early_stopping : bool, default=False
        Whether to hold out rows, to stop by the score on them, and to return to the parameters
        with the best score.

    validation_fraction : float, default=0.1
        Share of the rows held out by ``early_stopping``.

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of "adam".

    epsilon : float, default=1e-8
        Of "adam".

    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are borne; inf runs all ``max_iter`` epochs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of the layers.

    intercepts_ : list of ndarray of shape (fan_out,)
        Biases of the layers.

    loss_ : float
        The objective of the last epoch.

    loss_curve_ : list of float
        The objective of every epoch: the mean loss met while it ran, plus alpha·J at its end.

    best_loss_ : float or None
        The lowest objective; None with early stopping.

    validation_scores_ : list of float or None
        Score on the held-out rows after every epoch; None without early stopping.

    best_validation_score_ : float or None
        The highest of them.

    n_iter_ : int
        Number of epochs run.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of outputs.

    out_activation_ : str
        Activation of the outputs.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had names.

    t_ : int
        Number of training rows seen.

    See Also
    --------
    RegularizedMLPRegressor : The same for numbers.
    sklearn.neural_network.MLPClassifier : Its λ is ``alpha`` divided by the weight of the batch.

    Notes
    -----
    One stochastic gradient step with the L2 penalty is θ ← (1 − ηλ)θ − η∇R(θ) (weight decay; A.
    Krogh, J. Hertz, 1991, "A simple weight decay can improve generalization"). With an L1 penalty a
    step is followed by soft-thresholding, so weights become exactly 0.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import RegularizedMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = RegularizedMLPClassifier((16,), alpha=0.01, max_iter=500, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 stays float32; everything else becomes float64.
        y : array-like of shape (n_samples,)
            Class labels; at least two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; None for equal ones.

        Returns
        -------
        self : RegularizedMLPClassifier

        Raises
        ------
        ValueError
            For data or parameters out of their range, or if training diverges; the estimator is
            then as it was before.
        """
        return self._fit(X, y, sample_weight)

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch over the given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, in the first call; None takes those in ``y``.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, relative to each other within this call.

        Returns
        -------
        self : RegularizedMLPClassifier
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        winners = _winners(self._predict_raw(X))
        return self.classes_[winners]

    def predict_proba(self, X):
        """Probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        raw = self._predict_raw(X)
        return self._architecture[2].inverse_link(raw)

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`, without rounding small probabilities to 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        raw = self._predict_raw(X)
        return self._architecture[2].log_inverse_link(raw)

    def _encode_target(self, y, classes, goes_on):
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        known = self.classes_ if goes_on else classes
        found = np.unique(y)
        if goes_on and classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError(
                f"classes={classes!r} are not those of the first call, {known}. Leave classes "
                "out, or start afresh with a new estimator."
            )
        known = found if known is None else np.unique(known)
        unknown = np.setdiff1d(found, known)
        if unknown.size:
            raise ValueError(
                f"y holds classes that are not among the known ones, {known}: {unknown}. Name all "
                "classes in the first call of partial_fit, or set warm_start=False to start afresh."
            )
        if len(known) < 2:
            raise ValueError(
                f"y holds one class only, {known}. A classifier needs at least two classes."
            )
        index = np.searchsorted(known, y)
        if len(known) == 2:
            return BinaryLogLoss(), index[:, np.newaxis], index, {"classes_": known}
        return MultinomialLogLoss(), np.eye(len(known))[index], index, {"classes_": known}

    def _score_raw(self, raw, Y, sample_weight):
        truth = Y[:, 0] if Y.shape[1] == 1 else Y.argmax(axis=1)
        return accuracy_score(truth, _winners(raw), sample_weight=sample_weight)


def _winners(raw):
    """Index of the most probable class from raw predictions."""
    return (raw[:, 0] > 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)


class RegularizedMLPRegressor(RegressorMixin, BaseRegularizedMLP):
    """Network regressor with penalised weights.

    Minimises Σᵢ wᵢ½‖yᵢ − f(xᵢ)‖² / Σᵢ wᵢ + alpha·J(weights). Biases are never penalised. With no
    hidden layer this is ridge regression, ``Ridge(alpha=n_samples * alpha)``, or the lasso,
    ``Lasso(alpha=alpha)``.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer; ``()`` for none, which makes a linear model.

    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden units.

    solver : {"adam", "sgd"}, default="adam"
        The optimiser. L1 penalties are handled by a proximal step in its own metric.

    penalty : {"l2", "l1", "elasticnet", "none"} or None, default="l2"
        J: ½‖θ‖₂², ‖θ‖₁, l1_ratio·‖θ‖₁ + (1 − l1_ratio)·½‖θ‖₂², or 0, over the weights of all
        layers.

    alpha : float, default=0.0001
        λ ≥ 0, the strength of the penalty. It multiplies J against the *mean* loss, whatever the
        batch size, the solver and the number of rows; 0 means no penalty.

    l1_ratio : float, default=0.5
        Share of ‖θ‖₁ in the elastic net, in [0, 1].

    batch_size : int or "auto", default="auto"
        Rows in a mini-batch; "auto" is min(200, n_samples).

    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule: ``learning_rate_init``; that over (epoch + 1)^power_t, epochs counted from 0; or
        that divided by 5 each time progress ends, until it is below 1e-6.

    learning_rate_init : float, default=0.001
        Learning rate of the first epoch.

    power_t : float, default=0.5
        Exponent of the schedule "invscaling".

    max_iter : int, default=200
        Number of epochs at most.

    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the held-out rows of early stopping and the shuffles. The same
        value gives the same result to the bit, for any number of threads.

    tol : float, default=1e-4
        Training stops when the objective (with early stopping, the score) has not improved by
        more than ``tol`` for more than ``n_iter_no_change`` epochs in a row.

    verbose : bool, default=False
        Whether to print a line an epoch. For a progress bar see
        :class:`sklearn.callback.ProgressBar` and ``set_callbacks``.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters and the optimiser's state of the last fit.

    momentum : float, default=0.9
        Of "sgd", in [0, 1).

    nesterovs_momentum : bool, default=True
        Whether "sgd" takes gradients at the look-ahead point.

    early_stopping : bool, default=False
        Whether to hold out rows, to stop by the score on them, and to return to the parameters
        with the best score.

    validation_fraction : float, default=0.1
        Share of the rows held out by ``early_stopping``.

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of "adam".

    epsilon : float, default=1e-8
        Of "adam".

    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are borne; inf runs all ``max_iter`` epochs.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of the layers.

    intercepts_ : list of ndarray of shape (fan_out,)
        Biases of the layers.

    loss_ : float
        The objective of the last epoch.

    loss_curve_ : list of float
        The objective of every epoch: the mean loss met while it ran, plus alpha·J at its end.

    best_loss_ : float or None
        The lowest objective; None with early stopping.

    validation_scores_ : list of float or None
        Score on the held-out rows after every epoch; None without early stopping.

    best_validation_score_ : float or None
        The highest of them.

    n_iter_ : int
        Number of epochs run.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of outputs.

    out_activation_ : str
        Activation of the outputs.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had names.

    t_ : int
        Number of training rows seen.

    See Also
    --------
    RegularizedMLPClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : Its λ is ``alpha`` divided by the weight of the batch.

    Notes
    -----
    The target is used as it is: put it on a scale near 1, for example with
    :class:`sklearn.compose.TransformedTargetRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skreg import RegularizedMLPRegressor
    >>> X, y = make_regression(200, 5, random_state=0)
    >>> network = RegularizedMLPRegressor((32,), learning_rate_init=0.01, max_iter=300,
    ...                                   random_state=0)
    >>> network.fit(X, y / y.std()).score(X, y / y.std()) > 0.99
    True
    """

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 stays float32; everything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; None for equal ones.

        Returns
        -------
        self : RegularizedMLPRegressor

        Raises
        ------
        ValueError
            For data or parameters out of their range, or if training diverges; the estimator is
            then as it was before.
        """
        return self._fit(X, y, sample_weight)

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch over the given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, relative to each other within this call.

        Returns
        -------
        self : RegularizedMLPRegressor
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Predicted target of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raw = self._predict_raw(X)
        return raw[:, 0] if self._is_single_output else raw

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _encode_target(self, y, classes, goes_on):
        single = y.ndim == 1
        return SquaredError(), y.reshape(len(y), -1), None, {"_is_single_output": single}

    def _score_raw(self, raw, Y, sample_weight):
        return r2_score(Y, raw, sample_weight=sample_weight)
