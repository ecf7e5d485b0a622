"""A network in training: what it learns, and what is shown of it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss

from skreg import RegularizedMLPClassifier
from skreg.playground.data import make_data
from skreg.playground.run import Curve, Run, in_bytes, network_parameters
from skreg.playground.state import FEATURES, State


def new_run(**settings):
    state = State(**settings)
    return Run(state, make_data(state))


def weights_of(model):
    return np.concatenate([W.ravel() for W in model.coefs_])


def test_training_in_pieces_is_one_fit():
    run = new_run(penalty="l1", alpha=0.001, dropout=0.1, max_norm=2.0)
    for n_epochs in (1, 5, 14):
        assert run.train(n_epochs)
    whole = RegularizedMLPClassifier(
        (4, 2), "tanh", solver="sgd", momentum=0.0, penalty="l1", alpha=0.001, dropout=0.1,
        max_norm=2.0, learning_rate_init=0.03, learning_rate="constant", batch_size=10, max_iter=20,
        random_state=0, n_iter_no_change=np.inf,
    ).fit(*run.data.train)  # fmt: skip
    assert_array_equal(run.weights, weights_of(whole))
    assert (run.epoch, [n for _, n in run.segments]) == (20, [20])


def test_first_weights_are_those_before_the_first_epoch():
    run = new_run(learning_rate=1e-6)
    before = run.weights
    run.train(1)
    assert_allclose(run.weights, before, atol=1e-4)
    assert not np.array_equal(run.weights, before)
    run.restart()
    assert_array_equal(run.weights, before)


def test_figures():
    run = new_run(train=20)
    run.train(30)
    (X, y), (X_test, y_test) = run.data.train, run.data.test
    figures = run.figures()
    assert figures["train"] == pytest.approx(log_loss(y, run.model.predict_proba(X)))
    assert figures["test"] == pytest.approx(log_loss(y_test, run.model.predict_proba(X_test)))
    assert figures["gap"] == figures["test"] - figures["train"]
    assert figures["accuracy"] == run.model.score(X_test, y_test)
    assert figures["weights"] == 2 * 4 + 4 * 2 + 2
    assert figures["train"] < 0.6


def test_regression_learns_and_has_no_accuracy():
    run = new_run(data="plane", hidden=())
    run.train(20)
    figures = run.figures()
    X, y = run.data.test
    assert figures["test"] == pytest.approx(0.5 * np.mean((run.model.predict(X) - y) ** 2))
    assert figures["test"] < 1e-3
    assert "accuracy" not in figures


def test_changes_take_effect_from_the_next_epoch():
    run = new_run(penalty="l1", alpha=0.0)
    run.train(5)
    run.change(replace(run.state, alpha=1.0))
    run.train(5)
    run.train(5)
    assert [(p["alpha"], n) for p, n in run.segments] == [(0.0, 5), (1.0, 10)]
    assert run.figures()["nonzero"] < 18


def test_stop():
    run = new_run(stop=12)
    assert run.train(10)
    assert not run.train(10)
    assert run.epoch == 12
    assert run.train(3)  # on from there
    assert run.epoch == 15


def test_divergence_is_told_and_leaves_the_network_as_it_was():
    run = new_run(data="plane", activation="relu", features=FEATURES, hidden=(8, 8))
    run.train(1)
    before = run.weights
    run.change(replace(run.state, learning_rate=100.0))
    assert not run.train(50)
    assert "diverged" in run.error
    assert_array_equal(run.weights, before)
    run.change(replace(run.state, learning_rate=0.001))
    assert run.train(1)


def test_pictures_are_the_network():
    run = new_run(hidden=(3, 2), activation="relu")
    run.train(20)
    picture = run.picture()
    assert (picture.shape, picture.dtype) == ((10_000,), np.uint8)
    rows = run.data.map_rows
    assert_array_equal(picture, in_bytes(2 * run.model.predict_proba(rows)[:, 1] - 1))
    # The neurons' outputs, carried through the last layer, are the network's.
    layers = run.neurons(rows)
    raw = layers[-1] @ run.model.coefs_[-1] + run.model.intercepts_[-1]
    assert_allclose(1 / (1 + np.exp(-raw[:, 0])), run.model.predict_proba(rows)[:, 1], atol=1e-12)
    assert_array_equal(run.picture(1, 0), in_bytes(layers[1][:, 0]))
    assert run.thumbnails().shape == (5, 24 * 24)
    assert new_run(hidden=()).thumbnails().shape == (0, 24 * 24)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
def test_neurons_have_the_estimators_activation(activation):
    run = new_run(hidden=(3,), activation=activation)
    rows = run.data.map_rows[:50]
    raw = run.neurons(rows)[0] @ run.shown.coefs_[-1] + run.shown.intercepts_[-1]
    expected = run.shown.predict_proba(rows)[:, 1]
    assert_allclose(1 / (1 + np.exp(-raw[:, 0])), expected, atol=1e-12)


def test_bytes():
    assert_array_equal(in_bytes(np.array([-9, -1, 0, 1, 9.0])), [1, 1, 128, 255, 255])


def test_curve_stays_short_and_even():
    curve = Curve()
    for epoch in range(5_000):
        curve.add(epoch, 1.0, 2.0)
    epochs = np.array(curve.points)[:, 0]
    assert 200 < len(epochs) <= 400
    assert set(np.diff(epochs)) == {16}
    assert curve.array(4_999, 1.0, 2.0)[-1].tolist() == [4_999, 1, 2]


def test_long_runs_keep_no_longer_memory():
    run = new_run()
    for _ in range(3):
        run.train(50)
    assert all(len(values) == 1 for values in run.model.history_.values())


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(alpha=3.0), dict(penalty="none", alpha=0.0, groups=None)),
        (State(penalty="group-inputs", alpha=3.0), dict(penalty="group", groups="inputs")),
        (State(penalty="group-neurons", alpha=3.0), dict(penalty="group", groups="neurons")),
        (State(penalty="group-neurons", hidden=()), dict(penalty="l1", groups=None)),
        (State(max_norm=0.0, dropout=0.2), dict(max_norm=None, dropout=0.2)),
    ],
)
def test_parameters(state, expected):
    found = network_parameters(state)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet", "group-inputs", "group-neurons"])
def test_every_penalty_shrinks(penalty):
    free = new_run()
    run = new_run(penalty=penalty, alpha=0.03)
    for each in (free, run):
        each.train(50)
    assert run.figures()["mean_abs"] < free.figures()["mean_abs"]
