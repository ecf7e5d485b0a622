"""The Hessian on a working set: what it takes from another one, and residuals by it."""

import numpy as np
import pytest

from skreg.losses import BinaryLogLoss
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.working_hessian import WorkingHessian


class Plain(BinaryLogLoss):
    """The same loss by formulas that are not compiled."""

    is_compiled = False


def make_risk(loss, fit_intercept=True):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 80)), rng.integers(0, 2, size=(30, 1)).astype(float)
    return EmpiricalRisk(X, y, loss, rng.random(30) + 0.1, fit_intercept=fit_intercept)


@pytest.mark.parametrize("which", [[12, 3], [3, 5, 12], [3, 40], []])
def test_columns_of_another_are_those_of_the_rows(which):
    risk, which = make_risk(BinaryLogLoss()), np.array(which, dtype=np.intp)
    curvature = risk.null.curvature
    before = WorkingHessian(risk, 2.0 * curvature, np.array([3, 7]))
    before.extend(np.array([12, 5]))
    fresh = WorkingHessian(risk, curvature, which)
    after = WorkingHessian(risk, curvature, which, before)
    np.testing.assert_array_equal(after.columns, fresh.columns)
    np.testing.assert_array_equal(after.matrix, fresh.matrix)
    assert (before.kept(which) is None) == (40 in which)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_residuals_are_the_same_compiled_or_not(fit_intercept):
    rng, told = np.random.default_rng(1), []
    thetas, raw = 0.3 * rng.normal(size=(3, 80)), rng.normal(size=(30, 1))
    for loss in (BinaryLogLoss(), Plain()):
        risk = make_risk(loss, fit_intercept)
        points = [risk.at(theta, risk.null_intercept()) for theta in thetas]
        hessian = WorkingHessian(risk, points[0].curvature, np.arange(4))
        told.append(hessian.linear_residual(points, np.array([1.5, -1.0, 0.5]), raw))
        assert not fit_intercept or abs(told[-1].sum()) < 1e-15
    np.testing.assert_allclose(*told, rtol=1e-12, atol=1e-15)
