"""Pilots: small networks that are trained for a few epochs, on parts of the rows, to compare λ."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import network as kernel
from skreg.network.columns import Columns
from skreg.network.optimizers import Adam
from skreg.network.parameters import initial_theta
from skreg.network.prediction import raw_predictions
from skreg.network.schedules import OneCycle
from skreg.network.state import TrainingState
from skreg.network.training import Objective

#: Rows to train on, and rows held out.
Split: TypeAlias = tuple[NDArray, NDArray | slice]
# A pilot has a quarter of each hidden layer's units, but at least so many if the layer has them.
_FEWEST, _PART = 16, 4
# The highest rate of its cycle, whatever the optimizer of the network itself.
_RATE = 0.01
# λ of groups that grows is set so many times in a pilot.
_STAGES = 10


def pilot_units(units: tuple[int, ...]) -> tuple[int, ...]:
    """The widths of a pilot of a network of these widths.

    Examples
    --------
    >>> pilot_units((10, 128, 64, 3)), pilot_units((10, 8, 3))
    ((10, 32, 16, 3), (10, 8, 3))
    """
    hidden = (min(width, max(_FEWEST, width // _PART)) for width in units[1:-1])
    return units[0], *hidden, units[-1]


@dataclass(frozen=True)
class Pilots:
    """Pilots of one start on the same splits and shuffles for every λ, so that losses pair.

    All epochs of a pilot are one compiled call, on rows that no split copies.

    Parameters
    ----------
    objective : Objective
        Of the pilot, on all rows; its own λ does not count.
    columns : Columns or None
    splits : list of Split
    held : rows or None
        What splits hold out, with ``X``, ``Y`` and ``weights``, if not rows of ``objective``.
    batch_size, n_epochs : int
    ramp : float
        Share of the epochs in which λ of groups of inputs grows.
    init : str
    seed : int
    """

    objective: Objective
    columns: Columns | None
    splits: list[Split]
    held: Any
    batch_size: int
    n_epochs: int
    ramp: float
    init: str
    seed: int

    def losses(self, alpha: float) -> NDArray:
        """The loss of every row held out, split after split; infinite where training diverged."""
        penalty = replace(self.objective.regularization, alpha=alpha)
        objective = replace(self.objective, regularization=penalty)
        theta = self._start.copy()
        columns = objective.suited(self.columns)
        if columns is not None:
            columns.start(theta, objective.units)
        state = TrainingState.start(theta.copy(), Adam.kernel, self.columns)
        trainer = objective.trainer(
            state, batch_size=self.batch_size, dropout_seed=self.seed,
            **penalty.numbers(objective.units),
        )  # fmt: skip
        train = partial(trainer.train, n_workers=1)
        run = objective.epoch_of(trainer, train, state.theta, self.batch_size)
        found = []
        for order, (_, held) in zip(self._orders, self.splits, strict=True):
            state.theta[:], state.slot_1[:], state.slot_2[:] = theta, 0, 0
            with state.centered(objective.units):
                self._train(trainer, run, order)
            found.append(self._held_losses(objective, state.theta, held, trainer.diverged))
        return np.concatenate(found)

    def shares(self) -> NDArray:
        """The share in their mean of the rows held out; they add up to 1."""
        source, weights = self.objective, self.objective.sample_weight
        if self.held is not None:
            source, weights = self.held, self.held.weights
        weights = np.ones(len(source.Y)) if weights is None else weights
        weights = np.concatenate([weights[held] for _, held in self.splits])
        return weights / weights.sum()

    @cached_property
    def _start(self) -> NDArray:
        rng = np.random.RandomState(self.seed)
        return initial_theta(self.objective.units, rng, self.objective.X.dtype, init=self.init)

    @cached_property
    def _orders(self) -> list[NDArray]:
        """The rows of all epochs, shuffled, for every split."""
        rng, orders = np.random.RandomState(self.seed), []
        for rows, _ in self.splits:
            order = np.empty((self.n_epochs, len(rows)), dtype=np.intp)
            for epoch in order:
                kernel.shuffle(epoch, rng.tomaxint())
            orders.append(rows[order.ravel()])
        return orders

    def _train(self, trainer, run, order):
        n_steps = -(-len(order) // self.batch_size)
        etas = OneCycle(1).rates(_RATE, 0, 0, n_steps)
        n_stages = _STAGES if self.ramp else 1
        for stage, steps in enumerate(np.array_split(np.arange(n_steps), n_stages), start=1):
            if not len(steps):
                continue
            share = min(1.0, stage / (self.ramp * n_stages)) if self.ramp else 1.0
            trainer.weaken_groups(share)
            first, last = int(steps[0]), int(steps[-1]) + 1
            part = order[first * self.batch_size : last * self.batch_size]
            run(part, etas[first:last], n_steps_done=first, **Adam(beta_2=0.95).numbers())
            if trainer.diverged:
                return

    def _held_losses(self, objective, theta, held, diverged):
        source = objective if self.held is None else self.held
        if diverged:
            return np.full(len(source.Y[held]), np.inf)
        raw = raw_predictions(objective.network(), theta, source.X[held])
        losses = objective.loss.derivatives(source.Y[held], raw)[0]
        return np.where(np.isfinite(losses), losses, np.inf)
