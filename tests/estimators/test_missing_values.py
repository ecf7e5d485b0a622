"""Missing values of X: errors name the estimator and hint at imputers, as scikit-learn's do."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    QuadraticModel,
    RegularizedMLPRegressor,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
y = X @ [1.0, 2.0, 3.0]
HOLE = np.where(np.arange(20)[:, None] == 3, np.nan, X)


def hint(owner):
    return rf"Input X contains NaN.\n{owner} does not accept missing values.*imputer"


@pytest.mark.parametrize(
    "estimator",
    [
        QuadraticApproxRidge(),
        QuadraticApproxLasso(),
        QuadraticApproxLasso(loss="huber"),
        QuadraticApproxRidgeClassifier(),
        RegularizedMLPRegressor(max_iter=1),
    ],
)
def test_fits_hint_at_imputers(estimator):
    labels = y > 0 if hasattr(estimator, "predict_proba") else y
    with pytest.raises(ValueError, match=hint(type(estimator).__name__)):
        estimator.fit(HOLE, labels)


def test_wide_and_sparse_rows_hint_at_imputers():
    with pytest.raises(ValueError, match=hint("QuadraticApproxRidge")):
        QuadraticApproxRidge().fit(HOLE[:5].repeat(4, axis=1), y[:5])
    with pytest.raises(ValueError, match=hint("QuadraticApproxLasso")):
        QuadraticApproxLasso().fit(csr_array(HOLE), y)


def test_searches_paths_and_models_hint_at_imputers():
    with pytest.raises(ValueError, match=hint("QuadraticApproxRidge")):
        PathSearchCV(QuadraticApproxRidge(), error_score="raise").fit(HOLE, y)
    path = QuadraticApproxLasso().regularization_path(X, y, 3)
    with pytest.raises(ValueError, match=hint("QuadraticApproxLasso")):
        path.predict(HOLE)
    with pytest.raises(ValueError, match=hint("QuadraticModel")):
        QuadraticModel.from_data(HOLE, y)
