"""Paths of networks: one λ of it, and its picture."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from skreg import Chunks, RegularizedMLPRegressor


@pytest.fixture(scope="module")
def path():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    network = RegularizedMLPRegressor(
        (8,), penalty="group", groups="inputs", max_iter=20, random_state=0
    )
    return network.regularization_path(X / X.std(), y, [0.01, 0.1, 0.3])


def test_at_is_the_network_of_a_lambda_on_the_path_and_of_no_other(path):
    assert path.at(0.1) is path.estimators[1]
    with pytest.raises(ValueError, match=r"alpha=0\.05 is not on this path.*0\.01"):
        path.at(0.05)


@pytest.mark.parametrize("alpha", [None, "x", [0.1, 0.3], object(), np.nan])
def test_what_is_no_single_lambda_is_named(path, alpha):
    with pytest.raises(ValueError, match=r"^alpha must be"):
        path.at(alpha)


def test_rows_in_chunks_need_no_y_and_a_grid_is_asked_for():
    X, y = np.eye(20, 3), np.arange(20.0)
    network = RegularizedMLPRegressor((2,), max_iter=1, random_state=0)
    chunks = Chunks(lambda: [(X[:10], y[:10]), (X[10:], y[10:])])
    assert len(network.regularization_path(chunks, alphas=[0.1, 0.2])) == 2
    with pytest.raises(ValueError, match=r"alphas is None.*give values of λ"):
        network.regularization_path(X, y)


def test_lines_are_the_norms_of_the_weights_of_each_input(path):
    pytest.importorskip("matplotlib").use("Agg")
    display = path.plot()
    assert len(display.lines_) == 10
    # From the largest λ to the smallest.
    for j, line in enumerate(display.lines_):
        drawn = line.get_ydata()
        norms = [np.sqrt(np.sum(network.coefs_[0][j] ** 2)) for network in path.estimators[::-1]]
        assert np.allclose(drawn, norms, equal_nan=True) or np.isnan(drawn).any()
        assert np.allclose(drawn[~np.isnan(drawn)], np.array(norms)[~np.isnan(drawn)])
    assert "bmi" in {label.get_text().split()[-1] for label in display.labels_}
    assert path.plot(x="norm").ax_.get_xlabel() == "‖θ‖₂ of all weights"


def test_degrees_of_freedom_are_refused(path):
    with pytest.raises(ValueError, match="x='dof' must be 'alpha' or 'norm'"):
        path.plot(x="dof")
