"""Regularised learning in scikit-learn: one objective, one λ."""

from skreg.estimators.mlp import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.quadratic import QuadraticModel

__all__ = ["QuadraticModel", "RegularizedMLPClassifier", "RegularizedMLPRegressor"]
