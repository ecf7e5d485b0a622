"""The losses: their formulas, gradients, links, and behavior at the edges of the numbers."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, softmax
from sklearn.metrics import log_loss, mean_squared_error

from skreg.losses import BinaryLogLoss, MultinomialLogLoss, SquaredError

LOSSES = {loss.name: loss for loss in (SquaredError(), BinaryLogLoss(), MultinomialLogLoss())}


def targets(name, shape, seed=0):
    """Random targets of the right kind."""
    rng = np.random.default_rng(seed)
    if name == "squared_error":
        return rng.normal(size=shape)
    if name == "binary_log_loss":
        return rng.integers(2, size=shape).astype(float)
    return np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]


def raws(dtype, bound):
    """Raw predictions of shape (n, n_outputs)."""
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 5))
    width = 32 if dtype == np.float32 else 64
    return arrays(dtype, shapes, elements=st.floats(-bound, bound, width=width))


@pytest.mark.parametrize("name", LOSSES)
@given(raws(np.float64, 50.0))
def test_pointwise_equals_the_twin(name, raw):
    y = targets(name, raw.shape)
    value, gradient = LOSSES[name].pointwise(y, raw)
    expected = reference.losses(name, y, raw)
    # A small loss is what large raw predictions leave: log(1 + exp(f)) − f.
    rounding = 1e-14 + 4 * np.finfo(float).eps * np.abs(raw).sum(axis=1).max()
    np.testing.assert_allclose(value, expected[0], rtol=1e-12, atol=rounding)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_equals_central_differences(name):
    rng, h = np.random.default_rng(0), 1e-6
    raw = rng.normal(size=(4, 3))
    y = targets(name, raw.shape)
    gradient = LOSSES[name].pointwise(y, raw)[1]
    for j in range(3):
        step = h * (np.arange(3) == j)
        up, down = (LOSSES[name].pointwise(y, raw + s)[0] for s in (step, -step))
        np.testing.assert_allclose(gradient[:, j], (up - down) / (2 * h), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["binary_log_loss", "multinomial_log_loss"])
@given(raws(np.float32, 80.0))
def test_float32_is_accurate_to_a_few_units_in_the_last_place(name, raw):
    """Through the compiled exponential."""
    y = targets(name, raw.shape)
    value, gradient = LOSSES[name].pointwise(y, raw)
    exact, slope = reference.losses(name, y, raw.astype(float))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(value, exact, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=3e-7)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 4e-7), (np.float64, 8e-16)])
def test_exponential_over_its_whole_range(dtype, rtol):
    """For y = 0 and f < 0 the binary gradient is exp(f)/(1 + exp(f)): small ones show exp alone."""
    low = -87.0 if dtype == np.float32 else -708.0
    raw = np.linspace(low, 0, 20001).astype(dtype)[:, None]
    gradient = BinaryLogLoss().pointwise(np.zeros_like(raw), raw)[1]
    np.testing.assert_allclose(gradient[:, 0], expit(raw[:, 0].astype(np.longdouble)), rtol=rtol)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e2, 1e4])
def test_large_raw_predictions_give_finite_losses(name, dtype, size):
    raw = (size * np.array([[1, -1, 1], [-1, 1, -1], [0, 1, -1], [1, 1, 1]])).astype(dtype)
    y = np.tile([1.0, 0.0, 0.0], (4, 1))
    with np.errstate(all="raise"):
        value, gradient = LOSSES[name].pointwise(y, raw)
    expected = reference.losses(name, y, raw.astype(float))
    assert np.all(np.isfinite(value))
    np.testing.assert_allclose(value, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_nan_comes_through(name, dtype, column):
    raw, y = np.zeros((2, 3), dtype=dtype), np.tile([0.0, 1.0, 0.0], (2, 1))
    raw[0, column] = np.nan
    value, gradient = LOSSES[name].pointwise(y, raw)
    assert np.isnan(value[0])
    assert np.isnan(gradient[0, column])
    assert np.isfinite(value[1])


def test_value_equals_scikit_learn():
    rng = np.random.default_rng(0)
    raw, weights = rng.normal(size=(20, 3)), rng.uniform(size=20)
    y = targets("squared_error", (20, 3))
    # scikit-learn averages over the outputs, and has no ½.
    expected = 1.5 * mean_squared_error(y, raw, sample_weight=weights)
    assert np.isclose(SquaredError().value(y, raw, weights), expected)
    y = targets("multinomial_log_loss", (20, 3))
    expected = log_loss(y.argmax(axis=1), softmax(raw, axis=1), sample_weight=weights)
    assert np.isclose(MultinomialLogLoss().value(y, raw, weights), expected)
    y = targets("binary_log_loss", (20, 1))
    expected = log_loss(y[:, 0], expit(raw[:, 0]), sample_weight=weights)
    assert np.isclose(BinaryLogLoss().value(y, raw[:, :1], weights), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_pointwise_leaves_its_inputs_alone(name):
    raw = np.random.default_rng(0).normal(size=(4, 3))
    y = targets(name, raw.shape)
    before = raw.copy(), y.copy()
    raw.flags.writeable = y.flags.writeable = False
    LOSSES[name].pointwise(y, raw)
    assert np.array_equal(raw, before[0])
    assert np.array_equal(y, before[1])


def test_probabilities_sum_to_one_and_their_logarithms_stay_finite():
    for loss, raw in [
        (BinaryLogLoss(), np.array([[-800.0], [0.3], [800.0]])),
        (MultinomialLogLoss(), np.array([[-800.0, 0, 3], [0.1, 0.2, 0.3], [800, 0, -800]])),
    ]:
        probabilities, logarithms = loss.inverse_link(raw), loss.log_inverse_link(raw)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-15)
        assert np.all(np.isfinite(logarithms))
        np.testing.assert_allclose(np.exp(logarithms), probabilities, rtol=1e-12)


def test_pointwise_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match="same shape"):
        SquaredError().pointwise(np.zeros((2, 1)), np.zeros((3, 1)))
