"""``feature_scaling`` of networks: another way to the same objective."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skreg import Chunks, RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.penalties import MCP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
Y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * RNG.normal(size=400)
HOW = dict(alpha=1e-3, max_iter=20, random_state=0, feature_scaling=True)


@pytest.mark.parametrize(("solver", "rate"), [("adam", 0.02), ("sgd", 0.3)])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_the_minimizer_is_that_of_the_objective(solver, rate, penalty):
    """Without hidden layers there is one, which L-BFGS finds without factors."""
    how = dict(hidden_layer_sizes=(), penalty=penalty, alpha=0.05, dropout=0.0, random_state=0)
    exact = RegularizedMLPRegressor(solver="lbfgs", max_iter=500, tol=1e-9, **how).fit(X, Y)
    network = RegularizedMLPRegressor(
        solver=solver, learning_rate_init=rate, max_iter=800, batch_size=400,
        feature_scaling=True, **how,
    ).fit(X, Y)  # fmt: skip
    assert_allclose(network.objective_, exact.objective_, rtol=1e-5)
    assert_allclose(network.coefs_[0], exact.coefs_[0], atol=2e-3)


def test_features_that_help_move_faster():
    network = RegularizedMLPRegressor(**HOW).fit(X, Y)
    factors = network._state.factors[0]
    assert set(np.argsort(-factors)[:2]) == {0, 1}
    plain = clone(network).set_params(feature_scaling=False).fit(X, Y)
    assert network.feature_importances_[:2].sum() > plain.feature_importances_[:2].sum()


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_goes_on_where_it_was(solver):
    how = HOW | dict(
        solver=solver, learning_rate="constant", learning_rate_init=0.01, max_iter=6, shuffle=False,
        n_members=2, numerical_embedding="periodic",
    )  # fmt: skip
    at_once = RegularizedMLPRegressor(**how | dict(n_iter_no_change=np.inf)).fit(X, Y)
    in_turn = RegularizedMLPRegressor(**how)
    for _ in range(6):
        in_turn = pickle.loads(pickle.dumps(in_turn.partial_fit(X, Y)))
    assert_array_equal(at_once.predict(X), in_turn.predict(X))
    warm = RegularizedMLPRegressor(**how | dict(warm_start=True, max_iter=3)).fit(X, Y)
    assert_array_equal(warm.fit(X, Y).predict(X), at_once.predict(X))
    before = warm._state.factors.copy()
    warm.set_params(feature_scaling=False).fit(X, Y)
    assert warm._state.factors is None
    assert np.isfinite(before).all()


def test_members_weights_and_lambda_chosen():
    labels = (Y > 1).astype(int)
    network = RegularizedMLPClassifier(feature_scaling=True, max_iter=20, random_state=0)
    assert network.fit(X, labels).score(X, labels) > 0.85
    again = clone(network).set_params(alpha=network.alpha_).fit(X, labels)
    assert_array_equal(again.coefs_[0], network.coefs_[0])
    small = RegularizedMLPRegressor(**HOW | dict(penalty="l1", alpha=0.02)).fit(X, Y).compress()
    small.set_params(warm_start=True).fit(X, Y)
    assert small._state.factors.shape == (3, small.coefs_[0].shape[0])


def test_rows_in_chunks():
    parts = [(X[i : i + 100], Y[i : i + 100]) for i in range(0, 400, 100)]
    streamed = RegularizedMLPRegressor(**HOW).fit(Chunks(lambda: iter(parts), shuffle_buffer=150))
    assert streamed.score(X, Y) > 0.9
    assert np.all(streamed._state.factors[0] != 1)


@pytest.mark.parametrize(
    "what",
    [
        dict(penalty="mcp"),
        dict(penalty=MCP()),
        dict(penalty="group", groups="inputs"),
        dict(norm_bound=1.0),
        dict(max_norm=1.0),
        dict(solver="lbfgs"),
    ],
)
def test_what_does_not_go_is_refused_by_name(what):
    with pytest.raises(ValueError, match=r"feature_scaling=True"):
        RegularizedMLPRegressor(**HOW | what).fit(X, Y)
    with pytest.raises(ValueError, match="feature_scaling"):
        RegularizedMLPRegressor(**HOW | dict(feature_scaling="yes")).fit(X, Y)
