"""What the first layer of a trained network reads, and what that says of the features."""

import numpy as np
from numpy.typing import NDArray

from skreg.estimators._mlp_embedding import Bins, Embedding, Periodic
from skreg.estimators._mlp_seen import columns_of
from skreg.estimators._mlp_settings import MLPSettings
from skreg.losses import Loss
from skreg.network.members import adapters
from skreg.network.parameters import layer_views
from skreg.network.state import TrainingState
from skreg.network.waves import Waves


class ReadsInputs(MLPSettings):
    """The first layer of a trained network; attributes are documented in `AfterTraining`."""

    n_features_in_: int

    _architecture: tuple[tuple[int, ...], str, Loss, int, Waves]
    _columns: NDArray | None
    _embedding: Embedding | None = None

    @property
    def _fitted_state(self) -> TrainingState:
        raise NotImplementedError

    def _raw_weights(self):
        return layer_views(self._fitted_state.theta, self._architecture[0])[0]

    @property
    def adapters_(self) -> tuple[np.ndarray, np.ndarray]:
        """Factors of the inputs and terms of the first biases, by member."""
        units, *_, waves = self._architecture
        return adapters(self._fitted_state.theta, units, len(waves))

    @property
    def selected_features_(self) -> np.ndarray:
        """Indices of the input features with a weight that is not 0."""
        alive = np.flatnonzero(np.any(self._raw_weights()[0] != 0, axis=1))
        return np.unique(self._origins()[alive])

    @property
    def feature_importances_(self) -> np.ndarray:
        """‖W₁[i, :]‖₂ of each input feature, divided by their sum; shape (n_features_in_,)."""
        squares = np.square(self._raw_weights()[0].astype(np.float64)).sum(axis=1)
        importances = np.sqrt(np.bincount(self._origins(), squares, self.n_features_in_))
        total = importances.sum()
        return importances / total if total else importances

    def _origins(self):
        """The feature of X that each row of the first weights belongs to."""
        made, n_features = self._embedding, self.n_features_in_
        origins = np.arange(n_features) if made is None else made.origins(n_features)
        return origins[self.columns_]

    @property
    def columns_(self) -> np.ndarray:
        """The columns of X, and behind them of its embedding, that the network reads."""
        width = len(self._raw_weights()[0])
        return np.arange(width) if self._columns is None else self._columns

    @property
    def bin_edges_(self) -> dict[int, np.ndarray]:
        """Edges of the bins of each feature that has more than one."""
        made = self._embedding
        return made.by_feature() if isinstance(made, Bins) else {}

    @property
    def waves_(self) -> dict[str, np.ndarray]:
        """What the waves of "periodic" are."""
        made, theta = self._embedding, self._fitted_state.theta
        return made.described(self._architecture[-1], theta) if isinstance(made, Periodic) else {}

    def _read(self, X):
        """The columns of X, or of its embedding, that the network reads."""
        return columns_of(X, self._columns, self._embedding)
