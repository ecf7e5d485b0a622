"""Searches from moments and from rows in chunks: those of the same rows in memory."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from sklearn.impute import SimpleImputer
from sklearn.metrics import get_scorer
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from skreg import (
    Chunks,
    Moments,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.model_selection import HashKFold

pytestmark = pytest.mark.filterwarnings("ignore:the best λ, alpha=:UserWarning")

RNG = np.random.default_rng(0)
NAMES = list("abcdef")
FRAME = pd.DataFrame(
    RNG.normal(size=(400, 6)) * [1, 2, 3, 4, 5, 60] + [0, 1, 2, 3, 4, 500], columns=NAMES
)
FRAME["constant"] = 7.0
FRAME["y"] = 2 * FRAME.a - FRAME.b + 0.01 * FRAME.f + RNG.normal(size=400)
FRAME["weight"] = RNG.integers(0, 3, 400).astype(float)
FRAME["site"] = RNG.choice(["p", "q", "r"], 400)
X, Y = FRAME[[*NAMES, "constant"]], FRAME.y
ALPHAS = [10.0, 1.0, 0.1, 0.01, 1e-5]


def pieces():
    return [FRAME.iloc[i : i + 53] for i in range(0, 400, 53)]


def chunks(**options):
    return Chunks(pieces, "y", exclude=["site", "weight"], **options)


def compare(found, expected, tol=1e-10):
    for key, values in expected.cv_results_.items():
        if key.startswith(("mean_t", "std_t", "split", "rank")):
            np.testing.assert_allclose(found.cv_results_[key], values, rtol=tol, atol=tol)
    assert found.best_alpha_ == pytest.approx(expected.best_alpha_, rel=1e-9)
    np.testing.assert_allclose(
        found.best_estimator_.predict(X), expected.best_estimator_.predict(X), rtol=1e-9
    )
    assert list(found.path_.to_frame().columns) == list(expected.path_.to_frame().columns)


MODELS = {
    "ridge": QuadraticApproxRidge(),
    "lasso": QuadraticApproxLasso(),
    "scaled": make_pipeline(StandardScaler(), QuadraticApproxLasso()),
    "centered": make_pipeline(StandardScaler(with_std=False), QuadraticApproxRidge()),
    "stretched": make_pipeline(StandardScaler(with_mean=False), QuadraticApproxRidge()),
    "twice": make_pipeline(
        StandardScaler(), "passthrough", StandardScaler(), QuadraticApproxLasso(positive=True)
    ),
    "nested": make_pipeline(make_pipeline(StandardScaler()), QuadraticApproxLasso(groups=None)),
}


@pytest.mark.parametrize("alphas", [ALPHAS, 7, "auto"], ids=["given", "seven", "auto"])
@pytest.mark.parametrize("name", MODELS)
def test_a_search_in_one_pass(name, alphas):
    options = dict(return_train_score=True, selection="1se")
    found = PathSearchCV(MODELS[name], alphas, cv=4, **options).fit(chunks())
    expected = PathSearchCV(MODELS[name], alphas, cv=HashKFold(4), **options).fit(X, Y)
    compare(found, expected)


def test_the_fitted_scaler_is_scikit_learn_s():
    found = PathSearchCV(MODELS["scaled"], ALPHAS).fit(chunks()).best_estimator_
    expected = MODELS["scaled"].fit(X, Y)
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_allclose(
            getattr(found[0], name), getattr(expected[0], name), rtol=1e-12, atol=1e-12
        )
    for name in ("n_samples_seen_", "n_features_in_"):
        assert getattr(found[0], name) == getattr(expected[0], name)
    assert list(found[0].feature_names_in_) == list(expected[0].feature_names_in_)
    assert vars(found[-1]).keys() - vars(expected[-1]).keys() <= {"_exact"}
    assert not hasattr(found[-1], "feature_names_in_")


def test_several_scorers_and_weights():
    options = dict(scoring=["r2", "neg_mean_squared_error"], refit="r2")
    source = Chunks(pieces, "y", sample_weight="weight", exclude=["site"])
    found = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=4, **options).fit(source)
    expected = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=HashKFold(4), **options)
    compare(found, expected.fit(X, Y, sample_weight=FRAME.weight))


def test_folds_by_a_column():
    source = Chunks(pieces, "y", exclude=["weight"])
    found = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv="column:site").fit(source)
    assert found.n_splits_ == 3
    splitter = PredefinedSplit(pd.factorize(FRAME.site, sort=True)[0])
    compare(found, PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=splitter).fit(X, Y))


def test_folds_by_a_hash_of_a_column():
    splitter = HashKFold(3, by="f")
    found = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=splitter).fit(
        Chunks(pieces, "y", features=NAMES[:5])
    )
    expected = PathSearchCV(
        QuadraticApproxRidge(), ALPHAS, cv=list(splitter.split(X, groups=FRAME.f))
    ).fit(X[NAMES[:5]], Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-10
    )


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("kind", ["numbers", "text"])
def test_a_hash_is_that_of_the_value_in_whatever_table(library, kind):
    numbers = RNG.integers(-5, 50, 400)
    groups = numbers if kind == "numbers" else np.array([f"g{i}" for i in numbers])
    data = FRAME[[*NAMES, "y"]].assign(group=groups)
    tables = {"pandas": lambda x: x, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}
    source = Chunks(lambda: map(tables[library], (data[:150], data[150:])), "y")
    found = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=HashKFold(3, by="group")).fit(source)
    splits = list(HashKFold(3).split(data, groups=groups))
    expected = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=splits).fit(data[NAMES], Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-10
    )


def test_a_column_of_folds_in_memory():
    data = FRAME[[*NAMES, "constant"]].assign(site=pd.factorize(FRAME.site, sort=True)[0])
    found = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv="column:site").fit(data, Y)
    splitter = PredefinedSplit(data.site)
    compare_to = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=splitter).fit(data, Y)
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], compare_to.cv_results_["mean_test_score"]
    )


def test_moments_by_fold():
    parts = {}
    for fold, rows in FRAME.groupby("site"):
        parts[fold] = Moments.from_rows(rows[[*NAMES, "constant"]], rows.y)
    found = PathSearchCV(MODELS["scaled"], ALPHAS).fit(parts)
    splitter = PredefinedSplit(pd.factorize(FRAME.site, sort=True)[0])
    compare(found, PathSearchCV(MODELS["scaled"], ALPHAS, cv=splitter).fit(X, Y))
    again = PathSearchCV(MODELS["scaled"], ALPHAS).fit(list(parts.values()))
    assert again.best_score_ == found.best_score_


def test_param_grid():
    grid = {"l1_ratio": [0.2, 1.0]}
    found = PathSearchCV(QuadraticApproxLasso(), ALPHAS, param_grid=grid, cv=4).fit(chunks())
    expected = PathSearchCV(QuadraticApproxLasso(), ALPHAS, param_grid=grid, cv=HashKFold(4))
    compare(found, expected.fit(X, Y))


HOLES = FRAME.mask(RNG.random(FRAME.shape) < 0.1).assign(y=FRAME.y, weight=1.0, site=FRAME.site)
HOLES.loc[:60, "a"] = FRAME.a  # a column with missing values in later chunks only


@pytest.mark.parametrize("scaled", [False, True])
def test_missing_values_are_imputed_inside_each_fold(scaled):
    steps = [SimpleImputer(), StandardScaler()] if scaled else [SimpleImputer()]
    model = make_pipeline(*steps, QuadraticApproxRidge())
    source = Chunks(lambda: [HOLES[i : i + 53] for i in range(0, 400, 53)], "y")
    source = source.read_as(exclude=["site", "weight"])
    found = PathSearchCV(model, ALPHAS, cv=4).fit(source)
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(4)).fit(HOLES[X.columns], Y)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(found.cv_results_[key], expected.cv_results_[key], rtol=1e-10)
    one, other = (s.best_estimator_.predict(HOLES[X.columns]) for s in (found, expected))
    np.testing.assert_allclose(one, other, rtol=1e-10)


def test_a_perfect_fit():
    X = RNG.normal(size=(100, 2))
    data = [(X[:50], X[:50] @ [1e3, 2.0]), (X[50:], X[50:] @ [1e3, 2.0])]
    found = PathSearchCV(QuadraticApproxRidge(), [1e-3, 1e-9], cv=3).fit(data)
    assert found.best_alpha_ == 1e-9
    assert abs(found.best_score_ - 1.0) < 1e-12


MOMENTS = Moments.from_rows(X, Y)


@pytest.mark.parametrize(
    ("model", "options", "given", "words"),
    [
        ("ridge", {}, MOMENTS, "needs the moments of each fold"),
        ("ridge", {}, [MOMENTS], "at least two folds"),
        ("ridge", {"cv": PredefinedSplit([0, 1])}, pieces, "needs all rows at hand"),
        ("ridge", {"cv": "column:nowhere"}, pieces, "no column 'nowhere'"),
        ("ridge", {"cv": "loo"}, pieces, "judges by rows in memory"),
        ("ridge", {"selection": "aic"}, pieces, "judges by rows in memory"),
        ("ridge", {"scoring": "neg_mean_absolute_error"}, pieces, "predictions of single rows"),
        (Pipeline([("s", RobustScaler()), ("m", QuadraticApproxRidge())]), {}, pieces, "RobustSc"),
        ("ridge", {"cv": 2}, [(np.eye(4), np.ones(4))], "y is constant in a fold"),
        (
            "ridge",
            {"cv": 5},
            [Moments.from_rows(np.eye(4), np.arange(4.0))] * 2,
            "cv=5 does not go with moments",
        ),
        ("ridge", {}, lambda: [HOLES], "is missing or not finite in row"),
        (
            make_pipeline(SimpleImputer(strategy="median"), QuadraticApproxRidge()),
            {},
            pieces,
            "SimpleImputer ahead of the model has no partial_fit",
        ),
        (
            make_pipeline(SimpleImputer(), QuadraticApproxRidge()),
            {},
            lambda: [FRAME.assign(a=np.nan)],
            "'a' is missing in all rows",
        ),
    ],
)
def test_what_cannot_be_is_told(model, options, given, words):
    search = PathSearchCV(MODELS[model] if isinstance(model, str) else model, **options)
    with pytest.raises(ValueError, match=words):
        search.fit(Chunks(given, "y", exclude=["site", "weight"]) if callable(given) else given)


def unread():
    raise AssertionError("a pass before the checks")


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (MODELS["ridge"], {"scoring": "neg_mean_absolute_error"}, "predictions of single rows"),
        (
            make_pipeline(RobustScaler(), QuadraticApproxRidge()),
            {},
            "RobustScaler.*FrozenEstimator",
        ),
        (QuadraticApproxLasso(loss="quantile"), {}, "loss='quantile'"),
        (
            QuadraticApproxRidgeClassifier(),
            {"scoring": "roc_auc"},
            r"make_scorer\(roc_auc_score.*ranks all rows",
        ),
        (QuadraticApproxRidgeClassifier(class_weight="balanced"), {}, "class_weight='balanced'"),
        (make_pipeline(SimpleImputer(), QuadraticApproxRidgeClassifier()), {}, "SimpleImputer"),
        (make_pipeline(RobustScaler(), QuadraticApproxRidgeClassifier()), {}, "RobustScaler"),
        (QuadraticApproxRidgeClassifier(), {"cv": "loo"}, "judges by rows in memory"),
    ],
)
def test_nothing_is_read_before_the_checks(model, options, words):
    with pytest.raises(ValueError, match=words):
        PathSearchCV(model, **options).fit(unread, "y")


@pytest.mark.parametrize(
    "model",
    [QuadraticApproxLasso(loss="quantile"), QuadraticApproxRidgeClassifier(norm_bound=1.0)],
)
def test_no_fit_reads_what_it_cannot_use(model):
    with pytest.raises(ValueError, match="is for rows in memory"):
        model.fit(unread, "y")


@pytest.mark.parametrize("kind", ["numbers", "objects", "arrow"])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_a_first_chunk_in_which_all_of_a_column_is_missing(kind, offset):
    data = FRAME[[*NAMES[:2], "y"]].assign(late=FRAME[NAMES[2]] + offset)
    data.loc[:99, "late"] = np.nan
    first = {
        "numbers": data[:100],
        "objects": data[:100].assign(late=None).astype({"late": object}),
        "arrow": pa.Table.from_pandas(data[:100].assign(late=None)),
    }[kind]
    model = make_pipeline(SimpleImputer(), StandardScaler(), QuadraticApproxRidge())
    found = PathSearchCV(model, ALPHAS, cv=3).fit(lambda: [first, data[100:]], "y")
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3)).fit(data.drop(columns="y"), Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-7
    )


@pytest.mark.parametrize("cv", ["column:group", HashKFold(3, by="group")])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT])
def test_the_fold_of_a_row_must_be_known(cv, missing):
    data = (
        FRAME[[*NAMES, "y"]].assign(group=["a", "b"] * (len(FRAME) // 2)).astype({"group": object})
    )
    data.loc[150, "group"] = missing
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=cv)
    with pytest.raises(ValueError, match="'group' decides the folds, and is missing in row 150"):
        search.fit(Chunks(lambda: [data[:100], data[100:]], "y"))
    with pytest.raises(ValueError, match="'group' decides the folds, and is missing in row 150"):
        search.fit(data.drop(columns="y"), Y)


def test_folds_without_rows_are_refused():
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=HashKFold(5))
    rows = np.eye(3), np.arange(3.0)
    with pytest.raises(ValueError, match="2 of its folds without rows"):
        search.fit([rows])
    with pytest.raises(ValueError, match="2 of its splits without rows"):
        search.fit(*rows)


def test_sparse_chunks_are_not_imputed():
    model = make_pipeline(SimpleImputer(), QuadraticApproxRidge())
    with pytest.raises(ValueError, match="is sparse: SimpleImputer"):
        PathSearchCV(model, ALPHAS).fit([(csr_array(np.eye(30)), np.arange(30.0))])


@pytest.mark.parametrize("name", ["lasso", "nested"])
@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", "neg_root_mean_squared_error"])
def test_scores_of_chunks_are_those_of_the_rows(name, scoring):
    search = PathSearchCV(MODELS[name], ALPHAS, cv=3, scoring=scoring).fit(chunks())
    assert search.score(chunks()) == pytest.approx(search.score(X, Y), rel=1e-10)
    plain = FRAME.drop(columns=["site", "weight"])
    assert search.score([plain[:50], plain[50:]], "y") == pytest.approx(search.score(X, Y))
    weighted = search.score(chunks(sample_weight="weight").read_as())
    metric = get_scorer(scoring or "r2")
    expected = metric(search.best_estimator_, X, Y, sample_weight=FRAME.weight)
    assert weighted == pytest.approx(expected, rel=1e-10)


def test_scores_of_chunks_with_holes_targets_categories_and_folds():
    model = make_pipeline(SimpleImputer(), StandardScaler(), QuadraticApproxRidge())
    holes = FRAME.mask(RNG.random(FRAME.shape) < 0.05).assign(y=FRAME.y, site=FRAME.site, z=FRAME.a)
    data = [holes[:150], holes[150:]]
    search = PathSearchCV(model, ALPHAS, cv="column:site").fit(Chunks(data, ["y", "z"]))
    rows = holes.drop(columns=["y", "z", "site"])
    expected = search.score(rows, holes[["y", "z"]])
    assert search.score(Chunks(data, ["y", "z"])) == pytest.approx(expected, rel=1e-10)
    kinds = Chunks(pieces, "y", exclude=["weight"])
    by_kind = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=3).fit(kinds)
    dummies = pd.get_dummies(FRAME[[*NAMES, "constant", "site"]], dtype=float)
    assert by_kind.score(kinds) == pytest.approx(by_kind.score(dummies, Y), rel=1e-10)


def test_scores_of_chunks_that_cannot_be():
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=3).fit(chunks())
    with pytest.raises(ValueError, match="score takes rows in memory of QuadraticApproxRidge"):
        search.score([Moments.from_rows(X, Y)])
    with pytest.raises(ValueError, match="y is constant, and R² a matter of definition"):
        search.score([(X[:3].to_numpy(), np.ones(3))])
    absolute = PathSearchCV(QuadraticApproxRidge(), ALPHAS, scoring="neg_mean_absolute_error")
    with pytest.raises(ValueError, match="needs predictions of single rows"):
        absolute.fit(X, Y).score(chunks())
    classes = PathSearchCV(QuadraticApproxRidgeClassifier(), ALPHAS).fit(X, Y > 0)
    with pytest.raises(ValueError, match="none of the classes"):
        classes.score(chunks())
    ridge = search.best_estimator_
    for many in ([X, X], [(X.to_numpy(), Y)]):
        with pytest.raises(ValueError, match=r"X is a list of chunks.*Call it for each chunk"):
            ridge.predict(many)
    for use in (search.predict, search.best_estimator_.predict, StandardScaler().fit):
        with pytest.raises(ValueError, match=r"not drawn into memory|is rows in chunks"):
            use(chunks())


def mixed(*sites):
    """Chunks whose column of folds holds these values."""
    return [FRAME[k::3].assign(site=site, weight=1.0) for k, site in enumerate(sites)]


def test_folds_of_different_kinds_are_named():
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv="column:site")
    of_one = FRAME.assign(site=FRAME.site.where(FRAME.site != "p", 3))
    for data in (mixed("p", 3, "q"), [of_one]):
        with pytest.raises(
            ValueError, match="'site' decides the folds, and holds values of differ"
        ):
            search.fit(Chunks(data, "y"))
    with pytest.raises(ValueError, match="'site' decides the folds, and holds values of differ"):
        search.fit(of_one[[*NAMES, "site"]], Y)
    assert search.fit(Chunks(mixed(1, 2.0, True), "y")).n_splits_ == 2  # equal numbers, one fold
    hashed = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=HashKFold(2, by="site"))
    assert hashed.fit(Chunks(mixed("p", 3, "q"), "y")).n_splits_ == 2
    days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])
    assert search.fit(Chunks(mixed(*days), "y")).n_splits_ == 3
