"""Activations and their slopes as functions of arrays, taken from the compiled network."""

import numpy as np

from skreg._kernels import network as kernel
from skreg.losses import SquaredError
from skreg.network.regularization import Regularization
from skreg.network.training import Objective


def activation_and_slope(activation, z):
    """act(z) and act′(z), by the compiled network itself.

    A network with one hidden unit for each number, whose weight it is, all outgoing weights 1 and
    one row, x = 1: the gradient by the first weights is ∂ℓ/∂f times the slopes, and ∂ℓ/∂f is made
    1.
    """
    flat = np.ascontiguousarray(z, dtype=np.float64).ravel()
    value = activate(activation, flat)
    size = len(flat)
    theta = np.concatenate([flat, np.zeros(size), np.ones(size), [0.0]])
    one = np.ones((1, 1))
    network = kernel.Network((1, size, 1), activation, "squared_error")
    out = np.empty((1, 1))
    network.forward(theta, one, out)
    objective = Objective((1, size, 1), activation, SquaredError(), Regularization(), one, out - 1)
    _, gradient = objective.objective_and_gradient(theta)
    return value.reshape(z.shape), gradient[:size].reshape(z.shape)


def activate(activation, z):
    """act(z) of a vector, by the compiled network itself: one unit of weight 1, and z its rows."""
    network = kernel.Network((1, 1, 1), activation, "squared_error")
    out = np.empty((len(z), 1), z.dtype)
    network.forward(np.array([1, 0, 1, 0], z.dtype), np.ascontiguousarray(z[:, np.newaxis]), out)
    return out[:, 0]
