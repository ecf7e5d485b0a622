"""PathSearchCV over Pipelines: earlier steps once for each split, and nothing leaks."""

import numpy as np
import pytest
from search_cases import ALPHAS, both, same
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.model_selection.pipelines import Prefix, is_plain

X, Y = load_diabetes(return_X_y=True, as_frame=True)


class Counting(TransformerMixin, BaseEstimator):
    """Passes rows on; remembers how many it was fitted to, over all clones."""

    fits: list = []  # noqa: RUF012

    def fit(self, X, y=None):
        self.fits.append(len(X))
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X):
        return X


def table():
    """Numbers with gaps, a category, and a target that depends on both."""
    rng = np.random.default_rng(0)
    frame = X.copy()
    frame["site"] = rng.choice(["north", "south", "west"], len(X))
    frame.loc[::9, "bmi"] = np.nan
    return frame, Y + 30 * (frame["site"] == "south")


def columns():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer(
        (numbers, [name for name in X.columns]), (OneHotEncoder(sparse_output=False), ["site"])
    )


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), QuadraticApproxRidge()),
        make_pipeline(StandardScaler(), SelectKBest(f_regression, k=4), QuadraticApproxLasso()),
        make_pipeline(StandardScaler(), "passthrough", QuadraticApproxRidge()),
        make_pipeline(PolynomialFeatures(2), StandardScaler(), PCA(12), QuadraticApproxLasso()),
        make_pipeline(
            FeatureUnion([("s", StandardScaler()), ("p", PCA(2))]), QuadraticApproxRidge()
        ),
        make_pipeline(StandardScaler(), make_pipeline(PCA(5), QuadraticApproxRidge())),
        Pipeline([("only", QuadraticApproxLasso())]),
        TransformedTargetRegressor(QuadraticApproxRidge(), func=np.log, inverse_func=np.exp),
        make_pipeline(StandardScaler(), Ridge()),
    ],
    ids=["scaler", "select", "passthrough", "poly", "union", "nested", "single", "target", "sk"],
)
@pytest.mark.parametrize("scoring", [None, lambda e, X, y: e.score(X, y)])
def test_scores_equal_grid_search(model, scoring):
    ours, theirs = both(model, X, Y, cv=3, scoring=scoring, return_train_score=True)
    assert same(ours, theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)
    assert repr(ours.best_estimator_).replace("np.float64", "") == repr(ours.best_estimator_)


def test_columns_and_categories():
    frame, y = table()
    model = make_pipeline(columns(), QuadraticApproxLasso())
    ours, theirs = both(
        model, frame, y, cv=4, scoring=["r2", "neg_mean_absolute_error"], refit="r2"
    )
    assert same(ours, theirs)
    assert ours.feature_names_in_.tolist() == frame.columns.tolist()


def test_set_output_names_the_path():
    frame, y = table()
    model = make_pipeline(columns(), QuadraticApproxRidge()).set_output(transform="pandas")
    ours, theirs = both(model, frame, y, cv=3)
    assert same(ours, theirs)
    assert "onehotencoder__site_south" in ours.path_.feature_names
    assert ours.best_estimator_[-1].feature_names_in_.tolist() == ours.path_.feature_names.tolist()


def test_earlier_steps_are_fitted_once_for_each_split_and_once_in_the_end():
    Counting.fits.clear()
    model = make_pipeline(Counting(), QuadraticApproxRidge())
    PathSearchCV(model, ALPHAS, cv=5).fit(X, Y)
    assert sorted(Counting.fits) == [353, 353, 354, 354, 354, 442]


def test_automatic_grid_comes_from_what_the_last_step_sees():
    model = make_pipeline(StandardScaler(), QuadraticApproxLasso())
    search = PathSearchCV(model, 12).fit(X * 1000, Y)
    path = QuadraticApproxLasso().regularization_path(StandardScaler().fit_transform(X), Y, 12)
    np.testing.assert_allclose(search.alphas_, path.alphas, rtol=1e-8)
    np.testing.assert_allclose(search.path_.coefs, path.coefs, atol=1e-8)


def test_parameters_of_earlier_steps():
    model = make_pipeline(StandardScaler(), PCA(), QuadraticApproxRidge())
    grid = {"pca__n_components": [2, 6], "standardscaler": ["passthrough", StandardScaler()]}
    ours, theirs = both(model, X, Y, grid=grid, cv=3)
    assert ours.best_params_["pca__n_components"] == theirs.best_params_["pca__n_components"]
    for key in ("split0_test_score", "mean_test_score"):
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], atol=1e-8)


def test_the_last_step_itself_is_a_parameter():
    model = Pipeline([("scale", StandardScaler()), ("model", QuadraticApproxRidge())])
    grid = {"model": [QuadraticApproxRidge(), QuadraticApproxLasso(), Ridge()]}
    ours, theirs = both(model, X, Y, grid=grid, cv=3)
    for j in range(3):
        key = f"split{j}_test_score"
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], atol=1e-8)
    assert repr(ours.best_params_["model"]) == repr(theirs.best_params_["model"])
    assert type(ours.best_estimator_[-1]) is type(theirs.best_estimator_[-1])


def test_step_parameters_reach_their_steps():
    w = np.linspace(1, 5, len(Y))
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge())
    params = {"quadraticapproxridge__sample_weight": w, "standardscaler__sample_weight": w}
    ours, theirs = both(model, X, Y, cv=3, params=params)
    assert same(ours, theirs)
    plain = PathSearchCV(model, ALPHAS, cv=3).fit(X, Y)
    assert abs(plain.best_score_ - ours.best_score_) > 1e-6


@pytest.mark.parametrize("scoring", [None, "r2"])
def test_routed_weights_reach_those_who_asked(scoring):
    w = np.linspace(1, 5, len(Y))
    with config_context(enable_metadata_routing=True):
        last = QuadraticApproxRidge().set_fit_request(sample_weight=True, offset=False)
        last.set_score_request(sample_weight=True, offset=False)
        for wanted in (True, False):
            scaler = StandardScaler().set_fit_request(sample_weight=wanted)
            model = make_pipeline(scaler, last)
            params = {"sample_weight": w, "groups": np.arange(len(Y)) % 7}
            if scoring:
                from sklearn.metrics import get_scorer

                scorer = get_scorer(scoring).set_score_request(sample_weight=True)
            else:
                scorer = None
            ours, theirs = both(model, X, Y, cv=GroupKFold(3), scoring=scorer, params=params)
            assert same(ours, theirs)
            np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


def test_search_inside_a_pipeline_and_a_search_inside_cross_validation():
    from sklearn.model_selection import cross_val_score

    inner = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=3)
    outer = cross_val_score(make_pipeline(StandardScaler(), inner), X, Y, cv=3)
    assert outer.shape == (3,)
    assert np.isfinite(outer).all()


def test_prefix_of_a_plain_estimator_changes_nothing():
    prefix = Prefix(QuadraticApproxRidge(), X, Y, {"sample_weight": None})
    assert prefix.rows is X
    assert prefix.transform(X) is X
    assert prefix.fit_params == {"sample_weight": None}
    fitted = QuadraticApproxRidge().fit(X, Y)
    assert prefix.whole(fitted) is fitted


def test_subclasses_and_transform_input_take_the_general_way():
    class Resampling(Pipeline):
        pass

    steps = [("scale", StandardScaler()), ("ridge", QuadraticApproxRidge())]
    assert is_plain(Pipeline(steps))
    assert not is_plain(Resampling(steps))
    assert not is_plain(Pipeline(steps, transform_input=["sample_weight"]))
    ours, theirs = both(Resampling(steps), X, Y, cv=3)
    assert same(ours, theirs)


def test_a_memory_of_earlier_steps(tmp_path):
    steps = [("scale", StandardScaler()), ("pca", PCA(4)), ("ridge", QuadraticApproxRidge())]
    model = Pipeline(steps, memory=str(tmp_path))
    ours, theirs = both(model, X, Y, cv=3)
    assert same(ours, theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


def test_the_estimator_given_stays_as_it_was():
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge())
    PathSearchCV(model, ALPHAS).fit(X, Y)
    assert not hasattr(model[0], "mean_")
    assert not hasattr(model[-1], "coef_")
    assert model.get_params()["quadraticapproxridge__alpha"] == 0.01
