"""Where the columns of X lie and how large they are: the units in which the first layer moves."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skreg.network.members import adapters
from skreg.network.parameters import layer_views

# A table whose columns all have sizes in this range, and lie less than so many standard deviations
# from 0, is left as it is: the playground's lesson on step sizes is on such squares of coordinates.
_SMALL, _LARGE, _FAR = 1 / 32, 32.0, 8.0
# In other tables columns that lie as far from 0 as this are shifted.
_APART = 2.0
# Of fewer numbers neither a mean nor a small scale is known well enough.
_ENOUGH = 10
_SAMPLED_ROWS, _SAMPLE = 1000, 1 << 18
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """What is known of each column of X, by a sample of its rows; arrays of shape (p,).

    Parameters
    ----------
    mean, deviation : ndarray
        Mean and standard deviation.
    size : ndarray
        Root mean square of the numbers that are not 0, so that an indicator has size 1 however rare
        it is; 0 for a column of zeros.
    n_filled : ndarray of int
        How many numbers of the sample are not 0.
    largest : ndarray
        Largest absolute value in all rows.
    n_rows : int
        Of the sample.
    dtype : dtype
    is_sparse : bool
    """

    mean: NDArray
    deviation: NDArray
    size: NDArray
    n_filled: NDArray
    largest: NDArray
    n_rows: int
    dtype: np.dtype
    is_sparse: bool

    @property
    def share(self) -> NDArray:
        """Share of the numbers that are not 0."""
        return self.n_filled / self.n_rows

    @property
    def distance(self) -> NDArray:
        """How many standard deviations a column lies from 0; 0 where it cannot be shifted.

        A column of one number, but for rounding, stays what it is: a second bias.
        """
        mean = np.abs(self.mean)
        varies = self.deviation > 2 * np.finfo(self.dtype).eps * mean
        varies &= not self.is_sparse and self.n_rows >= _ENOUGH
        return np.divide(mean, self.deviation, out=np.zeros_like(mean), where=varies)

    @property
    def limit(self) -> float:
        """The size up to which a network can train on a column in this dtype."""
        return float(np.exp2(_most(self.dtype) + 8))

    @classmethod
    def of(cls, X: Any, largest: NDArray | None = None) -> Self:
        """Those of an array or a CSR array; of a part of it, if ``largest`` is that of all rows."""
        largest = largest_of(X) if largest is None else largest
        # Powers of two, so that squares neither overflow nor vanish, and exact.
        unit = np.exp2(np.frexp(largest)[1] - 1.0)
        n, p = X.shape
        rows = X[:: -(-n // min(_SAMPLED_ROWS, max(2 * _ENOUGH, _SAMPLE // p)))]
        n = rows.shape[0]
        if issparse(rows):
            j, values = rows.indices, rows.data / unit[rows.indices]
            filled = np.bincount(j, values != 0, p)
            mean, squares = np.bincount(j, values, p) / n, np.bincount(j, values**2, p)
            deviation = np.sqrt(np.maximum(squares / n - mean**2, 0))
        else:
            values = rows / unit
            filled = np.count_nonzero(values, axis=0)
            squares, mean = np.einsum("ij,ij->j", values, values), values.mean(axis=0)
            deviation = values.std(axis=0)
        size = np.sqrt(squares / np.maximum(filled, 1))
        # What the sample misses is rare.
        size = np.where(filled > 0, unit * size, largest)
        of_rows = (filled, largest, n, X.dtype, issparse(X))
        return cls(unit * mean, unit * deviation, size, *of_rows)


def largest_of(X: Any) -> NDArray:
    """Largest absolute value of each column, without a copy of X."""
    if not issparse(X):
        return np.maximum(X.max(axis=0), -X.min(axis=0)).astype(np.float64)
    largest = np.zeros(X.shape[1])
    for start in range(0, X.nnz, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        np.maximum.at(largest, X.indices[part], np.abs(X.data[part]))
    return largest


@dataclass(frozen=True)
class Columns:
    """Centers and scales of the columns of X: the first layer starts and moves as if on (X − c)/s.

    Neither changes the objective: the weights stay those of X, the bias of a first-layer unit
    on X − c is b + Σⱼ cⱼWⱼ, and biases have no penalty; in an ensemble each member's, with its own
    factors of the cⱼ.

    Parameters
    ----------
    centers : ndarray of shape (p,), or None
        c, 0 for most; None for zeros, as for every sparse X.
    scales : ndarray of shape (p,)
        s, powers of two.
    n_waves : int
        How many of the columns, the last ones, are `Waves`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 3)) * [1, 1e6, 1] + [0, 0, 1970]
    >>> columns = Columns.of(Sizes.of(X))
    >>> columns.scales.tolist(), columns.centers.round().tolist()
    ([1.0, 1048576.0, 1.0], [0.0, 0.0, 1970.0])
    """

    centers: NDArray | None
    scales: NDArray
    n_waves: int = 0

    @classmethod
    def of(cls, sizes: Sizes, n_waves: int = 0) -> Self | None:
        """Those for columns of these sizes; None for a table whose columns all are as usual."""
        known = (sizes.size >= 1) | (sizes.n_filled >= _ENOUGH)
        size, distance = np.where(known, sizes.size, 1.0), sizes.distance
        if np.all((size >= _SMALL) & (size <= _LARGE) & (distance <= _FAR)):
            return None
        apart = distance > _APART
        centers = np.where(apart, sizes.mean, 0.0).astype(sizes.dtype) if apart.any() else None
        scales = _scales(np.where(apart, sizes.deviation, size), sizes.dtype)
        return cls(centers, scales, n_waves)

    def take(self, columns: NDArray) -> Self:
        """Some of them."""
        centers = None if self.centers is None else self.centers[columns]
        n_waves = int(np.count_nonzero(columns >= len(self.scales) - self.n_waves))
        return type(self)(centers, self.scales[columns], n_waves)

    def at_least(self, smallest: float) -> Self:
        """The same with scales below 1 raised to ``smallest``, at most 1."""
        return replace(self, scales=np.maximum(self.scales, min(smallest, 1.0)))

    def alike(self) -> Self:
        """The same with one scale, the largest: on it no column is far too large."""
        return replace(self, scales=np.full_like(self.scales, self.scales.max()))

    def by_parameter(self, units: tuple[int, ...], n_parameters: int) -> NDArray:
        """The scale of each component of θ: 1 but for the first layer's weights."""
        out = np.ones(n_parameters)
        layer_views(out, units)[0][0][...] = self.scales[:, np.newaxis]
        return out

    def start(self, theta: NDArray, units: tuple[int, ...]) -> None:
        """θ ← the start on X that a start on (X − c)/s is."""
        theta /= self.by_parameter(units, len(theta))
        self.move(theta, units, -1)

    def move(self, theta: NDArray, units: tuple[int, ...], sign: int) -> None:
        """θ's first biases ← those on X − c, for sign 1; back to those on X for −1."""
        if self.centers is not None:
            weights, biases = layer_views(theta, units)
            factors, shifts = adapters(theta, units, self.n_waves)
            centers = self.centers * factors.astype(np.float64) if len(factors) else self.centers
            moved = shifts if len(factors) else biases[0]
            moved[...] = moved + sign * (centers.astype(np.float64) @ weights[0].astype(np.float64))


def _scales(sizes, dtype):
    """The power of two nearest to each size; 1 for 0."""
    exponents = np.round(np.log2(np.where(sizes > 0, sizes, 1.0)))
    return np.exp2(np.clip(exponents, -_most(dtype), _most(dtype)))


def _most(dtype):
    """The exponent of the largest scale: squares of gradients and steps must not overflow."""
    return 3 * np.finfo(dtype).maxexp // 8
