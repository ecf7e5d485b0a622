"""Estimators for a penalty given as λρ‖θ‖₁ + λ(1−ρ)½‖θ‖², and closeness of what they find."""

import numpy as np

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

#: Far below what is compared: the reference should be the less exact one.
TOL = 1e-15


def estimator(loss, l1, l2, **parameters):
    """For the penalty l1·‖θ‖₁ + l2·½‖θ‖²; ``loss`` "log" means a classifier."""
    classifies = loss == "log"
    parameters = {
        "alpha": l1 + l2,
        "tol": TOL,
        **({} if classifies else {"loss": loss}),
    } | parameters
    if l1 == 0:
        ridge = QuadraticApproxRidgeClassifier if classifies else QuadraticApproxRidge
        return ridge(**parameters)
    lasso = QuadraticApproxLassoClassifier if classifies else QuadraticApproxLasso
    return lasso(l1_ratio=l1 / (l1 + l2), **parameters)


def assert_close(found, expected, rtol=1e-6, what="coefficients"):
    """Largest difference relative to the largest number."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape
    error = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-12)
    assert error <= rtol, f"{what}: {error:.2g} (relative) apart"
