import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skreg.datasets import make_ar1_regression


@given(
    n_features=st.integers(1, 30),
    share=st.floats(0, 1),
    rho=st.floats(-0.95, 0.95),
    seed=st.integers(0, 1000),
)
def test_support_is_known_and_noiseless_target_is_linear(n_features, share, rho, seed):
    n_informative = 1 + int(share * (n_features - 1))
    X, y, coef = make_ar1_regression(
        7,
        n_features,
        n_informative=n_informative,
        rho=rho,
        snr=np.inf,
        return_coef=True,
        random_state=seed,
    )
    assert X.shape == (7, n_features)
    assert np.count_nonzero(coef) == n_informative
    assert set(coef) <= {-1.0, 0.0, 1.0}
    np.testing.assert_allclose(y, X @ coef, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.5, 0.9])
def test_correlations_are_those_of_an_autoregression(rho):
    X, _ = make_ar1_regression(40_000, 6, n_informative=2, rho=rho, random_state=0)
    lag = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    np.testing.assert_allclose(X.T @ X / len(X), float(rho) ** lag, atol=0.03)


@pytest.mark.parametrize("snr", [0.5, 3.0, 20.0])
def test_signal_to_noise_ratio_is_a_ratio_of_variances(snr):
    X, y, coef = make_ar1_regression(
        50_000, 20, n_informative=8, snr=snr, return_coef=True, random_state=1
    )
    signal = X @ coef
    assert np.var(signal) / np.var(y - signal) == pytest.approx(snr, rel=0.03)


def test_same_seed_same_data():
    first = make_ar1_regression(20, 5, n_informative=2, return_coef=True, random_state=3)
    second = make_ar1_regression(20, 5, n_informative=2, return_coef=True, random_state=3)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    X, y = make_ar1_regression(20, 5, n_informative=2, random_state=3)
    np.testing.assert_array_equal(X, first[0])
    np.testing.assert_array_equal(y, first[1])
    assert not np.array_equal(X, make_ar1_regression(20, 5, n_informative=2, random_state=4)[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_informative": 6}, "n_informative=6 exceeds n_features=5"),
        ({"n_informative": 0}, "n_informative"),
        ({"rho": 1.0}, "rho"),
        ({"snr": 0.0}, "snr"),
        ({"snr": np.nan}, "snr"),
    ],
)
def test_bad_parameters_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_ar1_regression(10, 5, **{"n_informative": 2, **wrong})
