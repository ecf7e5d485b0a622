"""Displays take Pipelines and searches, and features keep their names."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    RegularizedMLPRegressor,
)
from skreg.plotting import (
    LearningCurvesDisplay,
    NetworkDisplay,
    PenaltyGeometryDisplay,
    RegularizationPathDisplay,
    SearchDisplay,
    ShrinkageDisplay,
    SoftThresholdDisplay,
)

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True)
NAMES = FRAME.columns.tolist()
pytestmark = pytest.mark.filterwarnings("ignore:the best λ:UserWarning")
ALPHAS = [10.0, 1.0, 0.1]
NETWORK = RegularizedMLPRegressor((3,), max_iter=3, tol=0, random_state=0, early_stopping=True)


def scaled(last, *steps):
    return make_pipeline(*steps, StandardScaler(), last)


@pytest.fixture(scope="module")
def search():
    return PathSearchCV(scaled(QuadraticApproxLasso()), ALPHAS).fit(FRAME, Y)


def test_names_survive_the_earlier_steps(search):
    assert search.path_.feature_names.tolist() == NAMES
    assert search.path_.to_frame().columns[-10:].tolist() == NAMES
    chosen = make_pipeline(SelectKBest(f_regression, k=4), scaled(QuadraticApproxRidge()))
    best = PathSearchCV(chosen, ALPHAS).fit(FRAME, Y)
    expected = best.best_estimator_[0].get_feature_names_out().tolist()
    assert best.path_.feature_names.tolist() == expected == ["bmi", "bp", "s4", "s5"]
    columns = make_column_transformer((PCA(2), NAMES[4:]), remainder="passthrough")
    best = PathSearchCV(scaled(QuadraticApproxRidge(), columns), ALPHAS).fit(FRAME, Y)
    assert best.path_.feature_names[[0, 1, 2]].tolist() == ["pca__pca0", "pca__pca1"] + [
        "remainder__age"
    ]


@pytest.mark.parametrize(
    "step",
    [
        FunctionTransformer(np.asarray),  # tells no names
        FunctionTransformer(np.asarray, feature_names_out=lambda step, names: ["wrong"]),
    ],
)
def test_steps_that_tell_no_names_leave_numbers(step):
    best = PathSearchCV(make_pipeline(step, QuadraticApproxLasso()), ALPHAS).fit(FRAME, Y)
    assert best.path_.feature_names[:2].tolist() == ["x0", "x1"]
    assert best.path_.predict(FRAME.to_numpy()).shape == (3, 442)


def test_paths_of_pipelines_and_searches(search):
    displays = [
        RegularizationPathDisplay.from_search(search),
        RegularizationPathDisplay.from_search(
            scaled(PathSearchCV(QuadraticApproxLasso(), ALPHAS)).fit(FRAME, Y)
        ),
        RegularizationPathDisplay.from_estimator(
            scaled(QuadraticApproxLasso()), FRAME, Y, alphas=ALPHAS
        ),
        RegularizationPathDisplay.from_estimator(search, FRAME, Y, alphas=ALPHAS),
    ]
    for display in displays:
        assert display.feature_names.tolist() == NAMES
        np.testing.assert_allclose(display.coefs, search.path_.coefs, atol=1e-8)
    with pytest.raises(ValueError, match="or a Pipeline that ends in one, got Ridge"):
        RegularizationPathDisplay.from_estimator(scaled(Ridge()), FRAME, Y)


def test_names_of_searches_over_pipelines_in_pipelines():
    columns = make_column_transformer((StandardScaler(), NAMES[:4]), remainder="passthrough")
    inner = PathSearchCV(scaled(QuadraticApproxRidge()), ALPHAS)
    piped = make_pipeline(columns, inner).fit(FRAME, Y)
    expected = piped[0].get_feature_names_out().tolist()
    assert RegularizationPathDisplay.from_search(piped).feature_names.tolist() == expected
    geometry = PenaltyGeometryDisplay.from_estimator(piped, features=(0, "remainder__s6"))
    assert list(geometry.names) == [expected[0], "remainder__s6"]
    wrong = FunctionTransformer(np.asarray, feature_names_out=lambda step, names: ["wrong"])
    one = make_pipeline(wrong, QuadraticApproxRidge()).fit(FRAME, Y)
    assert list(PenaltyGeometryDisplay.from_estimator(one).names) == ["x0", "x1"]


def test_pictures_of_fitted_estimators(search):
    ridge = PathSearchCV(scaled(QuadraticApproxRidge()), ALPHAS).fit(FRAME, Y)
    theirs = ShrinkageDisplay.from_estimator(ridge)
    ours = ShrinkageDisplay.from_estimator(ridge.best_estimator_[-1])
    np.testing.assert_array_equal(theirs.factors, ours.factors)
    assert PenaltyGeometryDisplay.from_estimator(search, features=("bmi", 4)).names[0] == "bmi"
    display = SoftThresholdDisplay.from_estimator(search.best_estimator_)
    assert display.names.tolist() == NAMES
    alone = SoftThresholdDisplay.from_estimator(search.best_estimator_[-1])
    np.testing.assert_array_equal(display.coefs, alone.coefs)


def test_search_at_the_end_of_a_pipeline():
    piped = scaled(PathSearchCV(QuadraticApproxLasso(), ALPHAS)).fit(FRAME, Y)
    assert SearchDisplay.from_search(piped).best_alpha == piped[-1].best_alpha_


def test_networks_in_pipelines_and_searches():
    fitted = PathSearchCV(scaled(NETWORK), [0.1], cv=2).fit(FRAME, Y)
    assert NetworkDisplay.from_estimator(fitted).feature_names.tolist() == NAMES
    assert LearningCurvesDisplay.from_history(fitted).alphas.tolist() == [0.1]
    some = FRAME[:60], Y[:60], FRAME[60:], Y[60:]
    display = LearningCurvesDisplay.from_estimator(fitted, *some, alphas=[0.1], seeds=(0,))
    assert display.validation.shape == (1, 1, 3)
