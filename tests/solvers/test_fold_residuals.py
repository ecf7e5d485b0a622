"""Residuals of many models at once against the formulas of each."""

import numpy as np
import pytest

from skreg._kernels import line
from skreg.losses import get_loss

NAMES = ("binary_log_loss", "poisson", "gamma", "huber", "multinomial_log_loss")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 7, 400])
def test_they_are_those_of_every_model_alone(name, n):
    rng, loss = np.random.default_rng(n), get_loss(name)
    K = 3 if loss.coupled else 1
    y = np.eye(K)[rng.integers(0, K, n)] if loss.coupled else rng.integers(1, 3, (n, 1)) - 0.0
    if name == "binary_log_loss":
        y -= 1.0
    raw, change = rng.normal(size=(n, 5, K)), rng.normal(size=(n, 3, K))
    shares, lengths = rng.random((n, 4)), np.array([1.0, 0.5, 0.0])
    on, parts = np.array([0, 3, 4]), np.array([2, 2, 3])
    found, slopes, bends = line.residuals(
        name, loss.parameter, y, raw, change, lengths, on, shares, parts
    )
    for a in range(3):
        _, slope, bend = loss.derivatives(y, raw[:, on[a]] + lengths[a] * change[:, a])
        share = shares[:, [parts[a]]]
        np.testing.assert_allclose(found[:, a], share * slope, rtol=1e-12, atol=1e-15)
        assert slopes[a] == pytest.approx(np.sum(share * slope * change[:, a]), rel=1e-10)
        bend = bend * (1.0 - bend) if loss.coupled else bend
        assert bends[a] == pytest.approx(np.sum(share * bend), rel=1e-10)


def test_columns_that_are_not_there_are_refused():
    raw, shares = np.zeros((2, 3, 1)), np.ones((2, 1))
    with pytest.raises(ValueError, match="columns of raw and shares"):
        line.residuals(
            "poisson", 0.0, np.ones((2, 1)), raw, raw[:, :1].copy(), np.ones(1),
            np.array([3]), shares, np.zeros(1, dtype=np.intp),
        )  # fmt: skip
