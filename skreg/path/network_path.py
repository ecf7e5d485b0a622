"""The result of a network's ``regularization_path``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from skreg._state import Stored
from skreg.path.grid import place_of

if TYPE_CHECKING:
    import pandas

    from skreg.plotting import RegularizationPathDisplay


@dataclass(frozen=True, eq=False, repr=False)
class NetworkPath(Stored):
    """Networks for many λ, each trained on from the one before; every array has a row for each λ.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        λ, ascending: from the dense network to the sparse one.
    estimators : tuple of fitted estimators
        They share no memory that another fit writes to.
    coefs : list of list of ndarray
        Their ``coefs_``.
    intercepts : list of list of ndarray
        Their ``intercepts_``.
    risk : ndarray of shape (n_alphas,)
        Mean loss on the training rows.
    objective : ndarray of shape (n_alphas,)
        R + λJ.
    n_nonzero : ndarray of shape (n_alphas,)
        Weights that are not 0.
    norms : ndarray of shape (n_alphas,)
        ‖θ‖₂ of the weights.
    sparsity : ndarray of shape (n_alphas, n_layers)
        Share of zeros in each layer.
    n_selected : ndarray of shape (n_alphas,)
        Input features in use.
    n_iter : ndarray of shape (n_alphas,)
        Epochs.
    """

    alphas: np.ndarray
    estimators: tuple
    risk: np.ndarray

    @classmethod
    def from_estimators(cls, alphas: NDArray, estimators: Sequence[Any], risk: Any) -> Self:
        """The path of these fitted networks."""
        return cls(np.asarray(alphas, dtype=np.float64), tuple(estimators), np.asarray(risk))

    def __len__(self) -> int:
        return len(self.alphas)

    def __repr__(self) -> str:
        return (
            f"NetworkPath({len(self)} alphas from {self.alphas[0]:.6g} to {self.alphas[-1]:.6g}, "
            f"{self.n_selected[0]} to {self.n_selected[-1]} features selected)"
        )

    @property
    def coefs(self) -> list[Any]:
        """Weights of the layers, for each λ."""
        return [network.coefs_ for network in self.estimators]

    @property
    def intercepts(self) -> list[Any]:
        """Biases of the layers, for each λ."""
        return [network.intercepts_ for network in self.estimators]

    @property
    def objective(self) -> NDArray:
        """R + λJ for each λ."""
        return np.array([network.objective_ for network in self.estimators])

    @property
    def n_nonzero(self) -> NDArray:
        """Weights that are not 0, for each λ."""
        return np.array([sum(map(np.count_nonzero, layers)) for layers in self.coefs])

    @property
    def norms(self) -> NDArray:
        """‖θ‖₂ of the weights for each λ."""
        return np.array([np.sqrt(sum(np.square(W).sum() for W in layers)) for layers in self.coefs])

    @property
    def sparsity(self) -> NDArray:
        """Share of zeros in each layer, for each λ."""
        return np.array([network.sparsity_ for network in self.estimators])

    @property
    def n_selected(self) -> NDArray:
        """Input features in use, for each λ."""
        return np.array([len(network.selected_features_) for network in self.estimators])

    @property
    def n_iter(self) -> NDArray:
        """Epochs, for each λ."""
        return np.array([network.n_iter_ for network in self.estimators])

    def estimator(self, alpha: float) -> Any:
        """The fitted network at ``alpha``, one of ``alphas``.

        Raises
        ------
        ValueError
            If ``alpha`` is not on the path; the message names the nearest that is.
        """
        return self.estimators[place_of(alpha, self.alphas)]

    def at(self, alpha: float) -> Any:
        """The fitted network at ``alpha``, as `estimator` gives it.

        A `RegularizationPath` interpolates between its λ. Here it cannot be done: a mean of the
        weights of two networks is no network that was trained for a λ between theirs.

        Raises
        ------
        ValueError
            If ``alpha`` is not on the path.
        """
        return self.estimator(alpha)

    def plot(
        self, ax: Any = None, *, x: Literal["alpha", "norm"] = "alpha", **kwargs: Any
    ) -> "RegularizationPathDisplay":
        """Draw how much each input counts along the path; needs matplotlib.

        A line is the norm ‖W₁[i, :]‖₂ of the weights that leave an input. Where a penalty on inputs
        switches one off, its line begins with a dot.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.
        x : {"alpha", "norm"}, default="alpha"
            What runs along the axis: λ, or the norm of all weights.
        **kwargs
            For `skreg.plotting.RegularizationPathDisplay.plot`: ``n_labels``, ``line_kw``.

        Returns
        -------
        RegularizationPathDisplay

        Raises
        ------
        ValueError
            If ``x`` is neither.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skreg import RegularizedMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> network = RegularizedMLPRegressor(
        ...     (8,), penalty="group", groups="inputs", max_iter=20, random_state=0
        ... )
        >>> display = network.regularization_path(X / X.std(), y, [0.01, 0.1, 0.3]).plot()
        >>> display.feature_names[display.order_of_entry[0]]
        'bmi'
        """
        from skreg.plotting import RegularizationPathDisplay

        if x not in ("alpha", "norm"):
            raise ValueError(
                f"x={x!r} must be 'alpha' or 'norm': degrees of freedom are not known along a path "
                "of networks; effective_dof(X, y) of one of its estimators counts them."
            )
        norms = [np.linalg.norm(layers[0], axis=1) for layers in self.coefs]
        display = RegularizationPathDisplay(
            alphas=self.alphas,
            coefs=np.array(norms),
            dof=np.full(len(self), np.nan),
            norms=self.norms,
            feature_names=getattr(self.estimators[0], "feature_names_in_", None),
            norm_name="‖θ‖₂ of all weights",
        )
        display.plot(ax=ax, x=x, **kwargs)
        display.ax_.set_ylabel("‖weights of an input‖₂")
        return display

    def predict(self, X: Any) -> NDArray:
        """Predictions for every λ, shape (n_alphas, n_samples) or (n_alphas, n_samples, q)."""
        return np.stack([network.predict(X) for network in self.estimators])

    def to_frame(self) -> "pandas.DataFrame":
        """A pandas DataFrame: one row for each λ, indexed by ``alpha``.

        Columns are ``risk, objective, norm, n_nonzero, n_selected, n_iter`` and ``sparsity_0, …``,
        one a layer.
        """
        import pandas as pd

        columns = {
            "risk": self.risk,
            "objective": self.objective,
            "norm": self.norms,
            "n_nonzero": self.n_nonzero,
            "n_selected": self.n_selected,
            "n_iter": self.n_iter,
        }
        columns |= {f"sparsity_{i}": column for i, column in enumerate(self.sparsity.T)}
        return pd.DataFrame(columns, index=pd.Index(self.alphas, name="alpha"))
