"""What a fitted model computes of a row, as steps that every language of export can write."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

FLOATS = np.dtype(np.float32), np.dtype(np.float64)


@dataclass(frozen=True, eq=False)
class RowMap:
    """A map of each row of numbers to another."""

    def arrays(self) -> dict[str, NDArray]:
        """What it holds, by name."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in held.items() if isinstance(value, np.ndarray)}

    def take(self, kept: NDArray[np.intp]) -> RowMap:
        """The same for these columns only, where each number is mapped by itself."""
        return replace(self, **{name: array[..., kept] for name, array in self.arrays().items()})


@dataclass(frozen=True, eq=False)
class Take(RowMap):
    """The columns of these numbers, in this order."""

    indices: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Fill(RowMap):
    """``values`` in the place of NaN."""

    values: NDArray


@dataclass(frozen=True, eq=False)
class Standardize(RowMap):
    """(x − shift)/scale, column by column."""

    shift: NDArray
    scale: NDArray


@dataclass(frozen=True, eq=False)
class Bounds(RowMap):
    """x within [lower, upper], column by column."""

    lower: NDArray
    upper: NDArray


@dataclass(frozen=True, eq=False)
class Apply(RowMap):
    """One of `FORMULAS` of every number."""

    formula: str
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Cosines(RowMap):
    """cos 2π(x·frequency + phase) where ``waves`` is not 0; other columns as they are."""

    waves: NDArray
    frequency: NDArray
    phase: NDArray


@dataclass(frozen=True, eq=False)
class Affine(RowMap):
    """x·weights + biases, with weights of shape (n_in, n_out).

    Members of an ensemble may have biases, or both, of their own: of shape (n_members, 1, n_out)
    and (n_members, n_in, n_out).
    """

    weights: NDArray
    biases: NDArray


@dataclass(frozen=True, eq=False)
class Spread(RowMap):
    """A row for each member of an ensemble: x·factors, of shape (n_members, 1, n_columns)."""

    factors: NDArray


@dataclass(frozen=True, eq=False)
class Mean(RowMap):
    """The mean of the members' rows."""

    n_members: int


@dataclass(frozen=True, eq=False)
class Softmax(RowMap):
    """exp(x) as shares of their sum."""


@dataclass(frozen=True, eq=False)
class Offset(RowMap):
    """Adds the user's offset, of so many numbers a row, to every output."""

    width: int


@dataclass(frozen=True, eq=False)
class Program:
    """What a fitted model computes: steps, and what the numbers behind them mean.

    Parameters
    ----------
    model : str
        What is exported, in words.
    n_features : int
    feature_names : tuple of str or None
    steps : tuple of RowMap
        From a row of features to predictions; for classes, to raw predictions: the log odds of the
        second of two, or a number for each of more, or for each of several labels. Of an ensemble
        of networks to the probabilities that are meant by them.
    dtype : dtype
        That of the fitted parameters.
    classes : ndarray or None
        Their labels; None for numbers.
    is_multilabel : bool
        Whether any number of ``classes`` may hold for a row.
    """

    model: str
    n_features: int
    feature_names: tuple[str, ...] | None
    steps: tuple[RowMap, ...]
    dtype: np.dtype
    classes: NDArray | None = None
    is_multilabel: bool = False

    @property
    def widths(self) -> list[int]:
        """The number of columns behind each step."""
        widths = [self.n_features]
        for step in self.steps:
            if isinstance(step, Affine):
                widths.append(step.weights.shape[-1])
            else:
                widths.append(len(step.indices) if isinstance(step, Take) else widths[-1])
        return widths[1:]

    @property
    def width(self) -> int:
        """The number of columns behind the last step."""
        return self.widths[-1]

    @property
    def is_binary(self) -> bool:
        """Whether one raw prediction stands for two classes."""
        return self.classes is not None and not self.is_multilabel and self.width == 1

    @property
    def has_shares(self) -> bool:
        """Whether the steps end in probabilities of classes."""
        return self.classes is not None and any(isinstance(step, Mean) for step in self.steps)

    @property
    def offset_width(self) -> int:
        """Numbers of the offset of a row; 0 for a model that takes none."""
        return sum(step.width for step in self.steps if isinstance(step, Offset))

    def with_offset(self, offset: bool) -> Program:
        """The program with its offset as an input, or without one."""
        if not isinstance(offset, bool | np.bool_):
            raise ValueError(f"offset must be True or False, got {offset!r}.")
        if offset and not self.offset_width:
            raise ValueError(
                f"offset=True, but {self.model} takes no offset in predict. Only linear models "
                "that are not inside another estimator do: leave it out."
            )
        if offset:
            return self
        return replace(self, steps=tuple(s for s in self.steps if not isinstance(s, Offset)))

    def pruned(self) -> Program:
        """Without the columns that the first weighted sum does not hear."""
        return replace(self, steps=tuple(_pruned(self.steps)))

    def folded(self) -> Program:
        """With neighboring affine steps made one, where that is not larger."""
        steps: list[RowMap] = []
        for step in self.steps:
            merged = _merged(steps[-1], step) if steps else None
            steps[-1:] = [merged] if merged is not None else [*steps[-1:], step]
        return replace(self, steps=tuple(steps))

    def cast(self, dtype: DTypeLike, keep: type[RowMap] = Take) -> Program:
        """With its numbers in this dtype, but those of steps to ``keep``."""
        steps = (s if isinstance(s, keep) else self._cast(s, np.dtype(dtype)) for s in self.steps)
        return replace(self, steps=tuple(steps))

    def _cast(self, step: RowMap, dtype: np.dtype) -> RowMap:
        largest, arrays = np.finfo(dtype).max, step.arrays()
        for name, array in arrays.items():
            if isinstance(step, Bounds):  # infinite where there is none
                array = np.clip(array, -largest, largest)
            fits = np.abs(array) <= largest
            if not fits.all():
                raise ValueError(
                    f"{self.model} holds {array[~fits][0]} in its {name}, which is no number of "
                    f"{dtype.name}. Export with dtype='float64', or scale the features and fit "
                    "again."
                )
            arrays[name] = array.astype(dtype)
        if isinstance(step, Standardize) and not arrays["scale"].all():
            raise ValueError(
                f"{self.model} divides a feature by a number that is 0 in {dtype.name}. Export "
                "with dtype='float64', or scale the features and fit again."
            )
        return replace(step, **arrays)


def _pruned(steps: Iterable[RowMap]) -> list[RowMap]:
    steps = list(steps)
    first = next((i for i, step in enumerate(steps) if isinstance(step, Affine)), None)
    if first is None:
        return steps
    affine = steps[first]
    assert isinstance(affine, Affine)
    heard = np.flatnonzero(affine.weights.any(axis=1))
    if len(heard) == len(affine.weights):
        return steps
    heard = heard if len(heard) else np.array([0])
    head: list[RowMap] = [Affine(affine.weights[heard], affine.biases)]
    for step in reversed(steps[:first]):
        if isinstance(step, Take):
            heard = step.indices[heard]
        else:
            head.insert(0, step.take(heard))
    return [Take(heard), *head, *steps[first + 1 :]]


def _merged(first: RowMap, second: RowMap) -> Affine | None:
    """Two affine steps as one, in float64; None where they are not such, or smaller apart."""
    if any(step.biases.ndim > 1 for step in (first, second) if isinstance(step, Affine)):
        return None  # of members
    if isinstance(first, Standardize) and isinstance(second, Affine):
        weights = second.weights / first.scale[:, None]
        return Affine(weights, second.biases - first.shift @ weights)
    if isinstance(first, Affine) and isinstance(second, Standardize):
        return Affine(first.weights / second.scale, (first.biases - second.shift) / second.scale)
    if isinstance(first, Affine) and isinstance(second, Affine):
        (n_in, middle), n_out = first.weights.shape, second.weights.shape[1]
        if n_in * n_out <= middle * (n_in + n_out):
            return Affine(
                first.weights @ second.weights, first.biases @ second.weights + second.biases
            )
    return None


def checked_dtype(dtype: DTypeLike) -> np.dtype:
    """One of `FLOATS`; ValueError for any other."""
    with suppress(TypeError):  # not to be understood as a dtype
        if np.dtype(dtype) in FLOATS:
            return np.dtype(dtype)
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
