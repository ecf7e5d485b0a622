"""The networks live in scikit-learn: its own estimator checks."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


PLAIN = dict(alpha=0.003, dropout=0.0, max_iter=100)
KINDS_OF_DATA = ("dense", "sparse")


def only_with_dropout(estimator):
    """What drops units at random learns from other masks when rows go or come twice.

    And what chooses λ cuts the rows into other parts.
    """
    if estimator.dropout == 0.0 or estimator.solver == "lbfgs" or not estimator.hidden_layer_sizes:
        return {}
    reason = "the rows of the two fits meet other dropout masks, and are held out in other parts"
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in KINDS_OF_DATA}


@parametrize_with_checks(
    [
        RegularizedMLPClassifier(),
        RegularizedMLPRegressor(),
        RegularizedMLPClassifier(**PLAIN),
        RegularizedMLPRegressor(**PLAIN, learning_rate="constant"),
        RegularizedMLPClassifier((), penalty="l1", alpha=0.003, solver="sgd"),
        RegularizedMLPRegressor((8, 4), penalty="elasticnet", activation="tanh", **PLAIN),
        RegularizedMLPClassifier((), solver="lbfgs", penalty="l1", alpha=0.01, tol=1e-8),
        RegularizedMLPRegressor((), solver="lbfgs", loss="huber", alpha=0.1, tol=1e-8),
        RegularizedMLPClassifier((8,), penalty="group", groups="inputs", **PLAIN),
        RegularizedMLPRegressor(
            (8,), penalty="group", groups="neurons", max_norm=3.0, init="he", **PLAIN
        ),
    ],
    expected_failed_checks=only_with_dropout,
)
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)
