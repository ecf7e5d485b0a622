"""Moments of rows that come a few at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.sparse import issparse

from skreg.rows.moments import Moments, origin_amid
from skreg.rows.products import Array, Indices, slices
from skreg.rows.sums import gram_about, taken

# Rows that share one origin; those after them take a new one (see `Moments.of`).
_GROUP = 2**18


@dataclass(eq=False)
class MomentSum:
    """The sum of the `Moments` of rows, without making those of each chunk.

    Attributes
    ----------
    moments : Moments or None
        Of the groups of rows that are done.
    origin : ndarray of shape (p + q,) or None
        Of the group that is not: a point amid the first rows of it.
    gram : ndarray of shape (p + q + 1, p + q + 1) or None
        Its `gram_about` that.
    count : int
        How many rows of positive weight it has.
    n_features : int
        p.
    """

    moments: Moments | None = None
    origin: Array | None = None
    gram: Array | None = None
    count: int = 0
    n_features: int = 0

    def add(self, X: Any, y: Array, weights: Array | None, rows: Indices | None) -> None:
        """Add some of the rows, None for all: X (m, p), y (m, q), weights (m,)."""
        if issparse(X):
            self._merge(Moments.of(*taken(X, y, weights, rows)))
            return
        for part in slices(len(y) if rows is None else len(rows), X.shape[1]):
            if rows is None:
                self._add_block(*taken(X, y, weights, part), None)
            else:
                self._add_block(X, y, weights, rows[part])

    def _add_block(self, X: Array, y: Array, weights: Array | None, rows: Indices | None) -> None:
        count = len(y) if rows is None else len(rows)
        if weights is not None:
            count = int(np.count_nonzero(weights if rows is None else weights[rows]))
        if self.origin is None or not count:
            some = taken(X, y, weights, rows)
            if not count:  # one such row says how many features there are
                self._merge(Moments.of(*taken(*some, slice(1))))
                return
            self.origin = np.concatenate([origin_amid(a, some[2])[0] for a in some[:2]])
            self.n_features = X.shape[1]
        if (X.shape[1], y.shape[1]) != (self.n_features, len(self.origin) - self.n_features):
            raise ValueError(
                f"a chunk has {X.shape[1]} features and {y.shape[1]} targets, and one before it "
                f"{self.n_features} and {len(self.origin) - self.n_features}."
            )
        self.gram = gram_about(X, y, weights, rows, self.origin, self.gram)
        self.count += count
        if self.count >= _GROUP:
            self.moments, self.origin, self.gram, self.count = self.total(), None, None, 0

    def total(self) -> Moments:
        """The moments of all rows; at least one has been added."""
        if self.gram is None or self.origin is None:
            return cast(Moments, self.moments)
        group = Moments.from_gram(self.gram, self.count, self.origin, self.n_features)
        return group if self.moments is None else self.moments + group

    def _merge(self, part: Moments) -> None:
        self.moments = part if self.moments is None else self.moments + part
