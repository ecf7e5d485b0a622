"""Steps ahead of a model, fitted chunk by chunk: fits and searches as in memory."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.exceptions import FitFailedWarning
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection import HashKFold, fit_in_chunks
from skreg.model_selection.chunk_steps import head_of, steps_ahead, units_of
from skreg.rows.stream import ROWS

pytestmark = [
    pytest.mark.filterwarnings("ignore:the best λ, alpha=:UserWarning"),
    pytest.mark.filterwarnings("ignore:The objective was still falling"),
    pytest.mark.filterwarnings("ignore:X has"),
]

RNG = np.random.default_rng(0)
N = 600
X = RNG.normal(size=(N, 4)) * [1, 2, 3, 40] + [0, 3, 0, 100]
Y = X @ [1.0, 0.5, 0.0, 0.01] + RNG.normal(size=N)
LABELS = np.where(Y > 2, "high", "low")
ALPHAS = [1.0, 0.1, 0.01]
LASSO, RIDGE = QuadraticApproxLasso(), QuadraticApproxRidge()
NETWORK = RegularizedMLPRegressor((4,), max_iter=2, random_state=0)


def chunks_of(X, y, size=47):
    return lambda: ((X[i : i + size], y[i : i + size]) for i in range(0, len(y), size))


PCA_3 = FrozenEstimator(PCA(3).fit(X[:100]))
HEADS = {
    "none": [],
    "scaler": [StandardScaler()],
    "range": [MinMaxScaler((-1, 1))],
    "range, scaler": [MaxAbsScaler(), "passthrough", StandardScaler()],
    "squares": [StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler()],
    "nested": [make_pipeline(MinMaxScaler(), Normalizer()), FunctionTransformer(np.tanh)],
    "frozen": [PCA_3],
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("last", [LASSO, NETWORK], ids=["lasso", "network"])
def test_searches_are_those_in_memory(head, last):
    model = make_pipeline(*HEADS[head], last)
    options = dict(return_train_score=True)
    found = PathSearchCV(model, ALPHAS, cv=3, **options).fit(chunks_of(X, Y))
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3), **options).fit(X, Y)
    for key in ("mean_test_score", "std_test_score", "mean_train_score"):
        np.testing.assert_allclose(
            found.cv_results_[key], expected.cv_results_[key], rtol=1e-10, atol=1e-13
        )
    assert found.best_params_ == expected.best_params_
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-9)


def test_labels_and_scorers_of_all_kinds():
    model = make_pipeline(
        MinMaxScaler(), RegularizedMLPClassifier((4,), max_iter=2, random_state=0)
    )
    scorers = ["accuracy", "neg_log_loss", "roc_auc"]
    options = dict(scoring=scorers, refit="neg_log_loss")
    found = PathSearchCV(model, ALPHAS, cv=3, **options).fit(chunks_of(X, LABELS))
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3), **options).fit(X, LABELS)
    for name in scorers:
        key = f"mean_test_{name}"
        np.testing.assert_array_equal(found.cv_results_[key], expected.cv_results_[key])
    assert list(found.classes_) == ["high", "low"]
    table = pd.DataFrame(X, columns=list("abcd")).assign(y=LABELS)
    assert found.score(chunks_of(X, LABELS)) == found.score(X, LABELS)
    assert found.score(Chunks(table, "y")) == found.score(X, LABELS)


OTHER_LOSSES = [QuadraticApproxRidgeClassifier(), QuadraticApproxLasso(loss="huber")]
RANGES = {
    "range": [MinMaxScaler()],
    "range, scaler": [MaxAbsScaler(), StandardScaler()],
    "scaler, range": [StandardScaler(), MinMaxScaler((-1, 1))],
}


@pytest.mark.parametrize("head", RANGES)
@pytest.mark.parametrize(
    "last", [QuadraticApproxRidgeClassifier(), QuadraticApproxLasso(loss="huber")]
)
def test_other_losses_behind_scalers_of_ranges(head, last):
    y = LABELS if hasattr(last, "predict_proba") else Y
    model = make_pipeline(*RANGES[head], last)
    found = PathSearchCV(model, ALPHAS, cv=3).fit(chunks_of(X, y))
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3), tol=0.0).fit(X, y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-7
    )
    np.testing.assert_allclose(
        found.best_estimator_[-1].coef_, expected.best_estimator_[-1].coef_, rtol=1e-5, atol=1e-8
    )


def test_a_fit_that_fails_is_told_as_in_memory():
    model = RegularizedMLPRegressor(
        (4,), solver="sgd", max_iter=50, learning_rate="constant", random_state=0
    )
    options = dict(cv=2, scoring=["r2", "neg_mean_squared_error"], refit="r2")
    grid = {"learning_rate_init": [1e-3, 1e12]}
    search = PathSearchCV(model, [1e-3], param_grid=grid, **options)
    with pytest.warns(FitFailedWarning, match="Training diverged"):
        search.fit(chunks_of(X, Y))
    assert np.isnan(search.cv_results_["mean_test_r2"]).tolist() == [False, True]
    with pytest.raises(ValueError, match="Training diverged"):
        search.set_params(error_score="raise").fit(chunks_of(X, Y))


def test_networks_of_more_rows_than_the_buffer_holds():
    source = Chunks(chunks_of(X, LABELS), shuffle_buffer=100)
    model = make_pipeline(
        StandardScaler(), RegularizedMLPClassifier((4,), max_iter=9, random_state=0)
    )
    search = PathSearchCV(model, ALPHAS, cv=3).fit(source)
    assert search.best_score_ > 0.7
    other = PathSearchCV(model, ALPHAS, cv=3)
    other.fit(Chunks(chunks_of(X, LABELS, 300), shuffle_buffer=100))
    for key in ("split0_test_score", "mean_test_score"):
        np.testing.assert_array_equal(search.cv_results_[key], other.cv_results_[key])
    np.testing.assert_array_equal(search.predict(X), other.predict(X))


def test_a_transformer_sees_the_training_part_of_a_fold_alone():
    """A fold of its own scale: what is fitted on it, too, would know of it."""
    y = Y[:300]
    table = pd.DataFrame(X[:300], columns=list("abcd")).assign(y=y, site=np.arange(300) % 3)
    table.loc[table.site == 2, list("abcd")] *= 50
    model = make_pipeline(MinMaxScaler(), RIDGE)
    found = PathSearchCV(model, ALPHAS, cv="column:site").fit(Chunks([table[:90], table[90:]], "y"))
    rows = table[list("abcd")].to_numpy()
    for k in range(3):
        train = table.site != k
        for alpha, score in zip(ALPHAS, found.cv_results_[f"split{k}_test_score"], strict=True):
            one = make_pipeline(MinMaxScaler(), QuadraticApproxRidge(alpha=alpha))
            one.fit(rows[train], y[train])
            assert score == pytest.approx(one.score(rows[~train], y[~train]), rel=1e-10)


def test_parameters_of_steps_are_searched():
    model = make_pipeline(MinMaxScaler(), LASSO)
    grid = {"minmaxscaler__feature_range": [(0, 1), (0, 100)]}
    found = PathSearchCV(model, ALPHAS, param_grid=grid, cv=3).fit(chunks_of(X, Y))
    expected = PathSearchCV(model, ALPHAS, param_grid=grid, cv=HashKFold(3)).fit(X, Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-10
    )
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-9)


@pytest.mark.parametrize("last", [LASSO, NETWORK], ids=["lasso", "network"])
def test_missing_numbers_are_imputed_ahead_of_other_steps(last):
    holes = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
    model = make_pipeline(SimpleImputer(), MinMaxScaler(), last)
    found = PathSearchCV(model, ALPHAS, cv=3).fit(chunks_of(holes, Y))
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3)).fit(holes, Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_steps_of_many_rows_are_those_of_partial_fit():
    n = 2 * ROWS + 100
    rows = RNG.normal(size=(n, 6)) @ RNG.normal(size=(6, 6))
    y = rows[:, 0] + RNG.normal(size=n)
    pca = IncrementalPCA(2)
    for start in range(0, n, ROWS):
        pca.partial_fit(rows[start : start + ROWS])
    expected = QuadraticApproxRidge(alpha=0.1).fit(pca.transform(rows), y)
    for size in (1000, n):
        model = make_pipeline(IncrementalPCA(2), QuadraticApproxRidge(alpha=0.1))
        found = fit_in_chunks(model, chunks_of(rows, y, size))
        np.testing.assert_array_equal(found[0].components_, pca.components_)
        np.testing.assert_allclose(found[-1].coef_, expected.coef_, rtol=1e-8)
        assert not hasattr(model[-1], "coef_")


def test_weights_are_those_of_the_steps_as_well():
    weights = RNG.integers(0, 3, N).astype(float)
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), RIDGE)
    found = fit_in_chunks(
        model, [(X[:200], Y[:200], weights[:200]), (X[200:], Y[200:], weights[200:])]
    )
    again = np.repeat(np.arange(N), weights.astype(int))
    expected = make_pipeline(StandardScaler(), PolynomialFeatures(2), RIDGE).fit(X[again], Y[again])
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-8)


def test_names_and_passes_are_told(capsys):
    table = pd.DataFrame(X, columns=list("abcd")).assign(y=Y)
    model = make_pipeline(MinMaxScaler(), NETWORK)
    found = fit_in_chunks(model, Chunks(table, "y"), verbose=1)
    assert list(found[0].feature_names_in_) == list("abcd")
    assert "a pass over the rows for MinMaxScaler" in capsys.readouterr().out
    assert found.predict(table[list("abcd")]).shape == (N,)
    search = PathSearchCV(make_pipeline(MinMaxScaler(), RIDGE), ALPHAS, cv=3, verbose=1)
    search.fit(Chunks(table, "y"))
    assert "a pass over the rows for MinMaxScaler" in capsys.readouterr().out


@pytest.mark.parametrize(
    "head", [[MinMaxScaler()], [MinMaxScaler(), PolynomialFeatures(2)]], ids=len
)
def test_paths_have_the_names_that_steps_give(head):
    table = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(*head, LASSO)
    found = PathSearchCV(model, ALPHAS, cv=3).fit(Chunks(table.assign(y=Y), "y"))
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3)).fit(table, Y)
    assert list(found.path_.to_frame().columns) == list(expected.path_.to_frame().columns)
    assert not hasattr(found.best_estimator_[-1], "feature_names_in_")
    np.testing.assert_allclose(found.predict(table), expected.predict(table), rtol=1e-9)


def test_scalers_of_ranges_are_folded_into_moments():
    """As exactly as by sending every row through every scaler; other steps cannot be."""
    rows = [MinMaxScaler((-1, 3)), MaxAbsScaler(), StandardScaler(with_mean=False)]
    fitted, seen = [], X
    for step in rows:
        fitted.append(step.fit(seen))
        seen = step.transform(seen)
    shift, scale = units_of(fitted)
    np.testing.assert_allclose((X - shift) / scale, seen, rtol=1e-12, atol=1e-14)
    assert units_of([*fitted, Normalizer()]) is None
    assert units_of([MinMaxScaler(clip=True).fit(X)]) is None


def test_which_steps_moments_stand_in_for():
    scaler, range_ = StandardScaler(), MinMaxScaler()
    model = make_pipeline(make_pipeline(scaler, range_), "passthrough", StandardScaler(), LASSO)
    assert steps_ahead(model)[:2] == [scaler, range_]
    assert head_of(model) == [scaler, range_]
    assert head_of(make_pipeline(SimpleImputer(), scaler, LASSO)) == []
    assert head_of(LASSO) == steps_ahead(LASSO) == []


def once():
    yield X, Y


def unread():
    raise AssertionError("a pass before the checks")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fit_in_chunks(make_pipeline(PCA(2), NETWORK), unread), "PCA.*has no partial_fit"),
        (
            lambda: PathSearchCV(make_pipeline(PCA(2), NETWORK), ALPHAS).fit(unread),
            "PCA.*FrozenEstimator",
        ),
        (lambda: PathSearchCV(make_pipeline(PCA(2), LASSO), ALPHAS).fit(unread), "PCA"),
        (lambda: fit_in_chunks(NETWORK, X, Y), "rows in chunks, got ndarray"),
        (lambda: PathSearchCV(NETWORK, ALPHAS).fit(once()), "can be read once only"),
        (lambda: PathSearchCV(NETWORK, resource="epochs").fit(unread), "resource='epochs' holds"),
        (lambda: PathSearchCV(NETWORK, cv="loo").fit(unread), "judges by rows in memory"),
        (
            lambda: PathSearchCV(NETWORK, scoring=lambda e, X, y: 0.0).fit(unread),
            "may look at the rows",
        ),
        (
            lambda: make_pipeline(StandardScaler(), NETWORK).fit(Chunks(unread)),
            "fit_in_chunks",
        ),
        (lambda: GridSearchCV(NETWORK, {"alpha": ALPHAS}).fit(Chunks(unread)), "PathSearchCV"),
        (lambda: NETWORK.fit(X, Y).predict(once()), r"in chunks \(generator\).*each chunk"),
    ],
)
def test_what_cannot_be_is_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()
