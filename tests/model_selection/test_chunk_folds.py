"""Searches of losses other than squared error from rows in chunks: those of the rows in memory."""

import numpy as np
import pandas as pd
import pytest
from chunk_cases import COUNTS, LABELS, MODELS, RNG, WEIGHTS, N, X, chunks
from sklearn.base import clone
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.losses import Poisson
from skreg.model_selection import HashKFold

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ALPHAS = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001]
SCORES = {
    "poisson": ["neg_mean_poisson_deviance", "neg_mean_absolute_error"],
    "gamma": ["neg_mean_gamma_deviance"],
    "lasso": ["r2", "neg_root_mean_squared_error"],
    "net": ["neg_mean_squared_error"],
    "two classes": ["neg_log_loss"],
    "lasso of three": ["neg_log_loss"],
}


def compare(found, expected, tol=1e-10):
    for key, values in expected.cv_results_.items():
        if key.startswith(("mean_t", "std_t", "split", "rank")):
            np.testing.assert_allclose(found.cv_results_[key], values, rtol=tol, atol=tol)
    assert found.best_alpha_ == pytest.approx(expected.best_alpha_, rel=1e-9)
    np.testing.assert_allclose(found.path_.coefs, expected.path_.coefs, rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(found.best_estimator_.predict(X).shape, (N,))


@pytest.mark.parametrize("name", [n for n in MODELS if n not in ("slope", "groups")])
def test_a_search_is_that_in_memory(name):
    model, y = MODELS[name]
    model = make_pipeline(StandardScaler(), clone(model).set_params(tol=1e-10))
    options = {"cv": 4, "tol": 0.0, "return_train_score": True}
    found = PathSearchCV(model, ALPHAS, **options).fit(chunks(X, y))
    expected = PathSearchCV(model, ALPHAS, **options | {"cv": HashKFold(4)}).fit(X, y)
    compare(found, expected)
    scaler = found.best_estimator_[0]
    np.testing.assert_allclose(scaler.scale_, expected.best_estimator_[0].scale_, rtol=1e-12)


@pytest.mark.parametrize(("name", "score"), [(n, s) for n in SCORES for s in SCORES[n]])
def test_scores_are_summed(name, score):
    model, y = MODELS[name]
    options = {"tol": 0.0, "scoring": score}
    model = clone(model).set_params(tol=1e-10)
    found = PathSearchCV(model, 6, cv=3, **options).fit(chunks(X, y, WEIGHTS))
    expected = PathSearchCV(model, found.alphas_, cv=HashKFold(3), **options)
    compare(found, expected.fit(X, y, sample_weight=WEIGHTS))


def test_several_scorers_and_other_parameters():
    options = {"scoring": ["r2", "neg_mean_poisson_deviance"], "refit": "r2", "tol": 0.0}
    options["param_grid"] = {"l1_ratio": [1.0, 0.5], "loss": ["poisson", "negative_binomial"]}
    model = QuadraticApproxLasso(loss="poisson", tol=1e-10)
    found = PathSearchCV(model, ALPHAS, cv=3, **options).fit(chunks(X, COUNTS))
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3), **options).fit(X, COUNTS)
    compare(found, expected)
    assert found.best_params_["loss"] == expected.best_params_["loss"]


def test_an_automatic_grid_is_extended():
    model = QuadraticApproxRidge(loss="poisson")
    found = PathSearchCV(model, "auto", cv=3).fit(chunks(X, COUNTS))
    expected = PathSearchCV(model, "auto", cv=HashKFold(3)).fit(X, COUNTS)
    np.testing.assert_allclose(found.alphas_, expected.alphas_, rtol=1e-6)
    assert found.best_score_ == pytest.approx(expected.best_score_, rel=1e-6)


def test_folds_by_a_column():
    site = RNG.choice(["p", "q", "r"], N)
    frame = pd.DataFrame(X, columns=list("abcde")).assign(site=site, y=LABELS)
    model = QuadraticApproxRidgeClassifier(tol=1e-10)
    options = {"scoring": "neg_log_loss", "tol": 0.0}
    parts = [frame[i : i + 77] for i in range(0, N, 77)]
    found = PathSearchCV(model, ALPHAS, cv="column:site", **options).fit(Chunks(parts, "y"))
    splitter = PredefinedSplit(pd.factorize(site, sort=True)[0])
    compare(found, PathSearchCV(model, ALPHAS, cv=splitter, **options).fit(X, LABELS))
    assert list(found.feature_names_in_) == list("abcde")
    np.testing.assert_array_equal(found.classes_, list("abc"))


def test_enough_is_enough():
    """Fits of training parts end where scores are close, and the choice is the same."""
    passes = [0, 0]

    def counted(i):
        def read():
            passes[i] += 1
            return chunks(X, COUNTS)()

        return read

    model = QuadraticApproxLasso(loss="poisson")
    loose, close = (
        PathSearchCV(model, 60, cv=3, tol=tol).fit(counted(i)) for i, tol in enumerate((1e-2, 0.0))
    )
    assert passes[0] <= passes[1] <= 30
    assert loose.best_alpha_ == close.best_alpha_
    errors = close.cv_results_["std_test_score"].min() / np.sqrt(2)
    off = loose.cv_results_["mean_test_score"] - close.cv_results_["mean_test_score"]
    assert np.abs(off).max() <= 1e-2 * errors


def test_passes_are_told_of(capsys):
    PathSearchCV(QuadraticApproxRidge(loss="poisson"), ALPHAS, cv=2, verbose=1).fit(
        chunks(X, COUNTS)
    )
    said = capsys.readouterr().out
    assert "pass 1 over the rows, 9 points" in said


def test_a_class_that_only_one_fold_has_is_named():
    labels = np.where(HashKFold(2).fold_of(np.arange(N)) == 0, "common", LABELS)
    with pytest.raises(ValueError, match="class 'common' has no row of positive weight"):
        PathSearchCV(QuadraticApproxRidgeClassifier(), ALPHAS, cv=2).fit(chunks(X, labels))


class Own(Poisson):
    """A loss from outside."""

    name = "own"
    is_compiled = False

    def derivatives(self, y, raw):
        mean = np.exp(raw)
        change = np.where(y > 0, y * (np.log(np.maximum(y, 1e-300)) - raw), 0.0)
        return (change - y + mean).sum(axis=1), mean - y, mean


def test_a_loss_from_outside():
    found = PathSearchCV(QuadraticApproxRidge(loss=Own()), ALPHAS, cv=3).fit(chunks(X, COUNTS))
    expected = PathSearchCV(QuadraticApproxRidge(loss="poisson"), ALPHAS, cv=3)
    expected.fit(chunks(X, COUNTS))
    np.testing.assert_allclose(found.path_.coefs, expected.path_.coefs, rtol=1e-9)


@pytest.mark.parametrize(("name", "score"), [("poisson", None), ("lasso of three", "neg_log_loss")])
def test_the_score_of_other_rows(name, score):
    model, y = MODELS[name]
    model = make_pipeline(StandardScaler(), clone(model))
    search = PathSearchCV(model, ALPHAS, scoring=score).fit(chunks(X, y))
    assert search.score(chunks(X, y)) == pytest.approx(search.score(X, y), rel=1e-10)
    with pytest.raises(ValueError, match="two passes"):
        search.score(chunks(X, y)())
