"""What can be asked of a trained network."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skreg._validation import check_alphas, check_weights
from skreg.network.compression import compress
from skreg.network.curvature import effective_dof
from skreg.network.parameters import layer_views
from skreg.network.regularization import Regularization
from skreg.network.training import TrainingState
from skreg.path import NetworkPath


def columns_of(X, columns):
    """The columns that a compressed network reads; X itself if that is all."""
    if columns is None:
        return X
    return X[:, columns] if issparse(X) else np.take(X, columns, axis=1)


def with_short_indices(X):
    """A sparse X with 32-bit indices, which the kernels read; anything else as it is."""
    if not issparse(X) or X.indices.dtype == X.indptr.dtype == np.int32:
        return X
    if max(*X.shape, X.nnz) > np.iinfo(np.int32).max:
        raise ValueError(
            f"X holds {X.nnz} numbers in {X.shape[1]} columns, and 32-bit indices reach no further "
            "than 2147483647. Train on parts of the rows with partial_fit."
        )
    parts = X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return type(X)(parts, shape=X.shape)


@dataclass(frozen=True)
class Seen:
    """What a network was trained on: X is referred to, and ``rows`` are those not held out."""

    X: Any
    Y: np.ndarray
    weights: np.ndarray | None
    rows: np.ndarray | None
    regularization: Regularization


class AfterTraining:
    """Mixed into the networks: what is left of the weights, and smaller networks."""

    @property
    def sparsity_(self):
        """Share of weights that are exactly 0 in each layer, shape (n_layers_ − 1,)."""
        return np.array([np.mean(W == 0) for W in self._raw_weights()])

    @property
    def selected_features_(self):
        """Indices of the input features with a weight that is not 0."""
        alive = np.flatnonzero(np.any(self._raw_weights()[0] != 0, axis=1))
        return alive if self._columns is None else self._columns[alive]

    @property
    def feature_importances_(self):
        """‖W₁[i, :]‖₂ of each input feature, divided by their sum; shape (n_features_in_,)."""
        norms = np.linalg.norm(self._raw_weights()[0].astype(np.float64), axis=1)
        importances = np.zeros(self.n_features_in_)
        importances[slice(None) if self._columns is None else self._columns] = norms
        total = importances.sum()
        return importances / total if total else importances

    def _raw_weights(self):
        return layer_views(self._fitted_state.theta, self._architecture[0])[0]

    def history_frame(self):
        """`history_` as a pandas DataFrame: one row for each epoch, counted from 1."""
        import pandas as pd

        check_is_fitted(self, "_state")
        frame = pd.DataFrame(self.history_)
        return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="epoch"))

    @property
    def effective_dof_(self):
        """Effective degrees of freedom of each layer at the training rows."""
        check_is_fitted(self, "_state")
        if self._dof is None:
            if (seen := self._seen) is None:
                raise AttributeError(
                    "effective_dof_ is worked out from the rows fitted, which a pickle or a copy "
                    "leaves behind. Ask for it before, or call effective_dof(X, y)."
                )
            X = columns_of(seen.X, self._columns)
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

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "_seen": None} if "_seen" in state else state

    def effective_dof(self, X, y, sample_weight=None):
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
        return self._dof_at(columns_of(X, self._columns), Y, weights, regularization)

    def _dof_at(self, X, Y, weights, regularization):
        units, activation, loss = self._architecture
        share = getattr(regularization.penalty, "l2_share", 0.0)
        return effective_dof(
            self._state.theta, units, activation, loss, X.toarray() if issparse(X) else X,
            np.ascontiguousarray(Y, dtype=np.float64), weights,
            share * regularization.alphas(len(units) - 1),
        )  # fmt: skip

    def compress(self):
        """A smaller network with the same predictions, up to rounding.

        Inputs and hidden neurons without a weight that is not 0 are dropped; what a neuron without
        incoming weights puts out is folded into the next layer's biases. The new estimator takes
        the same X and reads the columns that are left: ``selected_features_``, or one if there is
        none.

        Returns
        -------
        estimator
            A fitted copy with ``hidden_layer_sizes`` as they are now. It can be trained on, with a
            fresh memory of the optimiser; as for every estimator, ``fit`` without ``warm_start``
            starts afresh.
        """
        state, (units, activation, loss) = self._fitted_state, self._architecture
        theta, smaller, kept = compress(state.theta, units, activation)
        network = copy(self)
        network.hidden_layer_sizes = tuple(smaller[1:-1])
        network._architecture = (smaller, activation, loss)
        network._columns = kept[0] if self._columns is None else self._columns[kept[0]]
        network._best = network._dof = None
        network._seen = self._seen
        start = TrainingState.start(theta, state.kernel)
        network._state = replace(start, eta=state.eta, n_cuts=state.n_cuts)
        return network

    def _path(self, X, y, alphas, sample_weight):
        """Train for ascending λ, each time on from where the last ended."""
        alphas = np.unique(check_alphas(alphas)[0])
        network, fitted, risk = clone(self).set_params(warm_start=True), [], []
        for alpha in alphas.tolist():
            network.set_params(alpha=alpha).fit(X, y, sample_weight=sample_weight)
            units = network._architecture[0]
            penalty = network._regularization(units).value(network._state.theta, units)
            fitted.append(copy(network).set_params(warm_start=self.warm_start))
            risk.append(network.objective_ - penalty)
            # Curves and the schedule's cuts are each λ's own. A fit replaces arrays, it never
            # writes to them.
            network._state = replace(network._state, n_cuts=0)
            for name in ("history_", "loss_curve_", "t_"):
                delattr(network, name)
        return NetworkPath.from_estimators(alphas, fitted, risk)
