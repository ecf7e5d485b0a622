"""Searches over random choices of regularizers, by successive halving."""

import time

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import QuadraticApproxRidge, RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.model_selection import Cocktail, PathSearchCV, cocktail_space

X, Y = load_iris(return_X_y=True)
WORST = {"learning_rate_init": 1e-9}
NETWORK = RegularizedMLPClassifier((8,), alpha=1e-3, max_iter=9, random_state=0)
CV = KFold(2, shuffle=True, random_state=0)


def search(n=9, estimator=NETWORK, cocktail=None, **options):
    cocktail = cocktail or Cocktail(n, random_state=1)
    return PathSearchCV(estimator, candidates=cocktail, cv=CV, **options).fit(X, Y)


def test_the_default_space_is_a_search():
    found = search(18, scoring="neg_log_loss")
    results = found.cv_results_
    assert results["params"][0] == {"alpha": 1e-3}
    assert set(results["n_resources"]) == {9}
    assert len(set(results["param_penalty"].compressed())) > 1
    assert np.ma.getmaskarray(results["param_dropout"]).tolist() == [True] + [False] * 17
    assert not results["stopped"][found.best_index_]
    assert found.best_alpha_ == found.best_estimator_.alpha_
    assert found.best_estimator_.get_params().items() >= found.best_params_.items()
    assert found.to_frame().mean_gain_score.tolist() == results["mean_gain_score"].tolist()


def test_many_rows_halve_the_candidates_and_keep_the_first():
    rows = np.arange(1000) % 150
    space = {"learning_rate_init": [1e-9], "dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}
    for network, first_is_best in ((NETWORK, True), (clone(NETWORK).set_params(**WORST), False)):
        cocktail = Cocktail(10, random_state=1, space=space if first_is_best else None)
        found = PathSearchCV(network, candidates=cocktail, cv=CV, scoring="neg_log_loss")
        found.fit(X[rows], Y[rows])
        assert set(found.cv_results_["n_resources"]) == {1, 3, 9}
        assert not found.cv_results_["stopped"][0]
        assert found.cv_results_["n_resources"].tolist().count(9) == 2 + (not first_is_best)
        assert (found.best_index_ == 0) == first_is_best


@pytest.mark.parametrize(("n", "n_splits", "n_candidates"), [(150, 10, 12), (1000, 5, 40)])
def test_few_rows_are_cut_twice_and_have_fewer_candidates(n, n_splits, n_candidates):
    network = clone(NETWORK).set_params(max_iter=1)
    space = {"alpha": loguniform(1e-4, 1e-2)}
    found = PathSearchCV(network, candidates=Cocktail(random_state=0, space=space))
    rows = np.arange(n) % 150
    assert found.fit(X[rows], Y[rows]).n_splits_ == n_splits
    assert len(found.cv_results_["params"]) == n_candidates


def test_the_estimator_is_left_for_what_surely_gains():
    """The choice from the table of scores, written out."""
    found = search(12, scoring="neg_log_loss", cocktail=Cocktail(12, random_state=3))
    results = found.cv_results_
    scores = np.array([results[f"split{j}_test_score"] for j in range(2)])
    gain = scores - scores[:, :1]
    error = gain.std(axis=0, ddof=1) * np.sqrt(1 / 2 + 1)  # two halves
    np.testing.assert_allclose(results["mean_gain_score"], gain.mean(axis=0))
    np.testing.assert_allclose(results["std_error_gain_score"], error)
    bound = gain.mean(axis=0) - error
    assert found.best_index_ == (bound.argmax() if bound.max() > 0 else 0)
    assert found.best_score_ == results["mean_test_score"][found.best_index_]


def test_gains_are_there_for_a_choice_of_ones_own():
    found = search(4, refit=lambda results: int(results["mean_gain_score"].argmin()))
    assert found.cv_results_["mean_gain_score"][found.best_index_] <= 0


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_where_the_estimator_fails_the_best_of_the_others_is_chosen():
    space = {"hidden_layer_sizes": [(4,), (6,), (8,)]}
    broken = clone(NETWORK).set_params(hidden_layer_sizes=(-1,))
    with pytest.warns(FitFailedWarning):
        found = search(4, broken, Cocktail(4, random_state=0, space=space))
    assert found.cv_results_["rank_test_score"][found.best_index_] == 1


def test_of_a_single_split_the_best_is_chosen():
    one = [next(CV.split(X))]
    found = PathSearchCV(NETWORK, candidates=Cocktail(6, random_state=1), cv=one).fit(X, Y)
    assert found.cv_results_["rank_test_score"][found.best_index_] == 1
    assert np.isnan(found.cv_results_["std_error_gain_score"]).all()


def test_the_same_seed_repeats_it():
    first, second = (search(9) for _ in range(2))
    assert first.cv_results_["params"] == second.cv_results_["params"]
    for key in ("mean_test_score", "split1_test_score", "n_resources"):
        assert np.array_equal(first.cv_results_[key], second.cv_results_[key])


def test_who_is_not_stopped_has_the_scores_of_plain_fits():
    found = search(9)
    for i in np.flatnonzero(~found.cv_results_["stopped"]):
        network = clone(NETWORK).set_params(**found.cv_results_["params"][i])
        for j, (train, test) in enumerate(CV.split(X)):
            score = clone(network).fit(X[train], Y[train]).score(X[test], Y[test])
            assert found.cv_results_[f"split{j}_test_score"][i] == score


def test_one_candidate_is_the_estimator_as_it_is():
    found = search(1)
    assert found.best_params_ == {"alpha": 1e-3}
    assert found.cv_results_["n_resources"].tolist() == [9]


def test_a_network_that_chooses_its_own_lambda():
    found = search(2, clone(NETWORK).set_params(alpha="auto"))
    assert found.cv_results_["params"][0] == {"alpha": "auto"}
    assert found.best_alpha_ > 0
    assert np.isnan(found.to_frame().index[0])


def test_a_small_space_is_drawn_once():
    space = {"alpha": [0.1, 0.2]}
    found = search(cocktail=Cocktail(random_state=0, space=space))
    assert len(found.cv_results_["params"]) == 3


def test_a_space_of_ones_own_in_a_pipeline():
    model = make_pipeline(StandardScaler(), NETWORK)
    name = "regularizedmlpclassifier__"
    space = {name + "alpha": loguniform(1e-4, 1e-2), name + "dropout": [0.0, 0.3]}
    found = search(5, model, Cocktail(5, random_state=0, space=space), refit=False)
    drawn = found.cv_results_["params"][1:]
    assert all(set(one) == set(space) for one in drawn)
    assert all(1e-4 <= one[name + "alpha"] <= 1e-2 for one in drawn)
    assert all(type(one[name + "alpha"]) is float for one in drawn)


def test_time_ends_the_first_rung():
    begin = time.perf_counter()
    few = search(cocktail=Cocktail(300, time_budget=1e-3, random_state=1))
    assert time.perf_counter() - begin < 20
    assert len(few.cv_results_["params"]) == 3
    again = search(3)
    assert few.cv_results_["params"][:3] == again.cv_results_["params"]


def test_the_space_is_for_the_data():
    dense = cocktail_space(RegularizedMLPRegressor(), X)
    assert dense[2]["alpha"].support() == (0.3 / 150, 100 / 150)
    assert all("numerical_embedding" in one and "early_stopping" not in one for one in dense)
    many = cocktail_space(NETWORK, np.zeros((1000, 2)))
    assert "numerical_embedding" not in many[-1]  # groups of inputs
    assert "label_smoothing" in many[0]
    sparse = cocktail_space(RegularizedMLPRegressor(), csr_array(X))
    assert not any("numerical_embedding" in one for one in sparse)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (dict(estimator=QuadraticApproxRidge()), "networks"),
        (dict(estimator=clone(NETWORK).set_params(solver="lbfgs")), "solver='lbfgs'"),
        (dict(alphas=[1.0]), "alphas"),
        (dict(param_grid={"dropout": [0.0]}), "param_grid"),
        (dict(selection="1se"), "selection"),
        (dict(cv="loo"), "cv"),
        (dict(candidates=Cocktail(0)), "n_candidates"),
        (dict(candidates=Cocktail("many")), "n_candidates"),
        (dict(candidates=Cocktail(time_budget=0)), "time_budget"),
        (dict(candidates=Cocktail(space={"max_iter": [3]})), "max_iter"),
        (dict(candidates=Cocktail(space={"scaler__x": [3]})), "scaler__x"),
        (dict(candidates="punch"), "candidates"),
    ],
)
def test_what_does_not_go_is_refused_by_name(options, named):
    options = dict(estimator=NETWORK, candidates="cocktail") | options
    with pytest.raises(ValueError, match=named):
        PathSearchCV(**options).fit(X, Y)


def test_it_is_saved_with_what_it_found(tmp_path):
    import skreg

    found = search(3, clone(NETWORK).set_params(n_members=2))
    skreg.save(found, tmp_path / "search")
    again = skreg.load(tmp_path / "search")
    assert np.array_equal(again.predict_proba(X), found.predict_proba(X))
    assert again.candidates == found.candidates
