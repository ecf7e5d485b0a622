"""`RegularizedMLPClassifier` and `RegularizedMLPRegressor`."""

from skreg.estimators.mlp_classifier import RegularizedMLPClassifier
from skreg.estimators.mlp_regressor import RegularizedMLPRegressor

__all__ = ["RegularizedMLPClassifier", "RegularizedMLPRegressor"]
