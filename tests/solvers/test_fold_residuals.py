"""Residuals and gradients of many models at once against the formulas of each."""

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
    raw = rng.normal(size=(n, 3, K))
    shares, parts = rng.random((n, 4)), np.array([2, 2, 3])
    found, bends = line.residuals(name, loss.parameter, y, raw, shares, parts)
    for a in range(3):
        _, slope, bend = loss.derivatives(y, np.ascontiguousarray(raw[:, a]))
        share = shares[:, [parts[a]]]
        np.testing.assert_allclose(found[:, a], share * slope, rtol=1e-12, atol=1e-15)
        bend = bend * (1.0 - bend) if loss.coupled else bend
        assert bends[a] == pytest.approx(np.sum(share * bend), rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["plain", "centered", "float32", "by column", "offset", "one"])
def test_gradients_of_one_pass_are_made_of_its_products(name, kind):
    rng, loss = np.random.default_rng(3), get_loss(name)
    n, p, K = 700, 40, 3 if loss.coupled else 1
    X = np.asarray(rng.normal(size=(n, p)), order="F" if kind == "by column" else "C")
    X = X.astype(np.float32) if kind == "float32" else X
    center = rng.normal(size=p) if kind == "centered" else np.zeros(p)
    y = np.eye(K)[rng.integers(0, K, n)] if loss.coupled else rng.integers(0, 2, (n, 1)) + 1.0
    y = y - 1.0 if name == "binary_log_loss" else y
    parts = np.array([1]) if kind == "one" else np.array([0, 1])
    offset = rng.normal(size=(n, K)) if kind == "offset" else None
    theta, shares = 0.1 * rng.normal(size=(p + 1, len(parts) * K)), rng.random((n, 2))
    gradient, bends = line.gradients(
        name, loss.parameter, X, center, theta, offset, y, shares, parts
    )
    rows = np.column_stack([X - center, np.ones(n)])
    raw = (rows @ theta).reshape(n, -1, K) + (0.0 if offset is None else offset[:, None])
    residual, expected = line.residuals(name, loss.parameter, y, raw, shares, parts)
    np.testing.assert_allclose(gradient, rows.T @ residual.reshape(n, -1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(bends, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("part", "rows", "length", "message"),
    [(0, 3, 2, "a row for each"), (1, 4, 2, "columns of"), (0, 4, 3, "a row for each of X")],
)
def test_gradients_that_do_not_fit_are_refused(part, rows, length, message):
    X, y, theta = np.ones((2, 3)), np.ones((length, 1)), np.zeros((rows, 1))
    with pytest.raises(ValueError, match=message):
        line.gradients("poisson", 0.0, X, np.zeros(3), theta, None, y, y.copy(), np.array([part]))
