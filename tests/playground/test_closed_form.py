"""The exact answer beside a network without hidden layers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from playground_cases import by_kind
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from skreg.playground.closed_form import closed_form
from skreg.playground.data import make_data
from skreg.playground.run import Run
from skreg.playground.session import Session
from skreg.playground.state import State


def case(**settings):
    state = State(hidden=(), **settings)
    return state, make_data(state)


def test_ridge_is_scikit_learns():
    state, data = case(data="plane", noise=50, penalty="l2", alpha=0.1)
    _, arrays = closed_form(state, data)
    X, y = data.train
    assert_allclose(arrays["theta"], Ridge(alpha=0.1 * len(y)).fit(X, y).coef_)


def test_elastic_net_is_of_the_standardized_target():
    state, data = case(data="plane", noise=50, penalty="elasticnet", alpha=0.1, l1_ratio=0.3)
    figures, arrays = closed_form(state, data)
    X, y = data.train
    s = y.std()
    net = ElasticNet(alpha=0.1, l1_ratio=0.3, tol=1e-12).fit(X, y / s)
    assert_allclose(arrays["theta"], s * net.coef_, rtol=1e-5)
    assert figures["scale"] == pytest.approx(s)


def test_classification_is_logistic_regression():
    state, data = case(data="gauss", noise=50, penalty="l2", alpha=0.1)
    _, arrays = closed_form(state, data)
    X, y = data.train
    peer = LogisticRegression(C=1 / (0.1 * len(y)), tol=1e-10).fit(X, y)
    assert_allclose(arrays["theta"], peer.coef_[0], rtol=1e-4)


@pytest.mark.parametrize("data", ["gauss", "plane"])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", "group-inputs"])
def test_training_arrives_there(data, penalty):
    state, rows = case(data=data, noise=50, penalty=penalty, alpha=0.1, batch=30)
    theta = closed_form(state, rows)[1]["theta"]
    run = Run(state, rows)
    run.train(300)
    assert_allclose(run.weights, theta, atol=0.1 * abs(theta).max())


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("data", ["gauss", "plane"])
def test_gradient_balances_the_penalty(data, penalty):
    state, rows = case(data=data, noise=50, penalty=penalty, alpha=0.05)
    figures, arrays = closed_form(state, rows)
    theta, s = arrays["theta"], figures["scale"]
    slope = theta if penalty == "l2" else s * np.sign(theta)
    assert_allclose(arrays["gradient"], -0.05 * slope, rtol=1e-3)
    assert arrays["coefs"].shape == (61, 2)
    nearest = np.argmin(abs(arrays["alphas"] - 0.05))
    assert_allclose(arrays["coefs"][nearest], theta, rtol=0.1)


def test_separable_classes_are_told():
    figures, arrays = closed_form(*case(data="gauss"))
    assert "separated" in figures["note"]
    assert np.isfinite(arrays["theta"]).all()


def test_what_is_not_part_of_it_is_told():
    assert "Max-norm" in closed_form(*case(max_norm=1.0, noise=50))[0]["note"]
    assert closed_form(*case(dropout=0.5, noise=50))[0]["note"] == ""


def test_page_has_it_only_without_hidden_layers():
    session = Session()
    assert not by_kind(session.handle(dict(do="open", query="")))["closed"][0]["shown"]
    found = by_kind(session.handle(dict(do="set", values={"hidden": ""})))["closed"]
    assert found[0]["features"] == ["x1", "x2"]
    assert found[1]["hessian"].shape == (2, 2)
