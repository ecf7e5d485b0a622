"""Plain arrays are predicted without scikit-learn's validation, to the same end."""

import numpy as np
import pandas as pd
import pytest
from mlp_cases import KINDS, data, small
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skreg import RegularizedMLPRegressor, _validation


def spied(monkeypatch):
    """How often scikit-learn's validation was called."""
    calls, real = [], _validation.validate_data

    def validate(*args, **kwargs):
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(_validation, "validate_data", validate)
    return calls


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 7, 3000])
def test_plain_arrays_take_the_short_way(monkeypatch, kind, n):
    X, y = data(kind)
    network = small(kind).fit(X, y)
    rows = np.resize(X, (n, X.shape[1]))
    calls = spied(monkeypatch)
    quick = network.predict(rows)
    assert not calls
    for other in (np.asfortranarray(np.r_[rows, rows])[:n], sparse.csr_array(rows), rows.tolist()):
        assert np.array_equal(network.predict(other), quick)
    assert calls


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("n", [3, 3000])
def test_what_is_not_finite_is_refused_all_the_same(kind, bad, n):
    X, y = data(kind)
    network = small(kind).fit(X, y)
    rows = np.resize(X, (n, X.shape[1])).copy()
    rows[1, 0] = bad
    with pytest.raises(ValueError, match="NaN" if np.isnan(bad) else "infinity"):
        network.predict(rows)


def test_numbers_whose_squares_overflow_are_finite():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor).fit(X.astype(np.float32), y)
    rows = np.full((2, X.shape[1]), 1e30, dtype=np.float32)
    assert network.predict(rows).shape == (2,)


def test_shapes_names_and_a_missing_fit_are_told_as_ever():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor)
    with pytest.raises(NotFittedError):
        network.predict(X)
    network.fit(X, y)
    with pytest.raises(ValueError, match="features"):
        network.predict(X[:, 1:])
    with pytest.raises(ValueError, match="0 sample"):
        network.predict(X[:0])
    with pytest.raises(ValueError, match="2D array"):
        network.predict(X[0])
    named = network.fit(pd.DataFrame(X).add_prefix("x"), y)
    with pytest.warns(UserWarning, match="valid feature names"):
        named.predict(X)
