import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skreg import QuadraticApproxRidge, RegularizedMLPClassifier
from skreg.plotting import NetworkDisplay
from skreg.plotting._canvas import NEGATIVE, POSITIVE

# Two inputs, three hidden units: the second hears nothing, the third is not heard; one output.
COEFS = [np.array([[1.0, 0.0, -2.0], [0.5, 0.0, 0.0]]), np.array([[4.0], [1.0], [0.0]])]


def test_widths_and_colors():
    display = NetworkDisplay(coefs=COEFS).plot(max_width=8.0)
    first, second = display.links_
    # From thin to wide: 0.5, 1 and -2; zeros are not drawn.
    np.testing.assert_allclose(first.get_linewidths(), [1.0, 2.0, 4.0])
    np.testing.assert_allclose(second.get_linewidths(), [2.0, 8.0])
    colors = [tuple(color[:3]) for color in first.get_colors()]
    assert colors == [to_rgb(POSITIVE), to_rgb(POSITIVE), to_rgb(NEGATIVE)]
    dashes = [pattern[1] for pattern in first.get_linestyles()]
    assert dashes[0] is None
    assert dashes[2] is not None
    # Each line goes from its input to its unit.
    places = [units.get_offsets() for units in display.units_]
    np.testing.assert_allclose(first.get_segments()[2], [places[0][0], places[1][2]])


def test_dead_units_are_faint():
    display = NetworkDisplay(coefs=COEFS).plot()
    assert [live.tolist() for live in display.is_live] == [
        [True, True],
        [True, False, False],
        [True],
    ]
    edges = display.units_[1].get_edgecolors()[:, 0]
    assert edges[0] == 0
    assert edges[1] == edges[2] > 0.7
    np.testing.assert_allclose(display.links_[0].get_alpha(), [0.85, 0.85, 0.12])


def test_an_input_without_weights_is_dead_and_its_name_gray():
    coefs = [np.array([[1.0], [0.0]]), np.array([[1.0]])]
    display = NetworkDisplay(coefs=coefs, feature_names=["heard", "deaf"]).plot()
    assert display.is_live[0].tolist() == [True, False]
    colors = {label.get_text(): label.get_color() for label in display.labels_}
    assert colors["heard"] == "black" != colors["deaf"]


@pytest.mark.parametrize("kind", [RegularizedMLPClassifier, MLPClassifier])
def test_from_estimator_names_inputs_and_classes(kind):
    X, y = load_iris(return_X_y=True, as_frame=True)
    network = kind((5, 3), max_iter=500, tol=1e-2, random_state=0).fit(X, y.map("ABC".__getitem__))
    display = NetworkDisplay.from_estimator(network)
    assert [len(units.get_offsets()) for units in display.units_] == [4, 5, 3, 3]
    assert [label.get_text() for label in display.labels_] == [*X.columns, "A", "B", "C"]
    for links, weights in zip(display.links_, network.coefs_, strict=True):
        assert len(links.get_segments()) == np.count_nonzero(weights)


def test_two_classes_have_one_output_named_by_the_second():
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    network = RegularizedMLPClassifier((), max_iter=2, tol=0, n_iter_no_change=np.inf)
    display = NetworkDisplay.from_estimator(network.fit(X, ["no", "no", "yes", "yes"]))
    assert [label.get_text() for label in display.labels_] == ["a", "b", "yes"]


def test_large_layers_show_their_largest_units():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(30, 2)) * np.where(np.arange(30) % 10 == 3, 10.0, 1.0)[:, None]
    display = NetworkDisplay(coefs=[weights, np.ones((2, 1))]).plot(max_units=3)
    assert display.shown[0].tolist() == [3, 13, 23]
    texts = [label.get_text() for label in display.labels_]
    assert texts == ["x3", "x13", "x23", "and 27 more", "output"]


def test_others_than_networks_and_wrong_names_are_refused():
    ridge = QuadraticApproxRidge().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="has no coefs_"):
        NetworkDisplay.from_estimator(ridge)
    with pytest.raises(ValueError, match="feature_names holds 1 names for 2"):
        NetworkDisplay(coefs=COEFS, feature_names=["a"])
