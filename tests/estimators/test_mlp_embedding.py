"""Networks that see how far numbers have come through bins, or waves of them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.utils import get_tags

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.model_selection import PathSearchCV
from skreg.preprocessing import PiecewiseLinearEncoder

RNG = np.random.default_rng(0)
X = np.column_stack([RNG.normal(size=400), RNG.uniform(-1, 1, 400), RNG.integers(2, size=400)])
Y = np.where((X[:, 1] > 0.2) & (X[:, 1] < 0.4), 3.0, 0.0) + X[:, 0] + 0.1 * RNG.normal(size=400)
PLAIN = dict(alpha=1e-3, max_iter=30, random_state=0)
BINS = PLAIN | dict(numerical_embedding="piecewise_linear")

short = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
WAVES = PLAIN | dict(numerical_embedding="periodic")


def by_hand(rows, to, weights=None):
    """X, and the bins of its features of more than two values."""
    encoder = PiecewiseLinearEncoder().fit(to[:, :2], sample_weight=weights)
    return np.hstack([rows, encoder.transform(rows[:, :2])])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_is_a_network_on_more_columns(dtype):
    rows = X.astype(dtype)
    network = RegularizedMLPRegressor(**BINS).fit(rows, Y)
    other = RegularizedMLPRegressor(**PLAIN).fit(by_hand(rows, rows), Y)
    assert_array_equal(network.coefs_[0], other.coefs_[0])
    assert_array_equal(network.predict(rows), other.predict(by_hand(rows, rows)))
    assert network.n_features_in_ == 3
    assert network.coefs_[0].shape == (3 + 32, 128)
    assert network.predict(rows).dtype == dtype
    plain = RegularizedMLPRegressor(**PLAIN).fit(rows, Y)
    assert network.score(rows, Y) > plain.score(rows, Y) + 0.02


def test_weights_of_any_scale_make_the_same_bins():
    weights = RNG.integers(1, 4, size=400) / 1e4
    network = RegularizedMLPRegressor(**BINS).fit(X, Y, sample_weight=weights)
    bins = by_hand(X, X, weights / weights.mean())
    other = RegularizedMLPRegressor(**PLAIN).fit(bins, Y, sample_weight=weights)
    assert_array_equal(network.predict(X), other.predict(bins))


def test_bins_are_those_of_the_rows_trained_on():
    network = RegularizedMLPRegressor(**BINS | dict(early_stopping=True)).fit(X, Y)
    kept = network._seen.rows
    assert len(kept) == 360
    expected = PiecewiseLinearEncoder().fit(X[kept][:, :2]).bin_edges_
    assert all(map(np.array_equal, network._embedding.edges, expected))
    held = RegularizedMLPRegressor(**BINS).fit(X[:300], Y[:300], X_val=X[300:], y_val=Y[300:])
    assert_allclose(held.validation_scores_[-1], held.score(X[300:], Y[300:]), rtol=1e-12)


def test_features_are_those_of_x():
    network = RegularizedMLPRegressor(**BINS | dict(penalty="l1", alpha=0.03, max_iter=200))
    wide = np.hstack([X, RNG.normal(size=(400, 3))])
    network.fit(wide, Y)
    assert network.selected_features_.max() < 6
    assert {0, 1} <= set(network.selected_features_)
    assert len(network.selected_features_) < 6
    assert network.feature_importances_.shape == (6,)
    assert np.isclose(network.feature_importances_.sum(), 1)
    small = network.compress()
    assert small.coefs_[0].shape[0] < network.coefs_[0].shape[0] / 2
    assert_allclose(small.predict(wide), network.predict(wide), rtol=1e-9)
    assert_array_equal(small.selected_features_, network.selected_features_)
    assert small.set_params(warm_start=True).fit(wide, Y).score(wide, Y) > 0.5


def test_pickles_clones_and_later_calls_keep_the_bins():
    labels = (Y > 1).astype(int)
    network = RegularizedMLPClassifier(**BINS)
    network.partial_fit(X[:200], labels[:200], classes=[0, 1])
    edges = network._embedding.edges
    network.partial_fit(X[200:] * 2, labels[200:])
    assert network._embedding.edges is edges
    loaded = pickle.loads(pickle.dumps(network))
    assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
    assert clone(network).numerical_embedding == "piecewise_linear"
    dof = RegularizedMLPClassifier(**BINS | dict(hidden_layer_sizes=(3,))).fit(X, labels)
    assert_allclose(dof.effective_dof_, dof.effective_dof(X, labels), rtol=1e-6)


def test_a_search_fits_bins_within_each_fold():
    grid = {"numerical_embedding": [None, "piecewise_linear"]}
    network = RegularizedMLPRegressor(**PLAIN | dict(max_iter=5))
    search = PathSearchCV(network, alphas=[1e-3, 1e-1], param_grid=grid, cv=[(X_OF, X_OUT)])
    search.fit(X, Y)
    alone = clone(network).set_params(numerical_embedding="piecewise_linear", alpha=1e-3)
    score = alone.fit(X[X_OF], Y[X_OF]).score(X[X_OUT], Y[X_OUT])
    results = search.cv_results_
    mine = (results["param_numerical_embedding"] == "piecewise_linear") & (
        results["param_alpha"] == 1e-3
    )
    assert_allclose(results["mean_test_score"][mine], score, rtol=1e-12)


X_OF, X_OUT = np.arange(300), np.arange(300, 400)


def test_with_members_and_lambda_chosen():
    network = RegularizedMLPRegressor(
        numerical_embedding="piecewise_linear", n_members=4, max_iter=20, random_state=0
    ).fit(X, Y)
    assert network.score(X, Y) > 0.9
    assert len(network.alpha_curve_["alpha"]) >= 3


@pytest.mark.parametrize("how", [BINS, WAVES])
def test_what_does_not_go_is_refused_by_name(how):
    with pytest.raises(ValueError, match=r"numerical_embedding.*sparse"):
        RegularizedMLPRegressor(**how).fit(csr_array(X), Y)
    with pytest.raises(ValueError, match=r"numerical_embedding.*groups='inputs'"):
        RegularizedMLPRegressor(**how | dict(penalty="group", groups="inputs")).fit(X, Y)
    with pytest.raises(ValueError, match="numerical_embedding"):
        RegularizedMLPRegressor(**PLAIN | dict(numerical_embedding="spline")).fit(X, Y)


def test_no_feature_with_bins():
    two = X[:, 2:]
    network = RegularizedMLPRegressor(**BINS).fit(two, Y)
    assert_array_equal(
        network.predict(two), RegularizedMLPRegressor(**PLAIN).fit(two, Y).predict(two)
    )


def test_its_picture_has_a_unit_for_each_column():
    plotting = pytest.importorskip("skreg.plotting")
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    network = RegularizedMLPRegressor(**BINS).fit(pandas.DataFrame(X, columns=list("abc")), Y)
    display = plotting.NetworkDisplay.from_estimator(network)
    assert len(display.feature_names) == 35


def predicted(network, rows):
    """What a regressor without members predicts, by ``waves_`` and its layers."""
    waves = network.waves_
    numbers = (rows[:, waves["feature"]] - waves["shift"]) / waves["scale"]
    a = np.hstack([rows, np.cos(2 * np.pi * (waves["frequency"] * numbers + waves["phase"]))])
    *hidden, last = zip(network.coefs_, network.intercepts_, strict=True)
    for W, b in hidden:
        a = np.maximum(a @ W + b, 0)
    return (a @ last[0] + last[1])[:, 0]


@short
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 1e-3)])
def test_waves_are_trained_with_the_weights(solver, dtype, rtol):
    rows = X.astype(dtype)
    target = np.sin(6 * rows[:, 0]) + rows[:, 2]
    how = dict(solver=solver, max_iter=100)
    network = RegularizedMLPRegressor(**WAVES | how).fit(rows[:300], target[:300])
    assert_allclose(network.predict(rows), predicted(network, rows), rtol=rtol, atol=rtol)
    assert network.predict(rows).dtype == dtype
    assert network.coefs_[0].shape == (3 + 16, 128)
    assert network.waves_["feature"].tolist() == [0] * 8 + [1] * 8
    assert_allclose(network.waves_["scale"][::8], rows[:300, :2].std(axis=0), rtol=1e-5)
    assert set(network.selected_features_) <= {0, 1, 2}
    assert network.feature_importances_.shape == (3,)
    plain = RegularizedMLPRegressor(**PLAIN | how).fit(rows[:300], target[:300])
    assert network.score(rows[300:], target[300:]) > plain.score(rows[300:], target[300:]) + 0.1


@short
def test_weights_of_rows_count_as_rows():
    weights = RNG.integers(0, 3, size=400)
    often = np.repeat(np.arange(400), weights)
    how = WAVES | dict(solver="lbfgs", max_iter=20, tol=0.0)
    network = RegularizedMLPRegressor(**how).fit(X, Y, sample_weight=weights)
    other = RegularizedMLPRegressor(**how).fit(X[often], Y[often])
    assert_allclose(network.waves_["shift"], other.waves_["shift"], rtol=1e-9, atol=1e-12)
    assert_allclose(network.predict(X), other.predict(X), rtol=1e-3, atol=1e-3)


@short
def test_waves_go_on_where_they_were():
    """So many calls of partial_fit are so many epochs, also through a pickle."""
    how = WAVES | dict(learning_rate="constant", n_members=2, max_iter=6, shuffle=False)
    at_once = RegularizedMLPRegressor(**how | dict(n_iter_no_change=np.inf)).fit(X, Y)
    in_turn = RegularizedMLPRegressor(**how)
    for _ in range(6):
        in_turn = pickle.loads(pickle.dumps(in_turn.partial_fit(X, Y)))
    assert_array_equal(at_once.predict(X), in_turn.predict(X))
    warm = RegularizedMLPRegressor(**how | dict(warm_start=True, max_iter=3)).fit(X, Y)
    assert_array_equal(warm.fit(X, Y).predict(X), at_once.predict(X))


def test_waves_of_far_columns_and_of_none():
    far = X * [1e-3, 1e4, 1.0] + [1970.0, 1e6, 0.0]
    network = RegularizedMLPRegressor(**WAVES | dict(alpha=0.0)).fit(far, Y)
    assert network.score(far, Y) > 0.9
    assert_allclose(network.predict(far), predicted(network, far), rtol=1e-6, atol=1e-6)
    two = X[:, 2:]
    none = RegularizedMLPRegressor(**WAVES).fit(two, Y)
    assert_array_equal(none.predict(two), RegularizedMLPRegressor(**PLAIN).fit(two, Y).predict(two))
    assert none.waves_["feature"].size == 0


def test_compressed_networks_keep_the_waves_that_are_heard():
    network = RegularizedMLPClassifier(**WAVES | dict(penalty="l1", alpha=0.01)).fit(X, Y > 1)
    small = network.compress()
    assert 0 < len(small.waves_["feature"]) <= len(network.waves_["feature"])
    assert small.coefs_[0].shape[0] == len(small.columns_) < network.coefs_[0].shape[0]
    assert_allclose(small.predict_proba(X), network.predict_proba(X), rtol=1e-9)
    assert_array_equal(small.selected_features_, network.selected_features_)
    again = pickle.loads(pickle.dumps(small)).set_params(warm_start=True).fit(X, Y > 1)
    assert again.score(X, Y > 1) > 0.8
    dof = network.effective_dof(X, Y > 1)
    assert dof.shape == (3,)
    assert np.all(dof > 0)


def test_lambda_is_chosen_with_the_waves():
    how = dict(numerical_embedding="periodic", n_members=4, max_iter=20, random_state=0)
    network = RegularizedMLPRegressor(**how).fit(X, Y)
    assert network.score(X, Y) > 0.9
    assert len(network.alpha_curve_["alpha"]) >= 3


def test_tags_tell_that_embeddings_take_no_sparse_rows():
    assert get_tags(RegularizedMLPRegressor(**PLAIN)).input_tags.sparse
    assert not get_tags(RegularizedMLPRegressor(**BINS)).input_tags.sparse
