"""Metrics on rows held out, and their intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as theirs

from skreg.cli.metrics import metrics_of


@pytest.fixture
def two_classes():
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.2).astype(int)
    odds = np.exp(rng.normal(size=400) + 1.5 * y - 1.5).round(1).clip(0.1)  # with ties
    return y, np.column_stack([1 / (1 + odds), odds / (1 + odds)])


def test_values_are_those_of_scikit_learn(two_classes):
    y, p = two_classes
    ours = {name: m.estimate(y, p)[0] for name, m in metrics_of("classification", y).items()}
    np.testing.assert_allclose(
        list(ours.values()),
        [
            theirs.log_loss(y, p),
            theirs.zero_one_loss(y, p[:, 1] > 0.5),
            theirs.roc_auc_score(y, p[:, 1]),
            theirs.average_precision_score(y, p[:, 1]),
        ],
    )
    target, predicted = np.log(p[:, 1]), p[:, 0]
    ours = [m.estimate(target, predicted)[0] for m in metrics_of("regression", target).values()]
    np.testing.assert_allclose(
        ours,
        [
            theirs.root_mean_squared_error(target, predicted),
            theirs.mean_absolute_error(target, predicted),
            theirs.r2_score(target, predicted),
        ],
    )


def test_the_rarer_class_is_the_positive_one(two_classes):
    y, p = two_classes
    metric = metrics_of("classification", 1 - y)["average_precision"]
    expected = theirs.average_precision_score(y, p[:, 1])
    assert metric.estimate(1 - y, p[:, ::-1])[0] == pytest.approx(expected)

    class Model:
        classes_ = np.array([0, 1])
        _estimator_type = "classifier"

        def fit(self, X, y):
            return self

        def decision_function(self, X):
            return np.log(p[:, 0] / p[:, 1])

    assert metric.scorer._score_func(1 - y, Model().decision_function(None)) == pytest.approx(
        expected
    )


def test_the_interval_of_an_error_is_wilsons():
    y, p = np.zeros(50, dtype=int), np.tile([0.9, 0.1], (50, 1))
    p[:4] = p[:4, ::-1]
    value, low, high = metrics_of("classification", [0, 1])["error"].estimate(y, p)
    expected = binomtest(4, 50).proportion_ci(method="wilson")
    assert (value, low, high) == pytest.approx((0.08, expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "rmse", "r2"])
def test_intervals_hold_the_value_of_many_rows_about_as_often_as_they_say(name):
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(100):
        x = rng.normal(size=(2, 250))
        if name in ("rmse", "r2"):
            truth = {"rmse": 1.0, "r2": 0.5}[name]
            estimate = metrics_of("regression", x[0])[name].estimate(x[0] + x[1], x[0])
        else:
            y = (rng.random(250) < 1 / (1 + np.exp(-2 * x[0]))).astype(int)
            p = 1 / (1 + np.exp(-2 * x[0]))
            truth = {"roc_auc": 0.868, "average_precision": 0.868, "log_loss": 0.4469}[name]
            metric = metrics_of("classification", [0, 0, 1])[name]
            estimate = metric.estimate(y, np.column_stack([1 - p, p]))
        hits += estimate[1] <= truth <= estimate[2]
    assert 85 <= hits <= 100
