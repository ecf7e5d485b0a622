import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import lars_path

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
)
from skreg.plotting import RegularizationPathDisplay
from skreg.plotting._canvas import QUIET, apart

X, y = load_diabetes(return_X_y=True, as_frame=True)


@pytest.mark.parametrize("x", ["alpha", "norm", "dof"])
def test_lines_are_the_paths_coefficients(x):
    path = QuadraticApproxLasso().regularization_path(X, y, alphas=30)
    display = RegularizationPathDisplay.from_path(path, x=x)
    at = {"alpha": path.alphas, "norm": path.norms, "dof": path.dof}[x]
    assert len(display.lines_) == 10
    for line, coef in zip(display.lines_, path.coefs.T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), at)
        drawn = line.get_ydata()
        np.testing.assert_array_equal(drawn[~np.isnan(drawn)], coef[~np.isnan(drawn)])
        assert np.all(coef[np.isnan(drawn)] == 0)
    low, high = display.ax_.get_xlim()
    assert (low > high) == (x == "alpha")  # the penalty falls to the right
    assert display.ax_.get_xscale() == ("log" if x == "alpha" else "linear")
    assert display.ax_.get_ylabel() == "coefficient"
    assert display.ax_.get_xlabel() == {"norm": "‖θ‖₁"}.get(x, display.ax_.get_xlabel())


def test_order_of_entry_is_that_of_least_angle_regression():
    display = RegularizationPathDisplay.from_estimator(QuadraticApproxLasso(), X, y, alphas=2000)
    corners = lars_path(X.to_numpy(), (y - y.mean()).to_numpy(), method="lasso")[2]
    first = np.argsort((corners != 0).argmax(axis=1), kind="stable").tolist()
    assert display.order_of_entry[:6].tolist() == first[:6]
    names = {label.get_text() for label in display.labels_}
    assert {f"{i} {X.columns[j]}" for i, j in enumerate(first[:6], start=1)} <= names
    # The dots stand on the zero line, each at the last λ before its coefficient enters.
    dots = display.entries_.get_offsets()
    assert np.all(dots[:, 1] == 0)
    assert np.all(dots[:, 0] >= display.entered[display.order_of_entry])


def test_ridge_has_no_order_of_entry():
    display = RegularizationPathDisplay.from_estimator(QuadraticApproxRidge(), X, y, x="norm")
    assert display.entries_ is None
    assert [label.get_text() for label in display.labels_] == list(X.columns)
    assert display.ax_.get_xlabel() == "‖θ‖₂"


def test_labels_keep_clear_of_each_other():
    display = RegularizationPathDisplay.from_estimator(QuadraticApproxLasso(), X, y)
    display.figure_.canvas.draw()
    boxes = sorted((label.get_window_extent() for label in display.labels_), key=lambda b: b.y0)
    # The extent of an annotation holds its arrow: look at the text alone.
    texts = sorted(label.xyann[1] for label in display.labels_)
    assert np.diff(texts).min() > 0.049
    assert all(box.y1 <= display.figure_.bbox.y1 for box in boxes)


def test_a_wide_problem_names_the_largest_only():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(30, 60))
    target = wide[:, 3] - 2 * wide[:, 7] + rng.normal(size=30)
    display = RegularizationPathDisplay.from_estimator(
        QuadraticApproxLasso(), wide, target, n_labels=5
    )
    assert len(display.lines_) == 60
    assert len(display.labels_) == 5
    gray = [j for j, line in enumerate(display.lines_) if line.get_color() == QUIET]
    named = {int(label.get_text().split("x")[1]) for label in display.labels_}
    assert named == set(range(60)) - set(gray)
    assert named >= {3, 7}


def test_alpha_of_zero_is_off_the_logarithmic_axis_only():
    path = QuadraticApproxLasso().regularization_path(X, y, alphas=[1.0, 0.1, 0.0])
    display = RegularizationPathDisplay.from_path(path)
    assert display.lines_[0].get_xdata().tolist() == [1.0, 0.1]
    assert len(display.plot(x="norm").lines_[0].get_xdata()) == 3


def test_one_target_of_several():
    features, species = load_iris(return_X_y=True, as_frame=True)
    classifier = QuadraticApproxLassoClassifier()
    path = classifier.regularization_path(features, species, alphas=8)
    display = RegularizationPathDisplay.from_path(path, target=2)
    np.testing.assert_array_equal(display.coefs, path.coefs[:, 2])
    with pytest.raises(ValueError, match=r"Name one .* \[.*0.*1.*2.*\]"):
        RegularizationPathDisplay.from_path(path)
    with pytest.raises(ValueError, match="target=7 is none of"):
        RegularizationPathDisplay.from_path(path, target=7)
    plain = QuadraticApproxRidge().regularization_path(X, y, alphas=3)
    with pytest.raises(ValueError, match="one target only"):
        RegularizationPathDisplay.from_path(plain, target=1)


def test_from_search_marks_what_was_chosen():
    search = PathSearchCV(QuadraticApproxLasso(), cv=5).fit(X, y)
    display = RegularizationPathDisplay.from_search(search)
    assert [mark.get_xdata()[0] for mark in display.marks_] == pytest.approx(
        [search.best_params_["alpha"], search.alpha_one_std_err_]
    )
    assert [line.get_xdata().tolist() for line in display.lines_[:1]] == [
        search.path_.alphas.tolist()
    ]
    with pytest.raises(ValueError, match="no path_"):
        RegularizationPathDisplay.from_search(PathSearchCV(QuadraticApproxLasso()))


def test_given_axes_and_bad_arguments():
    figure, ax = plt.subplots()
    display = RegularizationPathDisplay.from_estimator(QuadraticApproxRidge(), X, y, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="x='lambda' must be"):
        display.plot(x="lambda")
    with pytest.raises(ValueError, match="feature_names holds 2 names for 10"):
        RegularizationPathDisplay(
            alphas=[1.0], coefs=np.ones((1, 10)), dof=[1], norms=[1], feature_names=["a", "b"]
        )


@pytest.mark.parametrize("positions", [[0.5, 0.5, 0.5], [0.0, 1.0, 0.99, 0.2], [0.3], []])
def test_apart(positions):
    moved = apart(positions, 0.1, 0.0, 1.0)
    order = np.argsort(positions, kind="stable")
    assert np.all(np.diff(moved[order]) >= 0.1 - 1e-12)
    assert np.all((moved >= 0) & (moved <= 1 + 1e-12))


def test_names_come_from_the_frame():
    frame = pd.DataFrame({"height": [1.0, 2.0, 4.0, 3.0], "width": [1.0, -1.0, 0.5, 1.0]})
    display = RegularizationPathDisplay.from_estimator(
        QuadraticApproxRidge(), frame, [1.0, 2.0, 3.0, 4.0]
    )
    assert {label.get_text() for label in display.labels_} == {"height", "width"}
