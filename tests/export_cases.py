"""Random fitted models for the tests of export, and rows to predict."""

import warnings

import numpy as np
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.preprocessing import PiecewiseLinearEncoder, RobustClipScaler

LINEAR_REGRESSORS = [QuadraticApproxRidge, QuadraticApproxLasso]
LINEAR_CLASSIFIERS = [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier]
LOSSES = ["squared_error", "huber", "quantile", "poisson", "gamma", "tweedie", "negative_binomial"]
ACTIVATIONS = ["identity", "logistic", "tanh", "relu", "silu", "gelu"]
#: Labels of two and of four classes: whole numbers, text, booleans, floats.
LABELS = [
    np.array([7, -2]),
    np.array(["no", 'it\'s "so" \\ ?? \n é']),
    np.array([False, True]),
    np.array([0.0, 2.0]),
    np.array([3, 1, 4, 15]),
    np.array(["a", "b'; DROP TABLE t; --", "c", "d"]),
]


def rows(rng, n=60, p=5, dtype=np.float64):
    """Features of different sizes and means."""
    return (rng.normal(size=(n, p)) * [1, 3, 0.2, 1, 2][:p] + [0, 2, -1, 5, 0][:p]).astype(dtype)


def fitted(model, X, y, **params):
    """The model, fitted without a word about its convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **params)


def targets(rng, X, labels=None, n_targets=1):
    """Positive numbers, or labels, that depend on X."""
    raw = np.tanh(X @ rng.normal(size=(X.shape[1], max(n_targets, len(labels or ()))))) * 2
    raw = raw + 0.3 * rng.normal(size=raw.shape)
    if labels is None:
        return np.exp(raw[:, 0] if n_targets == 1 else raw)
    index = raw.argmax(axis=1)
    index[: len(labels)] = np.arange(len(labels))  # every class occurs
    return np.asarray(labels)[index]


def network(kind, activation="relu", hidden=(6, 4), seed=0, **params):
    """A quick network."""
    quick = dict(max_iter=3, alpha=1e-3, learning_rate_init=0.01, random_state=seed)
    return kind(hidden, activation=activation, **(quick | params))


#: Steps ahead of a model, of which every language of export knows the first ones.
AFFINE = [
    (),
    (StandardScaler(),),
    (RobustScaler(), MinMaxScaler()),
    (VarianceThreshold(), MaxAbsScaler()),
    (SimpleImputer(), StandardScaler(with_mean=False)),
]
BENT = [
    (RobustClipScaler(),),
    (PiecewiseLinearEncoder(n_bins=4, min_bin_samples=1),),
    (SimpleImputer(strategy="median"), MinMaxScaler(clip=True)),
    (RobustClipScaler(limit=np.inf), StandardScaler()),
]


@st.composite
def fitted_models(draw, before=(*AFFINE, *BENT), networks=True, dtypes=(np.float32, np.float64)):
    """(model, X): a fitted Pipeline or estimator, and rows for `predict`."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rows(rng, p=draw(st.integers(1, 5)), dtype=draw(st.sampled_from(dtypes)))
    labels = draw(st.sampled_from([None, *LABELS]))
    alpha, seed = draw(st.sampled_from([1e-3, 0.1, 10.0])), draw(st.integers(0, 99))
    if networks and draw(st.booleans()):
        kind = RegularizedMLPRegressor if labels is None else RegularizedMLPClassifier
        hidden = tuple(draw(st.lists(st.integers(1, 5), max_size=3)))
        groups = draw(st.sampled_from([None, "inputs", "neurons"])) if hidden else None
        last = network(
            kind, draw(st.sampled_from(ACTIVATIONS)), hidden, seed, alpha=alpha,
            penalty="group" if groups else draw(st.sampled_from(["l1", "l2"])), groups=groups,
            n_members=draw(st.sampled_from([1, 1, 3])) if hidden and groups != "neurons" else 1,
            numerical_embedding=draw(st.sampled_from([None, "piecewise_linear", "periodic"]))
            if groups != "inputs" else None,
        )  # fmt: skip
        if labels is None:
            last.set_params(loss=draw(st.sampled_from(["squared_error", "poisson"])))
    elif labels is None:
        kind = draw(st.sampled_from(LINEAR_REGRESSORS))
        last = kind(alpha, loss=draw(st.sampled_from(LOSSES)))
    else:
        last = draw(st.sampled_from(LINEAR_CLASSIFIERS))(alpha)
    n_targets = 2 if labels is None and getattr(last, "loss", "") == "squared_error" else 1
    y = targets(rng, X, None if labels is None else list(labels), n_targets)
    return fitted(make_pipeline(*draw(st.sampled_from(before)), last), X, y), X


def agree(found, expected, dtype):
    """Numbers up to the rounding of this dtype, as a share of the largest of them."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.size == expected.size
    off = np.abs(found.ravel() - expected.ravel()).max()
    assert off <= (1e-6 if dtype == np.float32 else 1e-12) * (1 + np.abs(expected).max())


def agree_on_classes(label, probabilities, model, X, dtype):
    """Probabilities up to rounding, and labels but where two are as probable."""
    expected = model.predict_proba(X)
    assert probabilities.shape == expected.shape
    agree(probabilities, expected, dtype)
    margin = np.abs(np.diff(np.sort(expected, axis=1)[:, -2:], axis=1)[:, 0])
    clear = margin > 1e-5
    assert np.array_equal(np.asarray(label)[clear], model.predict(X)[clear])
    assert np.isin(label, model.classes_).all()
