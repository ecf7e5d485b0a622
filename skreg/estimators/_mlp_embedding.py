"""``numerical_embedding`` of networks: numbers beside how far they have come through bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skreg.preprocessing import PiecewiseLinearEncoder
from skreg.preprocessing.piecewise_linear import encoded

# Bins of a feature at most; more from so many rows on.
_BINS, _MORE_BINS, _MANY = 16, 48, 10_000


@dataclass(frozen=True, eq=False)
class Embedding:
    """The columns of X, and behind them those of the features that have more than one bin.

    Parameters
    ----------
    features : ndarray of int
        Which these are.
    edges : list of ndarray
        Of their bins.
    """

    features: NDArray
    edges: list[NDArray]

    @classmethod
    def of(cls, X: Any, weights: NDArray | None) -> Self:
        """That of training rows: edges at quantiles.

        Raises
        ------
        ValueError
            For a sparse X, of which bins would fill the zeros.
        """
        if issparse(X):
            raise ValueError(
                'numerical_embedding="piecewise_linear" is for a dense X: bins would fill the '
                "zeros of a sparse one. Give X.toarray(), or set numerical_embedding=None."
            )
        n_bins = _BINS if len(X) < _MANY else _MORE_BINS
        weights = None if weights is None else weights / weights.mean()
        edges = PiecewiseLinearEncoder(n_bins).fit(X, sample_weight=weights).bin_edges_
        features = np.array([j for j, at in enumerate(edges) if len(at) > 2], dtype=np.intp)
        return cls(features, [edges[j] for j in features])

    def __call__(self, X: NDArray) -> NDArray:
        """X with more columns."""
        return np.hstack([X, encoded(X[:, self.features], self.edges)])

    def origins(self, n_features: int) -> NDArray:
        """The feature of X that each column is made of."""
        n_bins = [len(at) - 1 for at in self.edges]
        return np.concatenate([np.arange(n_features), np.repeat(self.features, n_bins)])
