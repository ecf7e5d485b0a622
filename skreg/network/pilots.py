"""Pilots: small networks that are trained for a few epochs, on parts of the rows, to compare λ."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
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

    They go the first half of the way as one, at ``prior``: what λ is worth shows in the second,
    where rates fall and the network begins to learn single rows by heart.

    Parameters
    ----------
    objective : Objective
        Of the pilot, on all rows; its own λ does not count.
    prior : float
        λ of the first half.
    columns : Columns or None
    splits : list of Split
    held : rows or None
        What splits hold out, with ``X``, ``Y`` and ``weights``, if not rows of ``objective``.
    batch_size, n_epochs : int
    ramp : float
        Share of the epochs in which λ of groups of inputs grows.
    init : str
    seed : int
    look : callable
        As `map`, which may share the work among threads.
    """

    objective: Objective
    prior: float
    columns: Columns | None
    splits: list[Split]
    held: Any
    batch_size: int
    n_epochs: int
    ramp: float
    init: str
    seed: int
    look: Callable[..., Iterable] = map

    def losses(self, alphas: list[float]) -> list[NDArray]:
        """For each λ the loss of every row held out, split after split.

        Infinite where training diverged.
        """
        branch = partial(self._branch, self._trunks)
        runs = [(alpha, k) for alpha in alphas for k in range(len(self.splits))]
        found = iter(list(self.look(branch, *zip(*runs, strict=True))))
        return [np.concatenate([next(found) for _ in self.splits]) for _ in alphas]

    def shares(self) -> NDArray:
        """The share in their mean of the rows held out; they add up to 1."""
        source, weights = self.objective, self.objective.sample_weight
        if self.held is not None:
            source, weights = self.held, self.held.weights
        weights = np.ones(len(source.Y)) if weights is None else weights
        weights = np.concatenate([weights[held] for _, held in self.splits])
        return weights / weights.sum()

    @cached_property
    def _trunks(self) -> list[TrainingState]:
        """For every split the pilot halfway."""
        return list(self.look(self._trunk, self._orders))

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

    def _trunk(self, order: NDArray) -> TrainingState:
        objective = self._at(self.prior)
        rng = np.random.RandomState(self.seed)
        theta = initial_theta(
            objective.units, rng, objective.X.dtype, init=self.init, waves=objective.waves
        )
        columns = objective.suited(self.columns)
        if columns is not None:
            columns.start(theta, objective.units)
        state = TrainingState.start(theta, Adam.kernel, self.columns)
        self._train(objective, state, order, is_first=True)
        return state

    def _branch(self, trunks: list[TrainingState], alpha: float, split: int) -> NDArray:
        """Losses of the rows held out by a pilot that goes on at this λ."""
        objective, state = self._at(alpha), trunks[split].copy()
        diverged = self._train(objective, state, self._orders[split], is_first=False)
        return self._held_losses(objective, state.theta, self.splits[split][1], diverged)

    def _at(self, alpha: float) -> Objective:
        penalty = replace(self.objective.regularization, alpha=alpha)
        return replace(self.objective, regularization=penalty)

    def _train(self, objective, state, order, is_first):
        """The steps of one half; whether they diverged."""
        size = self.batch_size
        trainer = objective.trainer(
            state, batch_size=size, dropout_seed=self.seed,
            **objective.regularization.numbers(objective.units),
        )  # fmt: skip
        train = partial(trainer.train, n_workers=1)
        run = objective.epoch_of(trainer, train, state.theta, size)
        n_steps = -(-len(order) // size)
        etas = OneCycle(1).rates(_RATE, 0, 0, n_steps)
        mine = slice(0, n_steps // 2) if is_first else slice(n_steps // 2, n_steps)
        with state.centered(objective.units):
            for first, last, share in self._stages(n_steps, mine):
                trainer.weaken_groups(share)
                part = order[first * size : last * size]
                run(part, etas[first:last], n_steps_done=first, **Adam(beta_2=0.95).numbers())
                if trainer.diverged:
                    return True
        return False

    def _stages(self, n_steps, mine):
        """(first, last, λ's share of groups that grow) of the steps in ``mine``."""
        n_stages = _STAGES if self.ramp else 1
        ends = [n_steps * k // n_stages for k in range(n_stages + 1)]
        for stage, (first, last) in enumerate(pairwise(ends), start=1):
            first, last = max(first, mine.start), min(last, mine.stop)
            if first < last:
                yield first, last, min(1.0, stage / (self.ramp * n_stages)) if self.ramp else 1.0

    def _held_losses(self, objective, theta, held, diverged):
        source = objective if self.held is None else self.held
        if diverged:
            return np.full(len(source.Y[held]), np.inf)
        raw = raw_predictions(objective.network(), theta, source.X[held])
        losses = objective.loss.derivatives(source.Y[held], raw)[0]
        return np.where(np.isfinite(losses), losses, np.inf)
