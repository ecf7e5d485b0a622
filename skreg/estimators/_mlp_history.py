"""What a network's training leaves, epoch by epoch."""

import numpy as np


def copy_log(log):
    """A log that can grow without touching this one."""
    return {name: list(values) for name, values in log.items()}


def record(log, values):
    """Append an epoch; a column that is new, or has no value now, is filled with NaN."""
    if log.keys() != values.keys():
        n_before = len(next(iter(log.values()))) if log else 0
        for name in values:
            log.setdefault(name, [np.nan] * n_before)
        values = dict.fromkeys(log, np.nan) | values
    for name, value in values.items():
        log[name].append(value)


class WeightMeter:
    """Counts and measures the weights of a θ that is changed in place; biases do not count.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
    network : Network
        The compiled network: beside the epoch of a small one, calls of NumPy would show.
    """

    def __init__(self, theta, network):
        self.theta, self.network = theta, network
        self.sums = np.empty((len(network.units) - 1, 3))

    def measure(self):
        """(number that are not 0, Euclidean norm)."""
        self.network.sums(self.theta, self.sums)
        squares = n_nonzero = 0.0
        for _, square, n in self.sums.tolist():  # a few layers: quicker than NumPy's sum
            squares += square
            n_nonzero += n
        return int(n_nonzero), squares**0.5
