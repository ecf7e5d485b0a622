"""What a network's training leaves, epoch by epoch."""

import numpy as np

from skreg.network.parameters import layer_views

# Below so many parameters one gather is quicker than a call for each layer.
_FEW = 4096


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
    units : sequence of int
    """

    def __init__(self, theta, units):
        self.theta, self.views, self.index = theta, [], None
        self.views = [weights.ravel() for weights in layer_views(theta, units)[0]]
        if len(theta) < _FEW:
            places = layer_views(np.arange(len(theta)), units)[0]
            self.index = np.concatenate([place.ravel() for place in places])

    def measure(self):
        """(number that are not 0, Euclidean norm)."""
        if self.index is not None:
            weights = self.theta.take(self.index)
            return int(np.count_nonzero(weights)), float(weights.dot(weights)) ** 0.5
        # Not through BLAS: its threads would be woken for a sum.
        squares = sum(float(np.einsum("i,i->", part, part)) for part in self.views)
        return sum(int(np.count_nonzero(part)) for part in self.views), squares**0.5
