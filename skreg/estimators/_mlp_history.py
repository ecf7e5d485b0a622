"""What a network's training leaves, epoch by epoch."""

import numpy as np

from skreg.network.parameters import layer_views

# Below so many parameters one gather is quicker than a call for each layer.
_FEW = 4096


def copy_log(log):
    """A log that can grow without touching this one."""
    return {name: list(values) for name, values in log.items()}


def record(log, **values):
    """Append an epoch; a column that is new, or has no value now, is filled with NaN."""
    n_before = len(next(iter(log.values()))) if log else 0
    for name in values.keys() - log.keys():
        log[name] = [np.nan] * n_before
    for name, column in log.items():
        column.append(values.get(name, np.nan))


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
        parts = self.views if self.index is None else [self.theta.take(self.index)]
        # Not through BLAS: its threads would be woken for a sum.
        squares = sum(float(np.einsum("i,i->", part, part)) for part in parts)
        return sum(int(np.count_nonzero(part)) for part in parts), squares**0.5
