"""Second derivatives, conjugates, target checks: what the linear models ask of a loss."""

import numpy as np
import pytest
import reference_losses as reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skreg._kernels import losses as kernels
from skreg.losses import LOSSES, get_loss

names = pytest.mark.parametrize("name", reference.NAMES)


def make(name):
    return get_loss(name, **reference.PARAMETERS.get(name, {}))


def raws(name, bound=20.0):
    shapes = st.integers(1, 6).map(lambda n: (n, reference.n_outputs(name)))
    return arrays(np.float64, shapes, elements=st.floats(-bound, bound))


def random_rows(name, n=50, seed=0):
    f = np.random.default_rng(seed).normal(size=(n, reference.n_outputs(name)))
    return reference.targets(name, f, seed + 1), f


def hessians(loss, curvature):
    """Rows' Hessians (n, K, K)."""
    if loss.coupled:
        return np.einsum("ni,ij->nij", curvature, np.eye(curvature.shape[1])) - np.einsum(
            "ni,nj->nij", curvature, curvature
        )
    return np.einsum("ni,ij->nij", curvature, np.eye(curvature.shape[1]))


def test_every_loss_is_registered_and_tested():
    assert set(LOSSES) == set(reference.NAMES)
    with pytest.raises(ValueError, match=r"loss must be one of .*'gamma'.* got 'hinge'"):
        get_loss("hinge")


@names
@given(data=st.data())
def test_values_equal_the_twin_and_are_not_negative(name, data):
    f = data.draw(raws(name))
    y = reference.targets(name, f)
    value = make(name).derivatives(y, f)[0]
    expected = reference.value(name, y, f)
    size = 1 + np.abs(f).sum(axis=1) * (1 + np.abs(y).sum(axis=1)) + np.abs(expected)
    assert (np.abs(value - expected) <= 1e-13 * size).all()
    assert (value >= -1e-13 * size).all()


@names
def test_gradient_and_curvature_equal_central_differences(name):
    loss, h = make(name), 1e-5
    y, f = random_rows(name)
    if name == "quantile":  # away from the kink
        y, f = y[np.abs(f - y)[:, 0] > 1e-3], f[np.abs(f - y)[:, 0] > 1e-3]
    if name == "huber":  # away from the kinks of the slope
        r = np.abs(np.abs(f - y) - reference.DELTA)[:, 0]
        y, f = y[r > 1e-3], f[r > 1e-3]
    _, gradient, curvature = loss.derivatives(y, f)
    full = hessians(loss, curvature)
    for k in range(f.shape[1]):
        step = h * (np.arange(f.shape[1]) == k)
        up, down = loss.derivatives(y, f + step), loss.derivatives(y, f - step)
        np.testing.assert_allclose(gradient[:, k], (up[0] - down[0]) / (2 * h), atol=2e-8)
        np.testing.assert_allclose(full[:, k], (up[1] - down[1]) / (2 * h), rtol=1e-7, atol=2e-8)


@names
@given(data=st.data())
def test_fenchel_young(name, data):
    """ℓ(y, f) + ℓ*(u) ≥ u·f, with equality at u = ∂ℓ/∂f."""
    loss = make(name)
    f = data.draw(raws(name, bound=5.0))
    y = reference.targets(name, f)
    value, u, _ = loss.derivatives(y, f)
    other = data.draw(arrays(np.float64, f.shape, elements=st.floats(-5, 5)))
    size = 1e-12 * (1 + np.abs(value) + np.abs(u * f).sum(axis=1) + np.abs(u * y).sum(axis=1))
    np.testing.assert_array_less(
        np.abs(value + loss.conjugate(y, u) - np.sum(u * f, axis=1)), size + 1e-12
    )
    # Of any u in the domain: the slopes of the loss elsewhere.
    v = loss.derivatives(y, other)[1]
    assert (value + loss.conjugate(y, v) - np.sum(v * f, axis=1) >= -size - 1e-9).all()


@names
@given(t=st.floats(0, 1))
def test_a_dual_point_may_be_shrunk(name, t):
    loss = make(name)
    y, f = random_rows(name)
    u = loss.derivatives(y, 4 * f)[1]
    assert np.isfinite(loss.conjugate(y, t * u)).all()
    assert (loss.conjugate(y, 0 * u) <= 1e-15).all()


@pytest.mark.parametrize(
    ("name", "y", "u"),
    [
        ("huber", 0.3, 1.36),
        ("quantile", 0.3, 0.71),
        ("quantile", 0.3, -0.31),
        ("poisson", 2.0, -2.1),
        ("gamma", 2.0, 1.1),
        ("tweedie", 0.0, -0.1),
        ("negative_binomial", 2.0, -2.1),
        ("negative_binomial", 2.0, 1.1),
        ("binary_log_loss", 1.0, 0.1),
        ("binary_log_loss", 1.0, -1.1),
    ],
)
def test_the_conjugate_is_infinite_outside_its_domain(name, y, u):
    assert make(name).conjugate(np.array([[y]]), np.array([[u]])) == np.inf


def test_the_multinomial_conjugate_is_infinite_off_the_simplex():
    loss, y = make("multinomial_log_loss"), np.eye(3)
    assert (loss.conjugate(y, np.full((3, 3), 0.1)) == np.inf).all()
    assert (loss.conjugate(y, np.eye(3)[[1, 2, 0]] - np.eye(3)[[2, 0, 1]]) == np.inf).all()


@names
@pytest.mark.parametrize("size", [1e3, 1e6])
def test_raw_predictions_and_targets_of_any_size_give_finite_numbers(name, size):
    f = np.repeat([[size], [-size]], reference.n_outputs(name), axis=1)
    f[:, 1:] *= -1
    large = name in reference.OF_NUMBERS
    y = np.full_like(f, 1e6) if large else np.eye(f.shape[1])[[0, 0]]
    for part in make(name).derivatives(y, f):
        assert np.isfinite(part).all()


@names
def test_nan_comes_through(name):
    y, f = random_rows(name, n=2)
    f[0, 0] = np.nan
    value, gradient, _ = make(name).derivatives(y, f)
    assert np.isnan(value[0])
    assert np.isnan(gradient[0, 0])
    assert np.isfinite(value[1])


@names
def test_pointwise_is_the_first_part_of_derivatives(name):
    y, f = random_rows(name)
    value, gradient = make(name).pointwise(y, f)
    expected = make(name).derivatives(y, f)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-15)


def test_the_logarithm_of_the_kernels_over_its_whole_range():
    """For f = 0 the gamma loss is y − 1 − log y; subtracting y − 1 leaves the logarithm."""
    y = np.concatenate([np.geomspace(1e-300, 1.0, 4001), 1 + np.linspace(-0.5, 1.0, 4001)])
    value = get_loss("poisson").derivatives(y[:, None], np.zeros((len(y), 1)))[0]
    expected = y * np.log(y) - y + 1
    np.testing.assert_allclose(value, expected, rtol=0, atol=4e-16)


@pytest.mark.parametrize(
    ("name", "y", "match"),
    [
        ("poisson", [[1.0], [-1.0]], "must not be negative .* got -1.0 in row 1"),
        ("poisson", [[0.0], [0.0]], "0 in every row"),
        ("tweedie", [[1.0], [-1.0]], "must not be negative .* got -1.0 in row 1"),
        ("negative_binomial", [[0.0], [0.0]], "0 in every row"),
        ("gamma", [[1.0], [0.0]], "must be positive .* got 0.0 in row 1"),
        ("binary_log_loss", [[0.5], [2.0]], "got 2.0 in row 1"),
        ("multinomial_log_loss", [[0.5, 0.5], [0.5, 0.6]], "sum 1 .* row 1"),
    ],
)
def test_targets_that_a_loss_cannot_take_are_refused(name, y, match):
    with pytest.raises(ValueError, match=match):
        get_loss(name).check_targets(np.array(y))


@names
def test_targets_of_the_right_kind_pass(name):
    y, _ = random_rows(name)
    assert make(name).check_targets(y) is None


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan])
def test_huber_refuses_a_delta_that_is_not_positive(delta):
    with pytest.raises(ValueError, match="delta must be a positive number"):
        get_loss("huber", delta=delta)


def test_the_kernel_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="no loss is named 'hinge'"):
        kernels.derivatives("hinge", np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="same shape"):
        kernels.derivatives("gamma", np.zeros((1, 1)), np.zeros((2, 1)))
    assert kernels.derivatives("gamma", np.zeros((0, 1)), np.zeros((0, 1)))[0].shape == (0,)


@pytest.mark.parametrize("far", [5.0, 20.0, 40.0, 300.0])
def test_log_loss_of_rows_far_on_the_right_side_keeps_its_digits(far):
    """log(1 + exp(−f)) and exp(−f), where log(1 + exp(f)) − f would be 0."""
    small = np.exp(-np.longdouble(far))
    for y in (1.0, 0.0):
        raw = np.array([[far if y else -far]])
        value, slope, bend = make("binary_log_loss").derivatives(np.array([[y]]), raw)
        assert value[0] == pytest.approx(float(np.log1p(small)), rel=1e-14)
        assert (1 - 2 * y) * slope[0, 0] == pytest.approx(float(small / (1 + small)), rel=1e-14)
        assert bend[0, 0] == pytest.approx(float(small / (1 + small) ** 2), rel=1e-14)
