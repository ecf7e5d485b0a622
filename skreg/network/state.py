"""What training changes."""

from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from skreg.network.columns import Columns


@dataclass
class TrainingState:
    """What training changes: θ, the optimizer's memory and its clock.

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
    eta : float or ndarray of shape (n_steps,)
        Learning rate in force, or that of each step of an epoch.
    shares : ndarray of shape (n_steps, 2) or None
        What dropout and decoupled decay are multiplied by in each step of an epoch; None for ones.
    n_cuts : int
        How often the adaptive schedule has cut the rate.
    dropout_seed : int
        In [0, 2⁶⁴). What is dropped hangs on it, the number of the step and the place in the batch.
    group_share : float
        Share of λ in force for the groups of a group penalty.
    risk : float
        The mean loss met during the last epoch.
    columns : Columns or None
        Units of the first layer; None for ones.
    factors : ndarray of shape (3, n_inputs), or None
        Where the first layer's weights are products with trained factors of the inputs: these, and
        the optimizer's memory of their logarithms.
    is_centered : bool
        Whether the first biases are those of X less the columns' centers, as in training.
    """

    theta: np.ndarray
    kernel: str
    point: np.ndarray
    slot_1: np.ndarray
    slot_2: np.ndarray
    n_steps: int = 0
    eta: float | np.ndarray = 0.0
    shares: np.ndarray | None = None
    n_cuts: int = 0
    dropout_seed: int = 0
    group_share: float = 1.0
    risk: float = np.nan
    columns: Columns | None = None
    is_centered: bool = False
    factors: np.ndarray | None = None

    @classmethod
    def start(cls, theta, kernel, columns=None):
        """The state before the first step from ``theta``."""
        n_slots = {"nesterov": 0, "adam": 2}.get(kernel, 1)
        slots = [np.zeros_like(theta) if i < n_slots else theta[:0] for i in range(2)]
        point = theta.copy() if kernel == "nesterov" else theta
        return cls(theta, kernel, point, *slots, columns=columns)

    def scale_inputs(self, n_inputs):
        """From now on with factors, if there are none yet; a number of 0 goes on without."""
        if not n_inputs:
            self.factors = None
        elif self.factors is None:
            self.factors = np.vstack([np.ones(n_inputs), np.zeros((2, n_inputs))])

    @contextmanager
    def centered(self, units):
        """While it lasts, the first biases are those of X less the columns' centers."""
        self._center(units, True)
        try:
            yield
        finally:
            self._center(units, False)

    def _center(self, units, is_centered):
        if self.columns is not None and is_centered != self.is_centered:
            self.columns.move(self.theta, units, 1 if is_centered else -1)
            if self.point is not self.theta:
                self.columns.move(self.point, units, 1 if is_centered else -1)
        self.is_centered = is_centered

    def uncentered(self, units, theta):
        """A θ of this training for X as it is: θ itself or a copy."""
        if not self.is_centered or self.columns is None or self.columns.centers is None:
            return theta
        theta = theta.copy()
        self.columns.move(theta, units, -1)
        return theta

    def snapshot(self, units):
        """A copy for X as it is."""
        copied = self.copy()
        copied._center(units, False)
        return copied

    def copy(self):
        """A state that can be trained without touching this one."""
        theta = self.theta.copy()
        return replace(
            self,
            theta=theta,
            point=self.point.copy() if self.kernel == "nesterov" else theta,
            slot_1=self.slot_1.copy(),
            slot_2=self.slot_2.copy(),
            factors=None if self.factors is None else self.factors.copy(),
        )
