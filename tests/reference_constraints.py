"""NumPy twins of the networks' groups, constraints and dropout, from their definitions."""

import numpy as np
from scipy.optimize import brentq


def shrink_group(z, d, weight):
    """argmin_u ½Σ(u − z)²/d + weight·‖u‖₂, by bisection on ‖u‖."""
    if np.sum((z / d) ** 2) <= weight**2:
        return 0 * z
    if weight == 0:
        return z

    def excess(r):
        return np.sum((z / (r + weight * d)) ** 2) - 1

    r = brentq(excess, 0, np.linalg.norm(z), xtol=1e-300, rtol=1e-15)
    return z * r / (r + weight * d)


def shrink_inputs(layers, steps, weight):
    """Rows of the first matrix, in place; ``layers`` and ``steps`` are lists of (W, b).

    ``weight`` is a number, or one for each row.
    """
    W, d = layers[0][0], steps[0][0]
    for i, w in enumerate(np.broadcast_to(weight, len(W))):
        W[i] = shrink_group(W[i], d[i], w)


def shrink_neurons(layers, steps, weights):
    """Incoming and outgoing weights of each hidden neuron, in place: odd layers, then even ones."""
    for parity in (0, 1):
        for level in range(parity, len(layers) - 1, 2):
            V, W = layers[level][0], layers[level + 1][0]
            dV, dW = steps[level][0], steps[level + 1][0]
            for j in range(V.shape[1]):
                z, d = np.r_[V[:, j], W[j]], np.r_[dV[:, j], dW[j]]
                V[:, j], W[j] = np.split(shrink_group(z, d, weights[level]), [len(V)])


def project(z, d, bound, l1, l2):
    """argmin_u Σ(u − z)²/d with l1·‖u‖₁ + l2·½‖u‖² ≤ bound, by bisection on the multiplier."""

    def along(mu):
        return np.sign(z) * np.maximum(np.abs(z) - mu * l1 * d, 0) / (1 + mu * l2 * d)

    def excess(mu):
        u = along(mu)
        return l1 * np.abs(u).sum() + 0.5 * l2 * np.sum(u**2) - bound

    if excess(0.0) <= 0:
        return z
    top = 1.0
    while excess(top) > 0:
        top *= 2
    return along(brentq(excess, 0, top, xtol=1e-300, rtol=1e-15))


def shorten_columns(layers, limit):
    """Columns of every matrix longer than ``limit`` are scaled to it, in place."""
    for W, _ in layers:
        W *= np.minimum(1, limit / np.maximum(np.linalg.norm(W, axis=0), 1e-300))


def _mix64(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _mix32(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def dropout_mask(seed, step, layer, rows, width, rate):
    """1/(1 − rate) where a unit of a batch's row is kept, else 0; steps count from 1."""
    with np.errstate(over="ignore"):
        golden = np.uint64(0x9E3779B97F4A7C15)
        place = golden * np.uint64(256 * step + layer + 1)
        key = _mix64(_mix64(np.uint64(seed) + golden) + place)
        row_keys = _mix64(key + np.arange(rows, dtype=np.uint64)).astype(np.uint32)
        noise = _mix32(row_keys[:, None] + np.arange(width, dtype=np.uint32))
    return np.where(noise < np.uint32(rate * 2**32), 0, 1 / (1 - rate))
