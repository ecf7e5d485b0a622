"""The networks live in scikit-learn: its own estimator checks, none expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks(
    [
        RegularizedMLPClassifier(max_iter=100),
        RegularizedMLPRegressor(max_iter=100),
        RegularizedMLPClassifier((), penalty="l1", solver="sgd", learning_rate_init=0.1),
        RegularizedMLPRegressor((8, 4), penalty="elasticnet", activation="tanh", max_iter=100),
        RegularizedMLPClassifier((), solver="lbfgs", penalty="l1", alpha=0.01, tol=1e-8),
        RegularizedMLPRegressor((), solver="lbfgs", loss="huber", alpha=0.1, tol=1e-8),
        RegularizedMLPClassifier((8,), penalty="group", groups="inputs", learning_rate="one_cycle"),
        RegularizedMLPRegressor((8,), penalty="group", groups="neurons", max_norm=3.0, init="he"),
    ]
)
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)
