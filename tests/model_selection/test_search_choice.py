"""Which λ are tried, and which of them is chosen."""

import warnings

import numpy as np
import pytest
from search_cases import ALPHAS
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    RegularizationPath,
    RegularizedMLPRegressor,
)
from skreg.model_selection.outcome import (
    edge,
    gain_beyond,
    is_constant_best,
    one_std_err,
    standard_errors,
    warn_of_constant,
)
from skreg.model_selection.request import automatic
from skreg.path.grid import extension

X, Y = load_diabetes(return_X_y=True)
X = scale(X)


@pytest.fixture
def silent():
    """Edges are warned of elsewhere."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the best λ", UserWarning)
        yield


# The grid ----------------------------------------------------------------------------------------


def test_a_number_asks_for_the_grid_of_the_path(silent):
    for model in (QuadraticApproxRidge(), QuadraticApproxLasso()):
        search = PathSearchCV(model, 15).fit(X, Y)
        path = model.regularization_path(X, Y, 15)
        np.testing.assert_allclose(search.alphas_, path.alphas, rtol=1e-12)
        assert search.cv_results_["param_alpha"].tolist() == search.alphas_.tolist()
    assert len(PathSearchCV(QuadraticApproxRidge()).fit(X, Y).alphas_) == 100


def test_every_combination_has_its_own_automatic_grid(silent):
    search = PathSearchCV(QuadraticApproxLasso(), 5, param_grid={"l1_ratio": [0.5, 1.0]}).fit(X, Y)
    alphas = np.asarray(search.cv_results_["param_alpha"], dtype=float).reshape(2, 5)
    np.testing.assert_allclose(alphas[0], 2 * alphas[1])  # λ_max is inverse to l1_ratio
    assert search.cv_results_["param_l1_ratio"].tolist() == [0.5] * 5 + [1.0] * 5
    assert search.alphas_.tolist() in alphas.tolist()


def test_weights_reach_the_automatic_grid(silent):
    w = np.where(Y > 150, 1.0, 0.01)
    search = PathSearchCV(QuadraticApproxLasso(), 5).fit(X, Y, sample_weight=w)
    path = QuadraticApproxLasso().regularization_path(X, Y, 5, sample_weight=w)
    np.testing.assert_allclose(search.alphas_, path.alphas)


def test_networks_have_a_grid_and_foreign_estimators_are_asked_for_one(silent):
    grid = automatic(RegularizedMLPRegressor(), 3, None)
    np.testing.assert_allclose(grid, [1.0, 1e-3, 1e-6])
    with pytest.raises(ValueError, match=r"alphas=100 asks for a grid .* Ridge"):
        PathSearchCV(Ridge(), 100).fit(X, Y)


@pytest.mark.parametrize(
    ("alphas", "message"),
    [
        (0, "alphas=0 asks for that many"),
        (-3, "alphas=-3 asks for that many"),
        ([0.1, -1.0], "must be finite and not negative, got -1.0"),
        ([0.1, np.nan], "must be finite and not negative, got nan"),
        ([], "non-empty"),
        ([[0.1]], "one-dimensional"),
        (0.5, "'alphas' parameter of PathSearchCV must be"),
        ("many", "'alphas' parameter of PathSearchCV must be"),
    ],
)
def test_bad_alphas(alphas, message):
    with pytest.raises(ValueError, match=message):
        PathSearchCV(QuadraticApproxRidge(), alphas).fit(X, Y)


# Edges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alphas", "side", "named"),
    [
        ([1e4, 1e3, 1e2], "smallest", "alpha=100"),
        ([1e-9, 1e-7, 1e-5], "largest", "alpha=1e-05"),
        ([1e-5, 1e-9, 1e-7], "largest", "alpha=1e-05"),
    ],
)
def test_the_best_alpha_on_the_edge_is_named(alphas, side, named):
    with pytest.warns(UserWarning, match=f"{named}, is the {side} of the 3 values"):
        PathSearchCV(QuadraticApproxRidge(), alphas).fit(X, Y)


def test_no_warning_inside_nor_at_zero_nor_for_two():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = PathSearchCV(QuadraticApproxLasso(), [100, 1.2, 1e-3], cv=10).fit(X, Y)
        assert search.best_params_ == {"alpha": 1.2}
        PathSearchCV(QuadraticApproxRidge(), [1e4, 1e3]).fit(X, Y)
        exact = X @ np.arange(10.0)
        best = PathSearchCV(QuadraticApproxRidge(), [1.0, 0.1, 0.0]).fit(X, exact)
        assert best.best_params_ == {"alpha": 0.0}


def test_edge_of_a_plateau_is_no_edge():
    alphas = np.array([9.0, 3.0, 1.0])
    assert edge(np.array([1.0, 1.0, 0.5]), alphas, 0) == ""
    assert edge(np.array([1.0, 0.9, 0.5]), alphas, 0) == "largest"
    assert edge(np.array([0.1, 0.9, 0.5]), alphas, 1) == ""
    assert edge(np.array([np.nan] * 3), alphas, 0) == ""


def test_auto_extends_until_the_best_lies_inside():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((1000, 30))
    b = 0.02 * A @ rng.standard_normal(30) + rng.standard_normal(1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = PathSearchCV(Ridge(), "auto").fit(A, b)
    assert 1e3 < search.best_params_["alpha"] < search.alphas_[0]
    assert (np.diff(search.alphas_) < 0).all()
    fixed = PathSearchCV(Ridge(), search.alphas_).fit(A, b)
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(fixed.cv_results_["mean_test_score"], scores)


@pytest.mark.parametrize("cv", [5, "loo", "gcv"])
@pytest.mark.parametrize("model", [QuadraticApproxRidge(), QuadraticApproxLasso()])
def test_auto_stops_where_nothing_but_a_constant_is_left(model, cv):
    y = np.random.default_rng(1).standard_normal(len(X))
    constant = "no λ does better than the largest tried, .* a constant"
    with pytest.warns(UserWarning, match=constant) as told:
        search = PathSearchCV(model, "auto", cv=cv).fit(X, y)
    assert [warning.filename for warning in told] == [__file__]
    largest = model.regularization_path(X, y).alphas[0]
    assert largest < search.alphas_[0] < 2e3 * largest
    np.testing.assert_allclose(search.best_estimator_.predict(X), y.mean(), atol=1e-3)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[search.best_index_] == scores.max()
    fixed = PathSearchCV(model, search.alphas_, cv=cv).fit(X, y)
    np.testing.assert_allclose(fixed.cv_results_["mean_test_score"], scores, atol=1e-10)


def test_auto_downwards_and_for_any_estimator():
    A, b = make_regression(200, 5, noise=0.1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = PathSearchCV(Ridge(), "auto").fit(A, b)
    assert search.alphas_[0] == pytest.approx(1e3)
    assert search.alphas_[-1] < 1e-3
    assert len(search.alphas_) > 13
    direct = GridSearchCV(Ridge(), {"alpha": search.alphas_}).fit(A, b)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], direct.cv_results_["mean_test_score"]
    )


def test_extension_is_as_dense_as_the_grid():
    grid = np.geomspace(1.0, 1e-3, 7)
    np.testing.assert_allclose(extension(grid, "smallest"), 10.0 ** np.array([-3.5, -4.0, -4.5]))
    np.testing.assert_allclose(extension(grid, "largest"), 10.0 ** np.array([1.5, 1.0, 0.5]))


def test_what_a_larger_alpha_may_still_gain():
    alphas = np.geomspace(1e3, 1.0, 7)
    means = -1.0 + 1.0 / alphas  # the constant model's is −1
    assert gain_beyond(-means, alphas) == pytest.approx(1e-3)
    errors = np.full(7, 0.1)
    assert is_constant_best(means[::-1], errors, alphas, 0)
    assert not is_constant_best(means, errors, alphas, 6)
    assert is_constant_best(means - means, np.full(7, np.nan), alphas, 3)


# The choice --------------------------------------------------------------------------------------


def test_one_standard_error_rule_by_its_definition(silent):
    search = PathSearchCV(QuadraticApproxLasso(), 40, cv=10).fit(X, Y)
    splits = np.array([search.cv_results_[f"split{j}_test_score"] for j in range(10)])
    mean, error = splits.mean(axis=0), splits.std(axis=0, ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(standard_errors(search.cv_results_, "score", 10), error)
    best = mean.argmax()
    expected = search.alphas_[mean >= mean[best] - error[best]].max()
    assert search.alpha_one_std_err_ == expected > search.best_params_["alpha"]

    simple = PathSearchCV(QuadraticApproxLasso(), 40, cv=10, selection="one_std_err").fit(X, Y)
    assert simple.best_params_ == {"alpha": expected}
    assert simple.best_estimator_.alpha == expected
    assert simple.best_score_ == simple.cv_results_["mean_test_score"][simple.best_index_]
    assert simple.best_score_ < search.best_score_
    assert np.count_nonzero(simple.best_estimator_.coef_) < 10


def test_one_standard_error_rule_keeps_the_other_parameters(silent):
    grid = {"l1_ratio": [0.1, 1.0]}
    best = PathSearchCV(QuadraticApproxLasso(), ALPHAS, param_grid=grid).fit(X, Y)
    simple = PathSearchCV(
        QuadraticApproxLasso(), ALPHAS, param_grid=grid, selection="one_std_err"
    ).fit(X, Y)
    assert simple.best_params_["l1_ratio"] == best.best_params_["l1_ratio"]
    assert simple.best_params_["alpha"] == best.alpha_one_std_err_


def test_one_split_has_no_standard_error(silent):
    split = [(np.arange(300), np.arange(300, 442))]
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=split, selection="one_std_err")
    search.fit(X, Y)
    assert search.best_params_["alpha"] == search.alpha_one_std_err_
    assert search.best_index_ == search.cv_results_["rank_test_score"].argmin()
    assert one_std_err(np.full(3, np.nan), np.full(3, np.nan), np.arange(3.0), 1) == 1


def test_a_callable_chooses(silent):
    def largest_good_enough(results):
        good = results["mean_test_score"] > results["mean_test_score"].max() - 0.05
        return int(np.flatnonzero(good)[0])

    ours = PathSearchCV(QuadraticApproxRidge(), ALPHAS, refit=largest_good_enough).fit(X, Y)
    theirs = GridSearchCV(QuadraticApproxRidge(), {"alpha": ALPHAS}, refit=largest_good_enough)
    assert ours.best_params_ == theirs.fit(X, Y).best_params_
    assert not hasattr(ours, "best_score_")
    np.testing.assert_allclose(ours.best_estimator_.coef_, theirs.best_estimator_.coef_)
    with pytest.raises(TypeError, match="not an integer"):
        PathSearchCV(QuadraticApproxRidge(), ALPHAS, refit=lambda results: "0").fit(X, Y)
    with pytest.raises(IndexError, match="out of range"):
        PathSearchCV(QuadraticApproxRidge(), ALPHAS, refit=lambda results: 99).fit(X, Y)


@pytest.mark.parametrize("model", [QuadraticApproxRidge(), QuadraticApproxLasso()])
def test_best_estimator_is_the_one_that_fit_gives(model, silent):
    search = PathSearchCV(model, 30, cv=KFold(4)).fit(X, Y)
    fitted = type(model)(alpha=search.best_params_["alpha"]).fit(X, Y)
    best = search.best_estimator_
    np.testing.assert_allclose(best.coef_, fitted.coef_, rtol=1e-9, atol=1e-9)
    assert best.intercept_ == pytest.approx(fitted.intercept_)
    assert best.get_params() == fitted.get_params()
    assert vars(best).keys() == vars(fitted).keys()
    assert best.effective_dof_ == pytest.approx(fitted.effective_dof_)
    np.testing.assert_allclose(best.erm_coef_, fitted.erm_coef_)


def test_the_path_of_all_rows(silent):
    search = PathSearchCV(make_pipeline(StandardScaler(), QuadraticApproxLasso()), 20).fit(X, Y)
    assert isinstance(search.path_, RegularizationPath)
    np.testing.assert_array_equal(search.path_.alphas, search.alphas_)
    direct = QuadraticApproxLasso().regularization_path(X, Y, search.alphas_)
    np.testing.assert_allclose(search.path_.coefs, direct.coefs, atol=1e-8)
    i = search.alphas_.tolist().index(search.best_params_["quadraticapproxlasso__alpha"])
    np.testing.assert_allclose(search.path_.coefs[i], search.best_estimator_[-1].coef_, atol=1e-9)


def test_refit_false_leaves_results_and_choice_alone(silent):
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS).fit(X, Y)
    search.set_params(refit=False).fit(X, Y)
    assert search.best_params_
    for name in ("best_estimator_", "path_", "refit_time_", "feature_names_in_"):
        assert not hasattr(search, name)
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        search.predict(X)


# Criteria in place of splits ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{"cv": "loo"}, {"cv": "gcv"}, *[{"selection": s} for s in ("aic", "bic", "ebic", "evidence")]],
    ids=str,
)
@pytest.mark.parametrize("piped", [False, True])
def test_criteria_fill_the_same_results(settings, piped, silent):
    ridge = QuadraticApproxRidge()
    model = make_pipeline(StandardScaler(), ridge) if piped else ridge
    search = PathSearchCV(model, 25, **settings).fit(X, Y)
    results, scores = search.cv_results_, search.criterion_.scores
    np.testing.assert_array_equal(results["mean_test_score"], scores)
    np.testing.assert_array_equal(results["split0_test_score"], scores)
    assert search.n_splits_ == 1
    assert search.best_index_ == scores.argmax()
    assert search.best_score_ == scores.max()
    np.testing.assert_array_equal(search.path_.alphas, search.alphas_)
    direct = QuadraticApproxRidge(alpha=search.alphas_[scores.argmax()]).fit(X, Y)
    last = search.best_estimator_[-1] if piped else search.best_estimator_
    np.testing.assert_allclose(last.coef_, direct.coef_, rtol=1e-8)
    np.testing.assert_allclose(search.predict(X), direct.predict(X))
    has_error = settings.get("cv") == "loo"
    assert np.isfinite(search.to_frame()["std_error_score"]).all() == has_error


def test_leave_one_out_with_its_standard_error_and_several_scorers(silent):
    scoring = ["neg_mean_squared_error", "neg_mean_absolute_error"]
    lasso = QuadraticApproxLasso()
    best = PathSearchCV(lasso, 40, cv="loo", scoring=scoring, refit=scoring[1]).fit(X, Y)
    assert best.alpha_one_std_err_ > best.best_params_["alpha"]
    frame = best.to_frame()
    assert (frame[[f"std_error_{name}" for name in scoring]] > 0).all(axis=None)
    settings = {"cv": "loo", "scoring": scoring, "refit": scoring[1], "selection": "one_std_err"}
    simple = PathSearchCV(lasso, 40, **settings).fit(X, Y)
    assert simple.best_params_["alpha"] == best.alpha_one_std_err_


def test_criteria_cross_other_parameters_and_extend_grids():
    rng = np.random.default_rng(3)
    y = X[:, 0] * 0.05 + rng.standard_normal(len(X))
    grid = {"fit_intercept": [True, False]}
    with pytest.warns(UserWarning, match="no λ does better"):
        search = PathSearchCV(QuadraticApproxRidge(), "auto", cv="loo", param_grid=grid).fit(X, y)
    assert len(search.alphas_) > 100
    np.testing.assert_array_equal(search.path_.alphas, search.alphas_)
    assert set(search.best_params_) == {"alpha", "fit_intercept"}


def test_criteria_are_for_linear_estimators(silent):
    with pytest.raises(ValueError, match=r"'loo' is for the linear estimators .* Use cv=5"):
        PathSearchCV(Ridge(), [1.0, 0.1], cv="loo").fit(X, Y)


def test_to_frame(silent):
    search = PathSearchCV(QuadraticApproxLasso(), 6, return_train_score=True, cv=3).fit(X, Y)
    frame = search.to_frame()
    assert frame.index.name == "alpha"
    np.testing.assert_array_equal(frame.index, search.alphas_)
    assert frame.columns.tolist() == [
        "mean_test_score",
        "std_error_score",
        "rank_test_score",
        "mean_train_score",
        *[f"split{j}_test_score" for j in range(3)],
        *[f"split{j}_train_score" for j in range(3)],
        "dof",
        "n_nonzero",
    ]
    np.testing.assert_array_equal(frame["n_nonzero"], search.path_.n_nonzero)
    crossed = PathSearchCV(QuadraticApproxLasso(), 6, param_grid={"l1_ratio": [0.5, 1.0]})
    frame = crossed.fit(X, Y).to_frame()
    assert frame.columns[0] == "l1_ratio"
    assert len(frame) == 12


@pytest.mark.parametrize("value", [7.0, 0.0, 0.1])
def test_evidence_of_constant_targets_is_largest_where_nothing_but_a_constant_is_left(value):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(50, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        search = PathSearchCV(QuadraticApproxRidge(), 10, selection="evidence")
        search.fit(A, np.full(50, value))
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()
    assert search.best_params_["alpha"] == search.alphas_.max()


def test_what_is_said_of_a_constant_is_what_was_looked_at():
    alphas = np.array([100.0, 10.0, 1.0, 0.1])
    with pytest.warns(UserWarning, match=r"from 0\.1 up the features do not help .* score\. Give"):
        warn_of_constant(np.array([3.0, 2.0, 1.0, 0.0]), alphas)
    with pytest.warns(UserWarning, match="rises again toward the smallest: smaller λ were not"):
        warn_of_constant(np.array([3.0, 2.0, 1.0, 2.9]), alphas)


@pytest.mark.parametrize("how", [{"selection": "bic"}, {"cv": "gcv"}, {"cv": 5}])
def test_where_the_largest_lambda_keeps_nothing_no_larger_one_is_asked_for(how):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 10)), rng.standard_normal(100)
    with pytest.warns(UserWarning, match="nothing but a constant"):
        search = PathSearchCV(QuadraticApproxLasso(), 20, **how).fit(X, y)
    assert not search.best_estimator_.coef_.any()
