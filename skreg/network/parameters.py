"""The flat parameter vector θ of a dense network: its start and its layers."""

from itertools import pairwise

import numpy as np

# How far members' factors of an input start from 1: signs at random, which is further, cost a small
# table more than members gain.
_SPREAD = 0.5


def layer_views(theta, units):
    """Weights and biases of every layer, as views of the flat θ.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        For each layer its weights, fan_in × fan_out row-major, then its biases.
    units : sequence of int
        Width of the input, of every hidden layer and of the output.

    Returns
    -------
    weights : list of ndarray of shape (fan_in, fan_out)
    biases : list of ndarray of shape (fan_out,)
    """
    weights, biases, start = [], [], 0
    for fan_in, fan_out in pairwise(units):
        end = start + fan_in * fan_out
        weights.append(theta[start:end].reshape(fan_in, fan_out))
        biases.append(theta[end : end + fan_out])
        start = end + fan_out
    return weights, biases


def n_parameters(units, n_members=1, n_waves=0):
    """The number of weights and biases, and of what members and waves have beside them."""
    own = n_members * sum(units[:2]) if n_members > 1 else 0
    return own + 2 * n_waves + sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(units))


def initial_theta(units, rng, dtype, init="glorot", n_members=1, waves=()):
    """Random start by a uniform law whose bound the layer's width gives; biases are 0.

    Parameters
    ----------
    units : sequence of int
    rng : numpy.random.RandomState
    dtype : dtype
        The numbers are drawn in float64, so that both precisions start from the same point.
    init : {"glorot", "he"}
        Weights in ±√(6/(fan_in + fan_out)); or of hidden layers in ±√(6/fan_in), which keeps the
        size of what ReLUs let through, and of the output layer, which has none, in ±√(3/fan_in).
    n_members : int
        Of an ensemble: every member's outputs start as those of a network by itself, and each input
        is multiplied by a normal number of mean 1.
    waves : Waves
        Among the inputs.

    References
    ----------
    X. Glorot, Y. Bengio (2010), "Understanding the difficulty of training deep feedforward neural
    networks". K. He, X. Zhang, S. Ren, J. Sun (2015), "Delving deep into rectifiers".
    """
    theta = np.zeros(n_parameters(units, n_members, len(waves)), dtype=dtype)
    matrices = layer_views(theta, units)[0]
    for level, weights in enumerate(matrices, start=1):
        fan_in, fan_out = weights.shape
        if level == len(matrices):
            fan_out //= n_members
        if init == "glorot":
            bound = np.sqrt(6.0 / (fan_in + fan_out))
        else:
            bound = np.sqrt((6.0 if level < len(matrices) else 3.0) / fan_in)
        weights[...] = rng.uniform(-bound, bound, size=weights.shape)
    if n_members > 1:
        own = theta[n_parameters(units) :][: n_members * units[0]]
        own[:] = rng.normal(1.0, _SPREAD, size=len(own))
    if waves:
        waves.start(theta, rng)
    return theta
