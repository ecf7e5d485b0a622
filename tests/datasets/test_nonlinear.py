"""Friedman's function, summed: its formula, its variance, its errors."""

import numpy as np
import pytest
from sklearn.datasets import make_friedman1

from skreg.datasets import make_friedman_sum
from skreg.datasets.nonlinear import VARIANCE


def test_the_target_is_friedmans_function_of_each_five():
    X, y, support = make_friedman_sum(50, 13, snr=np.inf, return_support=True, random_state=3)
    assert len(set(support.tolist())) == 10
    total = 0
    for five in support.reshape(2, 5):
        # scikit-learn's generator draws the features itself: they are handed to it.
        total = total + make_friedman1(50, 5, random_state=Drawn(X[:, five]))[1]
    np.testing.assert_allclose(y, total, rtol=1e-12)


class Drawn(np.random.RandomState):
    """A generator that draws these features, and no noise."""

    def __init__(self, X):
        super().__init__(0)
        self.X = X

    def uniform(self, size):
        return self.X

    def standard_normal(self, size):
        return np.zeros(size)


def test_variance_and_noise_are_those_of_the_population():
    _, y = make_friedman_sum(200_000, 5, n_informative=5, snr=np.inf, random_state=0)
    assert np.isclose(y.var(), VARIANCE, rtol=0.01)
    _, noisy = make_friedman_sum(200_000, 5, n_informative=5, snr=4.0, random_state=0)
    assert np.isclose((noisy - y).var(), VARIANCE / 4, rtol=0.01)


def test_same_seed_same_data():
    once, again = (make_friedman_sum(9, 12, random_state=5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_informative": 7}, "n_informative=7 must be a multiple of 5"),
        ({"n_informative": 15}, "at most n_features=12"),
        ({"snr": 0}, "'snr'"),
        ({"n_samples": 0}, "'n_samples'"),
    ],
)
def test_bad_parameters_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_friedman_sum(**{"n_samples": 9, "n_features": 12, **wrong})
