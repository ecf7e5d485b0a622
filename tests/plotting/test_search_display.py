import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.plotting import SearchDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)


def test_score_band_and_choices():
    search = PathSearchCV(QuadraticApproxLasso(), alphas=20, cv=5).fit(X, y)
    display = SearchDisplay.from_search(search)
    results = search.cv_results_
    order = np.argsort(-np.asarray(results["param_alpha"], dtype=float))
    np.testing.assert_allclose(display.line_.get_xdata(), search.alphas_)
    np.testing.assert_allclose(display.line_.get_ydata(), results["mean_test_score"][order])
    splits = np.array([results[f"split{k}_test_score"] for k in range(5)])[:, order]
    errors = splits.std(axis=0, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(display.std_errors, errors)
    band = display.band_.get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx((splits.mean(axis=0) + errors).max())
    assert band.min() == pytest.approx((splits.mean(axis=0) - errors).min())
    assert display.best_line_.get_xdata()[0] == pytest.approx(search.best_params_["alpha"])
    assert display.one_std_err_line_.get_xdata()[0] == pytest.approx(search.alpha_one_std_err_)
    left, right = display.ax_.get_xlim()
    assert left > search.alphas_.max() > search.alphas_.min() > right
    assert display.ax_.get_xlabel() == "λ (falling)"


@pytest.mark.parametrize(
    ("estimator", "name", "attribute"),
    [
        (QuadraticApproxLasso(), "non-zero coefficients", "n_nonzero"),
        (QuadraticApproxRidge(), "degrees of freedom", "dof"),
    ],
)
def test_the_upper_axis(estimator, name, attribute):
    search = PathSearchCV(estimator, alphas=20, cv=3).fit(X, y)
    display = SearchDisplay.from_search(search)
    assert display.top_axis_.get_xlabel() == name
    np.testing.assert_array_equal(display.top, getattr(search.path_, attribute))
    labels = [float(label.get_text()) for label in display.top_axis_.get_xticklabels()]
    expected = np.interp(
        -np.log(display.top_axis_.get_xticks()), -np.log(search.alphas_), display.top
    )
    np.testing.assert_allclose(labels, expected, rtol=0.05)
    assert SearchDisplay.from_search(search, top=None).top_axis_ is None


def test_a_grid_search_over_other_parameters_too():
    """The candidates that share the best one's other parameters; λ = 0 at the right end."""
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge())
    grid = {
        "quadraticapproxridge__alpha": [10.0, 1.0, 0.1, 0.0],
        "quadraticapproxridge__fit_intercept": [False, True],
    }
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    display = SearchDisplay.from_search(search)
    assert display.alphas.tolist() == [10.0, 1.0, 0.1, 0.0]
    mine = [
        params["quadraticapproxridge__fit_intercept"] for params in search.cv_results_["params"]
    ]
    expected = search.cv_results_["mean_test_score"][np.array(mine)]
    np.testing.assert_allclose(display.scores, expected)
    at = display.line_.get_xdata()
    assert 0 < at[-1] < 0.1
    assert display.one_std_err_line_ is None
    assert [text.get_text() for text in display.ax_.texts] == ["0"]


def test_one_metric_of_several():
    search = PathSearchCV(
        QuadraticApproxRidge(),
        alphas=[1.0, 0.1],
        cv=3,
        scoring=["r2", "neg_mean_squared_error"],
        refit="r2",
    ).fit(X, y)
    display = SearchDisplay.from_search(search)
    assert display.ax_.get_ylabel() == "mean test r2"
    other = SearchDisplay.from_search(search, metric="neg_mean_squared_error")
    np.testing.assert_array_equal(
        np.sort(other.scores), np.sort(search.cv_results_["mean_test_neg_mean_squared_error"])
    )
    with pytest.raises(ValueError, match=r"metric='f1' is none of .*r2"):
        SearchDisplay.from_search(search, metric="f1")
    with pytest.raises(ValueError, match="top='norm'"):
        SearchDisplay.from_search(search, top="norm")


def test_no_standard_error_no_band():
    display = SearchDisplay(alphas=[1.0, 0.1], scores=[0.1, 0.2], best_alpha=0.1).plot()
    assert display.band_ is None
    assert display.top_axis_ is None


def test_criteria_in_place_of_splits():
    """Leave-one-out has a standard error; BIC has none, so no band and no second mark."""
    by_row = SearchDisplay.from_search(PathSearchCV(QuadraticApproxRidge(), cv="loo").fit(X, y))
    assert by_row.ax_.get_ylabel() == "score, loo"
    assert by_row.band_ is not None
    by_bic = SearchDisplay.from_search(
        PathSearchCV(QuadraticApproxLasso(), selection="bic").fit(X, y)
    )
    assert by_bic.ax_.get_ylabel() == "score, bic"
    assert by_bic.band_ is None
    assert by_bic.one_std_err_line_ is None


def test_searches_over_something_else_are_refused():
    search = GridSearchCV(QuadraticApproxRidge(), {"fit_intercept": [True, False]}).fit(X, y)
    with pytest.raises(ValueError, match=r"not over one alpha.*fit_intercept"):
        SearchDisplay.from_search(search)
