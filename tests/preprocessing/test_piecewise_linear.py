"""Piecewise-linear encoding against its definition and scikit-learn's quantiles and trees."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg.preprocessing import PiecewiseLinearEncoder

RNG = np.random.default_rng(0)
X = np.column_stack([RNG.normal(size=200), RNG.exponential(size=200), RNG.integers(3, size=200)])


def encoded_by_definition(x, edges):
    """Equation 1 of Gorishniy et al. (2022), a number at a time."""
    n_bins = len(edges) - 1
    result = []
    for t in range(1, n_bins + 1):
        if x < edges[t - 1] and t > 1:
            result.append(0.0)
        elif x >= edges[t] and t < n_bins:
            result.append(1.0)
        else:
            result.append((x - edges[t - 1]) / (edges[t] - edges[t - 1]))
    return result


@parametrize_with_checks([PiecewiseLinearEncoder(), PiecewiseLinearEncoder(strategy="tree")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("strategy", ["quantile", "tree"])
def test_the_definition(strategy):
    encoder = PiecewiseLinearEncoder(7, strategy=strategy).fit(X, X[:, 0] * X[:, 1])
    at_edges = [[edges[t] for edges in encoder.bin_edges_] for t in (0, 1)]
    new = np.vstack([X, X.min(axis=0) - 1, X.max(axis=0) + 1, at_edges])
    expected = [
        np.concatenate(
            [encoded_by_definition(x, e) for x, e in zip(row, encoder.bin_edges_, strict=True)]
        )
        for row in new
    ]
    np.testing.assert_allclose(encoder.transform(new), expected, atol=1e-12)


def test_x_is_a_weighted_sum_of_its_columns():
    encoder = PiecewiseLinearEncoder(9).fit(X)
    far = np.vstack([X, X.min(axis=0) - 5, X.max(axis=0) + 5])
    encoded = np.split(
        encoder.transform(far), np.cumsum([len(e) - 1 for e in encoder.bin_edges_])[:-1], axis=1
    )
    again = [
        e[0] + columns @ np.diff(e) for e, columns in zip(encoder.bin_edges_, encoded, strict=True)
    ]
    np.testing.assert_allclose(np.transpose(again), far, atol=1e-12)


def test_quantiles_are_those_of_kbins():
    reference = KBinsDiscretizer(
        8, strategy="quantile", quantile_method="inverted_cdf", encode="ordinal"
    ).fit(X[:, :2])
    encoder = PiecewiseLinearEncoder(8).fit(X[:, :2])
    for ours, theirs in zip(encoder.bin_edges_, reference.bin_edges_, strict=True):
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("numbers", [True, False])
def test_thresholds_are_those_of_trees(numbers):
    y = X[:, 0] ** 2 + 0.1 * RNG.normal(size=200)
    y = y if numbers else np.where(y > 1, "high", "low")
    make = DecisionTreeRegressor if numbers else DecisionTreeClassifier
    encoder = PiecewiseLinearEncoder(6, strategy="tree", min_bin_samples=10).fit(X[:, :1], y)
    tree = make(max_leaf_nodes=6, min_samples_leaf=10, random_state=0).fit(X[:, :1], y)
    inner = np.sort(tree.tree_.threshold[tree.tree_.feature == 0])
    np.testing.assert_allclose(encoder.bin_edges_[0][1:-1], inner, rtol=1e-6)


def test_trees_see_small_differences_of_large_numbers():
    shifted = PiecewiseLinearEncoder(6, strategy="tree").fit(X + 1e9, X[:, 0] ** 2).bin_edges_
    usual = PiecewiseLinearEncoder(6, strategy="tree").fit(X, X[:, 0] ** 2).bin_edges_
    np.testing.assert_allclose(np.subtract(shifted[0], 1e9), usual[0], atol=1e-6)


def test_a_range_beyond_floats():
    column = np.array([[-1.5e308], [0.0], [1.5e308]])
    np.testing.assert_allclose(
        PiecewiseLinearEncoder(1).fit_transform(column), [[0.0], [0.5], [1.0]]
    )


def test_counts_are_numbers_when_told():
    counts = np.floor(5 * X[:, 0] ** 2)
    told = PiecewiseLinearEncoder(6, strategy="tree", target_type="continuous").fit(X, counts)
    floats = PiecewiseLinearEncoder(6, strategy="tree").fit(X, counts + 0.5 * 1e-9 + 1e-3)
    for ours, theirs in zip(told.bin_edges_, floats.bin_edges_, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_bins_have_enough_rows():
    for strategy in ("quantile", "tree"):
        encoder = PiecewiseLinearEncoder(100, strategy=strategy, min_bin_samples=30)
        encoder.fit(X[:, :1], X[:, 0] ** 2)
        rows = np.histogram(X[:, 0], encoder.bin_edges_[0])[0]
        assert rows.min() >= 30
        assert len(rows) > 1
    assert [len(e) for e in PiecewiseLinearEncoder().fit(X[:9]).bin_edges_] == [2, 2, 2]


def test_few_values_have_few_bins():
    columns = np.column_stack([np.repeat([0.0, 1.0], 50), np.full(100, 7.0), np.full(100, np.nan)])
    encoder = PiecewiseLinearEncoder().fit(columns)
    assert [list(edges) for edges in encoder.bin_edges_] == [[0, 1], [7, 8], [0, 1]]
    np.testing.assert_array_equal(encoder.transform([[1.0, 7.5, np.nan]]), [[1.0, 0.5, np.nan]])


def test_missing_values_stay_and_do_not_count():
    holes = X.copy()
    holes[::5, 1] = np.nan
    encoder = PiecewiseLinearEncoder(6).fit(holes)
    whole = PiecewiseLinearEncoder(6).fit(np.delete(X, slice(None, None, 5), axis=0))
    np.testing.assert_array_equal(encoder.bin_edges_[1], whole.bin_edges_[1])
    columns = encoder.transform(holes)
    names = encoder.get_feature_names_out()
    of_second = np.char.startswith(names.astype(str), "x1_")
    assert np.isnan(columns[::5][:, of_second]).all()
    assert np.isfinite(columns[:, ~of_second]).all()


def test_weights_are_repetitions():
    weights = RNG.integers(0, 4, size=200)
    y = X[:, 0] ** 2
    for strategy in ("quantile", "tree"):
        weighted = PiecewiseLinearEncoder(6, strategy=strategy).fit(X, y, sample_weight=weights)
        repeated = PiecewiseLinearEncoder(6, strategy=strategy)
        repeated.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
        for ours, theirs in zip(weighted.bin_edges_, repeated.bin_edges_, strict=True):
            np.testing.assert_allclose(ours, theirs)


def test_names_output_and_dtype():
    frame = pd.DataFrame({"age": [0.0, 1.0, 2.0], "sex": [0.0, 1.0, 1.0]})
    encoder = PiecewiseLinearEncoder(2, min_bin_samples=1).set_output(transform="pandas")
    made = encoder.fit_transform(frame)
    assert list(made) == ["age_bin_0", "age_bin_1", "sex_bin_0"]
    single = PiecewiseLinearEncoder(5).fit(X.astype(np.float32)).transform(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, PiecewiseLinearEncoder(5).fit_transform(X), atol=1e-5)


def test_a_line_of_the_columns_bends():
    x = np.linspace(-2, 2, 400)[:, None]
    y = np.abs(x[:, 0])
    model = make_pipeline(PiecewiseLinearEncoder(8), LinearRegression()).fit(x, y)
    assert model.score(x, y) > 0.99 > LinearRegression().fit(x, y).score(x, y)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="requires y to be passed"):
        PiecewiseLinearEncoder(strategy="tree").fit(X)
    with pytest.raises(ValueError, match="n_bins"):
        PiecewiseLinearEncoder(0).fit(X)
    with pytest.raises(ValueError, match="strategy"):
        PiecewiseLinearEncoder(strategy="even").fit(X)
    with pytest.raises(ValueError, match="at least one non-zero"):
        PiecewiseLinearEncoder().fit(X, sample_weight=np.zeros(200))
    with pytest.raises(ValueError, match="egative"):
        PiecewiseLinearEncoder().fit(X, sample_weight=np.full(200, -1.0))
