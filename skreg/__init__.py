"""Regularised learning in scikit-learn: one objective, one λ."""

from skreg.estimators.lasso import QuadraticApproxLasso
from skreg.estimators.lasso_classifier import QuadraticApproxLassoClassifier
from skreg.estimators.mlp import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators.ridge import QuadraticApproxRidge
from skreg.estimators.ridge_classifier import QuadraticApproxRidgeClassifier
from skreg.model import QuadraticModel
from skreg.model_selection import PathSearchCV
from skreg.path import RegularizationPath

__all__ = [
    "PathSearchCV",
    "QuadraticApproxLasso",
    "QuadraticApproxLassoClassifier",
    "QuadraticApproxRidge",
    "QuadraticApproxRidgeClassifier",
    "QuadraticModel",
    "RegularizationPath",
    "RegularizedMLPClassifier",
    "RegularizedMLPRegressor",
]
