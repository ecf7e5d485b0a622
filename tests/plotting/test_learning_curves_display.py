import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.datasets import make_playground
from skreg.plotting import LearningCurvesDisplay

X, y = make_playground("circle", noise=20, random_state=0)
NETWORK = RegularizedMLPClassifier((8,), max_iter=6, tol=0, n_iter_no_change=np.inf)


def errors(n_alphas=3, n_seeds=4, n_epochs=10):
    return np.random.default_rng(0).uniform(size=(2, n_alphas, n_seeds, n_epochs))


def test_lines_are_means_and_bands_standard_errors_over_seeds():
    train, validation = errors()
    display = LearningCurvesDisplay(alphas=[0.1, 0.01, 0], train=train, validation=validation)
    display.plot()
    assert len(display.axes_) == 2
    assert [ax.get_title() for ax in display.axes_] == ["training", "validation"]
    for part, runs in enumerate((train, validation)):
        assert len(display.lines_[part]) == 3
        for i, line in enumerate(display.lines_[part]):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 11))
            np.testing.assert_allclose(line.get_ydata(), runs[i].mean(axis=0))
            spread = runs[i].std(axis=0, ddof=1) / 2
            np.testing.assert_allclose(display.std_errors[part, i], spread)
            band = display.bands_[part][i].get_paths()[0].vertices
            np.testing.assert_allclose(band[:, 1].max(), (runs[i].mean(axis=0) + spread).max())
            assert line.get_label() == f"λ = {[0.1, 0.01, 0][i]:g}"
    looks = {(line.get_linestyle(), line.get_marker()) for line in display.lines_[0]}
    assert len(looks) == 3  # told apart without color


def test_one_axes_a_range_and_no_band():
    train, validation = errors()
    figure, ax = plt.subplots()
    display = LearningCurvesDisplay(alphas=[0.1, 0.01, 0], train=train, validation=validation)
    assert display.plot(ax=ax, band="range") is display
    assert display.axes_ == [ax, ax]
    assert display.figure_ is figure
    assert len(ax.lines) == 6
    vertices = display.bands_[1][0].get_paths()[0].vertices
    assert vertices[:, 1].max() == validation[0].max()
    assert display.plot(band=None).bands_ == [[], []]
    with pytest.raises(ValueError, match="band='std'"):
        display.plot(band="std")


def test_runs_that_end_early_count_until_then():
    train, validation = errors(1, 3, 5)
    train[0, 0, 3:] = np.nan
    display = LearningCurvesDisplay(alphas=[0.1], train=train, validation=validation)
    np.testing.assert_allclose(display.means[0, 0], np.nanmean(train[0], axis=0))
    assert display.std_errors[0, 0, 4] == pytest.approx(abs(np.diff(train[0, 1:, 4])[0]) / 2)


def test_from_estimator_measures_after_each_epoch():
    network = make_pipeline(StandardScaler(), NETWORK)
    display = LearningCurvesDisplay.from_estimator(
        network, X[:200], y[:200], X[200:], y[200:], alphas=[0.1, 0.0], seeds=(3, 5)
    )
    assert display.train.shape == (2, 2, 6)
    assert display.axes_[0].get_ylabel() == "share of wrong classes"
    scaling = StandardScaler().fit(X[:200])
    alone = RegularizedMLPClassifier(**NETWORK.get_params() | {"alpha": 0.1, "random_state": 5})
    alone.fit(scaling.transform(X[:200]), y[:200])
    assert display.validation[0, 1, -1] == pytest.approx(
        1 - alone.score(scaling.transform(X[200:]), y[200:])
    )
    assert display.train[0, 1, -1] == pytest.approx(
        1 - alone.score(scaling.transform(X[:200]), y[:200])
    )


def test_a_regressors_error_is_its_mean_square():
    rows, target = make_playground("plane", 200, random_state=0)
    network = RegularizedMLPRegressor((4,), max_iter=3, tol=0, n_iter_no_change=np.inf)
    display = LearningCurvesDisplay.from_estimator(
        network, rows, target, rows, target, alphas=[0.0], seeds=(0,)
    )
    alone = RegularizedMLPRegressor(**network.get_params() | {"alpha": 0.0, "random_state": 0})
    residual = target - alone.fit(rows, target).predict(rows)
    assert display.train[0, 0, -1] == pytest.approx(np.mean(residual**2))
    assert display.bands_ == [[], []]  # one seed
    assert display.axes_[0].get_ylabel() == "mean squared error"


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"train has shape \(2, 5\)"):
        LearningCurvesDisplay(alphas=[0.1, 0], train=np.ones((2, 5)), validation=np.ones((2, 5)))


def test_from_history_takes_networks_of_one_alpha_as_seeds():
    given = NETWORK.get_params() | {"early_stopping": True}
    networks = [
        RegularizedMLPClassifier(
            **given | {"alpha": alpha, "random_state": seed, "max_iter": 4 + seed}
        ).fit(X, y)
        for alpha, seed in ((0.1, 0), (0.01, 0), (0.1, 2))
    ]
    display = LearningCurvesDisplay.from_history(networks)
    assert display.alphas.tolist() == [0.1, 0.01]
    assert display.train.shape == (2, 2, 6)
    np.testing.assert_array_equal(display.train[0, 1], networks[2].history_["loss"])
    np.testing.assert_array_equal(
        display.validation[1, 0, :4], networks[1].history_["validation_loss"]
    )
    assert np.isnan(display.validation[1, 0, 4:]).all()
    assert display.axes_[0].get_ylabel() == "mean loss"


def test_from_history_wants_validation_rows_and_one_alpha():
    with pytest.raises(ValueError, match=r"no validation_loss.*X_val"):
        LearningCurvesDisplay.from_history([clone(NETWORK).fit(X, y)])
    layered = clone(NETWORK).set_params(alpha=[0.1, 0.0]).fit(X, y)
    with pytest.raises(ValueError, match="is not one λ"):
        LearningCurvesDisplay.from_history([layered])


def test_from_history_takes_the_lambda_that_was_found():
    chosen = clone(NETWORK).set_params(alpha="auto", random_state=0)
    chosen.fit(X, y, X_val=X, y_val=y)
    assert LearningCurvesDisplay.from_history([chosen]).alphas.tolist() == [chosen.alpha_]
