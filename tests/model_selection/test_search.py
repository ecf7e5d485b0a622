"""PathSearchCV against GridSearchCV: same grid, same folds, same answer."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from search_cases import ALPHAS, both, same
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, Ridge
from sklearn.metrics import make_scorer, mean_absolute_error, mean_squared_error
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
)

X, Y = load_diabetes(return_X_y=True)
X = scale(X)
XC, YC = (part[::3] for part in load_breast_cancer(return_X_y=True))
XC = scale(XC)[:, :8]
XI, YI = load_iris(return_X_y=True)

REGRESSORS = st.sampled_from(
    [
        QuadraticApproxRidge(),
        QuadraticApproxRidge(fit_intercept=False),
        QuadraticApproxRidge(penalty_factors=np.r_[0.0, np.ones(9)]),
        QuadraticApproxLasso(),
        QuadraticApproxLasso(l1_ratio=0.5, positive=True),
        QuadraticApproxLasso(hessian="diagonal"),
    ]
)
SPLITTERS = st.sampled_from(
    [
        3,
        KFold(4, shuffle=True, random_state=0),
        ShuffleSplit(3, test_size=0.2, random_state=1),
        RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
        TimeSeriesSplit(3),
        [(np.arange(300), np.arange(300, 442)), (np.arange(100, 442), np.arange(50))],
    ]
)
SCORINGS = st.sampled_from(
    [
        None,
        "neg_mean_squared_error",
        "neg_root_mean_squared_error",
        "neg_mean_absolute_error",
        "r2",
        make_scorer(mean_absolute_error, greater_is_better=False),
        lambda estimator, X, y: -np.abs(y - estimator.predict(X)).max(),
    ]
)


@given(REGRESSORS, SPLITTERS, SCORINGS, st.sampled_from([None, "weights", "zeros"]), st.booleans())
def test_squared_error_scores_equal_grid_search(estimator, cv, scoring, weights, train):
    params = {}
    if weights:
        w = np.random.default_rng(0).uniform(0.5, 2.0, len(Y))
        if weights == "zeros":
            w[::7] = 0.0
        params = {"sample_weight": w}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* not support sample_weight", UserWarning)
        ours, theirs = both(
            estimator, X, Y, cv=cv, scoring=scoring, params=params, return_train_score=train
        )
    assert same(ours, theirs)
    assert ours.best_index_ == theirs.best_index_
    np.testing.assert_allclose(
        ours.best_estimator_.coef_, theirs.best_estimator_.coef_, rtol=1e-8, atol=1e-8
    )


@given(
    st.sampled_from([QuadraticApproxRidge(), QuadraticApproxLasso()]),
    st.lists(st.sampled_from([0.0, 1e-6, 1e-3, 0.02, 0.5, 3.0, 40.0]), min_size=1, max_size=6),
    st.booleans(),
)
def test_any_order_of_lambda_repeated_or_zero(estimator, alphas, piped):
    model = make_pipeline(StandardScaler(), estimator) if piped else estimator
    ours, theirs = both(model, X, Y, alphas, cv=3, return_train_score=True)
    assert same(ours, theirs)
    assert ours.alphas_.tolist() == alphas


CLASSIFIERS = st.sampled_from(
    [
        QuadraticApproxRidgeClassifier(),
        QuadraticApproxRidgeClassifier(class_weight="balanced"),
        QuadraticApproxLassoClassifier(l1_ratio=0.5),
    ]
)


@given(
    CLASSIFIERS,
    st.sampled_from([3, StratifiedKFold(3, shuffle=True, random_state=0)]),
    st.sampled_from([None, "neg_log_loss", "roc_auc_ovr", "accuracy", "f1_macro"]),
    st.booleans(),
    st.sampled_from([(XC, YC), (XI, YI), (XC, np.where(YC, "good", "bad"))]),
)
def test_classifiers_scores_equal_grid_search(estimator, cv, scoring, weighted, data):
    X, y = data
    params = {"sample_weight": np.linspace(1.0, 2.0, len(y))} if weighted else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, theirs = both(
            estimator, X, y, np.logspace(-1, -4, 4), cv=cv, scoring=scoring, params=params
        )
    assert same(ours, theirs)
    assert ours.classes_.tolist() == np.unique(y).tolist()


@pytest.mark.parametrize("loss", ["huber", "poisson", "gamma"])
@pytest.mark.parametrize("estimator", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_other_losses(estimator, loss):
    model = estimator(loss=loss)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, theirs = both(model, X, Y / Y.mean(), np.logspace(-1, -3, 4), cv=3)
    assert same(ours, theirs)


def test_ridge_of_scikit_learn_at_the_same_lambda():
    folds = KFold(4)  # 442 rows: training parts of 331 or 332
    ours = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=folds, scoring="r2").fit(X, Y)
    for j, (train, test) in enumerate(folds.split(X)):
        for i, alpha in enumerate(ALPHAS):
            ridge = Ridge(alpha=alpha * len(train)).fit(X[train], Y[train])
            score = ours.cv_results_[f"split{j}_test_score"][i]
            assert score == pytest.approx(ridge.score(X[test], Y[test]), abs=1e-8)


@pytest.mark.parametrize("estimator", [Ridge(), Lasso()])
def test_any_estimator_with_an_alpha(estimator):
    ours, theirs = both(estimator, X, Y, [10, 1, 0.1], cv=3, n_jobs=1)
    assert same(ours, theirs, 0.0)
    assert ours.best_params_ == theirs.best_params_
    assert not hasattr(ours, "path_")


def test_network_to_the_bit():
    model = RegularizedMLPClassifier((4,), max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, theirs = both(model, XI, YI, [1.0, 0.1, 0.001], cv=3, scoring="neg_log_loss")
    assert same(ours, theirs, 0.0)
    weights = zip(ours.best_estimator_.coefs_, theirs.best_estimator_.coefs_, strict=True)
    assert all(np.array_equal(a, b) for a, b in weights)


@pytest.mark.parametrize(
    "grid",
    [
        {"l1_ratio": [0.3, 1.0]},
        {"l1_ratio": [0.3, 1.0], "fit_intercept": [True, False]},
        [{"positive": [True]}, {"l1_ratio": [0.5, 0.9], "tol": [1e-6]}],
    ],
)
def test_other_parameters_are_crossed_in_grid_search_order(grid):
    ours, theirs = both(QuadraticApproxLasso(), X, Y, grid=grid, cv=3)
    assert same(ours, theirs)
    assert ours.best_params_ == theirs.best_params_
    assert list(ours.best_params_) == list(theirs.best_params_)


@pytest.mark.parametrize(
    "scoring",
    [
        ["r2", "neg_mean_absolute_error"],
        {"r2": "r2", "mse": make_scorer(mean_squared_error, greater_is_better=False)},
        lambda e, X, y: {"r2": e.score(X, y), "mse": -mean_squared_error(y, e.predict(X))},
    ],
)
def test_many_scorers(scoring):
    ours, theirs = both(
        QuadraticApproxRidge(), X, Y, scoring=scoring, refit="r2", return_train_score=True
    )
    assert same(ours, theirs)
    assert ours.best_params_ == theirs.best_params_
    assert ours.score(X, Y) == pytest.approx(theirs.score(X, Y), abs=1e-10)
    assert type(ours.scorer_) is type(theirs.scorer_)


def test_many_scorers_without_refit_choose_nothing():
    ours, theirs = both(QuadraticApproxRidge(), X, Y, scoring=["r2", "neg_max_error"], refit=False)
    assert same(ours, theirs)
    assert not hasattr(ours, "best_index_")
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        PathSearchCV(QuadraticApproxRidge(), ALPHAS, scoring=["r2", "neg_max_error"]).fit(X, Y)


def test_groups_and_sample_weight_without_routing():
    groups, w = np.arange(len(Y)) % 5, np.linspace(1, 3, len(Y))
    params = {"groups": groups, "sample_weight": w}
    ours, theirs = both(QuadraticApproxRidge(), X, Y, cv=LeaveOneGroupOut(), params=params)
    assert same(ours, theirs)
    assert ours.n_splits_ == 5


def test_metadata_routing():
    groups, w = np.arange(len(Y)) % 6, np.linspace(1, 3, len(Y))
    with config_context(enable_metadata_routing=True):
        model = QuadraticApproxRidge().set_fit_request(sample_weight=True, offset=False)
        scorer = make_scorer(mean_squared_error, greater_is_better=False)
        scorer.set_score_request(sample_weight="trust")
        params = {"groups": groups, "sample_weight": w, "trust": w[::-1]}
        ours, theirs = both(model, X, Y, cv=GroupKFold(3), scoring=scorer, params=params)
        assert same(ours, theirs)
        with pytest.raises(TypeError, match="unexpected"):
            PathSearchCV(model, ALPHAS).fit(X, Y, nonsense=w)


def test_sparse_and_many_targets_and_frames():
    pd = pytest.importorskip("pandas")
    targets = np.c_[Y, Y[::-1]]
    assert same(*both(QuadraticApproxRidge(), csr_matrix(X), Y, cv=3))
    assert same(*both(QuadraticApproxRidge(), X, targets, cv=3))
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(10)])
    ours, theirs = both(QuadraticApproxLasso(), frame, pd.Series(Y), cv=3)
    assert same(ours, theirs)
    assert ours.feature_names_in_.tolist() == frame.columns.tolist()
    assert ours.n_features_in_ == 10


def test_lists_and_polars():
    polars = pytest.importorskip("polars")
    assert same(*both(QuadraticApproxRidge(), X.tolist(), Y.tolist(), cv=3))
    frame = polars.DataFrame(X, schema=[f"c{i}" for i in range(10)])
    model = make_pipeline(StandardScaler(), QuadraticApproxLasso())
    ours, theirs = both(model, frame, polars.Series(Y), cv=3)
    assert same(ours, theirs)
    assert ours.feature_names_in_.tolist() == frame.columns


def test_single_precision():
    single = X.astype(np.float32)
    for model in (QuadraticApproxRidge(), make_pipeline(StandardScaler(), QuadraticApproxLasso())):
        ours, theirs = both(model, single, Y, cv=3)
        assert same(ours, theirs, 1e-5)


def test_offsets_of_counts():
    rng = np.random.default_rng(0)
    exposure = rng.uniform(0.5, 5.0, len(X))
    counts = rng.poisson(exposure * np.exp(0.3 * X[:, 2]))
    model = QuadraticApproxLasso(loss="poisson")
    params = {"offset": np.log(exposure)}
    ours, theirs = both(model, X, counts, np.logspace(-1, -3, 4), cv=3, params=params)
    assert same(ours, theirs)


def test_more_features_than_rows():
    wide, y = make_regression(60, 200, noise=1.0, random_state=0)
    for model in (QuadraticApproxRidge(), QuadraticApproxLasso()):
        ours, theirs = both(model, wide, y, np.logspace(1, -2, 5), cv=4)
        assert same(ours, theirs)


def test_two_jobs_change_nothing():
    one = PathSearchCV(QuadraticApproxLasso(), ALPHAS, cv=4).fit(X, Y)
    two = clone(one).set_params(n_jobs=2).fit(X, Y)
    assert same(two, one, 1e-12)


class Doubled(QuadraticApproxRidge):
    """Predictions of its own."""

    def predict(self, X, *, offset=None):
        return 2 * super().predict(X, offset=offset)


class Certain(QuadraticApproxRidgeClassifier):
    """A fit and a score of its own."""

    def fit(self, X, y):
        return super().fit(X, np.minimum(y, 1))

    def score(self, X, y, sample_weight=None):
        return super().score(X, np.minimum(y, 1), sample_weight)


class Renamed(QuadraticApproxRidge):
    """Nothing of its own."""


@pytest.mark.parametrize("kind", [Doubled, Certain, Renamed])
def test_subclasses_are_taken_at_their_word(kind):
    data = (X, Y) if issubclass(kind, QuadraticApproxRidge) else load_iris(return_X_y=True)
    for model in (kind(), make_pipeline(StandardScaler(), kind())):
        ours, theirs = both(model, *data, ALPHAS)
        assert same(ours, theirs)
        assert np.isfinite(ours.cv_results_["mean_test_score"]).all()
        np.testing.assert_allclose(ours.predict(data[0]), theirs.predict(data[0]), rtol=1e-8)
        assert hasattr(ours, "path_") == (kind is Renamed)
    assert len(PathSearchCV(kind(), 5).fit(*data).alphas_) == 5
