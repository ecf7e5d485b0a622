"""Polynomials through what was found at the last few λ."""

import numpy as np


def best_weights(alphas, values, alpha):
    """Weights of the last rows of ``values`` that extrapolate them to ``alpha``.

    As many rows as would have told the last row from those before it best.
    """
    best, least = 1, np.inf
    for degree in range(1, len(alphas)):
        weights = lagrange(alphas[-1 - degree : -1], alphas[-1])
        error = np.abs(weights @ values[-1 - degree : -1] - values[-1]).max(initial=0.0)
        if error < least:
            best, least = degree, error
    return lagrange(alphas[-best:], alpha)


def lagrange(nodes, x):
    """Weights of a polynomial's values at ``nodes`` in its value at x."""
    weights = []
    for i, node in enumerate(nodes):
        weight = 1.0
        for other in nodes[:i] + nodes[i + 1 :]:
            weight *= (x - other) / (node - other)
        weights.append(weight)
    return np.array(weights)
