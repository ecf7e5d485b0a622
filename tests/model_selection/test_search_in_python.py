"""What users type: words for the rule, grids as dicts, options of predictions, quiet edges."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge

X, Y = load_diabetes(return_X_y=True)
LASSO = make_pipeline(StandardScaler(), QuadraticApproxLasso())
NAME = "quadraticapproxlasso__alpha"
ALPHAS = np.geomspace(30, 0.03, 13)


def test_best_alpha_is_that_of_best_params():
    search = PathSearchCV(LASSO, ALPHAS).fit(X, Y)
    assert search.best_alpha_ == search.best_params_[NAME]
    assert type(search.best_alpha_) is float
    by_hand = PathSearchCV(LASSO, ALPHAS, refit=lambda results: 2).fit(X, Y)
    assert by_hand.best_alpha_ == ALPHAS[2]


def test_1se_is_a_word_for_the_one_standard_error_rule():
    search = PathSearchCV(LASSO, ALPHAS, selection="1se").fit(X, Y)
    other = PathSearchCV(LASSO, ALPHAS, selection="one_std_err").fit(X, Y)
    assert search.best_alpha_ == other.best_alpha_ == search.alpha_one_std_err_
    assert search.best_alpha_ > PathSearchCV(LASSO, ALPHAS).fit(X, Y).best_alpha_
    with pytest.raises(ValueError, match="selection='1se' needs a standard error"):
        PathSearchCV(LASSO, ALPHAS, selection="1se", cv="gcv").fit(X, Y)


def test_a_grid_as_for_grid_search():
    ours = PathSearchCV(LASSO, {NAME: ALPHAS}).fit(X, Y)
    assert ours.best_score_ == PathSearchCV(LASSO, ALPHAS).fit(X, Y).best_score_
    with pytest.raises(ValueError, match=f"does not name λ, which is '{NAME}' here"):
        PathSearchCV(LASSO, {"alpha": ALPHAS}).fit(X, Y)
    with pytest.raises(ValueError, match=r"must be finite and not negative, got -1\.0"):
        PathSearchCV(LASSO, {NAME: [1.0, -1.0]}).fit(X, Y)
    grid = {"alpha": [1.0], "l1_ratio": [0.5]}
    with pytest.raises(ValueError, match=r"alphas=\[1.0\] and param_grid=\{'l1_ratio': \[0.5\]\}"):
        PathSearchCV(QuadraticApproxLasso(), grid).fit(X, Y)


def test_predictions_pass_their_options_on():
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge())
    search = PathSearchCV(model, [1.0, 0.1]).fit(X, Y)
    best = search.best_estimator_
    mean, std = search.predict(X[:5], return_std=True)
    np.testing.assert_array_equal(std, best.predict(X[:5], return_std=True)[1])
    np.testing.assert_array_equal(mean, search.predict(X[:5]))
    assert (std > 0).all()
    shifted = search.predict(X[:5], offset=np.arange(5.0))
    np.testing.assert_allclose(shifted, mean + np.arange(5.0))
    with pytest.raises(TypeError, match="return_std"):
        PathSearchCV(LASSO, ALPHAS).fit(X, Y).predict(X, return_std=True)


def test_the_standard_deviation_is_near_that_of_bayesian_ridge():
    search = PathSearchCV(QuadraticApproxRidge(), "auto", selection="evidence").fit(X, Y)
    theirs = BayesianRidge(alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0).fit(X, Y)
    std = theirs.predict(X[:9], return_std=True)[1]
    np.testing.assert_allclose(search.predict(X[:9], return_std=True)[1], std, rtol=0.02)


def test_nested_searches_of_the_default_ridge_are_quiet_where_smaller_alphas_gain_nothing():
    """In two of these five training parts the smallest λ is the best, by 0.004 standard errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_val_score(PathSearchCV(QuadraticApproxRidge(), 100), X, Y, cv=KFold(5))


def test_nested_searches_extend_the_default_grid_where_smaller_alphas_gain():
    exact = X @ np.arange(10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = PathSearchCV(QuadraticApproxRidge()).fit(X, exact)
    assert search.alphas_.min() < PathSearchCV(QuadraticApproxRidge(), 3).fit(X, Y).alphas_.min()
    assert search.best_alpha_ < 1e-6 * search.alphas_.max()


def test_a_smallest_alpha_that_still_gains_is_named():
    with pytest.warns(UserWarning, match="is the smallest of the 20 values tried") as told:
        PathSearchCV(QuadraticApproxRidge(), np.geomspace(1e4, 1e-1, 20)).fit(X, Y)
    assert [warning.filename for warning in told] == [__file__]
