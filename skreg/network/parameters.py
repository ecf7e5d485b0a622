"""The flat parameter vector θ of a dense network: its start and its layers."""

from itertools import pairwise

import numpy as np


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


def initial_theta(units, rng, dtype):
    """Random start by Glorot's uniform law; biases are 0.

    A penalised network wants small weights: He's law, which doubles their variance before a ReLU,
    starts with up to twice the penalty and spends epochs on losing it. The numbers are drawn in
    float64, so that both precisions start from the same point.

    References
    ----------
    X. Glorot, Y. Bengio (2010), "Understanding the difficulty of training deep feedforward neural
    networks".
    """
    n_parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(units))
    theta = np.zeros(n_parameters, dtype=dtype)
    for weights in layer_views(theta, units)[0]:
        bound = np.sqrt(6.0 / sum(weights.shape))
        weights[...] = rng.uniform(-bound, bound, size=weights.shape)
    return theta


def penalty_value(theta, units, penalty):
    """J over the weights of all layers; biases are not penalised."""
    return sum(penalty.value(weights) for weights in layer_views(theta, units)[0])
