"""Robust scaling with smooth clipping against its formula."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.preprocessing import RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg.preprocessing import RobustClipScaler

RNG = np.random.default_rng(0)
X = np.column_stack([RNG.normal(3, 2, size=201), RNG.standard_cauchy(size=201)])


@parametrize_with_checks([RobustClipScaler(), RobustClipScaler(unit_variance=False)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("unit_variance", [True, False])
def test_the_formula(unit_variance):
    lower, median, upper = np.percentile(X, [25, 50, 75], axis=0, method="averaged_inverted_cdf")
    iqr = (upper - lower) / ((norm.ppf(0.75) - norm.ppf(0.25)) if unit_variance else 1)
    z = (X - median) / iqr
    found = RobustClipScaler(2.0, unit_variance=unit_variance).fit_transform(X)
    np.testing.assert_allclose(found, z / np.sqrt(1 + (z / 2) ** 2))
    assert np.abs(found).max() < 2


def test_without_a_limit_it_is_the_robust_scaler():
    """201 rows: their quartiles are values of the data in either definition of quantiles."""
    ours = RobustClipScaler(np.inf, unit_variance=False).fit_transform(X)
    np.testing.assert_allclose(ours, RobustScaler().fit_transform(X))


def test_equal_quartiles_and_constants():
    column = np.zeros(100)
    column[:5] = [8, 2, 2, 2, 2]
    scaler = RobustClipScaler().fit(np.column_stack([column, np.full(100, 5.0)]))
    assert scaler.scale_.tolist() == [4.0, 1.0]
    z = np.array([2.0, 0.0])
    np.testing.assert_allclose(scaler.transform([[8.0, 5.0]])[0], z / np.sqrt(1 + (z / 3) ** 2))


def test_missing_values_stay_and_do_not_count():
    holes = np.vstack([X, [[np.nan, 0.0]], [[np.nan, 1.0]]])
    scaler = RobustClipScaler().fit(holes)
    assert scaler.center_[0] == RobustClipScaler().fit(X).center_[0]
    assert np.isnan(scaler.transform(holes)).sum() == 2


def test_weights_are_repetitions():
    weights = RNG.integers(0, 4, size=len(X))
    weighted = RobustClipScaler().fit(X, sample_weight=weights)
    repeated = RobustClipScaler().fit(np.repeat(X, weights, axis=0))
    np.testing.assert_allclose(weighted.center_, repeated.center_)
    np.testing.assert_allclose(weighted.scale_, repeated.scale_)


def test_huge_numbers_names_and_dtype():
    frame = pd.DataFrame({"a": [-1e308, 0.0, 1.0, 2.0, 1e308]})
    made = RobustClipScaler().set_output(transform="pandas").fit_transform(frame)
    assert list(made) == ["a"]
    assert np.isfinite(made).all(axis=None)
    single = RobustClipScaler().fit_transform(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, RobustClipScaler().fit_transform(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("numbers", [[-1.7e308, 0.0, 1.7e308], [0.0, 1e-300, 3e-300, 4e-300]])
def test_differences_beyond_every_float_are_at_the_limit(numbers):
    scaler = RobustClipScaler().fit(np.array(numbers)[:, None])
    made = scaler.transform(np.array([[-1.7e308], [1.7e308]]))[:, 0]
    expected = [-3.0, 3.0] if numbers[0] == 0 else scaler.transform([[numbers[0]], [numbers[-1]]])
    np.testing.assert_allclose(made, np.ravel(expected))
    assert made[0] < -0.5
    assert made[1] > 0.5


@pytest.mark.parametrize("limit", [0, -1.0, np.nan])
def test_bad_limits_are_named(limit):
    with pytest.raises(ValueError, match="limit"):
        RobustClipScaler(limit).fit(X)
