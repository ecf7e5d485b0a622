"""Who wins, who ties, and what a budget leaves of a plan."""

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from skreg import RegularizedMLPRegressor
from skreg.cli.comparison import Contender, winner_of
from skreg.cli.metrics import metrics_of
from skreg.cli.plan import Step, within
from skreg.cli.results import verdict

RMSE = metrics_of("regression", [0.0, 1.0])["rmse"]


def contender(name, mean, spread=0.1):
    alpha = None if name == "baseline" else 0.01
    return Contender(name, alpha, {"rmse": mean + spread * np.array([-1.0, 0, 1])}, None)


@pytest.mark.parametrize(
    ("means", "winner", "sentence"),
    [
        ((1.0, 1.02, 2.0, 3.0), "lasso", "A tie: by RMSE in cross-validation the lasso with"),
        (
            (1.0, 1.5, 2.0, 3.0),
            "ridge",
            "Best by RMSE in cross-validation: the ridge with λ = 0.01",
        ),
        ((2.0, 2.0, 1.0, 3.0), "network", "Best by RMSE in cross-validation: the network"),
        ((1.0, 1.02, 1.04, 1.05), "baseline", "No model does clearly better than the baseline"),
        ((2.0, 2.0, 2.0, 1.0), "baseline", "No model does better than the baseline"),
    ],
)
def test_the_simplest_within_one_standard_error_wins(means, winner, sentence):
    names = ("ridge", "lasso", "network", "baseline")
    contenders = [contender(*pair) for pair in zip(names, means, strict=True)]
    assert winner_of(contenders, RMSE)[0].name == winner
    assert verdict(contenders, RMSE).startswith(sentence)


def test_more_is_better_for_some_metrics():
    r2 = metrics_of("regression", [0.0, 1.0])["r2"]
    better, worse = (
        Contender(name, 0.1, {"r2": np.array([mean, mean + 0.01])}, None)
        for name, mean in (("ridge", 0.9), ("lasso", 0.5))
    )
    assert winner_of([worse, better], r2) == (better, [])


def test_a_budget_shortens_or_leaves_out_the_network():
    network = Pipeline([("model", RegularizedMLPRegressor(max_iter=100))])
    steps = [Step("ridge", None, (0.1,), 1.0), Step("network", network, (0.1,), 50.0, 100)]
    assert within(steps, None) == (steps, [])
    kept, notes = within(steps, 26.25)
    assert (kept[1].epochs, kept[1].seconds) == (40, 20.0)
    assert kept[1].model.get_params()["model__max_iter"] == 40
    assert notes == ["the network trains for 40 epochs only (--budget)"]
    kept, notes = within(steps, 2.0)
    assert [step.name for step in kept] == ["ridge"]
    assert notes[0].startswith("the network is left out")
    assert [step.name for step in within(steps, 0.1)[0]] == ["ridge"]  # something is tried
