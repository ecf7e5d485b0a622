"""Data that ships with the package, and generators whose truth is known."""

from skreg.datasets.linear import make_ar1_regression
from skreg.datasets.mnist import load_mnist_subset

__all__ = ["load_mnist_subset", "make_ar1_regression"]
