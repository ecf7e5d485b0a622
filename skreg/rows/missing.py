"""Moments of rows with missing values, from which those of the imputed rows follow, fold by fold.

Let x° be x with a fixed number c in the place of what is missing, and m the indicators of that.
With the mean of those that are there, μ, which each training part has its own, the imputed row is
x° + (μ − c)·m: a linear map of (x°, m), so its moments follow from those of (x°, m) for any μ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.rows.moments import Moments
from skreg.rows.products import Array


@dataclass(frozen=True, eq=False)
class MissingMoments:
    """The `Moments` of (x°, m); they add.

    Attributes
    ----------
    moments : Moments
        Of p features and of as many indicators as there are columns with missing values.
    columns : ndarray of int
        Which these are, ascending.
    stand_in : ndarray of shape (p,)
        c. It lies amid the values, so that no digits are lost.
    """

    moments: Moments
    columns: NDArray[np.intp]
    stand_in: Array

    @classmethod
    def of(cls, X: Array, y: Array, weights: Array | None, stand_in: Array) -> MissingMoments:
        """Of rows X in which NaN stands for what is missing."""
        missing = np.isnan(X)
        columns = np.flatnonzero(missing.any(axis=0))
        filled = np.where(missing, stand_in, X)
        both = np.hstack([filled, missing[:, columns]])
        return cls(Moments.of(both, y, weights), columns, stand_in)

    @property
    def weight(self) -> float:
        """The weight of the rows."""
        return self.moments.weight

    @property
    def n_rows(self) -> int:
        """Their number."""
        return self.moments.n_rows

    def named(self, names: tuple[str, ...] | None) -> MissingMoments:
        """The same, of features with these names."""
        return replace(self, moments=replace(self.moments, feature_names=names))

    def __add__(self, other: MissingMoments) -> MissingMoments:
        columns = np.union1d(self.columns, other.columns)
        both = self._over(columns) + other._over(columns)
        return MissingMoments(both, columns, self.stand_in)

    def __radd__(self, other: Any) -> MissingMoments:
        """0 + moments, with which ``sum`` begins."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def means(self) -> Array:
        """μ, of shape (p,); NaN of a column in which all is missing."""
        p = len(self.stand_in)
        means = self.moments.x_mean[:p].copy()
        absent = self.moments.x_mean[p:]
        there = np.where(absent < 1.0 - 1e-12, 1.0 - absent, np.nan)
        lost = self.stand_in[self.columns]
        means[self.columns] = lost + (means[self.columns] - lost) / there
        return means

    def imputed(self, means: Array) -> Moments:
        """Those of x with μ in the place of what is missing."""
        p, full = len(self.stand_in), self.moments
        to = np.zeros((p, len(self.columns)))
        to[self.columns, np.arange(len(self.columns))] = (means - self.stand_in)[self.columns]
        side = full.xx[:p, p:] @ to.T
        xx = full.xx[:p, :p] + side + side.T + to @ full.xx[p:, p:] @ to.T
        return replace(
            full,
            x_mean=full.x_mean[:p] + to @ full.x_mean[p:],
            xx=xx,
            xy=full.xy[:p] + to @ full.xy[p:],
        )

    def _over(self, columns: NDArray[np.intp]) -> Moments:
        """Those with the indicators of more columns, which are 0 in all rows."""
        p, full = len(self.stand_in), self.moments
        place = np.append(np.arange(p), p + np.searchsorted(columns, self.columns))
        size = p + len(columns)
        x_mean, xx, xy = np.zeros(size), np.zeros((size, size)), np.zeros((size, full.xy.shape[1]))
        x_mean[place], xy[place] = full.x_mean, full.xy
        xx[np.ix_(place, place)] = full.xx
        return replace(full, x_mean=x_mean, xx=xx, xy=xy)


def amid(X: Array) -> Array:
    """A number amid those of each column, to stand in for what is missing."""
    there = ~np.isnan(X)
    total = np.where(there, X, 0.0).sum(axis=0)
    return total / np.maximum(there.sum(axis=0), 1)
