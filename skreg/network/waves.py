"""Waves of numbers: columns cos 2π(f·z + φ) that a network sees, whose f and φ it trains.

The kernels are in `skreg/_kernels/waves.pxd`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.network.columns import Sizes

#: Standard deviation of the frequencies at the start, in periods by a standard deviation of the
#: feature.
SPREAD = 0.3


@dataclass(frozen=True)
class Waves:
    """Which waves stand in the place of the last columns of X; none by default.

    In θ their frequencies, then their phases, come behind everything else.

    Parameters
    ----------
    n_numbers : int
        How many of the columns of X, the last ones, are numbers that waves are made of.
    origins : sequence of int
        Of each wave: its number, in [0, n_numbers).
    """

    n_numbers: int = 0
    origins: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.origins)

    def width(self, n_columns: int) -> int:
        """The columns that the first layer sees of an X of so many."""
        return n_columns - self.n_numbers + len(self)

    def of(self, theta: NDArray) -> tuple[NDArray, NDArray]:
        """Views of the frequencies and phases."""
        own = theta[len(theta) - 2 * len(self) :]
        return own[: len(self)], own[len(self) :]

    def start(self, theta: NDArray, rng: np.random.RandomState) -> None:
        """Frequencies ← normal numbers, phases ← uniform ones."""
        frequencies, phases = self.of(theta)
        frequencies[:] = rng.normal(0.0, SPREAD, size=len(self))
        phases[:] = rng.uniform(size=len(self))

    def seen(self, theta: NDArray, X: Any) -> Any:
        """The columns that the first layer sees of rows of X."""
        if not self.origins:
            return X
        frequencies, phases = self.of(theta)
        n_plain = X.shape[1] - self.n_numbers
        numbers = X[:, n_plain:][:, list(self.origins)]
        return np.hstack([X[:, :n_plain], np.cos(2 * np.pi * (frequencies * numbers + phases))])

    def take(self, kept: Sequence[int]) -> "Waves":
        """Some of them, of the same numbers."""
        return replace(self, origins=tuple(self.origins[i] for i in kept))

    def sizes(self, sizes: Sizes) -> Sizes:
        """Those of the columns that the first layer sees, from those of X."""
        if not self.origins:
            return sizes
        n_plain, n = len(sizes.size) - self.n_numbers, len(self)

        def before(column: NDArray, value: float) -> NDArray:
            return np.append(column[:n_plain], np.full(n, value, column.dtype))

        return replace(
            sizes,
            mean=before(sizes.mean, 0.0),
            deviation=before(sizes.deviation, np.sqrt(0.5)),
            size=before(sizes.size, np.sqrt(0.5)),
            n_filled=before(sizes.n_filled, sizes.n_rows),
            largest=before(sizes.largest, 1.0),
        )


NO_WAVES = Waves()
