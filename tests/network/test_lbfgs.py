"""L-BFGS on the flat parameters: the split of θ, its gradient, and what ends it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_cases import make_case

from skreg.network.fitting import History, Settings
from skreg.network.lbfgs import Shares, SignSplit, fit_lbfgs
from skreg.network.optimizers import Adam
from skreg.network.schedules import Constant
from skreg.network.state import TrainingState


def minimize(case, *, max_iter=500, tol=1e-8, **options):
    state = TrainingState.start(case.theta.copy(), "lbfgs")
    history = History()
    settings = Settings(Adam(), Constant(), 0.1, 1, max_iter, tol, np.inf)
    stopped = fit_lbfgs(case.problem, state, history, settings, **options)
    return state, history, stopped


@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "elasticnet"])
@given(seed=st.integers(0, 1000))
def test_the_split_objective_is_the_objective_and_its_gradient_right(penalty, seed):
    case = make_case((3, 4, 2), penalty=penalty, seed=seed)
    problem, theta = case.problem, case.theta
    split = SignSplit(Shares.of(problem.regularization, problem.units, len(theta)))
    x = split.start(theta)
    np.testing.assert_array_equal(split.theta(x), theta)
    with problem.evaluator() as evaluate:
        value, gradient = split.objective(x, evaluate)
        assert value == pytest.approx(case.twin.objective(theta, *case.data))
        for i in np.random.default_rng(seed).choice(len(x), 5, replace=False):
            ends = []
            for sign in (1, -1):
                moved = x.copy()
                moved[i] += sign * 1e-6
                ends.append(split.objective(moved, evaluate)[0])
            assert gradient[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("loss", ["squared_error", "binary_log_loss", "multinomial_log_loss"])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_it_descends_to_a_point_without_descent(penalty, loss):
    case = make_case((4, 5, 2), penalty=penalty, alpha=0.05, loss=loss, n=40)
    state, history, stopped = minimize(case)
    curve = history.loss_curve
    assert stopped
    assert np.all(np.diff(curve) <= 1e-12)
    assert curve[-1] == pytest.approx(case.twin.objective(state.theta, *case.data))
    gradient = case.twin.gradient(state.theta, *case.data)
    zero = (state.theta == 0) & case.twin.is_weight
    assert np.abs(gradient[~zero]).max() < 1e-5
    assert np.all(np.abs(gradient)[zero] <= case.twin.spread(case.twin.l1)[zero] + 1e-6)
    assert zero.any() == (penalty != "l2")


def test_float32_stays_and_ends():
    case = make_case((4, 5, 2), penalty="l1", alpha=0.05, n=40, dtype=np.float32)
    state, _, stopped = minimize(case, tol=1e-4)
    assert state.theta.dtype == np.float32
    assert stopped
    wide = minimize(make_case((4, 5, 2), penalty="l1", alpha=0.05, n=40))[1].loss_curve[-1]
    assert case.twin.objective(state.theta, *case.data) < wide * 1.05


def test_a_start_at_the_minimum_is_one_epoch():
    case = make_case((3, 2), n=30)
    state = minimize(case)[0]
    again = TrainingState.start(state.theta.copy(), "lbfgs")
    history = History()
    settings = Settings(Adam(), Constant(), 0.1, 1, 50, 1e-5, np.inf)
    assert fit_lbfgs(case.problem, again, history, settings)
    assert len(history.loss_curve) == 1
    np.testing.assert_array_equal(again.theta, state.theta)


def test_who_watches_may_end_it():
    case = make_case((3, 4, 2), n=30)
    _, history, stopped = minimize(case, on_epoch_end=lambda history: len(history.loss_curve) == 3)
    assert stopped
    assert len(history.loss_curve) == 3
    _, history, stopped = minimize(case, max_iter=2)
    assert not stopped
    assert len(history.loss_curve) == 2


def test_a_loss_that_is_not_finite_is_said():
    case = make_case((3, 4, 2), n=10, activation="identity")
    case = case.changed(X=case.problem.X * 1e200)
    with pytest.raises(ValueError, match=r"diverged.*solver='lbfgs'.*StandardScaler"):
        minimize(case)
