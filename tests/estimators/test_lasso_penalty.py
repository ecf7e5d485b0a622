"""``penalty=``: every penalty by name in both lassos, in paths and in searches."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxLassoClassifier
from skreg.penalties import MCP, PENALTIES, SLOPE, Separable

LABELS = np.arange(10) // 2
NAMED = {name: {"groups": LABELS} if "group" in name else {} for name in PENALTIES}
every_name = pytest.mark.parametrize("name", NAMED)


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[:150], scale(y)[:150]


@every_name
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_every_penalty_by_name(name, loss, rows):
    X, y = rows
    model = QuadraticApproxLasso(0.05, loss=loss, penalty=name, **NAMED[name]).fit(X, y)
    assert model.dual_gap_ <= 1e-8
    assert np.count_nonzero(model.coef_) > 0
    assert 0 < model.effective_dof_ < 20  # concave penalties may have more than p
    path = model.regularization_path(X, y, [0.2, 0.05])
    np.testing.assert_allclose(path.coefs[1], model.coef_, atol=1e-5)
    thin = clone(model).fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(thin.coef_, model.coef_, atol=1e-6)
    weighted = clone(model).fit(np.r_[X, X[:40]], np.r_[y, y[:40]])
    again = clone(model).fit(X, y, sample_weight=np.r_[np.full(40, 2.0), np.ones(110)])
    np.testing.assert_allclose(again.coef_, weighted.coef_, atol=1e-6)


@every_name
def test_every_penalty_for_classes(name, rows):
    X, y = rows
    for labels in (y > 0, np.digitize(y, [-0.5, 0.5])):
        model = QuadraticApproxLassoClassifier(0.02, penalty=name, **NAMED[name]).fit(X, labels)
        assert model.dual_gap_ <= 1e-8
        assert model.score(X, labels) > 0.5


@every_name
def test_every_penalty_in_a_search(name, rows):
    X, y = rows
    model = QuadraticApproxLasso(penalty=name, **NAMED[name])
    search = PathSearchCV(model, [0.3, 0.1, 0.03], cv=3).fit(X, y)
    best = clone(model).set_params(alpha=search.best_params_["alpha"]).fit(X, y)
    np.testing.assert_allclose(search.best_estimator_.coef_, best.coef_, atol=1e-5)


def test_names_and_objects_say_the_same(rows):
    X, y = rows
    for name, penalty, given in (
        ("mcp", MCP(2.5), {"gamma": 2.5}),
        ("slope", SLOPE(0.2), {"q": 0.2}),
        (None, Separable(bounds=(-0.1, 0.2)), {"bounds": (-0.1, 0.2)}),
    ):
        by_name = QuadraticApproxLasso(0.02, penalty=name, **given).fit(X, y)
        by_object = QuadraticApproxLasso(0.02, penalty=penalty).fit(X, y)
        np.testing.assert_array_equal(by_name.coef_, by_object.coef_)


def test_excluded_features_bounds_and_factors_of_the_l2_part(rows):
    X, y = rows
    model = QuadraticApproxLasso(0.01, penalty_factors=np.r_[np.inf, np.ones(9)]).fit(X, y)
    without = QuadraticApproxLasso(0.01).fit(X[:, 1:], y)
    np.testing.assert_allclose(model.coef_, np.r_[0.0, without.coef_], atol=1e-7)
    held = QuadraticApproxLasso(0.01, bounds=(-0.1, np.full(10, 0.2))).fit(X, y).coef_
    assert (held.min(), held.max()) == (-0.1, 0.2)
    ridge = QuadraticApproxLasso(
        0.1, l1_ratio=0.5, penalty_factors=np.zeros(10), l2_factors=np.ones(10)
    ).fit(X, y)
    centered = X - X.mean(axis=0)
    expected = np.linalg.solve(
        centered.T @ centered / 150 + 0.05 * np.eye(10), centered.T @ (y - y.mean()) / 150
    )
    np.testing.assert_allclose(ridge.coef_, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"penalty": "l3"}, "penalty must be one of"),
        ({"penalty": "group"}, "penalty='group' needs groups"),
        ({"penalty": "mcp", "groups": LABELS}, "groups does not go with penalty='mcp'"),
        ({"penalty": "slope", "penalty_factors": np.ones(10)}, "penalty_factors does not go with"),
        ({"penalty": MCP(), "gamma": 2.0}, "gamma does not go with a penalty that is given as"),
        ({"penalty": "scad", "norm_bound": 1.0}, "norm_bound does not go with"),
        ({"penalty": "slope", "hessian": "pca"}, "penalty does not go with hessian='pca'"),
        ({"penalty": MCP(factors=np.ones(3))}, "one number for each feature, 10, got 3"),
        ({"bounds": (0.1, 1.0)}, "bounds must contain 0"),
    ],
)
def test_what_does_not_go_together(given, message, rows):
    with pytest.raises(ValueError, match=message):
        QuadraticApproxLasso(**given).fit(*rows)


def test_a_penalty_from_outside(rows, monkeypatch):
    """The class of docs/extending.md: with weights, sparse X, classes, a path and a search."""
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    block = page.split("## Add a penalty")[1].split("```python\n")[1].split("```")[0]
    monkeypatch.setitem(PENALTIES, "log_sum", None)  # which is taken back
    exec(block, scope := {"__name__": "outside"})
    assert PENALTIES["log_sum"] is scope["LogSum"]
    X, y = rows
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = QuadraticApproxLasso(0.1, penalty="log_sum").fit(X, y, sample_weight=weights)
    thin = clone(model).fit(sparse.csr_array(X), y, sample_weight=weights)
    np.testing.assert_allclose(thin.coef_, model.coef_, atol=1e-6)
    # Stationary: λ/(1 + |θ|) balances the slope where θ ≠ 0, and exceeds it where θ = 0.
    share = weights / weights.sum()
    slope = X.T @ (share * (y - model.predict(X)))
    on = model.coef_ != 0
    pull = 0.1 * np.sign(model.coef_) / (1 + np.abs(model.coef_))
    np.testing.assert_allclose(slope[on], pull[on], atol=1e-7)
    assert (np.abs(slope[~on]) <= 0.1).all()
    path = clone(model).regularization_path(X, y, 5)
    assert not path.coefs[0].any()
    assert path.coefs[-1].any()
    search = PathSearchCV(clone(model), [0.2, 0.1], cv=2).fit(X, y)
    assert search.best_estimator_.dual_gap_ <= 1e-8
    classes = QuadraticApproxLassoClassifier(0.05, penalty=scope["LogSum"]()).fit(X, y > 0)
    assert classes.dual_gap_ <= 1e-8
