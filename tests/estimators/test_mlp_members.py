"""Networks of several members: what users see of them."""

import pickle
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.preprocessing import StandardScaler

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.model_selection import PathSearchCV

X, LABELS = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
PLAIN = dict(n_members=6, alpha=1e-3, max_iter=20, random_state=0)


def by_hand(network, rows):
    """Raw predictions of every member, (n, n_members, n_outputs), from the public attributes."""
    factors, terms = network.adapters_
    weights, biases = network.coefs_, network.intercepts_
    k, out = len(factors), network.n_outputs_
    found = []
    for m in range(k):
        a = np.maximum((rows * factors[m]) @ weights[0] + biases[0] + terms[m], 0)
        for W, b in zip(weights[1:-1], biases[1:-1], strict=True):
            a = np.maximum(a @ W + b, 0)
        mine = slice(m * out, (m + 1) * out)
        found.append(a @ weights[-1][:, mine] + biases[-1][mine])
    return np.stack(found, axis=1)


def test_probabilities_are_the_mean_of_the_members():
    network = RegularizedMLPClassifier(**PLAIN).fit(X, LABELS)
    expected = softmax(by_hand(network, X), axis=2).mean(axis=1)
    np.testing.assert_allclose(network.predict_proba(X), expected, rtol=1e-9)
    np.testing.assert_allclose(np.exp(network.predict_log_proba(X)), expected, rtol=1e-9)
    assert network.score(X, LABELS) > 0.94
    assert network.n_outputs_ == 3
    assert network.selected_features_.tolist() == [0, 1, 2, 3]


def test_two_classes_and_sets_of_labels():
    two = RegularizedMLPClassifier(**PLAIN).fit(X, LABELS == 1)
    expected = expit(by_hand(two, X))[..., 0].mean(axis=1)
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], expected, rtol=1e-9)
    sets = np.column_stack([LABELS > 0, LABELS > 1]).astype(int)
    several = RegularizedMLPClassifier(**PLAIN).fit(X, sets)
    np.testing.assert_allclose(
        several.predict_proba(X), expit(by_hand(several, X)).mean(axis=1), rtol=1e-9
    )
    assert several.predict(X).shape == sets.shape


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "quantile"])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_numbers_are_the_mean_of_the_members(loss, n_targets):
    y = np.abs(X[:, :n_targets]) * 3 + 1
    network = RegularizedMLPRegressor(loss=loss, **PLAIN).fit(X, y if n_targets > 1 else y[:, 0])
    raw = by_hand(network, X)
    expected = (np.exp(raw) if loss == "poisson" else raw).mean(axis=1)
    np.testing.assert_allclose(network.predict(X).reshape(len(X), -1), expected, rtol=1e-8)
    coefs, intercepts = network.coefs_, network.intercepts_
    before = network.predict(X)
    network.coefs_, network.intercepts_ = coefs, intercepts
    np.testing.assert_allclose(network.predict(X), before, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:The gradient still differed")
@pytest.mark.parametrize("options", [
    dict(solver="sgd"), dict(solver="sgd", nesterovs_momentum=False), dict(solver="lbfgs"),
    dict(penalty="l1", alpha=0.01), dict(penalty="mcp", alpha=0.01),
    dict(penalty="slope", alpha=1e-4, max_iter=2), dict(penalty="group", groups="inputs"),
    dict(activation="gelu", dropout=(0.1, 0.2)), dict(early_stopping=True), dict(max_norm=2.0),
    dict(weight_decay="decoupled"), dict(alpha="auto"), dict(alpha=[1e-3, 1e-3, 1e-2]),
    dict(hidden_layer_sizes=(20,)), dict(hidden_layer_sizes=(20, 15, 10)), dict(batch_size=3),
])  # fmt: skip
def test_they_go_with_everything_else(options):
    network = RegularizedMLPClassifier(**PLAIN | options)
    if network.solver == "lbfgs":
        network.set_params(max_iter=200)
    weights = np.linspace(0.5, 1.5, len(X))
    network.fit(X, LABELS, sample_weight=weights)
    assert network.score(X, LABELS) > 0.6
    again = clone(network).fit(X, LABELS, sample_weight=weights)
    assert np.array_equal(again.predict_proba(X), network.predict_proba(X))
    loaded = pickle.loads(pickle.dumps(network))
    assert np.array_equal(loaded.predict_proba(X), network.predict_proba(X))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (dict(hidden_layer_sizes=()), "hidden_layer_sizes"),
        (dict(norm_bound=3.0), "norm_bound"),
        (dict(penalty="group", groups="neurons"), "groups='neurons'"),
        (dict(n_members=0), "n_members"),
        (dict(n_members=2.5), "n_members"),
    ],
)
def test_what_does_not_go_is_refused_by_name(options, named):
    with pytest.raises(ValueError, match=named):
        RegularizedMLPClassifier(**PLAIN | options).fit(X, LABELS)


def test_smaller_networks_predict_the_same():
    wide = np.hstack([X, np.random.default_rng(0).normal(size=(150, 20))])
    network = RegularizedMLPClassifier(**PLAIN | dict(penalty="l1", alpha=0.02, max_iter=60))
    network.fit(wide, LABELS)
    small = network.compress()
    assert small.coefs_[0].size < network.coefs_[0].size / 3
    np.testing.assert_allclose(small.predict_proba(wide), network.predict_proba(wide), rtol=1e-7)
    np.testing.assert_allclose(by_hand(small, wide[:, small.selected_features_]).shape, (150, 6, 3))
    small.set_params(warm_start=True).fit(wide, LABELS)
    assert small.score(wide, LABELS) > 0.8


def test_parts_of_the_rows_and_warm_starts():
    network = RegularizedMLPClassifier(**PLAIN)
    for _ in range(20):
        network.partial_fit(X, LABELS, classes=[0, 1, 2])
    assert network.score(X, LABELS) > 0.9
    network.set_params(warm_start=True).fit(X, LABELS)
    with pytest.raises(ValueError, match="layers of"):
        network.set_params(n_members=3).fit(X, LABELS)


def test_degrees_of_freedom_are_of_one_network():
    network = RegularizedMLPClassifier(**PLAIN).fit(X, LABELS)
    with pytest.raises(ValueError, match="n_members=6"):
        network.effective_dof(X, LABELS)


def test_far_columns_train_as_near_ones():
    """Centers of the first layer are each member's own, times its factors."""
    wide, y = make_regression(200, 4, noise=1, random_state=0)
    with pytest.warns(UserWarning, match="column 2"):
        far = RegularizedMLPRegressor(**PLAIN).fit(wide + [0, 0, 1e3, 0], y)
    assert far.score(wide + [0, 0, 1e3, 0], y) > 0.97


def test_objective_is_that_of_the_members():
    network = RegularizedMLPRegressor(**PLAIN | dict(dropout=0)).fit(X, X[:, 0] * 2)
    raw, y = by_hand(network, X)[..., 0], X[:, :1] * 2
    risk = 0.5 * np.mean((raw - y) ** 2) / np.var(y)
    *shared, last = network.coefs_
    squares = sum(np.sum(W**2) for W in shared) + np.sum(last**2) / np.var(y) / 6
    assert np.isclose(network.objective_, risk + 1e-3 * 0.5 * squares, rtol=1e-9)


def test_a_search_over_members():
    search = PathSearchCV(
        RegularizedMLPClassifier(**PLAIN | dict(max_iter=5)), alphas=[1e-3, 1e-1],
        param_grid={"n_members": [1, 3]}, cv=3,
    )  # fmt: skip
    search.fit(X, LABELS)
    assert set(search.cv_results_["param_n_members"]) == {1, 3}
    assert len(search.cv_results_["param_alpha"]) == 4


def test_sparse_rows_give_what_dense_ones_give():
    from scipy.sparse import csr_array

    some = np.where(np.abs(X) > 0.5, X, 0)
    dense = RegularizedMLPClassifier(**PLAIN).fit(some, LABELS)
    sparse = RegularizedMLPClassifier(**PLAIN).fit(csr_array(some), LABELS)
    np.testing.assert_allclose(
        sparse.predict_proba(csr_array(some)), dense.predict_proba(some), rtol=1e-6
    )


@pytest.mark.skipif(not find_spec("torch"), reason="compares with torch's gradients")
def test_gradient_is_torchs():
    import torch

    from skreg.losses import MultinomialLogLoss
    from skreg.network.parameters import initial_theta, layer_views
    from skreg.network.regularization import Regularization
    from skreg.network.training import Objective
    from skreg.penalties import get_penalty

    k, units, Y = 5, (4, 8, 6, 15), np.eye(3)[LABELS]
    theta = initial_theta(units, np.random.RandomState(0), np.float64, n_members=k)
    held = Regularization(get_penalty("l2"), 0.1, n_members=k)
    objective = Objective(units, "tanh", MultinomialLogLoss(), held, X, Y, None, k)
    value, gradient = objective.objective_and_gradient(theta)
    flat = torch.tensor(theta, requires_grad=True)
    starts = np.cumsum(
        [0, *(W.size + b.size for W, b in zip(*layer_views(theta, units), strict=True))]
    )
    layers = []
    for start, (a, b) in zip(starts[:3], [(4, 8), (8, 6), (6, 15)], strict=True):
        layers.append((flat[start : start + a * b].view(a, b), flat[start + a * b :][:b]))
    r, c = flat[starts[-1] :][: k * 4].view(k, 1, 4), flat[starts[-1] + k * 4 :].view(k, 1, 8)
    a = torch.tanh((torch.tensor(X) * r) @ layers[0][0] + layers[0][1] + c)
    a = torch.tanh(a @ layers[1][0] + layers[1][1])
    V = layers[2][0].view(6, k, 3).permute(1, 0, 2)
    raw = a @ V + layers[2][1].view(k, 1, 3)
    loss = -(torch.tensor(Y) * raw.log_softmax(-1)).sum(-1).mean()
    squares = layers[0][0].square().sum() + layers[1][0].square().sum() + V.square().sum() / k
    total = loss + 0.05 * squares
    total.backward()
    assert np.isclose(value, total.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, flat.grad.numpy(), rtol=1e-9, atol=1e-14)
