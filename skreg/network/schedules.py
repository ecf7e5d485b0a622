"""Schedules of the learning rate, of dropout and of decay."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Constant:
    """The initial rate, always."""

    #: Whether training is complete when the schedule has run through.
    has_end = False

    def rate(self, initial, epoch, n_cuts):
        """Learning rate of epoch ``epoch`` (from 0), after progress has ended ``n_cuts`` times."""
        return initial

    def rates(self, initial, epoch, n_cuts, n_steps):
        """Learning rate of each of the ``n_steps`` steps of an epoch: an array, or one for all."""
        return self.rate(initial, epoch, n_cuts)

    def can_cut(self, rate):
        """Whether training goes on, at a lower rate, when there is no progress at ``rate``."""
        return False


@dataclass(frozen=True)
class InverseScaling(Constant):
    """initial / (epoch + 1)^power_t."""

    power_t: float = 0.5

    def rate(self, initial, epoch, n_cuts):
        """Learning rate of epoch ``epoch`` (from 0)."""
        return initial / (epoch + 1) ** self.power_t


@dataclass(frozen=True)
class Adaptive(Constant):
    """The initial rate while there is progress; a fifth of it each time progress ends."""

    smallest: float = 1e-6

    def rate(self, initial, epoch, n_cuts):
        """Learning rate after progress has ended ``n_cuts`` times."""
        return initial / 5**n_cuts

    def can_cut(self, rate):
        """True until the rate is below 1e-6."""
        return rate > self.smallest


@dataclass(frozen=True)
class _Cycle(Constant):
    """A rate that changes with every step of ``n_epochs`` epochs and then stays where it ends.

    Parameters
    ----------
    n_epochs : int
        Length of the cycle.
    first : int
        The epoch it begins with: a warm start begins a new one.
    """

    has_end = True

    n_epochs: int
    first: int = 0

    def rates(self, initial, epoch, n_cuts, n_steps):
        """Learning rate of each of an epoch's ``n_steps`` steps, shape (n_steps,)."""
        done = (epoch - self.first) * n_steps + np.arange(n_steps)
        return initial * self._share(np.minimum(done / (self.n_epochs * n_steps), 1.0))


def _cosine(start, end, share):
    """From ``start`` to ``end`` along half a cosine as ``share`` goes from 0 to 1."""
    return end + 0.5 * (start - end) * (1 + np.cos(np.pi * share))


@dataclass(frozen=True)
class Cosine(_Cycle):
    """initial·½(1 + cos(π·t/T)) after t of the T steps of ``n_epochs`` epochs, without restarts.

    References
    ----------
    I. Loshchilov, F. Hutter (2017), "SGDR: stochastic gradient descent with warm restarts".
    """

    def _share(self, progress):
        return _cosine(1.0, 0.0, progress)


@dataclass(frozen=True)
class FlatCosine(_Cycle):
    """The initial rate for the first half of the steps, then to 0 along half a cosine.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart (2024), "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data".
    """

    def _share(self, progress):
        return _cosine(1.0, 0.0, np.maximum(2 * progress - 1, 0.0))


@dataclass(frozen=True)
class OneCycle(_Cycle):
    """Up from initial/25 to initial in 30 % of the steps, then down to initial/250000; cosines.

    ``learning_rate_init`` is the peak. The momentum stays.

    References
    ----------
    L. Smith, N. Topin (2018), "Super-convergence: very fast training of neural networks using large
    learning rates"; numbers as in torch.optim.lr_scheduler.OneCycleLR.
    """

    warm_up: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 250_000

    def _share(self, progress):
        up = _cosine(self.start, 1.0, np.minimum(progress / self.warm_up, 1.0))
        down = _cosine(1.0, self.end, (progress - self.warm_up) / (1 - self.warm_up))
        return np.where(progress < self.warm_up, up, down)
