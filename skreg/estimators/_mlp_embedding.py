"""``numerical_embedding`` of networks: what they see of numbers beside the numbers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skreg.network.waves import NO_WAVES, Waves
from skreg.preprocessing import PiecewiseLinearEncoder
from skreg.preprocessing.piecewise_linear import encoded

# Bins of a feature at most; more from so many rows on.
_BINS, _MORE_BINS, _MANY = 16, 48, 10_000
# Waves of a feature.
_WAVES = 8


@dataclass(frozen=True, eq=False)
class Bins:
    """The columns of X, and behind them those of the features that have more than one bin.

    Parameters
    ----------
    features : ndarray of int
        Which these are.
    edges : list of ndarray
        Of their bins.
    """

    waves: ClassVar[Waves] = NO_WAVES

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
        _check_dense(X, "piecewise_linear", "bins")
        n_bins = _BINS if len(X) < _MANY else _MORE_BINS
        weights = None if weights is None else weights / weights.mean()
        edges = PiecewiseLinearEncoder(n_bins).fit(X, sample_weight=weights).bin_edges_
        features = np.array([j for j, at in enumerate(edges) if len(at) > 2], dtype=np.intp)
        return cls(features, [edges[j] for j in features])

    def __call__(self, X: NDArray, columns: NDArray | None = None) -> NDArray:
        """X with more columns; or some of them all."""
        X = np.hstack([X, encoded(X[:, self.features], self.edges)])
        return X if columns is None else np.take(X, columns, axis=1)

    def origins(self, n_features: int) -> NDArray:
        """The feature of X that each column is made of."""
        n_bins = [len(at) - 1 for at in self.edges]
        return np.concatenate([np.arange(n_features), np.repeat(self.features, n_bins)])

    def by_feature(self) -> dict[int, NDArray]:
        """The edges."""
        return dict(zip(self.features.tolist(), self.edges, strict=True))


@dataclass(frozen=True, eq=False)
class Periodic:
    """The columns of X, and behind them the numbers, standardized, that waves are made of.

    Parameters
    ----------
    features : ndarray of int
        Which these are: those of more than two values.
    shift, scale : ndarray
        Their means and standard deviations.
    n_waves : int
        Of each of them.
    """

    features: NDArray
    shift: NDArray
    scale: NDArray
    n_waves: int

    @classmethod
    def of(cls, X: Any, weights: NDArray | None) -> Self:
        """That of training rows; raises as that of `Bins`."""
        _check_dense(X, "periodic", "waves")
        shift = np.average(X, axis=0, weights=weights).astype(np.float64)
        scale = np.sqrt(np.average((X - shift) ** 2, axis=0, weights=weights))
        least, most = X.min(axis=0), X.max(axis=0)
        is_between = (least < X) & (most > X)
        features = np.flatnonzero(is_between.any(axis=0) & (scale > 0))
        return cls(features, shift[features], scale[features], _WAVES)

    @property
    def waves(self) -> Waves:
        """As many of each feature."""
        n = len(self.features)
        return Waves(n, tuple(np.repeat(np.arange(n), self.n_waves).tolist()))

    def __call__(self, X: NDArray, columns: NDArray | None = None) -> NDArray:
        """X, or those of ``columns`` that are in X, and the numbers that waves are made of."""
        numbers = ((X[:, self.features] - self.shift) / self.scale).astype(X.dtype)
        X = X if columns is None else np.take(X, columns[columns < X.shape[1]], axis=1)
        return np.hstack([X, numbers])

    def origins(self, n_features: int) -> NDArray:
        """The feature of X that each input is made of."""
        return np.concatenate([np.arange(n_features), np.repeat(self.features, self.n_waves)])

    def described(self, waves: Waves, theta: NDArray) -> dict[str, NDArray]:
        """``waves_`` of a network, which has these and this θ."""
        of = np.array(waves.origins, dtype=np.intp)
        frequency, phase = (part.astype(np.float64) for part in waves.of(theta))
        return {
            "feature": self.features[of], "shift": self.shift[of], "scale": self.scale[of],
            "frequency": frequency, "phase": phase,
        }  # fmt: skip


Embedding: TypeAlias = Bins | Periodic
#: By the value of ``numerical_embedding``.
EMBEDDINGS: dict[str, type[Bins] | type[Periodic]] = {
    "piecewise_linear": Bins,
    "periodic": Periodic,
}


def plain_embedding(embedding: Embedding) -> dict[str, Any]:
    """As files hold it."""
    kind = next(name for name, one in EMBEDDINGS.items() if isinstance(embedding, one))
    return dict(vars(embedding)) | {"kind": kind}


def embedding_from_plain(plain: Mapping[str, Any]) -> Embedding:
    """The first version wrote of bins alone, without saying so."""
    own = dict(plain)
    return EMBEDDINGS[own.pop("kind", "piecewise_linear")](**own)


def _check_dense(X: Any, name: str, what: str) -> None:
    if issparse(X):
        raise ValueError(
            f'numerical_embedding="{name}" is for a dense X: {what} would fill the zeros of a '
            "sparse one. Give X.toarray(), or set numerical_embedding=None."
        )
