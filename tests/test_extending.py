"""A penalty and a loss from outside the package, by the registries that docs/extending.md names."""

from dataclasses import dataclass

import numpy as np
import pytest
from reference_losses import OtherPoisson
from scipy import sparse

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxLassoClassifier
from skreg.losses import LOSSES, REGRESSION_LOSSES, register
from skreg.penalties import PENALTIES, Penalty, Tangent

TIGHT = {"tol": 1e-12, "max_iter": 100_000}
GRID = [0.3, 0.1, 0.03]


@dataclass(frozen=True)
class ReverseHuber(Penalty):
    """J(θ) = Σ |θⱼ| for |θⱼ| ≤ c, (θⱼ² + c²)/2c beyond (Owen, 2007); c is ``gamma``."""

    gamma: float = 1.2
    is_separable = True

    def value(self, theta, alpha=1.0):
        size, c = np.abs(theta), self.gamma
        return alpha * float(np.where(size <= c, size, (size**2 + c**2) / (2 * c)).sum())

    def gradient(self, theta, alpha=1.0):
        return alpha * np.sign(theta) * np.maximum(1.0, np.abs(theta) / self.gamma)

    def prox(self, theta, step, alpha=1.0):
        size, strength = np.abs(theta), np.multiply(step, alpha)
        soft = np.maximum(size - strength, 0.0)
        shrunk = size / (1.0 + strength / self.gamma)
        return np.sign(theta) * np.where(soft <= self.gamma, soft, shrunk) + 0.0

    def pull(self, slope):
        return np.abs(np.atleast_2d(slope)).max(axis=0)

    def conjugate(self, slope, alpha=1.0):
        excess = np.maximum((np.asarray(slope) / alpha) ** 2 - 1.0, 0.0)
        return alpha * 0.5 * self.gamma * float(excess.sum())

    def curvature(self, theta, alpha=1.0):
        active = theta != 0
        beyond = np.abs(theta[active]) > self.gamma
        return Tangent(active, np.where(beyond, alpha / self.gamma, 0.0))


class SameL1(Penalty):
    """The lasso's penalty, which no compiled kernel knows under this name."""

    is_separable = True

    def value(self, theta, alpha=1.0):
        return alpha * float(np.abs(theta).sum())

    def gradient(self, theta, alpha=1.0):
        return alpha * np.sign(theta)

    def prox(self, theta, step, alpha=1.0):
        return np.sign(theta) * np.maximum(np.abs(theta) - np.multiply(step, alpha), 0.0) + 0.0

    def pull(self, slope):
        return np.abs(np.atleast_2d(slope)).max(axis=0)

    def conjugate(self, slope, alpha=1.0):
        return np.inf if np.abs(slope).max() > alpha else 0.0

    def curvature(self, theta, alpha=1.0):
        return Tangent(theta != 0, np.zeros(np.count_nonzero(theta)))


@pytest.fixture(autouse=True)
def registered():
    tables = [(table, table.copy()) for table in (PENALTIES, LOSSES, REGRESSION_LOSSES)]
    PENALTIES["reverse_huber"], PENALTIES["same_l1"] = ReverseHuber, SameL1
    register(OtherPoisson)
    yield
    for table, before in tables:
        table.clear()
        table.update(before)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = np.where(rng.random((120, 6)) < 0.6, rng.normal(size=(120, 6)), 0.0) + [2, 0, 0, 0, 0, 0]
    y = rng.poisson(np.exp(0.6 * X[:, 0] - 0.5 * X[:, 1] - 0.5)).astype(float)
    return X, y, rng.uniform(0.2, 2.0, size=120)


def reference(X, y, weights, alpha, slope_of, penalty):
    """θ and b by plain proximal gradients with momentum, whatever the risk's slope is."""
    share, design = weights / weights.sum(), np.c_[X, np.ones(len(X))]
    point = old = np.zeros(design.shape[1])
    momentum = 1.0

    def slope(z):
        return design.T @ (share * slope_of(y, design @ z))

    # At most 1/L, for curvatures of the loss up to 50.
    step = 0.02 / np.linalg.eigvalsh(design.T * share @ design)[-1]
    for _ in range(6000):
        new = point - step * slope(point)
        new[:-1] = penalty.prox(new[:-1], step, alpha)
        if (point - new) @ (new - old) > 0:
            momentum = 1.0
        following = 0.5 + np.sqrt(0.25 + momentum**2)
        point, old = new + (momentum - 1) / following * (new - old), new
        momentum = following
    return old[:-1], old[-1]


LOSS_SLOPES = {"squared_error": lambda y, f: f - y, "other_poisson": lambda y, f: np.exp(f) - y}


@pytest.mark.parametrize("loss", LOSS_SLOPES)
def test_a_new_penalty_against_proximal_gradients(loss, rows):
    X, y, weights = rows
    model = QuadraticApproxLasso(0.1, loss=loss, penalty=ReverseHuber(0.2), **TIGHT)
    model.fit(X, y, sample_weight=weights)
    coef, intercept = reference(X, y, weights, 0.1, LOSS_SLOPES[loss], ReverseHuber(0.2))
    np.testing.assert_allclose(model.coef_, coef, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-6)
    assert model.dual_gap_ <= 1e-12
    # Both branches of the penalty, and its kink at 0.
    assert set(np.digitize(np.abs(coef), [1e-12, 0.2])) == {0, 1, 2}


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", ["squared_error", "other_poisson"])
def test_sparse_rows_and_paths_of_a_new_penalty(loss, fit_intercept, rows):
    X, y, weights = rows
    model = QuadraticApproxLasso(
        GRID[1], loss=loss, penalty="reverse_huber", fit_intercept=fit_intercept, **TIGHT
    )
    model.fit(X, y, sample_weight=weights)
    for form in (np.asarray, sparse.csr_array):
        path = model.regularization_path(form(X), y, GRID, sample_weight=weights)
        np.testing.assert_allclose(path.coefs[1], model.coef_, atol=1e-6)
        np.testing.assert_allclose(path.intercepts[1], model.intercept_, atol=1e-6)
        assert (path.dual_gaps <= 1e-12).all()
    automatic = model.regularization_path(X, y, 5, sample_weight=weights)
    assert not automatic.coefs[0].any()
    assert automatic.coefs[1].any()


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_same_penalty_under_another_name_gives_the_same_fits(loss, rows):
    X, y, weights = rows
    ours, theirs = (
        QuadraticApproxLasso(0.1, loss=loss, penalty=name, **TIGHT) for name in ("same_l1", "l1")
    )
    paths = [
        model.regularization_path(form(X), y, 4, sample_weight=weights)
        for model, form in ((ours, sparse.csr_array), (theirs, np.asarray))
    ]
    for name in ("alphas", "coefs", "intercepts", "risk", "dof", "norms"):
        a, b = (getattr(path, name) for path in paths)
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=name)


def test_a_new_penalty_under_a_new_loss_is_as_under_the_loss_that_it_copies(rows):
    X, y, weights = rows
    paths, scores = [], []
    for loss in ("other_poisson", "poisson"):
        model = QuadraticApproxLasso(loss=loss, penalty=ReverseHuber(0.2), **TIGHT)
        paths.append(model.regularization_path(X, y, GRID, sample_weight=weights))
        search = PathSearchCV(model, GRID, cv=3).fit(X, y, sample_weight=weights)
        scores.append(search.cv_results_["mean_test_score"])
    for name in ("coefs", "intercepts", "risk", "dof"):
        a, b = (getattr(path, name) for path in paths)
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_a_new_penalty_for_classes(rows):
    X, y, weights = rows
    labels = np.digitize(y, [1, 3])
    ours, theirs = (
        QuadraticApproxLassoClassifier(0.03, penalty=name, **TIGHT).fit(X, labels, weights)
        for name in ("same_l1", "l1")
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert ours.dual_gap_ <= 1e-12
