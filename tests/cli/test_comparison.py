"""Who wins, who ties, and what a budget leaves of a plan."""

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from skreg import RegularizedMLPRegressor
from skreg.cli.comparison import Contender, winner_of
from skreg.cli.metrics import metrics_of
from skreg.cli.plan import Step, affordable, shortened, within
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


def network_step():
    model = Pipeline([("model", RegularizedMLPRegressor(max_iter=100))])
    return Step("network", model, (0.1,), 50.0, 100)


def test_a_budget_leaves_out_linear_models_that_exceed_it_but_for_the_first():
    steps = [Step("ridge", None, (0.1,), 1.0), Step("lasso", None, (0.1,), 9.0), network_step()]
    assert within(steps, None) == (steps, [])
    kept, notes = within(steps, 5.0)
    assert [step.name for step in kept] == ["ridge", "network"]
    assert notes == ["the lasso is left out: it would take 9 s of the 5 s (--budget)"]
    assert sum(step.seconds for step in kept) <= 5.0
    assert [step.name for step in within(steps, 0.1)[0]] == ["ridge", "network"]


@pytest.mark.parametrize(("left", "epochs"), [(1000.0, 100), (60.0, 92), (6.5, None), (3.0, None)])
def test_a_network_trains_for_as_long_as_trials_say_that_there_is_time(left, epochs):
    """A step of e epochs takes 1 + e/2 seconds of the processor, and twice as many pass."""
    tried = []

    def trial(epochs):
        tried.append(epochs)
        cpu = 0.5 + 0.25 * epochs
        return 2 * cpu, cpu

    step, note = shortened(network_step(), left, trial)
    if epochs is None:
        assert step is None
        assert note.startswith("the network is left out")
        assert tried == ([1, 4] if left > 4.5 else [1])
        return
    assert step.epochs == step.model.get_params()["model__max_iter"] or step.epochs == 100
    assert step.epochs <= epochs
    # Trials and training stay within what is left.
    assert sum(1 + e / 2 for e in (*tried, step.epochs)) <= left
    assert step.epochs >= 0.8 * epochs
    assert note == (
        None if epochs == 100 else f"the network trains for {step.epochs} epochs only (--budget)"
    )


@pytest.mark.parametrize(("seconds", "is_kept"), [(1.0, True), (3.0, False)])
def test_a_step_is_left_out_if_at_the_pace_so_far_it_would_exceed_what_is_left(seconds, is_kept):
    last = Step("ridge", None, (0.1, 0.2), 1.0)
    lasso = Step("lasso", None, (0.1, 0.2), 2.0)
    kept, note = affordable(lasso, 5.0, (last, seconds), None, None)
    assert (kept is lasso) == is_kept
    assert note == (None if is_kept else "the lasso is left out: 5 s are left (--budget)")
    assert affordable(lasso, 0.0, None, None, None) == (lasso, None)  # something is tried


def test_trials_of_a_network_are_not_begun_without_the_time_for_them():
    last = Step("ridge", None, (0.1, 0.2), 1.0)
    kept, note = affordable(network_step(), 5.0, (last, 4.0), None, None)
    assert kept is None
    assert note == "the network is left out: 5 s are left (--budget)"
