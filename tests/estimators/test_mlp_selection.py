"""Networks that choose their inputs: the known support is found, and λ of the groups grows."""

import numpy as np
import pytest
from sklearn.base import clone

from skreg import PathSearchCV, RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.datasets import make_friedman_sum


def known_support(n=400, p=40):
    X, y, support = make_friedman_sum(
        n, p, n_informative=5, snr=10, return_support=True, random_state=0
    )
    return (X - X.mean(axis=0)) / X.std(axis=0), y, support


def network(**params):
    params = dict(penalty="group_log", groups="inputs", alpha=0.02, dropout=0.0) | params
    return RegularizedMLPRegressor((32,), max_iter=100, random_state=0, **params)


def test_the_support_is_found_by_the_search():
    X, y, support = known_support()
    search = PathSearchCV(network(), np.geomspace(0.1, 0.005, 8), cv=3, selection="one_std_err")
    chosen = search.fit(X, y).best_estimator_.selected_features_
    assert set(chosen) == set(support)  # the even effect of the third included
    assert search.best_estimator_.score(X, y) > 0.8


def test_the_logarithm_shrinks_less_and_keeps_the_right_ones():
    X, y, support = known_support()
    convex, concave = (network(penalty=name).fit(X, y) for name in ("group", "group_log"))
    assert set(concave.selected_features_) == set(support)
    assert not set(support) <= set(convex.selected_features_)
    assert concave.score(X, y) > convex.score(X, y) + 0.1
    dense = set(network(penalty="group", alpha=1e-3).fit(X, y).selected_features_)
    assert set(support) < dense


def test_classes_have_it_too():
    X, y, support = known_support()
    chooser = RegularizedMLPClassifier(
        (32,), penalty="group_log", groups="inputs", alpha=0.05, dropout=0.0, max_iter=100,
        random_state=0,
    )  # fmt: skip
    assert set(chooser.fit(X, y > np.median(y)).selected_features_) == set(support)


@pytest.mark.parametrize("penalty", ["group", "group_log"])
def test_the_objective_told_has_the_whole_lambda(penalty):
    X, y, _ = known_support(100, 12)
    fitted = network(penalty=penalty, alpha=0.3).fit(X, y)
    units = fitted._architecture[0]
    J = fitted._regularization(units).value(fitted._state.theta, units)
    assert np.isclose(fitted.history_["objective"][-1], fitted.history_["loss"][-1] + J)
    first = clone(fitted).set_params(max_iter=1, learning_rate="constant").fit(X, y)
    J = first._regularization(units).value(first._state.theta, units)
    assert np.isclose(first.history_["objective"][0], first.history_["loss"][0] + J)
    assert first._state.group_share == 1.0  # one epoch has no room for growth


def test_lambda_grows_in_a_fresh_fit_alone():
    X, y, _ = known_support(100, 12)
    settings = [network()._settings(100, *how) for how in ((False, False, 0), (False, True, 0))]
    assert [s.ramp for s in settings] == [60.0, 0.0]
    assert network()._settings(100, True, False, 0).ramp == 0.0
    assert network(penalty="l1", groups=None)._settings(100, False, False, 0).ramp == 0.0
    stream = network().partial_fit(X, y)
    assert stream._state.group_share == 1.0


def test_the_logarithm_is_of_inputs_alone():
    X, y, _ = known_support(60, 6)
    with pytest.raises(ValueError, match="groups must be 'inputs' with penalty='group_log'"):
        network(groups="neurons").fit(X, y)
    with pytest.raises(ValueError, match="do not go together"):
        network(groups=None).fit(X, y)
    with pytest.raises(ValueError, match="lbfgs"):
        network(solver="lbfgs").fit(X, y)
