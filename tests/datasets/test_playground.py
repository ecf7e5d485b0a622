import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from skreg.datasets import PlaygroundFeatures, make_playground

CLASSES = ["circle", "xor", "gauss", "spiral"]
NAMES = [*CLASSES, "plane", "multi-gauss"]
SEVEN = ["x1", "x2", "x1^2", "x2^2", "x1x2", "sin(x1)", "sin(x2)"]


@given(
    name=st.sampled_from(NAMES),
    n_samples=st.integers(1, 60),
    noise=st.floats(0, 100),
    seed=st.integers(0, 1000),
)
def test_shapes_targets_and_seed(name, n_samples, noise, seed):
    X, y = make_playground(name, n_samples, noise, seed)
    assert X.shape == (n_samples, 2)
    assert y.shape == (n_samples,)
    assert np.isfinite(X).all()
    if name in CLASSES:
        assert y.dtype.kind == "i"
        assert set(y) <= {-1, 1}
    else:
        assert y.dtype == np.float64
    for again, first in zip(make_playground(name, n_samples, noise, seed), (X, y), strict=True):
        np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("name", NAMES)
def test_as_many_points_as_the_playground_draws_in_random_order(name):
    X, y = make_playground(name, random_state=0)
    assert len(X) == (500 if name in CLASSES else 1200)
    if name in CLASSES:
        assert 0.3 < np.mean(y[:100] == 1) < 0.7
        assert (np.sum(y == 1) == 250) or name == "xor"


def test_circle_without_noise():
    X, y = make_playground("circle", 4000, random_state=0)
    r = np.linalg.norm(X, axis=1)
    assert r[y == 1].max() < 2.5 < 3.5 < r[y == -1].min() < r.max() < 5
    # The radius is uniform, not the area.
    assert r[y == 1].mean() == pytest.approx(1.25, abs=0.05)
    assert r[y == -1].mean() == pytest.approx(4.25, abs=0.05)


def test_xor_without_noise():
    X, y = make_playground("xor", 4000, random_state=0)
    np.testing.assert_array_equal(y, np.sign(X[:, 0] * X[:, 1]))
    assert 0.3 <= np.abs(X).min() < np.abs(X).max() <= 5.3


@pytest.mark.parametrize(("noise", "variance"), [(0, 0.5), (25, 2.25), (50, 4.0), (80, 6.1)])
def test_gauss(noise, variance):
    X, y = make_playground("gauss", 20_000, noise, random_state=0)
    for label in (1, -1):
        cloud = X[y == label]
        np.testing.assert_allclose(cloud.mean(axis=0), 2.0 * label, atol=0.1)
        np.testing.assert_allclose(
            np.cov(cloud.T), variance * np.eye(2), atol=0.05 * variance + 0.05
        )


def test_spiral_without_noise():
    X, y = make_playground("spiral", 500, random_state=0)
    r = np.linalg.norm(X, axis=1)
    for label, turned in ((1, 0.0), (-1, np.pi)):
        arm = y == label
        np.testing.assert_allclose(np.sort(r[arm]), 5 * np.arange(250) / 250, atol=1e-12)
        angle = 3.5 * np.pi * r[arm] / 5 + turned
        expected = r[arm, None] * np.column_stack([np.sin(angle), np.cos(angle)])
        np.testing.assert_allclose(X[arm], expected, atol=1e-9)


def test_regressions_without_noise():
    X, y = make_playground("plane", random_state=0)
    np.testing.assert_allclose(y, X.sum(axis=1) / 10)
    X, y = make_playground("multi-gauss", random_state=0)
    centers = {(-4, 2.5): 1, (0, 2.5): -1, (4, 2.5): 1, (-4, -2.5): -1, (0, -2.5): 1, (4, -2.5): -1}
    expected = np.zeros(len(X))
    for center, sign in centers.items():
        bump = sign * np.maximum(1 - np.hypot(*(X - center).T) / 2, 0)
        expected = np.where(np.abs(bump) > np.abs(expected), bump, expected)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    assert -1 <= y.min() < -0.9
    assert 0.9 < y.max() <= 1


@pytest.mark.parametrize("name", ["circle", "xor", "spiral", "plane", "multi-gauss"])
def test_noise_moves_labels_or_points_by_its_share(name):
    clean, noisy = (make_playground(name, 2000, noise, random_state=3) for noise in (0, 50))
    same_points = np.array_equal(clean[0], noisy[0])
    if name == "spiral":
        moved = np.abs(clean[0] - noisy[0])
        assert 0.45 < moved.max() <= 0.5
        np.testing.assert_array_equal(clean[1], noisy[1])
    elif name == "plane":
        assert same_points
        assert 0.5 < np.abs(clean[1] - noisy[1]).max() <= 0.6
    else:
        assert same_points
        assert 0.02 < np.mean(clean[1] != noisy[1]) < (0.5 if name != "multi-gauss" else 1.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "moons"}, "name"),
        ({"n_samples": 0}, "n_samples"),
        ({"noise": -1}, "noise"),
        ({"noise": 101}, "noise"),
    ],
)
def test_bad_parameters_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_playground(**{"name": "xor", **wrong})


def test_features_are_what_their_names_say():
    X = np.random.default_rng(0).normal(size=(20, 2))
    a, b = X.T
    transformer = PlaygroundFeatures("all")
    np.testing.assert_allclose(
        transformer.fit_transform(X),
        np.column_stack([a, b, a**2, b**2, a * b, np.sin(a), np.sin(b)]),
    )
    assert transformer.get_feature_names_out().tolist() == SEVEN
    assert clone(transformer).set_params(features=SEVEN[::-1]).fit(X).transform(X)[0, -1] == a[0]
    assert transformer.fit_transform(X.astype(np.float32)).dtype == np.float32


def test_feature_names_follow_the_columns():
    frame = pd.DataFrame({"height": [1.0, 2.0], "weight": [3.0, 4.0]})
    transformer = PlaygroundFeatures(["x2", "x1x2", "sin(x1)"]).set_output(transform="pandas")
    made = transformer.fit_transform(frame)
    assert list(made) == ["weight", "height weight", "sin(height)"]
    with pytest.raises(ValueError, match="input_features"):
        transformer.get_feature_names_out(["a", "b"])


@pytest.mark.parametrize("features", [(), ("x3",), "x1,x2"])
def test_features_that_there_are_not(features):
    with pytest.raises(ValueError, match=r"features=.*must be 'all', or one or more of x1, x2"):
        PlaygroundFeatures(features).fit([[1.0, 2.0]])


def test_other_numbers_of_columns_are_refused():
    with pytest.raises(ValueError, match=r"X has 3 features.*takes 2"):
        PlaygroundFeatures().fit([[1.0, 2.0, 3.0]])


def test_scikit_learns_checks():
    """All that is asked of a transformer, but what is asked with other than two columns."""
    results = check_estimator(PlaygroundFeatures(), on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    others = {
        name: error
        for name, error in failed.items()
        if "PlaygroundFeatures takes 2" not in f"{error} {error.__cause__}"
    }
    assert others == {}
    passed = {r["check_name"] for r in results if r["status"] == "passed"}
    assert {"check_estimator_cloneable", "check_no_attributes_set_in_init"} <= passed
