"""When training stops, at which rate it goes on, and what it ends with."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_cases import make_case

from skreg.network.fitting import History, Patience, Settings, fit_epochs
from skreg.network.optimizers import SGD
from skreg.network.schedules import (
    Adaptive,
    Constant,
    Cosine,
    FlatCosine,
    InverseScaling,
    OneCycle,
)
from skreg.network.state import TrainingState


class Scripted:
    """A problem whose objectives are written down; θ is the number of the epoch."""

    def __init__(self, objectives):
        self.objectives, self.rates, self.n_samples = objectives, [], 1
        self.shares = []

    def epochs(self, state, **_):
        for i, objective in enumerate(self.objectives):
            self.rates.append(state.eta)
            self.shares.append(state.group_share)
            state.theta[:] = i
            yield objective


def run(
    objectives, *, schedule=None, scores=None, losses=None, on_epoch_end=None, history=None,
    **settings,
):  # fmt: skip
    """(stopped, history, state, rates) of a scripted training."""
    problem = Scripted(objectives)
    state, history = TrainingState.start(np.full(1, -1.0), "nesterov"), history or History()
    defaults = dict(max_iter=len(objectives), tol=0.0, n_iter_no_change=2)
    settings = Settings(SGD(), schedule or Constant(), 1.0, 1, **(defaults | settings))
    score = None if scores is None else lambda theta: scores[int(theta[0])]
    own = {} if losses is None else {"loss": lambda: losses[int(state.theta[0])]}
    stopped = fit_epochs(
        problem, state, history, settings, rng=None, score=score, on_epoch_end=on_epoch_end, **own
    )
    return stopped, history, state, problem.rates


def test_training_goes_on_while_there_is_progress():
    stopped, history, _, _ = run([5.0, 4, 3, 2, 1])
    assert not stopped
    assert history.loss_curve == [5, 4, 3, 2, 1]


def test_training_stops_when_patience_is_exhausted():
    stopped, history, _, _ = run([5.0, 4, 4, 4, 4, 4, 4])
    assert stopped
    assert history.loss_curve == [5, 4, 4, 4, 4]


def test_progress_smaller_than_tol_does_not_count():
    assert len(run([5 - 0.1 * i for i in range(20)], tol=0.2)[1].loss_curve) == 4
    assert len(run([5 - 0.1 * i for i in range(20)], tol=0.05)[1].loss_curve) == 20


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.integers(1, 5), st.floats(0, 2))
def test_patience_equals_its_definition(values, n_iter_no_change, tol):
    patience, best, streak = Patience(tol, n_iter_no_change), np.inf, 0
    for value in values:
        streak = 0 if value < best - tol else streak + 1
        best = min(best, value)
        assert patience.is_exhausted_by(value) == (streak > n_iter_no_change)


def test_infinite_patience_never_ends():
    stopped, history, _, _ = run([1.0] * 50, n_iter_no_change=np.inf)
    assert not stopped
    assert len(history.loss_curve) == 50


def test_an_observer_stops_the_training():
    stopped, history, _, _ = run([5.0, 4, 3, 2], on_epoch_end=lambda h: len(h.loss_curve) == 2)
    assert stopped
    assert history.loss_curve == [5, 4]


def test_a_score_decides_and_the_best_parameters_come_back():
    stopped, history, state, _ = run([9.0] * 8, scores=[0.1, 0.5, 0.9, 0.2, 0.3, 0.3, 0.3, 0.3])
    assert stopped
    assert history.validation_scores == [0.1, 0.5, 0.9, 0.2, 0.3, 0.3]
    assert state.theta == state.point == 2


def test_the_first_of_equal_scores_wins():
    assert run([9.0] * 4, scores=[0.1, 0.9, 0.9, 0.9], n_iter_no_change=np.inf)[2].theta == 1


def test_the_least_loss_decides_between_equal_scores():
    scores, losses = [0.1, 0.9, 0.9, 0.9, 0.5], [0.1, 0.4, 0.2, 0.3, 0.1]
    _, _, state, _ = run([9.0] * 5, scores=scores, losses=losses, n_iter_no_change=np.inf)
    assert state.theta == 2


def test_a_warm_start_may_end_where_it_began():
    earlier = History([1.0], [0.8])
    _, history, state, _ = run([9.0] * 3, scores={-1: 0.8, 0: 0.1, 1: 0.2, 2: 0.3}, history=earlier)
    assert history.validation_scores == [0.8, 0.1, 0.2, 0.3]
    assert state.theta == -1


def test_the_adaptive_rate_is_cut_at_each_end_of_progress_and_training_ends_below_its_smallest():
    stopped, _, state, rates = run([1.0] * 200, schedule=Adaptive(), n_iter_no_change=2)
    assert stopped
    # The first value is progress; then every third value without progress cuts the rate.
    assert rates[:7] == [1, 1, 1, 1, 0.2, 0.2, 0.2]
    assert np.isclose(rates[-1], 5.0**-9)
    assert rates[-1] < 1e-6 < 5 * rates[-1]
    assert state.n_cuts == 9


def test_inverse_scaling():
    rates = run([1.0] * 4, schedule=InverseScaling(0.5), n_iter_no_change=np.inf)[3]
    np.testing.assert_allclose(rates, 1 / np.sqrt([1, 2, 3, 4]))


def test_inverse_scaling_goes_on_after_a_warm_start():
    rates = run([1.0], schedule=InverseScaling(1.0), history=History([1.0, 1.0, 1.0]))[3]
    assert rates == [0.25]


def test_cosine_falls_from_the_initial_rate_to_zero_step_by_step():
    rates = np.concatenate([Cosine(4).rates(0.2, epoch, 0, 5) for epoch in range(5)])
    t = np.minimum(np.arange(25) / 20, 1)
    np.testing.assert_allclose(rates, 0.1 * (1 + np.cos(np.pi * t)), atol=1e-17)
    later = Cosine(4, first=7).rates(0.2, 7, 0, 5)
    assert np.array_equal(later, rates[:5])


def test_flat_cosine_stays_for_half_of_the_steps_and_then_falls_as_a_cosine_does():
    rates = np.concatenate([FlatCosine(5).rates(0.2, epoch, 0, 2) for epoch in range(6)])
    assert np.array_equal(rates[:5], np.full(5, 0.2))
    np.testing.assert_allclose(rates[5:10], Cosine(1).rates(0.2, 0, 0, 5), rtol=1e-15)
    assert np.array_equal(rates[10:], [0, 0])


def test_shares_are_rates_from_one_of_dropout_and_decay():
    plain = Settings(SGD(0.0), Cosine(4), 0.1, 3, 4, 0.0, np.inf)
    assert plain.shares(0, 5) is None
    shares = replace(plain, decay_schedule=FlatCosine(4)).shares(3, 5)
    assert np.array_equal(shares[:, 0], np.ones(5))
    np.testing.assert_allclose(shares[:, 1], 10 * FlatCosine(4).rates(0.1, 3, 0, 5))


def test_one_cycle_is_that_of_torch():
    torch = pytest.importorskip("torch", reason="compares with torch's schedule")
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    # There the last step ends the cycle, here the end of the last step does.
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=2001)
    expected = []
    for _ in range(2000):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    rates = np.concatenate([OneCycle(20).rates(0.3, epoch, 0, 100) for epoch in range(20)])
    np.testing.assert_allclose(rates, expected, rtol=0, atol=0.3 * 4e-3)
    assert np.isclose(rates[0], 0.3 / 25)
    assert np.isclose(rates.max(), 0.3, rtol=1e-6)
    assert rates[-1] < 1e-5


def test_every_step_has_its_own_rate():
    case = make_case(penalty="none", alpha=0.0, n=6)
    state = TrainingState.start(case.theta.copy(), "sgd")
    settings = Settings(SGD(0.0), Cosine(1), 0.1, 3, 1, 0.0, np.inf)
    fit_epochs(case.problem, state, History(), settings, rng=None)
    X, Y, _ = case.data
    first = case.theta - 0.1 * case.twin.gradient(case.theta, X[:3], Y[:3])
    second = first - 0.05 * case.twin.gradient(first, X[3:], Y[3:])
    np.testing.assert_allclose(state.theta, second, rtol=1e-11)


def test_the_rate_of_the_schedule_is_the_rate_of_the_steps():
    case = make_case(penalty="none", alpha=0.0, n=6)
    state = TrainingState.start(case.theta.copy(), "sgd")
    settings = Settings(SGD(0.0), InverseScaling(1.0), 0.1, 6, 2, 0.0, np.inf)
    fit_epochs(case.problem, state, History(), settings, rng=None)
    X, Y, _ = case.data
    first = case.theta - 0.1 * case.twin.gradient(case.theta, X, Y)
    second = first - 0.05 * case.twin.gradient(first, X, Y)
    np.testing.assert_allclose(state.theta, second, rtol=1e-11)


def test_a_copied_history_grows_alone():
    history = History([1.0], [0.5])
    other = history.copy()
    other.loss_curve.append(2.0)
    other.validation_scores.append(0.6)
    assert history == History([1.0], [0.5])


def test_an_error_in_the_observer_comes_through():
    def fail(history):
        raise RuntimeError("observer")

    with pytest.raises(RuntimeError, match="observer"):
        run([1.0, 1.0], on_epoch_end=fail)


def test_lambda_of_groups_grows_and_nothing_ends_before_it_is_whole():
    problem, state, history = (
        Scripted([1.0] * 9),
        TrainingState.start(np.zeros(1), "nesterov"),
        History(),
    )
    settings = Settings(SGD(), Constant(), 1.0, 1, 9, 0.0, 1, ramp=4.0)
    scores = [9.0, 8, 7, 6, 5, 4, 3, 2, 1]
    assert fit_epochs(
        problem, state, history, settings, rng=None, score=lambda theta: scores[int(theta[0])]
    )
    assert problem.shares == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert state.theta[0] == 3  # the best score of the whole penalty


def test_without_a_ramp_lambda_is_whole_at_once():
    problem = Scripted([1.0])
    state = TrainingState.start(np.zeros(1), "nesterov")
    fit_epochs(problem, state, History(), Settings(SGD(), Constant(), 1.0, 1, 1, 0.0, 1), rng=None)
    assert problem.shares == [1.0]
