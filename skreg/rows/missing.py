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
from skreg.rows.products import Array, symmetric


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
        c. It lies amid the values, so that no digits are lost; NaN, for 0, of a column in which
        all is missing.
    """

    moments: Moments
    columns: NDArray[np.intp]
    stand_in: Array

    @classmethod
    def of(cls, X: Array, y: Array, weights: Array | None, stand_in: Array) -> MissingMoments:
        """Of rows X in which NaN stands for what is missing.

        Where ``stand_in`` is NaN, a number amid these rows takes its place.
        """
        missing = np.isnan(X)
        columns = np.flatnonzero(missing.any(axis=0))
        if np.isnan(stand_in).any():
            stand_in = _known(stand_in, amid(X))
        filled = np.where(missing, _number(stand_in), X)
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
        stand_in = _known(self.stand_in, other.stand_in)
        both = self._about(stand_in)._over(columns) + other._about(stand_in)._over(columns)
        return MissingMoments(both, columns, stand_in)

    def __radd__(self, other: Any) -> MissingMoments:
        """0 + moments, with which ``sum`` begins."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def means(self) -> Array:
        """μ, of shape (p,); NaN of a column in which all is missing."""
        p = len(self.stand_in)
        means = self.moments.x_mean[:p].copy()
        absent = self.moments.x_mean[p:]
        there = np.where(absent < 1.0 - 1e-12, 1.0 - absent, np.nan)
        lost = _number(self.stand_in)[self.columns]
        means[self.columns] = lost + (means[self.columns] - lost) / there
        return means

    def imputed(self, means: Array) -> Moments:
        """Those of x with μ in the place of what is missing."""
        p, moved = len(self.stand_in), self._about(means).moments
        return replace(moved, x_mean=moved.x_mean[:p], xx=moved.xx[:p, :p], xy=moved.xy[:p])

    def _about(self, stand_in: Array) -> MissingMoments:
        """Those with other numbers in the place of what is missing."""
        p, full = len(self.stand_in), self.moments
        change = (_number(stand_in) - _number(self.stand_in))[self.columns]
        if not change.any():
            return replace(self, stand_in=stand_in)
        x_mean, xx, xy = full.x_mean.copy(), full.xx.copy(), full.xy.copy()
        x_mean[self.columns] += change * x_mean[p:]
        xy[self.columns] += change[:, None] * xy[p:]
        xx[self.columns] += change[:, None] * xx[p:]
        xx[:, self.columns] += change * xx[:, p:]
        moments = replace(full, x_mean=x_mean, xx=symmetric(xx), xy=xy)
        return replace(self, moments=moments, stand_in=stand_in)

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
    """A number amid those of each column, to stand in for what is missing; NaN if all is."""
    there = ~np.isnan(X)
    count = there.sum(axis=0)
    total = np.where(there, X, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _known(one: Array, other: Array) -> Array:
    """The first, and the other where it is NaN."""
    return np.where(np.isnan(one), other, one)


def _number(stand_in: Array) -> Array:
    """What stands in the moments for what is missing."""
    return np.nan_to_num(stand_in)
