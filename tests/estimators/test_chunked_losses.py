"""Losses other than squared error from rows in chunks: what the same rows give in memory."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from chunk_cases import COUNTS, LABELS, MODELS, RNG, WEIGHTS, N, X, chunks
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skreg import (
    Chunks,
    Moments,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)


def compare(found, expected, tol=1e-9):
    for name in ("coef_", "intercept_", "effective_dof_", "alpha_"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=tol, atol=tol, err_msg=name
        )
    np.testing.assert_array_equal(
        getattr(found, "classes_", None), getattr(expected, "classes_", None)
    )


@pytest.mark.parametrize("alpha", [0.3, 0.01])
@pytest.mark.parametrize("name", MODELS)
def test_a_fit_is_that_in_memory(name, alpha):
    model, y = MODELS[name]
    model.set_params(alpha=alpha, tol=1e-11)
    found = model.fit(chunks(X, y))
    expected = clone(model).set_params(tol=1e-14)  # gaps in memory are of second order
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected.fit(X, y)
    compare(found, expected, 1e-6 if name == "groups" else 1e-8)
    assert found.solver_ == "chunk_newton"
    reached = found.gradient_norm_ if "idge" in type(model).__name__ else found.dual_gap_
    assert 0 <= reached <= 1e-11
    assert not hasattr(found, "feature_names_in_")


@pytest.mark.parametrize("name", ["poisson", "lasso", "two classes", "lasso of three"])
def test_chunks_may_be_cut_and_weighted_at_will(name):
    model, y = MODELS[name]
    model.set_params(alpha=0.05, tol=1e-11)
    expected = model.fit(X, y, WEIGHTS)
    kept = {key: np.copy(getattr(expected, key)) for key in ("coef_", "intercept_")}
    dof = expected.effective_dof_
    for size in (1, 57, N):
        found = model.fit(chunks(X, y, WEIGHTS, size=size))
        for key, value in kept.items():
            np.testing.assert_allclose(getattr(found, key), value, rtol=1e-8, atol=1e-9)
        assert found.effective_dof_ == pytest.approx(dof, rel=1e-8)


@pytest.mark.parametrize("name", ["poisson", "lasso", "three classes", "lasso of three", "groups"])
def test_a_path_is_that_in_memory(name):
    model, y = MODELS[name]
    model.set_params(tol=1e-11)
    found = model.regularization_path(chunks(X, y), alphas=12)
    expected = clone(model).set_params(tol=1e-13).regularization_path(X, y, 12)
    np.testing.assert_allclose(found.alphas, expected.alphas, rtol=1e-7)
    for key in ("coefs", "intercepts", "risk", "dof", "norms", "penalties"):
        np.testing.assert_allclose(
            getattr(found, key), getattr(expected, key), rtol=1e-7, atol=1e-8, err_msg=key
        )
    np.testing.assert_array_equal(found.predict(X).shape, expected.predict(X).shape)


def test_lambda_0_and_lambda_in_any_order():
    alphas = [0.01, 0.0, 0.1, 0.01, 10.0]
    for model in (QuadraticApproxLasso(loss="poisson"), QuadraticApproxRidgeClassifier()):
        y = COUNTS if "Classifier" not in type(model).__name__ else LABELS
        found = model.set_params(tol=1e-11).regularization_path(chunks(X, y), alphas=alphas)
        expected = clone(model).set_params(tol=1e-13).regularization_path(X, y, alphas)
        np.testing.assert_array_equal(found.alphas, alphas)
        np.testing.assert_allclose(found.coefs, expected.coefs, rtol=1e-7, atol=1e-8)


def test_tables_have_names_and_categories():
    frame = pd.DataFrame(X, columns=list("abcde")).assign(kind=LABELS, w=WEIGHTS, n=COUNTS)
    parts = [pa.Table.from_pandas(frame[i : i + 90]) for i in range(0, N, 90)]
    found = QuadraticApproxRidge(loss="poisson").fit(
        Chunks(parts, "n", sample_weight="w", categories={"kind": ["a", "b", "c"]})
    )
    rows = pd.get_dummies(frame[[*"abcde", "kind"]], dtype=float)
    expected = QuadraticApproxRidge(loss="poisson").fit(rows, COUNTS, WEIGHTS)
    compare(found, expected, 1e-8)
    assert list(found.feature_names_in_) == list(rows.columns)
    source = Chunks(parts, "kind", exclude=["w", "n"])
    classifier = QuadraticApproxRidgeClassifier().fit(source)
    compare(classifier, QuadraticApproxRidgeClassifier().fit(frame[list("abcde")], LABELS), 1e-8)
    declared = Chunks(parts, "kind", exclude=["w", "n"], categories={"kind": ["c", "a", "b"]})
    compare(QuadraticApproxRidgeClassifier().fit(declared), classifier, 1e-12)


def test_sparse_chunks_and_float32():
    dense = np.where(RNG.random((N, 5)) < 0.5, 0.0, X).astype(np.float32)
    expected = QuadraticApproxRidge(loss="poisson").fit(dense.astype(np.float64), COUNTS)
    parts = [(csr_array(dense[i : i + 50]), COUNTS[i : i + 50]) for i in range(0, N, 50)]
    compare(QuadraticApproxRidge(loss="poisson").fit(parts), expected, 1e-8)
    compare(QuadraticApproxRidge(loss="poisson").fit(chunks(dense, COUNTS)), expected, 1e-8)


def test_features_far_from_0():
    far = X + 1e6
    found = QuadraticApproxLasso(loss="poisson", alpha=0.01, tol=1e-11).fit(chunks(far, COUNTS))
    near = QuadraticApproxLasso(loss="poisson", alpha=0.01, tol=1e-11).fit(X, COUNTS)
    np.testing.assert_allclose(found.coef_, near.coef_, rtol=1e-7)


SIDES = np.where(X[:, 0] > 0, "p", "q")
ODD = np.where(X[:, 0] > 0.5, "p", np.where(RNG.random(N) < 0.5, "q", "p"))
ODD[X[:, 0] > 0.5] = "p"


@pytest.mark.parametrize("y", [SIDES, ODD], ids=["all", "some"])
@pytest.mark.parametrize("kind", [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier])
def test_separable_classes_have_no_minimizer(y, kind):
    rows = np.where(X[:, [0]] > 0.5, 1.0, 0.0) if y is ODD else X
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        expected = kind(alpha=0.0).fit(rows, y)
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        found = kind(alpha=0.0).fit(chunks(rows, y))
    np.testing.assert_array_equal(found.predict(rows), expected.predict(rows))
    if kind is QuadraticApproxRidgeClassifier:
        np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-4)
    assert kind(alpha=1e-3).fit(chunks(rows, y)).coef_ == pytest.approx(
        kind(alpha=1e-3, tol=1e-11).fit(rows, y).coef_, rel=1e-6, abs=1e-8
    )


def test_the_quadratic_that_is_stored():
    model = QuadraticApproxRidge(loss="poisson", alpha=0.1, store_quadratic=True)
    expected = model.fit(X, COUNTS).quadratic_.hessian.copy()
    np.testing.assert_allclose(model.fit(chunks(X, COUNTS)).quadratic_.hessian, expected, rtol=1e-8)
    with pytest.raises(AttributeError, match="store_quadratic"):
        _ = QuadraticApproxRidge(loss="poisson").fit(chunks(X, COUNTS)).quadratic_


def ever_longer():
    sizes = iter(range(100, 400, 50))
    return lambda: [(X[:size], COUNTS[:size]) for size in [next(sizes)]]


def ever_others():
    numbers = np.random.default_rng(0)
    return lambda: [(numbers.normal(size=X.shape), COUNTS)]


POISSON = {"loss": "poisson"}


@pytest.mark.parametrize(
    ("model", "rows", "words"),
    [
        (QuadraticApproxRidge(**POISSON), iter([(X, COUNTS)]), "read once only"),
        (QuadraticApproxLassoClassifier(), iter([(X, LABELS)]), "a classifier takes a pass"),
        (QuadraticApproxRidge(**POISSON), Chunks(chunks(X, COUNTS), checkpoint="a"), "checkpoint"),
        (QuadraticApproxRidge(alpha="auto", **POISSON), None, "alpha='auto'.*PathSearchCV"),
        (QuadraticApproxRidge(norm_bound=1.0, **POISSON), None, "norm_bound=1.0"),
        (QuadraticApproxRidge(max_expansions=1, **POISSON), None, "max_expansions=1"),
        (QuadraticApproxLasso(hessian="pca", **POISSON), None, "hessian='pca'"),
        (QuadraticApproxLasso(loss="quantile"), None, "loss='quantile'.*curvature"),
        (QuadraticApproxLasso(penalty="mcp", **POISSON), None, "MCP.*convex"),
        (QuadraticApproxRidgeClassifier(class_weight="balanced"), None, "class_weight='balanced'"),
        (QuadraticApproxRidge(**POISSON), Moments.from_rows(X, COUNTS), "rows in Chunks"),
        (QuadraticApproxRidge(**POISSON), chunks(X, COUNTS - 1), "begins at row 0: y must not be"),
        (QuadraticApproxRidge(**POISSON), chunks(X, 0 * COUNTS), "y is 0 in every row"),
        (
            QuadraticApproxRidge(**POISSON),
            ever_longer(),
            r"gave \d+ rows in one pass and \d+ in an",
        ),
        (QuadraticApproxRidge(**POISSON), ever_others(), "gave other numbers in one pass"),
        (QuadraticApproxRidge(**POISSON), chunks(X, X), "takes one target, but y has 5"),
        (QuadraticApproxRidgeClassifier(), chunks(X, X), "y has 5 columns"),
        (QuadraticApproxRidgeClassifier(), chunks(X, COUNTS + 0.5), "continuous"),
        (QuadraticApproxRidgeClassifier(), chunks(X, 0 * COUNTS), "one class only"),
        (QuadraticApproxRidgeClassifier(), chunks(X, SIDES, 1.0 * (SIDES == "p")), "class 'q'"),
        (QuadraticApproxLassoClassifier(penalty="slope"), chunks(X, LABELS), "3 classes"),
        (QuadraticApproxRidge(**POISSON), chunks(np.where(X > 3, np.nan, X), COUNTS), "not finite"),
    ],
)
def test_what_is_for_rows_in_memory_is_named(model, rows, words):
    with pytest.raises(ValueError, match=words):
        model.fit(chunks(X, COUNTS) if rows is None else rows)


def test_a_pass_in_another_order_is_the_same():
    """As a database may give it that keeps no order."""
    rng = np.random.default_rng(0)

    def read():
        some = rng.permutation(len(X))
        yield X[some[:50]], COUNTS[some[:50]]
        yield X[some[50:]], COUNTS[some[50:]]

    found, expected = (QuadraticApproxRidge(**POISSON).fit(s) for s in (read, chunks(X, COUNTS)))
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6)


def test_an_undeclared_class_is_named():
    frame = pd.DataFrame(X, columns=list("abcde")).assign(kind=LABELS)
    source = Chunks([frame], "kind", categories={"kind": ["a", "b"]})
    with pytest.raises(ValueError, match=r"y is 'c' in row \d+, none of the classes"):
        QuadraticApproxRidgeClassifier().fit(source)


def test_excluded_features_of_separable_classes():
    model = QuadraticApproxRidgeClassifier(alpha=0.0, penalty_factors=[1.0, np.inf, 1.0, 1.0, 1.0])
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        found = model.fit(chunks(X, SIDES)).coef_.copy()
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        np.testing.assert_allclose(found, model.fit(X, SIDES).coef_, rtol=1e-4)
    model.set_params(alpha=1.0, penalty_factors=[np.inf] * 5)
    assert not model.fit(chunks(X, LABELS)).coef_.any()
    assert not model.fit(X, LABELS).coef_.any()
