"""Plain arrays are taken as they are exactly where scikit-learn's validation would return them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skreg import QuadraticApproxLasso, QuadraticApproxRidgeClassifier, _validation

X, Y = np.arange(12.0).reshape(4, 3), np.array([0.0, 1.0, 1.0, 0.0])
ROWS = {
    "plain": X,
    "by column": np.asfortranarray(X),
    "slice": np.repeat(X, 2, axis=1)[:, ::2],
    "float32": X.astype(np.float32),
    "float16": X.astype(np.float16),
    "large float32": np.full((4, 3), 1e30, dtype=np.float32),
    "big-endian": X.astype(">f8"),
    "integers": X.astype(int),
    "objects": X.astype(object),
    "complex": X + 0j,
    "NaN": np.where(X == 5, np.nan, X),
    "infinity": np.where(X == 5, np.inf, X),
    "masked": np.ma.masked_array(X, X == 5),
    "matrix": np.matrix(X),
    "list": X.tolist(),
    "table": pd.DataFrame(X, columns=list("abc")),
    "sparse": sparse.csr_array(X),
    "no rows": X[:0],
    "no columns": X[:, :0],
    "two columns": X[:, :2],
    "a vector": X[0],
    "three dimensions": X[None],
}
TARGETS = {
    "plain": Y,
    "integers": Y.astype(int),
    "bool": Y > 0,
    "slice": np.repeat(Y, 2)[::2],
    "column": Y[:, None],
    "NaN": np.where(Y == 0, np.nan, Y),
    "infinity": np.where(Y == 0, np.inf, Y),
    "too short": Y[:3],
    "number": np.array(1.0),
    "complex": Y + 0j,
    "text": Y.astype(str),
    "objects": Y.astype(object),
    "None": None,
    "list": Y.tolist(),
    "series": pd.Series(Y),
}


def outcome(is_named, *args, **options):
    """What validation returns or the error it raises; its warnings, and what it sets."""
    estimator = QuadraticApproxLasso()
    estimator.n_features_in_ = 3
    if is_named:
        estimator.feature_names_in_ = np.array(list("abc"), dtype=object)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = _validation.validated(estimator, *args, **options)
        except (ValueError, TypeError) as error:
            return type(error), str(error)
    parts = found if isinstance(found, tuple) else (found,)
    dense = [part.toarray() if sparse.issparse(part) else part for part in parts]
    arrays = [
        (type(part), part.dtype, str(x.tolist())) for part, x in zip(parts, dense, strict=True)
    ]
    return arrays, str(vars(estimator)), [str(warning.message) for warning in told]


def same_without_the_short_way(monkeypatch, *args, **options):
    for is_named in (False, True):
        quick = outcome(is_named, *args, **options)
        with monkeypatch.context() as patch:
            patch.setattr(_validation, "_is_plain", lambda *_, **__: False)
            assert outcome(is_named, *args, **options) == quick


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("finite", [True, False])
def test_rows_alone(monkeypatch, kind, finite):
    options = {"dtype": [np.float64, np.float32], "accept_sparse": "csr"}
    for more in ({"reset": False}, {"reset": True}, {"reset": False, "order": "C"}):
        options |= more | {"ensure_all_finite": finite}
        same_without_the_short_way(monkeypatch, ROWS[kind], **options)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("targets", TARGETS)
def test_rows_and_targets(monkeypatch, rows, targets):
    options = {"dtype": [np.float64, np.float32], "accept_sparse": "csr"}
    for more in ({"numeric": True, "multi_output": True}, {"numeric": False}):
        given = ROWS[rows], TARGETS[targets]
        same_without_the_short_way(monkeypatch, *given, **options, **more)


@pytest.mark.parametrize("kind", [QuadraticApproxLasso, QuadraticApproxRidgeClassifier])
def test_plain_arrays_are_not_given_to_scikit_learn(monkeypatch, kind):
    def refuse(*args, **kwargs):
        raise AssertionError("validate_data was called")

    named = kind(0.1).fit(pd.DataFrame(X, columns=list("abc")), Y)
    monkeypatch.setattr(_validation, "validate_data", refuse)
    model = named.fit(X, Y)
    assert not hasattr(model, "feature_names_in_")
    assert model.predict(X).shape == (4,)
    with pytest.raises(AssertionError, match="validate_data"):
        model.predict(X[:, :2])
