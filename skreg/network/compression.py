"""A smaller network with the same outputs: inputs and neurons that do nothing are taken out."""

import numpy as np

from skreg.network.activation import activate
from skreg.network.members import adapters
from skreg.network.parameters import layer_views


def compress(theta, units, activation, n_waves=0):
    """Drop the inputs and hidden neurons on which the outputs do not depend.

    A neuron whose incoming weights are all 0 puts out a constant, act(bias), for every row: times
    its outgoing weights that goes into the next layer's biases. A neuron whose outgoing weights are
    all 0 is not heard. One may make the other so, hence the rounds until nothing changes. A layer
    keeps at least one unit. In an ensemble a constant of the first hidden layer is another one for
    every member, and stays.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        Left as it is.
    units : sequence of int
        Width of the input, of every hidden layer and of the output.
    activation : str
    n_waves : int
        Among the inputs, the last ones: those that are dropped leave nothing behind.

    Returns
    -------
    theta : ndarray
    units : tuple of int
    kept : list of ndarray of int
        For the input and every hidden layer the units that stay.
    """
    weights, biases = layer_views(theta.copy(), units)
    factors, shifts = adapters(theta, units, n_waves)
    n_plain = units[0] - n_waves
    waves = theta[len(theta) - 2 * n_waves :].reshape(2, n_waves)
    kept = [np.arange(width) for width in units[:-1]]
    while _drop_neurons(weights, biases, kept, activation, int(len(factors) > 0)):
        pass
    heard = _at_least_one(np.any(weights[0] != 0, axis=1))
    weights[0], kept[0] = weights[0][heard], kept[0][heard]
    parts = [part for layer in zip(weights, biases, strict=True) for part in layer]
    if len(factors):
        parts += [factors[:, kept[0]], shifts[:, kept[1]]]
    parts.append(waves[:, kept[0][kept[0] >= n_plain] - n_plain])
    smaller = np.concatenate([part.ravel() for part in parts])
    return smaller, (*map(len, kept), units[-1]), kept


def _drop_neurons(weights, biases, kept, activation, first):
    """One round over the hidden layers; whether anything was dropped.

    Constants are looked for from layer ``first`` on.
    """
    dropped = False
    for level in range(len(weights) - 1):
        before, after = weights[level], weights[level + 1]
        constant = ~np.any(before != 0, axis=0)
        if constant.any() and level >= first:
            value = activate(activation, biases[level][constant])
            biases[level + 1] = biases[level + 1] + value @ after[constant]
            after[constant] = 0
        stays = _at_least_one(np.any(after != 0, axis=1))
        if not stays.all():
            dropped = True
            weights[level], biases[level] = before[:, stays], biases[level][stays]
            weights[level + 1], kept[level + 1] = after[stays], kept[level + 1][stays]
    return dropped


def _at_least_one(mask):
    if not mask.any():
        mask[0] = True
    return mask
