"""`RegularizedMLPRegressor`.

Most of it is the documentation of the parameters.
"""

from numbers import Real
from typing import ClassVar

from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skreg.estimators._fitting import all_or_nothing, only_where
from skreg.estimators._mlp import BaseRegularizedMLP, _needs_batches
from skreg.estimators._mlp_targets import Numbers
from skreg.losses import loss_of


class RegularizedMLPRegressor(RegressorMixin, BaseRegularizedMLP):
    """Network regressor with penalised weights.

    Minimises Σᵢ wᵢℓ(zᵢ, f(xᵢ)) / Σᵢ wᵢ + alpha·J(weights), with z the target brought to mean 0 and
    variance 1, column by column. Biases are never penalised.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(256,)
        Number of units of each hidden layer; ``()`` for none, which makes a linear model.

    activation : {"identity", "logistic", "tanh", "relu", "silu", "gelu"}, default="relu"
        Activation of the hidden units; "gelu" is the exact one, z·Φ(z).

    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        The optimiser. L1 and group penalties are handled by a proximal step in its own metric, so
        that zeros are exact. "lbfgs" takes all rows at once: for a few thousand rows at most; an
        iteration counts as an epoch, L1 is handled by splitting θ = u − v, u, v ≥ 0, and neither
        groups, bounds nor dropout are.

    penalty : {"l2", "l1", "elasticnet", "group", "group_log", "none"} or None, default="l2"
        J: ½‖θ‖₂², ‖θ‖₁, l1_ratio·‖θ‖₁ + (1 − l1_ratio)·½‖θ‖₂², a group penalty of ``groups``, or 0,
        over the weights of all layers.

    alpha : float or array-like of shape (n_layers,), default=0.003
        λ ≥ 0, the strength of the penalty. It multiplies J against the *mean* loss, whatever the
        batch size, the solver and the number of rows; 0 means no penalty. Several numbers are for
        the layers of weights, from the input on. It may be changed between calls of
        ``partial_fit`` with ``set_params``.

    l1_ratio : float, default=0.5
        Share of ‖θ‖₁ in the elastic net, in [0, 1].

    batch_size : int or "auto", default="auto"
        Rows in a mini-batch; "auto" is a fiftieth of the training rows, but at least 32 and at most
        200 (and all rows, if there are fewer).

    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "one_cycle"}, \
            default="one_cycle"
        Schedule: ``learning_rate_init``; that over (epoch + 1)^power_t, epochs counted from 0; that
        divided by 5 each time progress ends, until it is below 1e-6; that falling to 0 over
        ``max_iter`` epochs along a cosine; or up to it and down again, a rate for each step (L.
        Smith, N. Topin, 2018, "Super-convergence"). The last two are cycles: they run to their end,
        without regard to ``tol`` unless with early stopping, and every ``fit`` of a warm start
        begins another. ``partial_fit`` knows of no end: there the rate of a cycle is constant,
        ``learning_rate_init / 10``.

    learning_rate_init : float or "auto", default="auto"
        Learning rate of the first epoch; for "one_cycle" the highest. "auto" is 0.01 for "adam" and
        0.1 for "sgd".

    power_t : float, default=0.5
        Exponent of the schedule "invscaling".

    max_iter : int, default=50
        Number of epochs at most. "lbfgs" often wants a few hundred.

    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the held-out rows of early stopping, the units dropped and the
        shuffles. The same value gives the same result to the bit, for any number of threads.

    tol : float, default=1e-4
        Training stops when the objective (with early stopping, the score) has not improved by
        more than ``tol`` for more than ``n_iter_no_change`` epochs in a row; with "lbfgs" also when
        no component of the gradient is above it.

    verbose : bool, default=False
        Whether to print a line an epoch. For a progress bar see
        :class:`sklearn.callback.ProgressBar` and ``set_callbacks``.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters and the optimiser's state of the last fit (of
        "lbfgs" only from the parameters).

    momentum : float, default=0.9
        Of "sgd", in [0, 1).

    nesterovs_momentum : bool, default=True
        Whether "sgd" takes gradients at the look-ahead point.

    early_stopping : bool, default=False
        Whether to stop by the score on validation rows, and to return to the parameters with the
        best score. The rows are ``X_val`` and ``y_val`` of ``fit``, or held out.

    validation_fraction : float, default=0.1
        Share of the rows held out by ``early_stopping`` where ``fit`` is given no ``X_val``.

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of "adam".

    epsilon : float, default=1e-8
        Of "adam".

    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are borne; inf runs all ``max_iter`` epochs, as cycles of
        the learning rate do.

    groups : {"inputs", "neurons"} or None, default=None
        For the group penalties. "inputs": the weights that leave an input feature are a group, so
        that whole features switch off; J = Σᵢ √h₁ ‖W₁[i, :]‖₂ + Σ_{l≥2} ½‖W_l‖₂², whose second part
        keeps the later layers from undoing the first. "neurons": the weights into and out of a
        hidden neuron, J = Σ √(fan_in + fan_out) ‖(incoming, outgoing)‖₂. ``penalty="group_log"``,
        for "inputs" alone, has ln(1 + 20 ‖W₁[i, :]‖₂)/20 in the place of the norm: it shrinks the
        features that stay far less, so that the λ which predicts best needs fewer of the others
        (E. Candès, M. Wakin, S. Boyd, 2008, "Enhancing sparsity by reweighted ℓ1 minimization").
        Scale the features. With "inputs", λ of the groups grows from 0 during the first 60 % of
        the ``max_iter`` epochs of a fit, unless it goes on from an earlier one: the network finds
        what a feature is good for before the penalty takes it away.

    norm_bound : float or None, default=None
        Solves J(θ) ≤ k instead, by projection after every step; ``alpha`` is then ignored. Not with
        groups.

    max_norm : float or None, default=None
        The Euclidean norm that the incoming weights of a unit may have at most, held after every
        step.

    dropout : float, (float, float) or "auto", default="auto"
        Share of the hidden units, or of (input, hidden) units, that are left out at random in each
        step; those left are scaled up, so predictions need no change. "auto" is 0.1 of the hidden
        units where the solver can drop any; "lbfgs" cannot.

    weight_decay : {"coupled", "decoupled"}, default="coupled"
        Whether the L2 part of the penalty is in the gradient, as the objective says, or shrinks
        the weights beside it, θ ← (1 − ηλ)θ at every step (I. Loshchilov, F. Hutter, 2019,
        "Decoupled weight decay regularization"): "adam" is then AdamW, and what it minimises is no
        longer R + λJ.

    loss : {"squared_error", "huber", "poisson", "quantile"}, default="squared_error"
        ℓ: ½(z − f)²; that up to ``delta`` and linear beyond; half the Poisson deviance, for targets
        that are not negative, with f the logarithm of the prediction; or the pinball loss, whose
        minimiser is the ``quantile``. Summed over targets.

    delta : float, default=1.35
        Where Huber's loss becomes linear, in standard deviations of the target.

    quantile : float, default=0.5
        In (0, 1).

    init : {"glorot", "he"}, default="glorot"
        Law of the initial weights.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of the layers. The last layer's are in the units of y.

    intercepts_ : list of ndarray of shape (fan_out,)
        Biases of the layers. The last layer's are in the units of y.

    objective_ : float
        R + λJ at the fitted parameters, over the training rows and without dropout. After
        ``partial_fit`` the same as ``loss_``.

    loss_ : float
        The objective of the last epoch.

    loss_curve_ : list of float
        The objective of every epoch: the mean loss met while it ran, plus alpha·J at its end. In
        the units of ℓ: for squared error, ½ is what a constant prediction reaches.

    history_ : dict of str to list
        For every epoch ``objective``, ``loss`` (the first part of it), ``n_nonzero`` and ``norm``
        (of the weights: how many are not 0, and ‖θ‖₂), and with validation rows
        ``validation_loss`` and ``validation_score``. As a frame: ``history_frame()``.

    best_loss_ : float or None
        The lowest objective; None with validation rows.

    validation_scores_ : list of float or None
        Score on the validation rows after every epoch: R², for other losses than
        squared error minus the validation loss; None without.

    best_validation_score_ : float or None
        The highest of them.

    sparsity_ : ndarray of shape (n_layers - 1,)
        Share of the weights of each layer that are exactly 0.

    selected_features_ : ndarray of int
        The input features with a weight that is not 0.

    feature_importances_ : ndarray of shape (n_features,)
        ‖W₁[i, :]‖₂ of each feature, divided by their sum: for
        :class:`sklearn.feature_selection.SelectFromModel`, with ``threshold=1e-10`` for the
        features that a penalty has left.

    effective_dof_ : ndarray of shape (n_layers - 1,)
        Effective degrees of freedom of each layer at the training rows (after ``partial_fit``
        those of the last call), as ``effective_dof`` says. Worked out when first asked for; a
        pickle or a copy leaves the rows behind.

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

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names.

    t_ : int
        Number of training rows seen.

    See Also
    --------
    RegularizedMLPClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : Its λ is ``alpha`` divided by the weight of the batch.

    Notes
    -----
    The target's mean and standard deviation s are those of the rows of ``fit``, or of the first
    call of ``partial_fit`` (for loss="poisson" there is no shift, and the scale is the mean). So
    λ does not depend on the units of y: fit(X, c·y) gives c times the predictions. Without hidden
    layers this is ``Ridge(alpha=n_samples * alpha)``, and with penalty="l1"
    ``Lasso(alpha=s * alpha)``, whatever the solver and the batch size.

    The defaults were chosen by nested cross-validation on twelve tables with standardised features
    (``python -m benchmarks network-defaults``), and are meant for such.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skreg import RegularizedMLPRegressor
    >>> X, y = make_regression(200, 5, random_state=0)
    >>> network = RegularizedMLPRegressor((32,), learning_rate_init=0.01, max_iter=300,
    ...                                   random_state=0)
    >>> network.fit(X, y).score(X, y) > 0.99
    True
    >>> path = network.set_params(penalty="l1").regularization_path(X, y, [1e-4, 1e-2, 1.0])
    >>> path.to_frame()[["n_nonzero", "n_selected"]].iloc[-1].tolist()
    [0, 0]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseRegularizedMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "huber", "poisson", "quantile"})],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        hidden_layer_sizes=(256,),
        activation="relu",
        *,
        solver="adam",
        penalty="l2",
        alpha=0.003,
        l1_ratio=0.5,
        batch_size="auto",
        learning_rate="one_cycle",
        learning_rate_init="auto",
        power_t=0.5,
        max_iter=50,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        groups=None,
        norm_bound=None,
        max_norm=None,
        dropout="auto",
        weight_decay="coupled",
        loss="squared_error",
        delta=1.35,
        quantile=0.5,
        init="glorot",
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            penalty=penalty,
            alpha=alpha,
            l1_ratio=l1_ratio,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            groups=groups,
            norm_bound=norm_bound,
            max_norm=max_norm,
            dropout=dropout,
            weight_decay=weight_decay,
            init=init,
        )
        self.loss = loss
        self.delta = delta
        self.quantile = quantile

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32; everything else becomes float64. A sparse X is made dense a
            mini-batch at a time.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; None for equal ones.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation rows of your own: for the curves, and for ``early_stopping``. In a Pipeline
            see ``set_fit_request`` and the Pipeline's ``transform_input``.
        y_val : array-like, default=None
            Their targets.

        Returns
        -------
        self : RegularizedMLPRegressor

        Raises
        ------
        ValueError
            For data or parameters out of their range, or if training diverges; the estimator is
            then as it was before.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` ended the training.
        UserWarning
            If Ctrl-C ended it: the epochs done are kept.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @only_where(_needs_batches)
    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train for one epoch over the given rows.

        With ``early_stopping`` the score on ``X_val`` is noted at each call; when it has not
        improved for more than ``n_iter_no_change`` calls, the best parameters come back and further
        calls change nothing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, relative to each other within this call.
        X_val, y_val : array-like, default=None
            Validation rows; needed with ``early_stopping``.

        Returns
        -------
        self : RegularizedMLPRegressor
        """
        return self._fit(X, y, sample_weight, X_val, y_val, incremental=True)

    def regularization_path(self, X, y, alphas, sample_weight=None):
        """Train a network for each λ, from the smallest on, each from where the last ended.

        From dense to sparse, as for LassoNet: the dense network finds what the features are good
        for before the penalty takes them away (I. Lemhadri, F. Ruan, L. Abraham, R. Tibshirani,
        2021, "LassoNet: a neural network with feature sparsity"). The estimator itself is not
        changed, and ``alpha`` not used. The objective is not convex: a network
        fitted at one λ alone may differ.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like
        alphas : array-like of shape (n_alphas,)
            Values of λ.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        NetworkPath
        """
        return self._path(X, y, alphas, sample_weight)

    def predict(self, X):
        """Predicted target of each row: for loss="quantile" the quantile.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raw = self._predict_raw(X)
        return self._target.predict(raw)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _new_target(self, y, weights, classes, incremental):
        return Numbers.of(y, loss_of(self), weights)
