"""`Moments` in the place of rows: whatever squared error can be asked for."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skreg import Moments, PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge, QuadraticModel

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(240, 6)) * [1, 1, 1, 5, 1, 1] + 3.0, columns=list("abcdef"))
Y = X.to_numpy() @ [3.0, -2.0, 0.0, 0.1, 0.0, 1.0] + RNG.normal(size=240)
WEIGHTS = RNG.uniform(0.1, 2.0, 240)
TABLE = pa.Table.from_pandas(X.assign(y=Y, w=WEIGHTS))
FACTORS = [0.0, 1.0, 2.0, np.inf, 0.5, 1.0]

ESTIMATORS = [
    QuadraticApproxRidge(alpha=0.3),
    QuadraticApproxRidge(alpha=0.3, fit_intercept=False),
    QuadraticApproxRidge(alpha=0.3, penalty_factors=FACTORS),
    QuadraticApproxRidge(alpha="auto"),
    QuadraticApproxRidge(norm_bound=2.0),
    QuadraticApproxLasso(alpha=0.3),
    QuadraticApproxLasso(alpha=0.3, penalty_factors=FACTORS),
    QuadraticApproxLasso(alpha=0.3, l1_ratio=0.4),
    QuadraticApproxLasso(alpha=0.3, positive=True),
    QuadraticApproxLasso(alpha=0.3, bounds=(-1.0, 2.0)),
    QuadraticApproxLasso(alpha=0.3, groups=[[0, 1], [2, 3], [4, 5]]),
    QuadraticApproxLasso(alpha=0.3, groups=[[0, 1], [2, 3], [4, 5]], penalty_factors=[1, 2, 0]),
    QuadraticApproxLasso(alpha=0.3, penalty="mcp"),
    QuadraticApproxLasso(norm_bound=2.0),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_estimators_from_moments(estimator):
    moments = Moments.from_rows(X, Y, WEIGHTS)
    found = estimator.fit(moments).coef_, estimator.intercept_, list(estimator.feature_names_in_)
    auto = isinstance(estimator.alpha, str)  # which leaves out rows, and moments cannot
    if auto:
        estimator = QuadraticApproxRidge(alpha=estimator.alpha_)
    expected = estimator.fit(X, Y, WEIGHTS)
    np.testing.assert_allclose(found[0], expected.coef_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found[1], expected.intercept_, rtol=1e-6)
    assert found[2] == list("abcdef")


@pytest.mark.parametrize(
    "estimator", [one for one in ESTIMATORS if one.norm_bound is None], ids=str
)
def test_paths_from_moments_have_certificates(estimator):
    path = estimator.regularization_path(Moments.from_rows(X, Y, WEIGHTS), alphas=12)
    expected = estimator.regularization_path(X, Y, path.alphas, WEIGHTS)
    scale = np.abs(expected.coefs).max()
    np.testing.assert_allclose(path.coefs, expected.coefs, rtol=1e-4, atol=1e-4 * scale)
    if path.dual_gaps is not None and estimator.get_params().get("penalty") != "mcp":
        assert (path.dual_gaps <= estimator.tol).all()
    assert len(path.to_frame()) == 12


def test_models_from_moments():
    model = QuadraticModel(Moments.from_rows(X, Y))
    rows = QuadraticModel.from_data(X, Y)
    for of in ("ridge", "lasso"):
        np.testing.assert_allclose(
            getattr(model, of)([0.5, 0.1]), getattr(rows, of)([0.5, 0.1]), rtol=1e-6, atol=1e-8
        )


SOURCES = {
    "table": lambda: TABLE,
    "batch": lambda: TABLE.combine_chunks().to_batches()[0],
    "batches": lambda: TABLE.to_batches(max_chunksize=50),
    "generator": lambda: (batch for batch in TABLE.to_batches(max_chunksize=50)),
    "reader": lambda: TABLE.to_reader(70),
    "polars": lambda: pl.from_arrow(TABLE),
}


@pytest.mark.parametrize("name", SOURCES)
def test_from_arrow(name):
    found = Moments.from_arrow(SOURCES[name](), "y", sample_weight="w")
    expected = Moments.from_rows(X, Y, WEIGHTS)
    assert found.feature_names == tuple("abcdef")
    np.testing.assert_allclose(found.xx, expected.xx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.xy, expected.xy, rtol=1e-10, atol=1e-10)
    two = Moments.from_arrow(SOURCES[name](), ["y", "w"], features=["c", "a"])
    assert two.feature_names == ("c", "a")
    assert two.xy.shape == (2, 2)


def test_categories_from_arrow():
    table = TABLE.append_column("kind", pa.array(["u", "v"] * 120))
    found = Moments.from_arrow(table, "y", exclude=["w"])
    assert found.feature_names == (*"abcdef", "kind_u", "kind_v")
    declared = Moments.from_arrow(table, "y", exclude=["w"], categories={"kind": ["v", "u", "z"]})
    assert declared.feature_names[-3:] == ("kind_v", "kind_u", "kind_z")
    assert declared.xx[-1, -1] == 0.0


def test_only_a_part_is_subtracted():
    one, other = Moments.from_rows(X[:80], Y[:80]), Moments.from_rows(9 * X[80:140], Y[80:140])
    with pytest.raises(
        ValueError, match=r"feature \d would be left with a negative sum of squares"
    ):
        one - other
    with pytest.raises(ValueError, match="y would be left with"):
        one - Moments.from_rows(X[:70], 9 * Y[:70])
    X_flat = X[:80] * [1.0, 0.0, 1.0, 1.0, 1.0, 1.0] + 1e6  # and rounding is none
    whole = Moments.from_rows(X_flat, Y[:80])
    assert (whole - Moments.from_rows(X_flat[:79], Y[:79])).n_rows == 1


def test_sums_differences_and_searches_by_fold():
    parts = {
        k: Moments.from_rows(X[i : i + 80], Y[i : i + 80])
        for k, i in zip("uvw", (0, 80, 160), strict=True)
    }
    whole = sum(parts.values())
    np.testing.assert_allclose(whole.xx, Moments.from_rows(X, Y).xx, rtol=1e-10)
    np.testing.assert_allclose((whole - parts["u"]).xx, (parts["v"] + parts["w"]).xx, rtol=1e-10)
    alphas = [1.0, 0.1]
    search = PathSearchCV(QuadraticApproxLasso(l1_ratio=0.5), alphas).fit(parts)
    splits = [(np.setdiff1d(np.arange(240), np.arange(i, i + 80)), np.arange(i, i + 80))
              for i in (0, 80, 160)]  # fmt: skip
    rows = PathSearchCV(QuadraticApproxLasso(l1_ratio=0.5), alphas, cv=splits).fit(X, Y)
    for k in range(3):
        key = f"split{k}_test_score"
        np.testing.assert_allclose(search.cv_results_[key], rows.cv_results_[key], rtol=1e-6)
    assert list(search.best_estimator_.feature_names_in_) == list("abcdef")
    assert (search.path_.dual_gaps <= 1e-4).all()
