"""What can be asked of a trained network."""

from abc import abstractmethod
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from skreg._validation import check_alphas, check_weights
from skreg.estimators._auto_alpha import Curve
from skreg.estimators._available import takes_rows
from skreg.estimators._fitting import MatrixLike
from skreg.estimators._mlp_inputs import ReadsInputs
from skreg.estimators._mlp_seen import Seen
from skreg.estimators._mlp_targets import Target
from skreg.estimators._progress import PathProgress, told_of
from skreg.network.compression import compress
from skreg.network.curvature import effective_dof
from skreg.network.parameters import layer_views
from skreg.network.state import TrainingState
from skreg.path import NetworkPath

if TYPE_CHECKING:
    import pandas as pd


class AfterTraining(ReadsInputs):
    """A trained network: its weights, what is left of them, and smaller networks.

    The section below is part of the docstring of every network, see `BaseRegularizedMLP`.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of the layers; of a regressor, the last layer's are in the units of y. They and
        the biases can be set; a warm start goes on from there.

    intercepts_ : list of ndarray of shape (fan_out,)
        Biases of the layers; of a regressor, the last layer's are in the units of y.

    adapters_ : tuple of ndarray
        What a member multiplies the inputs by, of shape (n_members, n_features), and what it adds
        to the biases of the first hidden layer, (n_members, its units); empty for one network.
        Of an ensemble the last layer of ``coefs_`` holds those of all members, side by side.

    columns_ : ndarray of int
        What the rows of ``coefs_[0]`` belong to: columns of X, then of ``numerical_embedding``.

    bin_edges_ : dict of int to ndarray
        Edges of the bins of ``numerical_embedding="piecewise_linear"``, by feature.

    waves_ : dict of str to ndarray of shape (n_waves,)
        What the last rows of ``coefs_[0]`` belong to with ``numerical_embedding="periodic"``:
        cos 2π(``frequency``·(x − ``shift``)/``scale`` + ``phase``) of the feature ``feature``.

    alpha_ : float or ndarray of shape (n_layers - 1,)
        λ in force.

    alpha_curve_ : dict of str to ndarray of shape (n_alphas,)
        How "auto" found it: ``alpha``, the λ compared; ``loss``, mean losses of small networks on
        rows held out, NaN where these are too few; their ``std_error``.

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
        Score on the validation rows after every epoch: accuracy, R², or for other losses of a
        regressor than squared error minus the validation loss; None without validation rows.

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
        those of the last call), as ``effective_dof`` says. Worked out when first asked for, for as
        long as the array X is there: the network does not keep it.

    n_iter_ : int
        Number of epochs of the last ``fit``; after ``partial_fit``, of all calls.

    n_layers_, n_outputs_ : int
        Number of layers, input and output included; number of outputs.

    out_activation_ : str
        Activation of the outputs.

    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names.

    t_ : int
        Number of training rows seen.
    """

    alpha_curve_: Curve
    objective_: float
    loss_: float
    loss_curve_: list[float]
    history_: dict[str, list[float]]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    feature_names_in_: np.ndarray
    t_: int

    _state: TrainingState
    _target: Target
    _seen: Seen | None = None
    _dof: np.ndarray | None = None

    @abstractmethod
    def _validated(self, X, y, dtype, reset=False) -> tuple[Any, np.ndarray]:
        """X and y as the compiled network takes them."""

    @abstractmethod
    def _class_weighted(self, target, y, weights, incremental) -> np.ndarray | None:
        """Weights of the rows, times those of their classes if the estimator has such."""

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of the layers, of shape (fan_in, fan_out)."""
        return self._layers()[0]

    @coefs_.setter
    def coefs_(self, coefs: list[np.ndarray]) -> None:
        self._set_layers(coefs, self.intercepts_)

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of the layers, of shape (fan_out,)."""
        return self._layers()[1]

    @intercepts_.setter
    def intercepts_(self, intercepts: list[np.ndarray]) -> None:
        self._set_layers(self.coefs_, intercepts)

    def _layers(self):
        """Weights and biases, views of the flat parameters save for a last layer in y's units."""
        weights, biases = layer_views(self._fitted_state.theta, self._architecture[0])
        weights[-1], biases[-1] = self._last(self._target.last_layer, weights[-1], biases[-1])
        return weights, biases

    def _last(self, change, weights, biases):
        """The last layer in other units, those of each member likewise."""
        weights, biases = np.asarray(weights), np.asarray(biases)
        by_member = (len(biases) // self.n_outputs_, self.n_outputs_)
        changed = change(weights.reshape(len(weights), *by_member), biases.reshape(by_member))
        return changed[0].reshape(weights.shape), changed[1].reshape(biases.shape)

    def _set_layers(self, coefs, intercepts):
        state = self._fitted_state
        views = layer_views(state.theta, self._architecture[0])
        for name, mine, given in zip(
            ("coefs_", "intercepts_"), views, (coefs, intercepts), strict=True
        ):
            if [np.shape(layer) for layer in given] != [layer.shape for layer in mine]:
                raise ValueError(f"{name} must be arrays of the shapes that {name} has.")
        last = self._last(self._target.raw_last_layer, coefs[-1], intercepts[-1])
        for mine, given, end in zip(views, (coefs, intercepts), last, strict=True):
            for layer, values in zip(mine, [*given[:-1], end], strict=True):
                layer[...] = values
        state.point[:], self._dof = state.theta, None

    @property
    def _fitted_state(self) -> TrainingState:
        if "_state" not in vars(self):
            check_is_fitted(self, "_state")  # raises; to say that all is well it takes 20 µs
        return self._state

    @property
    def sparsity_(self) -> np.ndarray:
        """Share of weights that are exactly 0 in each layer, shape (n_layers_ − 1,)."""
        return np.array([np.mean(W == 0) for W in self._raw_weights()])

    def history_frame(self) -> "pd.DataFrame":
        """`history_` as a pandas DataFrame: one row for each epoch, counted from 1."""
        import pandas as pd

        check_is_fitted(self, "_state")
        frame = pd.DataFrame(self.history_)
        return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="epoch"))

    @property
    def effective_dof_(self) -> np.ndarray:
        """Effective degrees of freedom of each layer at the training rows."""
        check_is_fitted(self, "_state")
        if self._dof is None:
            seen = self._seen
            X = None if seen is None else seen.X()
            if seen is None or X is None:
                raise AttributeError(
                    "effective_dof_ is worked out from the rows fitted, to which a network refers "
                    "for as long as you keep the array X, and a pickle or a copy not at all. Call "
                    "effective_dof(X, y)."
                )
            X = self._read(X)
            X = X if seen.rows is None else X[seen.rows]
            try:
                self._dof = self._dof_at(X, seen.Y, seen.weights, seen.regularization)
            except ValueError as error:  # the language's word for what cannot be had
                raise AttributeError(f"{error} Call effective_dof(X, y).") from error
        return self._dof

    def __dir__(self):
        # scikit-learn looks up every name that `object` has, and its HTML shows the values; this
        # one can take minutes.
        names = (name for name in object.__dir__(self) if name != "effective_dof_")
        return [name for name in names if hasattr(self, name)]

    @takes_rows
    def effective_dof(
        self, X: MatrixLike, y: MatrixLike, sample_weight: ArrayLike | None = None
    ) -> np.ndarray:
        """Effective degrees of freedom of each layer at the given rows.

        Σσ/(σ + λ) over the eigenvalues σ of the layer's block of the Gauss-Newton matrix
        Σᵢ wᵢ JᵢᵀHᵢJᵢ / Σᵢ wᵢ, over the weights that are not 0; λ is ``alpha`` times the penalty's
        share of ½‖θ‖². The layer's biases are free, the other layers are held. Without hidden
        layers this is ``effective_dof_`` of `QuadraticApproxRidge`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows, or a sample of them; computed in float64 and dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : None, float or array-like of shape (n_samples,), default=None

        Returns
        -------
        ndarray of shape (n_layers - 1,)

        Raises
        ------
        ValueError
            If the loss has no curvature, or for a layer where both n_samples·n_outputs and the
            number of non-zero weights are above 8000. The cost is that of a symmetric
            eigenvalue problem of the smaller of the two, s, and s²·max of both.

        References
        ----------
        J. Moody (1992), "The effective number of parameters: an analysis of generalization and
        regularization in nonlinear learning systems".
        """
        check_is_fitted(self, "_state")
        X, y = self._validated(X, y, np.float64)
        weights = self._class_weighted(self._target, y, check_weights(sample_weight, X), False)
        regularization = self._regularization(self._architecture[0])
        Y = self._target.encode(y)[0]
        return self._dof_at(self._read(X), Y, weights, regularization)

    def _dof_at(self, X, Y, weights, regularization):
        units, activation, loss, n_members, waves = self._architecture
        if n_members > 1:
            raise ValueError(
                f"effective_dof is that of one network, and n_members={n_members}. Fit one with "
                "n_members=1."
            )
        shares = regularization.shares(units)
        share = 0.0 if shares is None else shares[:, 1]
        return effective_dof(
            self._state.theta, units, activation, loss,
            waves.seen(self._state.theta, X.toarray() if issparse(X) else X),
            np.ascontiguousarray(Y, dtype=np.float64), weights,
            share * regularization.alphas(len(units) - 1),
        )  # fmt: skip

    def compress(self) -> Self:
        """A smaller network with the same predictions, up to rounding.

        Inputs and hidden neurons without a weight that is not 0 are dropped; what a neuron without
        incoming weights puts out is folded into the next layer's biases. The new estimator takes
        the same X and reads the columns that are left: ``selected_features_``, or one if there is
        none.

        Returns
        -------
        estimator
            A fitted copy with ``hidden_layer_sizes`` as they are now. It can be trained on, with a
            fresh memory of the optimizer; as for every estimator, ``fit`` without ``warm_start``
            starts afresh.
        """
        state, (units, activation, loss, n_members, waves) = self._fitted_state, self._architecture
        theta, smaller, kept = compress(state.theta, units, activation, len(waves))
        first = units[0] - len(waves)
        waves = waves.take(kept[0][kept[0] >= first] - first)
        network = copy(self)
        network.hidden_layer_sizes, network.activation = tuple(smaller[1:-1]), activation
        network._architecture = (smaller, activation, loss, n_members, waves)
        network._columns = kept[0] if self._columns is None else self._columns[kept[0]]
        network._best = network._dof = None
        network._seen = self._seen
        columns = None if state.columns is None else state.columns.take(kept[0])
        start = TrainingState.start(theta, state.kernel, columns)
        network._state = replace(start, eta=state.eta, n_cuts=state.n_cuts)
        return network

    @with_callbacks
    def _path(self, X, y, alphas, sample_weight):
        """Train for ascending λ, each time on from where the last ended."""
        if alphas is None:
            raise ValueError(
                "alphas is None, and networks have no grid of their own: give values of λ, such as "
                "alphas=[1e-5, 1e-4, 1e-3]. alpha='auto' chooses one within fit."
            )
        alphas = np.unique(check_alphas(alphas)[0])
        network, fitted, risk = clone(self).set_params(warm_start=True), [], []
        network.set_callbacks()  # they are this estimator's, and see each fit as a part of the path
        told = told_of(self, X, y, {"sample_weight": sample_weight})
        progress = PathProgress(self, alphas, told)
        progress.walk(alphas)
        for i, alpha in enumerate(alphas.tolist()):
            network.set_params(alpha=alpha)
            with progress.around(network):
                network.fit(X, y, sample_weight=sample_weight)
            units = network._architecture[0]
            penalty = network._regularization(units).value(network._state.theta, units)
            fitted.append(copy(network).set_params(warm_start=self.warm_start))
            risk.append(network.objective_ - penalty)
            # Curves and the schedule's cuts are each λ's own. A fit replaces arrays, it never
            # writes to them.
            network._state = replace(network._state, n_cuts=0)
            for name in ("history_", "loss_curve_", "t_"):
                delattr(network, name)
            if progress.is_watched:
                progress.solved(i)
        progress.end()
        return NetworkPath.from_estimators(alphas, fitted, risk)
