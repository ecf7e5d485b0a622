"""Features and targets on scales that numbers hardly reach, or that training cannot bear."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators._mlp_scales import warn_of_scales
from skreg.network.columns import Sizes

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 5))
Y = X @ [1.0, 2.0, 0.0, 0.0, 1.0] + 0.1 * rng.normal(size=300)


@pytest.mark.parametrize("kind", [RegularizedMLPRegressor, RegularizedMLPClassifier])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array, pd.DataFrame])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_columns_far_from_1_are_named_before_training(kind, wrap, method):
    rows = wrap(X * [1.0, 1e6, 2e3, 50.0, 1e-5])
    y = Y if kind is RegularizedMLPRegressor else (Y > 0).astype(int)
    first = {"classes": [0, 1]} if kind is RegularizedMLPClassifier else {}
    if wrap is pd.DataFrame:
        rows.columns = list("abcde")
    named = "'b', 'e', 'c'" if wrap is pd.DataFrame else "column 1, column 4, column 2"
    pattern = ".*".join(named.split(", "))
    with pytest.warns(UserWarning, match=f"scales far from 1: {pattern}.*StandardScaler") as caught:
        getattr(kind(max_iter=1), method)(rows, y, **(first if method == "partial_fit" else {}))
    said = [w for w in caught if "far from 1" in str(w.message)]
    assert [w.filename for w in said] == [__file__]
    assert "'a'" not in str(said[0].message)
    assert "'d'" not in str(said[0].message)


@pytest.mark.parametrize("rows", [
    X,
    X * 50,
    255.0 * rng.random((50, 4)),
    np.eye(4000)[:, :3],
    np.zeros((5, 2)),
    np.c_[np.zeros(20), np.ones(20)],
])  # fmt: skip
def test_usual_columns_are_not_told(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_scales(Sizes.of(rows))
        warn_of_scales(Sizes.of(sparse.csr_array(rows)))


def test_long_lists_are_cut():
    with pytest.warns(UserWarning, match=r"column 0 \(about 1e\+03\), .* and 3 more\."):
        warn_of_scales(Sizes.of(np.full((4, 8), 1e3)))


@pytest.mark.parametrize("scale", [1e155, 1e160, 1e300, 1e-160, 1e-300])
def test_targets_of_any_size_are_learned_alike(scale):
    options = dict(max_iter=10, random_state=0, solver="lbfgs")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The gradient")
        plain = RegularizedMLPRegressor((8,), **options).fit(X, Y)
        found = RegularizedMLPRegressor((8,), **options).fit(X, Y * scale)
    np.testing.assert_allclose(found.predict(X) / scale, plain.predict(X), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.coefs_[-1] / scale, plain.coefs_[-1], rtol=1e-6, atol=1e-6)


def test_targets_beyond_the_dtype_are_refused():
    with pytest.raises(ValueError, match=r"y is about .*e\+160.* float32, .*Scale y down"):
        RegularizedMLPRegressor().fit(X.astype(np.float32), Y * 1e160)
    with pytest.raises(ValueError, match=r"y is about .*e\+307.*Scale y down"):
        RegularizedMLPRegressor().fit(X, Y * 1e307)
