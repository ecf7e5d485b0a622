"""The objective and its gradient: against finite differences and against the NumPy twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_cases import ACTIVATIONS, LOSSES, cases, make_case


@given(cases())
def test_objective_and_gradient_equal_the_twin(case):
    objective, gradient = case.problem.objective_and_gradient(case.theta)
    assert np.isclose(objective, case.twin.objective(case.theta, *case.data), rtol=1e-12)
    np.testing.assert_allclose(
        gradient, case.twin.gradient(case.theta, *case.data), rtol=1e-9, atol=1e-13
    )


@given(cases(dtype=np.float32))
def test_float32_is_right_to_its_precision(case):
    objective, gradient = case.problem.objective_and_gradient(case.theta)
    theta = case.theta.astype(float)
    expected = case.twin.gradient(theta, *case.data)
    assert gradient.dtype == np.float32
    assert np.isclose(objective, case.twin.objective(theta, *case.data), rtol=1e-5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (3,), (4, 3, 2)])
@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "elasticnet"])
def test_gradient_equals_central_differences(loss, activation, hidden, penalty):
    case = make_case(
        (2, *hidden, 2), activation=activation, loss=loss, penalty=penalty, weights="real", n=5
    )
    h, gradient = 1e-6, case.problem.objective_and_gradient(case.theta)[1]
    for i, slope in enumerate(gradient):
        forward, backward = case.theta.copy(), case.theta.copy()
        forward[i] += h
        backward[i] -= h
        rise = (
            case.problem.objective_and_gradient(forward)[0]
            - case.problem.objective_and_gradient(backward)[0]
        )
        assert np.isclose(slope, rise / (2 * h), rtol=1e-6, atol=1e-8)


@given(cases())
def test_biases_are_not_penalized(case):
    free = case.changed(alpha=0.0).problem.objective_and_gradient(case.theta)[1]
    pull = case.problem.objective_and_gradient(case.theta)[1] - free
    assert np.all(pull[~case.twin.is_weight] == 0)
    twin = case.twin
    expected = twin.spread(twin.l2) * case.theta + twin.spread(twin.l1) * np.sign(case.theta)
    np.testing.assert_allclose(
        pull[case.twin.is_weight], expected[case.twin.is_weight], rtol=1e-6, atol=1e-12
    )


def test_l1_has_no_pull_at_zero():
    case = make_case(penalty="l1", alpha=1.0)
    theta = np.zeros_like(case.theta)
    pull = (
        case.problem.objective_and_gradient(theta)[1]
        - case.changed(alpha=0.0).problem.objective_and_gradient(theta)[1]
    )
    assert np.all(pull == 0)


@given(cases())
def test_objective_and_gradient_leaves_its_inputs_alone(case):
    theta, X, Y = case.theta.copy(), case.problem.X.copy(), case.problem.Y.copy()
    case.problem.objective_and_gradient(case.theta)
    assert np.array_equal(theta, case.theta)
    assert np.array_equal(X, case.problem.X)
    assert np.array_equal(Y, case.problem.Y)


@given(cases())
def test_scaling_all_weights_changes_nothing(case):
    if case.problem.sample_weight is None:
        case = case.changed(sample_weight=np.ones(len(case.problem.X)))
    scaled = case.changed(sample_weight=7.3 * case.problem.sample_weight)
    one, other = (c.problem.objective_and_gradient(case.theta) for c in (case, scaled))
    assert np.isclose(one[0], other[0], rtol=1e-13)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-10, atol=1e-14)


@given(cases())
def test_integer_weights_equal_repeated_rows(case):
    X, Y, _ = case.data
    counts = np.r_[2, np.arange(len(X) - 1) % 4]
    weighted = case.changed(sample_weight=counts.astype(float))
    repeated = case.changed(
        X=np.repeat(X, counts, axis=0), Y=np.repeat(Y, counts, axis=0), sample_weight=None
    )
    one, other = (c.problem.objective_and_gradient(case.theta) for c in (weighted, repeated))
    assert np.isclose(one[0], other[0], rtol=1e-12)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-9, atol=1e-13)


@given(cases())
def test_permuting_rows_changes_nothing(case):
    X, Y, weights = case.data
    order = np.random.default_rng(1).permutation(len(X))
    moved = case.changed(
        X=X[order], Y=Y[order], sample_weight=None if weights is None else weights[order]
    )
    one, other = (c.problem.objective_and_gradient(case.theta) for c in (case, moved))
    assert np.isclose(one[0], other[0], rtol=1e-12)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("loss", ["squared_error", "multinomial_log_loss"])
def test_permuting_outputs_with_their_targets_permutes_the_gradient(loss):
    case = make_case((3, 5, 4), loss=loss, penalty="elasticnet")
    order = np.array([2, 0, 3, 1])
    theta = case.theta.copy()
    W, b = case.twin.layers(theta)[-1]
    W[:], b[:] = W[:, order].copy(), b[order].copy()
    moved = case.changed(Y=case.problem.Y[:, order].copy())
    one, other = (
        case.problem.objective_and_gradient(case.theta),
        (moved.problem.objective_and_gradient(theta)),
    )
    assert np.isclose(one[0], other[0], rtol=1e-13)
    (W, b), (V, c) = case.twin.layers(one[1])[-1], case.twin.layers(other[1])[-1]
    np.testing.assert_allclose(W[:, order], V, rtol=1e-12)
    np.testing.assert_allclose(b[order], c, rtol=1e-12)
    np.testing.assert_allclose(
        case.twin.layers(one[1])[0][0], case.twin.layers(other[1])[0][0], rtol=1e-11
    )


WIDTHS = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 129]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    st.lists(st.sampled_from(WIDTHS), min_size=2, max_size=4),
    st.integers(1, 130),
    st.integers(0, 1000),
)
def test_products_of_every_size(dtype, units, n, seed):
    """Around the widths of vectors and blocks, where a compiled product changes its loop."""
    case = make_case(tuple(units), n=n, dtype=dtype, seed=seed)
    theta = (0.2 * case.theta).astype(dtype)
    objective, gradient = case.problem.objective_and_gradient(theta)
    raw = np.empty_like(case.problem.Y)
    case.problem.network().forward(theta, case.problem.X, raw)
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    theta = theta.astype(float)
    expected = case.twin.gradient(theta, *case.data)
    assert np.isclose(objective, case.twin.objective(theta, *case.data), rtol=tolerance)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    expected = case.twin.forward(theta, case.problem.X)[1][-1]
    np.testing.assert_allclose(raw, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_with_several_row_tasks_and_several_tiles(dtype):
    case = make_case((70, 300, 130, 5), loss="multinomial_log_loss", n=600, dtype=dtype)
    theta = (0.1 * case.theta).astype(dtype)
    rows, tiles = case.problem.network().tasks(600)
    assert rows < 600
    assert len(tiles) > 3
    objective, gradient = case.problem.objective_and_gradient(theta)
    tolerance = 1e-11 if dtype == np.float64 else 1e-4
    theta = theta.astype(float)
    assert np.isclose(objective, case.twin.objective(theta, *case.data), rtol=tolerance)
    expected = case.twin.gradient(theta, *case.data)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=tolerance * np.abs(expected).max())
