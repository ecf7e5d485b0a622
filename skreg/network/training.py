"""Training: the objective of a network on data, and epochs that lower it."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread
from time import perf_counter

import numpy as np

from skreg._kernels import network as kernel
from skreg._threads import Pace, worker_threads
from skreg.losses import Loss
from skreg.network.parameters import penalty_value
from skreg.penalties import Penalty


@dataclass(frozen=True)
class Problem:
    """What is minimised: the mean loss of a network on data, plus alpha·J(weights).

    Parameters
    ----------
    units : tuple of int
        Width of the input, of every hidden layer and of the output.
    activation : str
        Of the hidden layers.
    loss : Loss
    penalty : Penalty
    alpha : float
        λ.
    X : ndarray of shape (n, n_features)
    Y : ndarray of shape (n, n_outputs)
        Numbers, {0, 1}, or indicators of the class; the dtype of ``X``.
    sample_weight : ndarray of shape (n,) or None
        Any positive scale: the loss is Σ wᵢℓᵢ / Σ wᵢ.
    """

    units: tuple[int, ...]
    activation: str
    loss: Loss
    penalty: Penalty
    alpha: float
    X: np.ndarray
    Y: np.ndarray
    sample_weight: np.ndarray | None = None

    @property
    def n_samples(self):
        """Number of rows."""
        return len(self.X)

    def penalty_term(self, theta):
        """alpha·J(θ)."""
        return self.alpha * penalty_value(theta, self.units, self.penalty) if self.alpha else 0.0

    def network(self):
        """The compiled network of this shape."""
        return kernel.Network(self.units, self.activation, self.loss.name)

    def trainer(self, state, *, batch_size, max_workers=1):
        """The compiled trainer that works on the arrays of ``state``."""
        weights = self.sample_weight
        if weights is not None:
            weights = (weights / weights.mean()).astype(self.X.dtype)
        return kernel.Trainer(
            self.network(),
            np.ascontiguousarray(self.X),
            np.ascontiguousarray(self.Y, dtype=self.X.dtype),
            weights,
            state.theta,
            state.point,
            state.slot_1,
            state.slot_2,
            batch_size=batch_size,
            optimiser=state.kernel,
            max_workers=max_workers,
        )

    def objective_and_gradient(self, theta):
        """R(θ) + λJ(θ) over all rows and its gradient; at a kink of J, with sign(0) = 0.

        Returns
        -------
        objective : float
        gradient : ndarray of shape (n_parameters,)
        """
        state = TrainingState.start(theta, "gradient")
        trainer = self.trainer(state, batch_size=self.n_samples)
        numbers = dict(momentum=0.0, beta_1=0.0, beta_2=0.0, epsilon=0.0)
        trainer.train(
            np.arange(self.n_samples),
            n_steps_done=0,
            n_workers=1,
            eta=0.0,
            **numbers,
            **self._shares(),
        )
        return trainer.loss / self.n_samples + self.penalty_term(theta), state.slot_1

    def epochs(self, state, *, optimiser, batch_size, rng=None):
        """Train without end, an epoch at a time.

        Parameters
        ----------
        state : TrainingState
            Changed in place; ``state.eta`` may be set between epochs.
        optimiser : SGD or Adam
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
        order = np.arange(self.n_samples)
        wanted = self.network().max_workers(batch_size)
        with (
            worker_threads(wanted) as n_workers,
            self._team(state, batch_size, n_workers) as trainer,
        ):
            pace = Pace(n_workers)
            while True:
                if rng is not None:
                    kernel.shuffle(order, rng.tomaxint())
                n_now, started = pace.choose(), perf_counter()
                trainer.train(
                    order,
                    n_steps_done=state.n_steps,
                    n_workers=n_now,
                    eta=state.eta,
                    **optimiser.numbers(),
                    **self._shares(),
                )
                pace.note(n_now, perf_counter() - started)
                risk = trainer.loss / self.n_samples
                objective = np.nan if trainer.diverged else risk + self.penalty_term(state.theta)
                if not np.isfinite(objective):
                    raise ValueError(
                        f"Training diverged: the loss or a weight is no longer finite at "
                        f"learning_rate_init={state.eta:g}. Lower learning_rate_init, or scale the "
                        "features (and the target of a regression), for example with "
                        "StandardScaler."
                    )
                state.n_steps += -(-self.n_samples // batch_size)
                yield objective

    @contextmanager
    def _team(self, state, batch_size, n_workers):
        """A trainer whom n_workers − 1 threads serve."""
        trainer = self.trainer(state, batch_size=batch_size, max_workers=n_workers)
        # Daemons, so that a generator which nobody closes does not keep the process alive.
        threads = [
            Thread(target=trainer.serve, args=(w,), daemon=True) for w in range(1, n_workers)
        ]
        try:
            for thread in threads:
                thread.start()
            yield trainer
        finally:
            trainer.dismiss()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()

    def _shares(self):
        """The penalty's numbers for the kernel: λ times its shares of ‖θ‖₁ and ½‖θ‖₂²."""
        return dict(l1=self.alpha * self.penalty.l1_share, l2=self.alpha * self.penalty.l2_share)


@dataclass
class TrainingState:
    """What training changes: θ, the optimiser's memory and its clock.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
    kernel : str
        The compiled update that the memory belongs to.
    point : ndarray of shape (n_parameters,)
        Where the gradient is taken: θ itself, or Nesterov's look-ahead.
    slot_1, slot_2 : ndarray of shape (n_parameters,) or (0,)
    n_steps : int
        Steps taken so far.
    eta : float
        Learning rate in force.
    n_cuts : int
        How often the adaptive schedule has cut the rate.
    """

    theta: np.ndarray
    kernel: str
    point: np.ndarray
    slot_1: np.ndarray
    slot_2: np.ndarray
    n_steps: int = 0
    eta: float = 0.0
    n_cuts: int = 0

    @classmethod
    def start(cls, theta, kernel):
        """The state before the first step from ``theta``."""
        n_slots = {"nesterov": 0, "adam": 2}.get(kernel, 1)
        slots = [np.zeros_like(theta) if i < n_slots else theta[:0] for i in range(2)]
        point = theta.copy() if kernel == "nesterov" else theta
        return cls(theta, kernel, point, *slots)

    def copy(self):
        """A state that can be trained without touching this one."""
        theta = self.theta.copy()
        return replace(
            self,
            theta=theta,
            point=self.point.copy() if self.kernel == "nesterov" else theta,
            slot_1=self.slot_1.copy(),
            slot_2=self.slot_2.copy(),
        )
