"""Training: the objective of a network on data, and epochs that lower it."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from threading import Thread
from time import perf_counter

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import network as rows
from skreg._kernels import trainer as kernel
from skreg._threads import Pace, worker_threads
from skreg.losses import Loss
from skreg.network.columns import Columns
from skreg.network.members import TRAINED_AT_ONCE, mean_losses, own_part
from skreg.network.parameters import n_parameters
from skreg.network.prediction import compiled_network, raw_predictions, zeros_lie_together
from skreg.network.regularization import Regularization
from skreg.network.state import TrainingState
from skreg.network.waves import NO_WAVES, Waves

#: Rows of a batch where the batches only add up to the gradient over all rows.
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Objective:
    """What is minimized: the mean loss of a network on data, plus a penalty of its weights.

    Parameters
    ----------
    units : tuple of int
        Width of the input, of every hidden layer and of the output.
    activation : str
        Of the hidden layers.
    loss : Loss
    regularization : Regularization
    X : ndarray of shape (n, n_features), or CSR array with int32 indices
        Of a sparse X the rows of a mini-batch are made dense, never all.
    Y : ndarray of shape (n, n_outputs)
        Numbers, {0, 1}, or indicators of the class; the dtype of ``X``.
    sample_weight : ndarray of shape (n,) or None
        Any positive scale: the loss is Σ wᵢℓᵢ / Σ wᵢ.
    n_members : int
        Of an ensemble: ℓᵢ is then the mean of its members' losses, and the last of ``units`` the
        width of all their outputs, side by side.
    waves : Waves
        In the place of the last columns of X; the first of ``units`` counts them.
    """

    units: tuple[int, ...]
    activation: str
    loss: Loss
    regularization: Regularization
    X: np.ndarray
    Y: np.ndarray
    sample_weight: np.ndarray | None = None
    n_members: int = 1
    waves: Waves = NO_WAVES

    @property
    def n_samples(self):
        """Number of rows."""
        return self.X.shape[0]

    def network(self):
        """The compiled network of this shape."""
        return compiled_network(self.units, self.activation, self.loss, self.n_members, self.waves)

    def of_one_member(self):
        """The same for a network by itself."""
        if self.n_members == 1:
            return self
        units = (*self.units[:-1], self.units[-1] // self.n_members)
        regularization = replace(self.regularization, n_members=1)
        return replace(self, units=units, regularization=regularization, n_members=1)

    def _copies(self, state):
        """How many members a row trains at once."""
        most = self.n_members if state.kernel == "gradient" else TRAINED_AT_ONCE
        return min(self.n_members, most)

    def relative_weights(self):
        """The weights, in the dtype of X, with mean 1; None for equal ones."""
        weights = self.sample_weight
        return None if weights is None else (weights / weights.mean()).astype(self.X.dtype)

    def risk_at(self, theta):
        """The mean loss over all rows, without dropout."""
        raw = raw_predictions(self.network(), theta, self.X)
        losses = mean_losses(self.loss, self.Y, raw, self.n_members)
        return float(np.average(losses, weights=self.sample_weight))

    def passes(self, batch_size, rng):
        """For each epoch, the parts of it: rows as an `Objective`, and the order to take them in.

        All parts but the last have whole batches; ``rng`` as for `epochs`.
        """
        order = np.arange(self.n_samples)
        while True:
            if rng is not None:
                rows.shuffle(order, rng.tomaxint())
            yield [(self, order)]

    def trainer(self, state, *, batch_size, max_workers=1, **numbers):
        """The compiled trainer that works on the arrays of ``state``."""
        weights = self.relative_weights()
        columns = self.suited(state.columns)
        if columns is not None:
            numbers |= dict(centers=columns.centers, scales=columns.scales)
        return kernel.Trainer(
            self.network(),
            self.X if issparse(self.X) else np.ascontiguousarray(self.X),
            np.ascontiguousarray(self.Y, dtype=self.X.dtype),
            weights,
            state.theta,
            state.point,
            state.slot_1,
            state.slot_2,
            batch_size=batch_size,
            copies=self._copies(state),
            has_zeros=zeros_lie_together(self.X, self.units[1]),
            optimizer=state.kernel,
            factors=state.factors,
            max_workers=max_workers,
            **numbers,
        )

    def suited(self, columns: Columns | None) -> Columns | None:
        """The columns with scales that suit the penalty.

        Weights of size 1/scale must not be out of question. Columns whose weights a penalty
        couples move alike, where its proximal step is made outside of the compiled trainer.
        """
        if columns is not None and self.regularization.couples_inputs(self.units):
            columns = columns.alike()
        if columns is None or columns.scales.min() >= 1:
            return columns
        return columns.at_least(1 / self.regularization.largest_weight(self.units))

    def objective_and_gradient(self, theta):
        """R(θ) + λJ(θ) over all rows and its gradient; at a kink of J, with sign(0) = 0.

        Returns
        -------
        objective : float
        gradient : ndarray of shape (n_parameters,)
        """
        with self.evaluator() as risk_and_gradient:
            risk, gradient = risk_and_gradient(theta)
        penalty = self.regularization
        return (
            risk + penalty.value(theta, self.units),
            gradient + penalty.gradient(theta, self.units),
        )

    @contextmanager
    def evaluator(self, columns=None):
        """R and ∇R over all rows, for many θ: workers stay ready while the context lasts.

        Blocks of rows are shared among the workers; which, and the order of the sums, depends on
        the shapes alone, so that the result is the same to the bit for any number of workers.

        Parameters
        ----------
        columns : Columns or None
            The first biases of θ are those of X less its centers.

        Yields
        ------
        risk_and_gradient : callable of θ
            Gives the mean loss, without penalty and dropout, and a new array: its gradient. A θ
            that is not finite gives NaN.
        """
        n_waves = len(self.waves)
        theta = np.zeros(n_parameters(self.units, self.n_members, n_waves), dtype=self.X.dtype)
        state = TrainingState.start(theta, "gradient", columns)
        batch_size = min(ROWS_AT_ONCE, self.n_samples)
        order, etas = np.arange(self.n_samples), np.zeros(-(-self.n_samples // batch_size))
        with self._team(state, batch_size) as (trainer, train):

            def risk_and_gradient(at):
                theta[:], state.slot_1[:] = at, 0
                train(order, etas, n_steps_done=0)
                risk = np.nan if trainer.diverged else trainer.loss / self.n_samples
                gradient = state.slot_1.copy()
                own_part(gradient, self.units, self.n_members, n_waves)[:] /= self.n_members
                return risk, gradient

            yield risk_and_gradient

    def epochs(self, state, *, optimizer, batch_size, rng=None):
        """Train without end, an epoch at a time.

        Parameters
        ----------
        state : TrainingState
            Changed in place; ``eta`` and ``shares`` may be set between epochs.
        optimizer : SGD or Adam
        batch_size : int
        rng : numpy.random.RandomState or None
            Shuffles the rows before every epoch; None keeps their order.

        Yields
        ------
        objective : float
            The mean loss met during the epoch, plus alpha·J at its end.

        Raises
        ------
        ValueError
            As soon as the loss or a parameter is not finite; ``state`` is then not to be used.
        """
        penalty_term = self.regularization.meter(state.theta, self.network())
        etas = np.empty(-(-self.n_samples // batch_size))
        numbers = self.regularization.numbers(self.units) | dict(dropout_seed=state.dropout_seed)
        with ExitStack() as stack:
            crew = Crew(stack, state, batch_size, numbers, optimizer.numbers())
            for parts in self.passes(batch_size, rng):
                etas[:] = state.eta
                risk = crew.epoch(parts, etas, state.shares) / self.n_samples
                objective = risk + penalty_term()
                if not isfinite(objective):
                    raise ValueError(
                        f"Training diverged: the loss or a weight is no longer finite at "
                        f"learning_rate_init={etas.max():g}. Lower learning_rate_init, or scale "
                        "the features (and the target of a regression), for example with "
                        "StandardScaler."
                    )
                state.n_steps += len(etas)
                state.risk = risk
                yield objective

    def epoch_of(self, trainer, train, theta, batch_size):
        """A function that runs an epoch, compiled as a whole or between proximal steps.

        It takes ``order``, the steps' ``etas`` and ``shares`` and the trainer's other numbers, and
        gives Σ wᵢℓᵢ.
        """
        proximal = self.regularization.proximal_steps(self.units, trainer, theta)

        def whole(order, etas, **numbers):
            train(order, etas, **numbers)
            return trainer.loss

        def step_by_step(order, etas, *, n_steps_done, shares=None, **numbers):
            loss = 0.0
            for step, eta in enumerate(etas.tolist()):
                batch, one = (
                    order[step * batch_size : (step + 1) * batch_size],
                    slice(step, step + 1),
                )
                proximal.begin()
                numbers["shares"] = None if shares is None else shares[one]
                train(batch, etas[one], n_steps_done=n_steps_done + step, **numbers)
                loss += trainer.loss
                if trainer.diverged:
                    break
                proximal.end(n_steps_done + step + 1, eta)
            return loss

        return whole if proximal is None else step_by_step

    @contextmanager
    def _team(self, state, batch_size, **numbers):
        """A trainer whom threads serve, and its ``train`` with as many of them as is fastest."""
        most = self.network().max_workers(batch_size, self._copies(state))
        with worker_threads(most) as n_workers:
            trainer = self.trainer(state, batch_size=batch_size, max_workers=n_workers, **numbers)
            pace = Pace(n_workers)

            def train(order, etas, **numbers):
                n_now, started = pace.choose(), perf_counter()
                trainer.train(order, etas, n_workers=n_now, **numbers)
                pace.note(n_now, perf_counter() - started)

            # Daemons, so that a generator which nobody closes does not keep the process alive.
            threads = [
                Thread(target=trainer.serve, args=(w,), daemon=True) for w in range(1, n_workers)
            ]
            try:
                for thread in threads:
                    thread.start()
                yield trainer, train
            finally:
                trainer.dismiss()
                for thread in threads:
                    if thread.ident is not None:
                        thread.join()


class Crew:
    """Trains on the parts of epochs; trainer and threads stay for as long as the rows are the same.

    Parameters
    ----------
    stack : ExitStack
        At whose end the threads end.
    state : TrainingState
    batch_size : int
    numbers : dict
        Of the penalty, for the trainer.
    rule : dict
        Of the optimizer.
    """

    def __init__(self, stack, state, batch_size, numbers, rule):
        self.stack, self.state, self.batch_size = stack, state, batch_size
        self.numbers, self.rule = numbers, rule
        self.part = None

    def epoch(self, parts, etas, shares):
        """Σ wᵢℓᵢ met on these parts, with so many rates as steps; NaN where training diverged."""
        loss, n_done = 0.0, 0
        for part, order in parts:
            self._begin(part)
            now = slice(n_done, n_done - (-len(order) // self.batch_size))
            loss += self.run(
                order, etas[now], shares=None if shares is None else shares[now],
                n_steps_done=self.state.n_steps + n_done, **self.rule,
            )  # fmt: skip
            if self.trainer.diverged:
                return np.nan
            n_done = now.stop
        return loss

    def _begin(self, part):
        if part is not self.part:
            self.stack.close()
            self.part = part
            self.trainer, train = self.stack.enter_context(
                part._team(self.state, self.batch_size, **self.numbers)
            )
            self.run = part.epoch_of(self.trainer, train, self.state.theta, self.batch_size)
        self.trainer.weaken_groups(self.state.group_share)
