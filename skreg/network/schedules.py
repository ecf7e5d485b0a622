"""Learning-rate schedules."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """The initial rate, always."""

    def rate(self, initial, epoch, n_cuts):
        """Learning rate of epoch ``epoch`` (from 0), after progress has ended ``n_cuts`` times."""
        return initial

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
