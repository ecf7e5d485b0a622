"""Searches over random choices of regularizers, by successive halving."""

import time

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import QuadraticApproxRidge, RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.model_selection import Cocktail, PathSearchCV, cocktail_space

X, Y = load_iris(return_X_y=True)
NETWORK = RegularizedMLPClassifier((8,), alpha=1e-3, max_iter=9, random_state=0)
CV = KFold(2, shuffle=True, random_state=0)


def search(n=9, estimator=NETWORK, cocktail=None, **options):
    cocktail = cocktail or Cocktail(n, random_state=1)
    return PathSearchCV(estimator, candidates=cocktail, cv=CV, **options).fit(X, Y)


def test_the_default_space_is_a_search():
    found = search(18, scoring="neg_log_loss")
    results = found.cv_results_
    assert results["params"][0] == {"alpha": 1e-3}
    assert results["n_resources"].tolist().count(9) == 2
    assert set(results["n_resources"]) == {1, 3, 9}
    assert len(set(results["param_penalty"].compressed())) > 1
    assert np.ma.getmaskarray(results["param_dropout"]).tolist() == [True] + [False] * 17
    assert not results["stopped"][found.best_index_]
    assert found.best_alpha_ == found.best_estimator_.alpha_
    assert found.best_estimator_.get_params().items() >= found.best_params_.items()
    assert len(found.to_frame()) == 18


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
    assert dense[0]["alpha"].support() == (0.3 / 150, 100 / 150)
    assert "numerical_embedding" in dense[0]
    assert "numerical_embedding" not in dense[3]  # groups of inputs
    sparse = cocktail_space(RegularizedMLPRegressor(), csr_array(X))
    assert not any("numerical_embedding" in one for one in sparse)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (dict(estimator=QuadraticApproxRidge()), "networks"),
        (dict(alphas=[1.0]), "alphas"),
        (dict(param_grid={"dropout": [0.0]}), "param_grid"),
        (dict(selection="1se"), "selection"),
        (dict(cv="loo"), "cv"),
        (dict(candidates=Cocktail(0)), "n_candidates"),
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
