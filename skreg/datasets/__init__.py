"""Data that ships with the package, and generators whose truth is known."""

from skreg._state import published
from skreg.datasets.linear import make_ar1_regression
from skreg.datasets.mnist import load_mnist_subset
from skreg.datasets.nonlinear import make_friedman_sum
from skreg.datasets.playground import make_playground
from skreg.datasets.playground_features import PlaygroundFeatures

published(__name__, PlaygroundFeatures)

__all__ = [
    "PlaygroundFeatures",
    "load_mnist_subset",
    "make_ar1_regression",
    "make_friedman_sum",
    "make_playground",
]
