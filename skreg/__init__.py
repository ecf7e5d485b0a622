"""Regularised learning in scikit-learn: one objective, one λ."""

from skreg.estimators.lasso import QuadraticApproxLasso
from skreg.estimators.mlp import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators.ridge import QuadraticApproxRidge
from skreg.path import RegularizationPath
from skreg.quadratic import QuadraticModel

__all__ = [
    "QuadraticApproxLasso",
    "QuadraticApproxRidge",
    "QuadraticModel",
    "RegularizationPath",
    "RegularizedMLPClassifier",
    "RegularizedMLPRegressor",
]
