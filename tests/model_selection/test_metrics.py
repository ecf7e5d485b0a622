"""Scores of many λ at once against scikit-learn's metrics, one λ at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import get_scorer, log_loss, make_scorer, roc_auc_score

from skreg import QuadraticApproxRidgeClassifier
from skreg.model_selection.metrics import class_scores

ALPHAS = [1.0, 0.03, 1e-3]


def fitted(n_classes, seed, n=60):
    """A path, and other rows with labels."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)).round(1)
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + rng.standard_normal(n), [0.0, 1.0])]
    y = y if n_classes == 3 else np.where(y == "a", "a", "b")
    y[:n_classes] = np.unique(y)[:n_classes]
    half = n // 2
    model = QuadraticApproxRidgeClassifier()
    return model.regularization_path(X[:half], y[:half], ALPHAS), X[half:], y[half:]


@given(st.sampled_from([2, 3]), st.booleans(), st.integers(0, 10**6))
def test_they_are_scikit_learn_s(n_classes, weighted, seed):
    path, X, y = fitted(n_classes, seed)
    if len(path.source.classes_) < n_classes:
        return
    names = ["accuracy", "neg_log_loss"] + ["roc_auc"] * (n_classes == 2 and not weighted)
    params = {"sample_weight": np.random.default_rng(seed).uniform(0, 2, len(y))}
    params = params if weighted else {}
    for name in names:
        scorer = get_scorer(name)
        found = class_scores(path.model, path.decision_function(X), y, {"score": scorer}, params)
        if found is None:
            assert len(np.unique(y)) < n_classes
            continue
        expected = [scorer(path.estimator(alpha), X, y, **params) for alpha in ALPHAS]
        assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_several_scorers_are_a_dict_for_each_lambda():
    path, X, y = fitted(2, 0)
    scorers = {"a": get_scorer("accuracy"), "l": get_scorer("neg_log_loss")}
    found = class_scores(path.model, path.decision_function(X), y, scorers, {})
    assert [sorted(scores) for scores in found] == [["a", "l"]] * 3
    assert found[1]["a"] == scorers["a"](path.estimator(0.03), X, y)


@pytest.mark.parametrize("name", ["balanced_accuracy", "neg_brier_score", "f1_macro"])
def test_other_scorers_are_left_to_scikit_learn(name):
    path, X, y = fitted(2, 0)
    raw = path.decision_function(X)
    assert class_scores(path.model, raw, y, {"score": get_scorer(name)}, {}) is None


def test_labels_that_were_never_seen_are_mistakes_and_no_matter_for_a_loss():
    path, X, y = fitted(2, 0)
    y = y.copy()
    y[0] = "z"
    raw = path.decision_function(X)
    accuracy = get_scorer("accuracy")
    found = class_scores(path.model, raw, y, {"score": accuracy}, {})
    assert np.allclose(found, [accuracy(path.estimator(alpha), X, y) for alpha in ALPHAS])
    assert class_scores(path.model, raw, y, {"score": get_scorer("neg_log_loss")}, {}) is None
    assert class_scores(path.model, raw, y, {"score": get_scorer("roc_auc")}, {}) is None


def test_weights_that_scikit_learn_would_refuse_are_left_to_it():
    path, X, y = fitted(2, 0)
    raw, scorers = path.decision_function(X), {"score": get_scorer("accuracy")}
    for weights in (np.zeros(len(y)), np.ones(3), -np.ones(len(y))):
        assert class_scores(path.model, raw, y, scorers, {"sample_weight": weights}) is None
    assert class_scores(path.model, raw, y, scorers, {"other": 1}) is None


@pytest.mark.parametrize("function", [roc_auc_score, log_loss])
def test_a_metric_of_other_responses_is_not_taken_for_the_usual_one(function):
    """AUC of labels is not that of raw predictions."""
    path, X, y = fitted(2, 0)
    scorer = {"score": make_scorer(lambda y, p: function(y == "b", p))}
    usual = {"score": make_scorer(function)}
    raw = path.decision_function(X)
    assert class_scores(path.model, raw, y, scorer, {}) is None
    assert class_scores(path.model, raw, y, usual, {}) is None
