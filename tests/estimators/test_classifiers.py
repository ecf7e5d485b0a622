"""The quadratic classifiers: against scikit-learn's, their laws, their input, their errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit, logsumexp, softmax
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skreg import (
    PathSearchCV,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
)
from skreg.estimators import _classification

CLASSIFIERS = [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier]
DATA = {"binary": load_breast_cancer, "iris": load_iris, "wine": load_wine}


def rows_of(name):
    X, y = DATA[name](return_X_y=True)
    return scale(X), y


@st.composite
def classes(draw, n_classes=None):
    """Rows of two or three overlapping classes, and weights or None."""
    k = n_classes or draw(st.sampled_from([2, 3]))
    p = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(draw(st.integers(20, 60)), p)) * 10.0 ** rng.uniform(-1, 1, size=p)
    y = rng.integers(0, k, size=len(X))
    y[:k] = np.arange(k)
    X[:, 0] += X[:, 0].std() * y
    return X, y, rng.uniform(0.1, 2.0, size=len(X)) if draw(st.booleans()) else None


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", DATA)
def test_ridge_equals_scikit_learn(name, weighted, fit_intercept):
    X, y = rows_of(name)
    weights = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else np.ones(len(y))
    for alpha in (1.0, 1e-2, 1e-4):
        ours = QuadraticApproxRidgeClassifier(alpha, fit_intercept=fit_intercept, tol=1e-10)
        ours.fit(X, y, weights if weighted else None)
        other = LogisticRegression(
            C=1 / (weights.sum() * alpha),
            fit_intercept=fit_intercept,
            solver="newton-cg",
            tol=1e-12,
            max_iter=10_000,
        ).fit(X, y, weights)
        size = np.abs(other.coef_).max()
        np.testing.assert_allclose(ours.coef_, other.coef_, rtol=0, atol=1e-6 * size)
        np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=1e-6)
        np.testing.assert_array_equal(ours.predict(X), other.predict(X))
        assert ours.coef_.shape == other.coef_.shape
        assert ours.intercept_.shape == other.intercept_.shape
        assert ours.decision_function(X).shape == other.decision_function(X).shape
        assert ours.gradient_norm_ <= 1e-10


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", DATA)
def test_lasso_equals_scikit_learn(name, l1_ratio):
    X, y = rows_of(name)
    ours = QuadraticApproxLassoClassifier(0.02, l1_ratio=l1_ratio, tol=1e-13)
    with warnings.catch_warnings():  # the certificate may stop short of 1e-13
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours.fit(X, y)
    other = LogisticRegression(
        C=1 / (len(y) * 0.02), l1_ratio=l1_ratio, solver="saga", tol=1e-11, max_iter=100_000
    ).fit(X, y)
    np.testing.assert_allclose(ours.coef_, other.coef_, atol=1e-6 * np.abs(other.coef_).max())
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=1e-6)
    assert 0 <= ours.dual_gap_ < 1e-7
    count = np.count_nonzero(ours.coef_)
    if l1_ratio == 1:
        assert ours.effective_dof_ == count
    else:
        assert 0 < ours.effective_dof_ < count


@given(classes(), st.sampled_from(CLASSIFIERS), st.data())
def test_integer_weights_repeat_rows(problem, kind, data):
    X, y, _ = problem
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(X), max_size=len(X))))
    counts[:3] = 1
    alpha = 0.01
    weighted = kind(alpha, tol=1e-10).fit(X, y, counts)
    repeated = kind(alpha, tol=1e-10).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=1e-4
    )


@given(classes(), st.sampled_from(CLASSIFIERS))
def test_probabilities_are_probabilities(problem, kind):
    X, y, weights = problem
    model = kind(0.01).fit(X, y, weights)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (len(X), len(np.unique(y)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities), atol=1e-9)
    place = np.searchsorted(model.classes_, model.predict(X))
    chosen = np.take_along_axis(probabilities, place[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(chosen, probabilities.max(axis=1), rtol=1e-12)  # one of the best
    raw = model.decision_function(X)
    if raw.ndim == 1:
        np.testing.assert_allclose(
            np.log(probabilities[:, 1] / probabilities[:, 0]), raw, atol=1e-8
        )


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("name", ["binary", "wine"])
def test_rows_come_in_many_forms(kind, name):
    X, y = rows_of(name)
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    expected = kind(0.01, tol=1e-10).fit(X, y)
    read_only = X.copy()
    read_only.flags.writeable = False
    forms = [np.asfortranarray(X), read_only, sparse.csr_array(X), sparse.csc_matrix(X)]
    forms.append(pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])]))
    for form in forms:
        again = kind(0.01, tol=1e-10).fit(form, y)
        np.testing.assert_allclose(again.coef_, expected.coef_, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(again.predict_proba(form), expected.predict_proba(X), atol=1e-5)
    single = kind(0.01).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(
        single.coef_, expected.coef_, atol=2e-4 * np.abs(expected.coef_).max()
    )


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_more_features_than_rows(kind):
    X, y = make_classification(60, 300, n_informative=10, n_classes=3, random_state=0)
    ours = kind(0.05, tol=1e-10).fit(X, y)
    other = LogisticRegression(
        C=1 / (len(y) * 0.05),
        l1_ratio=0.0 if kind is QuadraticApproxRidgeClassifier else 1.0,
        solver="saga",
        tol=1e-7,
        max_iter=100_000,
    ).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_labels_may_be_strings_and_come_back(kind):
    X, y = rows_of("iris")
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)[y]
    model, numbers = kind().fit(X, names), kind().fit(X, y)
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    np.testing.assert_array_equal(model.coef_, numbers.coef_)
    np.testing.assert_array_equal(model.predict(X), model.classes_[numbers.predict(X)])
    assert model.score(X, names) > 0.9
    frame = model.regularization_path(X, names, 3).to_frame()
    assert {"x0[setosa]", "intercept[virginica]"} <= set(frame.columns)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_class_weight_is_a_sample_weight(kind):
    X, y = rows_of("binary")
    weights = np.linspace(0.5, 1.5, len(y))
    by_class = kind(class_weight={0: 3.0, 1: 0.5}).fit(X, y, weights)
    by_row = kind().fit(X, y, weights * np.where(y == 0, 3.0, 0.5))
    np.testing.assert_allclose(by_class.coef_, by_row.coef_, rtol=1e-9)
    balanced = kind(1e-4, class_weight="balanced").fit(X, y)
    other = LogisticRegression(
        C=1 / (len(y) * 1e-4),
        class_weight="balanced",
        l1_ratio=0.0 if kind is QuadraticApproxRidgeClassifier else 1.0,
        solver="lbfgs" if kind is QuadraticApproxRidgeClassifier else "liblinear",
        tol=1e-10,
        max_iter=100_000,
    )
    if kind is QuadraticApproxRidgeClassifier:
        np.testing.assert_allclose(
            balanced.predict_proba(X), other.fit(X, y).predict_proba(X), atol=1e-4
        )
    share = np.bincount(y) / len(y)
    even = balanced.predict_proba(X).mean(axis=0)
    assert abs(even[0] - 0.5) < abs(share[0] - 0.5) or kind is QuadraticApproxLassoClassifier


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("name", ["binary", "iris"])
def test_each_row_of_a_path_is_a_fit(kind, name):
    X, y = rows_of(name)
    alphas = [0.1, 0.5, 0.02]
    path = kind(tol=1e-10).regularization_path(X, y, alphas)
    for i, alpha in enumerate(alphas):
        one = kind(alpha, tol=1e-10).fit(X, y)
        size = np.abs(one.coef_).max()
        np.testing.assert_allclose(
            path.coefs[i].reshape(one.coef_.shape), one.coef_, rtol=0, atol=1e-4 * size
        )
        np.testing.assert_allclose(path.predict_proba(X)[i], one.predict_proba(X), atol=1e-4)
        again = path.estimator(alpha)
        assert (again.alpha, again.alpha_, again.n_features_in_) == (alpha, alpha, X.shape[1])
        assert again.coef_.shape == one.coef_.shape
        np.testing.assert_array_equal(again.predict(X), path.predict(X)[i])
        np.testing.assert_allclose(again.predict_proba(X), path.predict_proba(X)[i], rtol=1e-12)
        raw = path.decision_function(X)[i]
        np.testing.assert_allclose(again.decision_function(X), raw, rtol=1e-12, atol=1e-12)
    assert not hasattr(kind(), "coef_")
    with pytest.raises(ValueError, match=r"alpha=0.3 is not on this path; the nearest .* 0.1"):
        path.estimator(0.3)


@pytest.mark.parametrize("name", DATA)
def test_automatic_grids_start_where_everything_is_off(name):
    X, y = rows_of(name)
    path = QuadraticApproxLassoClassifier().regularization_path(X, y, 8)
    assert path.n_nonzero[0] == 0
    assert path.n_nonzero[1] > 0
    assert path.dual_gaps.max() < 1e-6
    ridge = QuadraticApproxRidgeClassifier().regularization_path(X, y, 8)
    assert ridge.dof[0] < 0.1 * X.shape[1] * len(np.unique(y))
    assert (np.diff(ridge.norms) > 0).all()
    assert (np.diff(ridge.risk) < 0).all()


def test_one_expansion_is_the_closed_form_about_the_minimizer():
    X, y, _ = classes_at_hand()
    once = QuadraticApproxRidgeClassifier(0.1, max_expansions=1).fit(X, y)
    theta = QuadraticApproxRidgeClassifier(0.0, tol=1e-10).fit(X, y)
    p = theta.predict_proba(X)[:, 1]
    weights = p * (1 - p)
    A = X - weights @ X / weights.sum()
    H = A.T @ (weights[:, None] * A) / len(X)
    closed = np.linalg.solve(H + 0.1 * np.eye(3), H @ theta.coef_[0])
    np.testing.assert_allclose(once.coef_[0], closed, rtol=1e-6)
    assert once.n_expansions_ == 1
    exact = QuadraticApproxRidgeClassifier(0.1).fit(X, y)
    assert exact.n_expansions_ > 1
    gap = once.one_shot_gap(X, y)
    assert gap > 0

    def objective(model):
        risk = -model.predict_log_proba(X)[np.arange(len(y)), y].mean()
        return risk + 0.1 * 0.5 * (model.coef_**2).sum()

    np.testing.assert_allclose(gap, objective(once) - objective(exact), rtol=1e-4)


def classes_at_hand():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return X, (X[:, 0] - 0.5 * X[:, 1] + rng.logistic(size=200) > 0).astype(int), None


def test_minimizer_and_quadratic_are_at_hand_where_asked_for():
    X, y, _ = classes_at_hand()
    model = QuadraticApproxRidgeClassifier(0.1, store_quadratic=True).fit(X, y)
    free = QuadraticApproxRidgeClassifier(0.0).fit(X, y)
    np.testing.assert_allclose(model.erm_coef_, free.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.erm_intercept_, free.intercept_, rtol=1e-5)
    gradient = model.quadratic_.gradient(model.coef_) + 0.1 * model.coef_
    np.testing.assert_allclose(gradient, 0.0, atol=1e-7)
    on_path = model.regularization_path(X, y, [0.1]).estimator(0.1)
    np.testing.assert_allclose(on_path.erm_coef_, model.erm_coef_, rtol=1e-8)
    np.testing.assert_allclose(on_path.quadratic_.hessian, model.quadratic_.hessian, rtol=1e-6)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.erm_coef_, model.erm_coef_)
    np.testing.assert_array_equal(again.quadratic_.hessian, model.quadratic_.hessian)
    plain = QuadraticApproxRidgeClassifier(0.1).fit(X, y)
    with pytest.raises(AttributeError, match="erm_coef_ is worked out from H or the rows fitted"):
        plain.erm_coef_  # noqa: B018


def test_a_glance_works_nothing_out(monkeypatch):
    """dir() and the HTML picture ask for attributes, which may take a fit."""
    X, y, _ = classes_at_hand()
    model = QuadraticApproxRidgeClassifier(0.1, store_quadratic=True).fit(X, y)
    with monkeypatch.context() as patched:
        patched.setattr(QuadraticApproxRidgeClassifier, "_rows_of", None)
        assert {"coef_", "predict_proba", "get_params"} <= set(dir(model))
        assert "coef_" in model._repr_html_()
    assert "erm_coef_" not in dir(model)
    assert "erm_coef_" not in dir(QuadraticApproxRidgeClassifier())
    assert model.erm_coef_.shape == model.coef_.shape
    assert "erm_coef_" in dir(model)


def test_a_warm_start_saves_steps_and_changes_nothing():
    X, y = rows_of("wine")
    cold = QuadraticApproxRidgeClassifier(0.01).fit(X, y)
    warm = QuadraticApproxRidgeClassifier(0.012, warm_start=True).fit(X, y)
    warm.set_params(alpha=0.01).fit(X, y)
    assert warm.n_iter_ < cold.n_iter_
    np.testing.assert_allclose(warm.coef_, cold.coef_, rtol=1e-5, atol=1e-7)
    other = warm.fit(X[:, :5], y == 1)  # of another shape: no start
    np.testing.assert_allclose(
        other.coef_,
        QuadraticApproxRidgeClassifier(0.01).fit(X[:, :5], y == 1).coef_,
        rtol=1e-5,
        atol=1e-7,
    )


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_separable_classes_end_finite(kind):
    X = np.array([[-2.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [2.0, -1.0]])
    y = np.array([0, 0, 1, 1])
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        model = kind(0.0).fit(X, y)
    assert np.isfinite(model.coef_).all()
    np.testing.assert_array_equal(model.predict(X), y)
    quiet = kind(0.01, store_quadratic=True).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        assert np.isfinite(quiet.erm_coef_).all()


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_failed_fit_changes_nothing(kind):
    X, y = rows_of("iris")
    model = kind().fit(X, y)
    before = dict(vars(model))
    for bad in ((X * np.nan, y), (X[:, :2], np.zeros(len(X))), (X, y, -np.ones(len(X)))):
        with pytest.raises(ValueError, match=r".+"):
            model.fit(*bad)
        assert vars(model) == before
    fresh = kind()
    with pytest.raises(ValueError, match="one class only"):
        fresh.fit(X, np.zeros(len(X)))
    assert not hasattr(fresh, "classes_")


def test_bad_targets_and_weights_are_named():
    X, y = rows_of("iris")
    for kind in CLASSIFIERS:
        with pytest.raises(ValueError, match="y holds one class only"):
            kind().fit(X, np.zeros(len(X)))
        with pytest.raises(ValueError, match="Unknown label type"):
            kind().fit(X, np.linspace(0, 1, len(X)))
        with pytest.raises(ValueError, match="weight is zero in every row of class"):
            kind().fit(X, y, (y != 1).astype(float))
        with pytest.raises(ValueError, match="penalty_factors must have one number"):
            kind(penalty_factors=[1.0]).fit(X, y)
        with pytest.raises(ValueError, match="'class_weight' parameter"):
            kind(class_weight="even").fit(X, y)
        path = kind().regularization_path(X, y, 2)
        with pytest.raises(ValueError, match=r"each of the 3 classes, shape \(150, 3\)"):
            path.predict(X, offset=np.zeros(len(X)))
        with pytest.raises(AttributeError, match="evidence"):
            path.log_evidence  # noqa: B018
    with pytest.raises(ValueError, match="positive does not go with penalty='mcp'"):
        QuadraticApproxLassoClassifier(penalty="mcp", positive=True).fit(X, y)
    with pytest.raises(ValueError, match="positive speaks of features"):
        QuadraticApproxLassoClassifier(hessian="pca", positive=True).fit(X, y)


@pytest.mark.parametrize("make", [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier])
def test_an_offset_is_added_to_the_log_odds(make):
    """The offset of a known part of the log odds: as statsmodels and glmnet take it."""
    rng = np.random.default_rng(0)
    X, offset = rng.normal(size=(200, 4)), rng.normal(size=200)
    raw = X @ [1.0, -1.0, 0.5, 0.0] + 0.3 + offset
    y = np.array(["no", "yes"])[(rng.uniform(size=200) < expit(raw)).astype(int)]
    model = make(1e-9, tol=1e-12).fit(X, y, offset=offset)
    # Without a penalty: a column of known coefficient 1 is taken off the gradient exactly.
    wide = np.column_stack([np.ones(200), X])
    proba = model.predict_proba(X, offset=offset)[:, 1]
    np.testing.assert_allclose(wide.T @ (proba - (y == "yes")) / 200, 0.0, atol=1e-7)
    decision = model.decision_function(X, offset=offset)
    np.testing.assert_allclose(decision, model.decision_function(X) + offset)
    np.testing.assert_array_equal(model.predict(X, offset=offset) == "yes", decision > 0)
    np.testing.assert_allclose(
        model.predict_log_proba(X, offset=offset), np.log(model.predict_proba(X, offset=offset))
    )
    path = make().regularization_path(X, y, [0.1, 0.01], offset=offset)
    one = make(0.01).fit(X, y, offset=offset)
    np.testing.assert_allclose(path.estimator(0.01).coef_, one.coef_, atol=1e-6)
    np.testing.assert_array_equal(path.predict(X, offset=offset)[1], one.predict(X, offset=offset))
    with pytest.raises(ValueError, match=r"offset must have one number for each row"):
        model.predict(X[:3], offset=offset)
    for wrong in (offset, 1.0, np.zeros((200, 2))):
        with pytest.raises(ValueError, match=r"each of the 3 classes, .* would change nothing"):
            make().fit(X, np.arange(200) % 3, offset=wrong)


def three_classes(n, p=4):
    rng = np.random.default_rng(1)
    X, offset = rng.normal(size=(n, p)), rng.normal(size=(n, 3))
    raw = X[:, :3] + [0.3, 0.0, -0.3] + offset
    return X, np.array(["a", "b", "c"])[(raw + rng.gumbel(size=(n, 3))).argmax(axis=1)], offset


def optimality(model, X, y, offset, alpha, l1_ratio):
    """How far the sub-gradient of the objective is from 0, by NumPy alone."""
    raw = X @ model.coef_.T + model.intercept_ + offset
    p = np.exp(raw - raw.max(axis=1, keepdims=True))
    residual = (p / p.sum(axis=1, keepdims=True) - (y[:, None] == model.classes_)) / len(y)
    theta = model.coef_
    slope = residual.T @ X + alpha * (1 - l1_ratio) * theta
    kink = alpha * l1_ratio
    rest = np.where(theta == 0, np.maximum(np.abs(slope) - kink, 0), slope + kink * np.sign(theta))
    return max(np.abs(rest).max(), np.abs(residual.sum(axis=0)).max())


@pytest.mark.parametrize("shape", [(120, 4), (25, 40)])
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    ("model", "l1_ratio"),
    [
        (QuadraticApproxRidgeClassifier(0.02, tol=1e-10), 0.0),
        (QuadraticApproxLassoClassifier(0.02, tol=1e-10), 1.0),
        (QuadraticApproxLassoClassifier(0.02, l1_ratio=0.5, bounds=(-9, 9), tol=1e-10), 0.5),
    ],
    ids=["ridge", "lasso", "prox"],
)
def test_an_offset_for_each_of_three_classes(model, l1_ratio, layout, shape):
    X, y, offset = three_classes(*shape)
    rows = layout(X)
    model = clone(model).fit(rows, y, offset=offset)
    assert optimality(model, X, y, offset, 0.02, l1_ratio) < 1e-6
    decision = model.decision_function(rows, offset=offset)
    np.testing.assert_allclose(decision, X @ model.coef_.T + model.intercept_ + offset)
    predicted = model.predict(rows, offset=offset)
    np.testing.assert_array_equal(predicted, model.classes_[decision.argmax(axis=1)])
    proba = model.predict_proba(rows, offset=offset)
    np.testing.assert_allclose(proba, softmax(decision, axis=1))
    np.testing.assert_allclose(model.predict_log_proba(rows, offset=offset), np.log(proba))
    assert model.score(rows, y, offset=offset) == (predicted == y).mean()
    path = model.regularization_path(rows, y, [0.1, 0.02], offset=offset)
    np.testing.assert_allclose(path.coefs[1], model.coef_, atol=1e-5)
    np.testing.assert_array_equal(path.predict(rows, offset=offset)[1], predicted)
    np.testing.assert_allclose(path.predict_proba(rows, offset=offset)[1], proba, atol=1e-5)
    with pytest.raises(ValueError, match=r"shape \(3, 3\), got shape"):
        model.predict(rows[:3], offset=offset)


def test_the_gap_holds_beside_an_offset_for_each_class():
    X, y, offset = three_classes(120)

    def objective(model):
        raw = X @ model.coef_.T + model.intercept_ + offset
        loss = logsumexp(raw, axis=1) - raw[y[:, None] == model.classes_]
        return loss.mean() + 0.02 * np.abs(model.coef_).sum()

    best = QuadraticApproxLassoClassifier(0.02, tol=1e-12).fit(X, y, offset=offset)
    null = QuadraticApproxLassoClassifier(1e3).fit(X, y, offset=offset)
    for max_expansions in (1, None):
        rough = QuadraticApproxLassoClassifier(0.02, tol=1e-3, max_expansions=max_expansions)
        rough.fit(X, y, offset=offset)
        excess = (objective(rough) - objective(best)) / objective(null)
        assert excess <= rough.dual_gap_ + 1e-12
        assert rough.dual_gap_ < (0.5 if max_expansions else 1e-3)


def test_offsets_of_three_classes_in_a_search():
    X, y, offset = three_classes(90)
    ridge, alphas = QuadraticApproxRidgeClassifier(), [0.3, 0.03]
    fast = PathSearchCV(ridge, alphas, cv=3, scoring="neg_log_loss").fit(X, y, offset=offset)
    slow = GridSearchCV(ridge, {"alpha": alphas}, cv=3, scoring="neg_log_loss")
    slow.fit(X, y, offset=offset)
    np.testing.assert_allclose(
        fast.cv_results_["mean_test_score"], slow.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_many_classes_are_told_before_the_work(monkeypatch):
    X, y = np.zeros((4000, 2)), np.arange(4000) % 2000
    monkeypatch.setattr(_classification, "compute_class_weight", _nothing_more)
    words = "2000 classes in 4000 rows.*may take minutes"
    for kind in CLASSIFIERS:
        with pytest.warns(UserWarning, match=words) as told, pytest.raises(_Enough):
            kind(class_weight="balanced").fit(X, y)
        assert [warning.filename for warning in told] == [__file__]


class _Enough(Exception):
    pass


def _nothing_more(*args, **kwargs):
    raise _Enough


@pytest.mark.parametrize("as_list", [False, True])
def test_a_class_a_row_is_fitted_without_a_warning(as_list):
    """scikit-learn warns of such a y in its own checks, of which this package makes use."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = [f"class {i}" for i in range(30)] if as_list else np.arange(30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for classifier in (
            QuadraticApproxRidgeClassifier(),
            QuadraticApproxLassoClassifier(),
            RegularizedMLPClassifier(max_iter=2),
        ):
            assert len(classifier.fit(X, y).classes_) == 30
        with pytest.raises(ValueError, match="Unknown label type"):
            classifier.fit(X, X[:, 0])


@pytest.mark.parametrize("kind", [QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier])
def test_classes_of_bytes_are_refused_as_by_scikit_learn(kind):
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(TypeError, match="bytes"):
        kind().fit(X, np.array([b"a", b"b"] * 10))
