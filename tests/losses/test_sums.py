"""Sums over the rows of a risk of one output, and the intercept at which slopes sum to 0."""

import numpy as np
import pytest
from reference_losses import PARAMETERS, targets, value
from scipy.optimize import brentq

from skreg._kernels import losses
from skreg.losses import get_loss
from skreg.losses.base import CompiledLoss

NAMES = ["binary_log_loss", "poisson", "gamma", "tweedie", "negative_binomial", "huber"]


def rows(name, n=3000):
    """A loss, y and raw predictions (n, 1), and shares some of which are 0."""
    rng = np.random.default_rng(0)
    loss = get_loss(name, **PARAMETERS.get(name, {}))
    share = rng.random(n) * (rng.random(n) < 0.8)
    raw = rng.normal(size=(n, 1))
    return loss, np.ascontiguousarray(targets(name, raw)), raw, share / share.sum()


@pytest.mark.parametrize("name", NAMES)
def test_sums_and_slopes_are_those_of_the_rows(name):
    loss, y, raw, share = rows(name)
    assert isinstance(loss, CompiledLoss)
    total, slope, bend = losses.risk(name, y, raw, share, loss.parameter)
    _, slopes, bends = loss.derivatives(y, raw)
    assert total == pytest.approx(share @ value(name, y, raw), rel=1e-12)
    np.testing.assert_array_equal(slope, slopes * share[:, None])
    np.testing.assert_array_equal(bend, bends * share[:, None])


@pytest.mark.parametrize("start", [-3.0, 0.0, 40.0])
@pytest.mark.parametrize("name", NAMES)
def test_the_intercept_is_where_slopes_cancel(name, start):
    loss, y, raw, share = rows(name)

    def slope_at(b):
        return share @ loss.derivatives(y, raw + b)[1][:, 0]

    moved = raw + start
    steps = losses.InterceptSteps(20.0)
    b, slope, (total, slopes, _) = losses.centered(
        name, y, moved, share, start, steps, 1e-12, 100, loss.parameter
    )
    assert b == pytest.approx(brentq(slope_at, -50.0, 50.0, xtol=1e-13), abs=1e-8)
    assert abs(slope) <= 1e-12
    np.testing.assert_allclose(moved, raw + b, rtol=0, atol=1e-12)
    assert total == pytest.approx(share @ value(name, y, moved), rel=1e-12)
    assert slopes.sum() == pytest.approx(slope, abs=1e-14)


def test_shapes_that_do_not_fit_are_refused():
    y, share = np.zeros((3, 1)), np.full(3, 1 / 3)
    with pytest.raises(ValueError, match="a number for each row"):
        losses.risk("poisson", y, np.zeros((2, 1)), share, 0.0)
    with pytest.raises(ValueError, match="no loss of one output"):
        losses.risk("multinomial_log_loss", y, y, share, 0.0)
