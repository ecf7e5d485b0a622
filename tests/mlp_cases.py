"""Small problems and quick networks for the tests of the network estimators."""

import numpy as np
from sklearn.datasets import make_classification, make_regression

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

KINDS = [RegularizedMLPClassifier, RegularizedMLPRegressor]


def data(kind, n=60, n_classes=3, seed=0):
    """A problem for either estimator."""
    if kind is RegularizedMLPClassifier:
        return make_classification(
            n, 6, n_informative=4, n_classes=n_classes, random_state=seed, class_sep=1.5
        )
    X, y = make_regression(n, 6, noise=1.0, random_state=seed)
    return X, y / y.std()


def small(kind, **params):
    """A quick network at a constant rate and without dropout."""
    defaults = dict(hidden_layer_sizes=(7,), max_iter=5, batch_size=16, learning_rate_init=0.01)
    plain = dict(learning_rate="constant", alpha=1e-4, dropout=0.0, random_state=0)
    return kind(**(defaults | plain | params))


def theta(network):
    """All parameters."""
    return np.concatenate([p.ravel() for p in (*network.coefs_, *network.intercepts_)])
