"""What a network sees of X, and what it remembers of it."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skreg.network.regularization import Regularization


def columns_of(X, columns, embedding=None):
    """The columns that a compressed network reads, of an embedding of X if there is one."""
    if embedding is not None:
        return embedding(X, columns)
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
    return type(X)((X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)), shape=X.shape)


@dataclass
class Seen:
    """What a network was trained on, for as long as X is there; ``rows`` are those not held out.

    The reference to X is weak: a trained network keeps no data.
    """

    X: Callable[[], Any]
    Y: np.ndarray | None
    weights: np.ndarray | None
    rows: np.ndarray | None
    regularization: Regularization

    @classmethod
    def of(cls, X, training, rows, regularization):
        """Of training rows that were taken from X."""
        seen = cls(lambda: None, training.Y, training.weights, rows, regularization)
        itself = weakref.ref(seen)

        def forget(_):
            if (gone := itself()) is not None:
                gone.Y = gone.weights = gone.rows = None

        seen.X = weakref.ref(X, forget)
        return seen
