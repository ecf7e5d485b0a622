"""Input that no estimator can use is refused, by the same words, wherever it comes in."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    QuadraticModel,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg._sparse import check_sparse
from skreg._validation import check_offset
from skreg.penalties import Group
from skreg.plotting import (
    LearningCurvesDisplay,
    RegularizationPathDisplay,
    SearchDisplay,
    ShrinkageDisplay,
    SoftThresholdDisplay,
)
from skreg.rows import Moments

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
Y = 3.0 + X[:, 0] + 0.1 * rng.normal(size=20)
LABELS = np.array(["a", "b"] * 10, dtype=object)

REGRESSORS = {
    "ridge": QuadraticApproxRidge(),
    "huber": QuadraticApproxRidge(loss="huber"),
    "poisson": QuadraticApproxRidge(loss="poisson"),
    "quantile": QuadraticApproxRidge(loss="quantile"),
    "lasso": QuadraticApproxLasso(),
    "groups": QuadraticApproxLasso(groups=[0, 0, 1]),
    "network": RegularizedMLPRegressor(max_iter=2, random_state=0),
    "folds": PathSearchCV(QuadraticApproxRidge(), [0.1, 1e-3]),
    "loo": PathSearchCV(QuadraticApproxLasso(), [0.1, 1e-3], cv="loo"),
}
CLASSIFIERS = {
    "ridge": QuadraticApproxRidgeClassifier(),
    "lasso": QuadraticApproxLassoClassifier(),
    "network": RegularizedMLPClassifier(max_iter=2),
    "folds": PathSearchCV(QuadraticApproxRidgeClassifier(), [0.1, 1e-3]),
}


# Targets -----------------------------------------------------------------------------------------


def with_a_gap(kind):
    y = Y.astype(object)
    y[3] = pd.NA if kind == "NA" else None
    return {"array": y, "list": list(y), "2d": np.c_[y, y]}.get(kind, pd.Series(y))


@pytest.mark.parametrize("kind", ["array", "list", "2d", "series", "NA"])
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_missing_target_is_refused(name, kind):
    with pytest.raises(ValueError, match=r"NaN|missing value|<NA> in row 3|one target"):
        REGRESSORS[name].fit(X, with_a_gap(kind))


def test_a_missing_target_is_refused_by_parts_paths_and_models():
    y = with_a_gap("array")
    for fit in (
        QuadraticApproxRidge().partial_fit,
        QuadraticApproxRidge().regularization_path,
        QuadraticModel.from_data,
        RegularizedMLPRegressor().partial_fit,
    ):
        with pytest.raises(ValueError, match="NaN"):
            fit(X, y)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_missing_label_is_refused(name, gap):
    y = LABELS.copy()
    y[3] = gap
    with pytest.raises(ValueError, match="in row 3, a missing value"):
        CLASSIFIERS[name].fit(X, y)


@pytest.mark.parametrize("write", [
    lambda y: y.astype(str),
    lambda y: y.astype(str).astype(object),
    lambda y: [str(v) for v in y],
    lambda y: y.astype("S"),
    lambda y: pd.Series(y.astype(str)),
    lambda y: pd.Series(y.astype(str), dtype="string"),
    lambda y: np.array([Fraction(v) for v in y], dtype=object),
])  # fmt: skip
@pytest.mark.parametrize("name", REGRESSORS)
def test_numbers_as_text_are_numbers(name, write):
    found = REGRESSORS[name].fit(X, write(Y)).predict(X)
    np.testing.assert_allclose(found, REGRESSORS[name].fit(X, Y).predict(X))


@pytest.mark.parametrize("name", REGRESSORS)
def test_text_and_dates_are_no_numbers(name):
    for y, words in ((LABELS, "'a' in row 0"), (np.arange(20).astype("M8[D]"), "dates")):
        with pytest.raises(ValueError, match=f"y must hold numbers, got {words}"):
            REGRESSORS[name].fit(X, y)


def test_scores_take_the_targets_that_fit_took():
    model = QuadraticApproxRidge().fit(X, Y)
    assert model.score(X, Y.astype(str)) == model.score(X, Y)


# Sparse matrices ---------------------------------------------------------------------------------

SPARSE = sp.random(40, 6, 0.5, format="csr", random_state=0)
COUNTS = rng.poisson(2.0, size=40)


def broken(kind, layout):
    X = SPARSE.asformat(layout).copy()
    if kind == "beyond":
        X.indices[3] = 10**6
    elif kind == "negative":
        X.indices[3] = -5
    elif kind == "descends":
        X.indptr[[2, 3]] = X.indptr[[3, 2]]
    elif kind == "leaps":
        X.indptr[2] = 10**6
    elif kind == "starts":
        X.indptr[0] = -3
    elif kind == "ends":
        X.indptr[-1] = 10**7
    return X


KINDS = ["beyond", "negative", "descends", "leaps", "starts", "ends"]
DOORS = {
    "fit": lambda X: QuadraticApproxRidge().fit(X, COUNTS),
    "partial_fit": lambda X: QuadraticApproxRidge().partial_fit(X, COUNTS),
    "path": lambda X: QuadraticApproxLasso().regularization_path(X, COUNTS, [0.1]),
    "another loss": lambda X: QuadraticApproxLasso(loss="poisson").fit(X, COUNTS),
    "classes": lambda X: QuadraticApproxRidgeClassifier().fit(X, COUNTS > 1),
    "predict": lambda X: QuadraticApproxRidge().fit(SPARSE, COUNTS).predict(X),
    "probabilities": lambda X: (
        QuadraticApproxRidgeClassifier().fit(SPARSE, COUNTS > 1).predict_proba(X)
    ),
    "prediction of a path": lambda X: (
        QuadraticApproxRidge().regularization_path(SPARSE, COUNTS, [0.1]).predict(X)
    ),
    "model": lambda X: QuadraticModel.from_data(X, COUNTS),
    "moments": lambda X: Moments.from_rows(X, COUNTS[:, None].astype(float)),
    "search": lambda X: PathSearchCV(QuadraticApproxRidge(), [0.1]).fit(X, COUNTS),
    "network": lambda X: RegularizedMLPRegressor(max_iter=1).fit(X, COUNTS),
    "network's prediction": lambda X: (
        RegularizedMLPRegressor(max_iter=1).fit(SPARSE, COUNTS).predict(X)
    ),
    "validation rows": lambda X: RegularizedMLPRegressor(max_iter=1).fit(
        SPARSE, COUNTS, X_val=X, y_val=COUNTS
    ),
}


@pytest.mark.parametrize("layout", ["csr", "csc"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
def test_a_broken_sparse_matrix_goes_no_further(door, kind, layout):
    with pytest.raises(ValueError, match="X is not a valid sparse matrix"):
        DOORS[door](broken(kind, layout))


def test_other_layouts_are_checked_too():
    X = SPARSE.tocoo(copy=True)
    X.col[3] = 6
    with pytest.raises(ValueError, match="between 0 and 5, found 6"):
        check_sparse(X)
    X = SPARSE[:, :4].tobsr((2, 2))
    X.indices[0] = 2
    with pytest.raises(ValueError, match="between 0 and 1, found 2"):
        check_sparse(X)
    X = SPARSE.tolil()
    X.rows[0] = [0, 17]
    X.data[0] = [1.0, 2.0]
    with pytest.raises(ValueError, match="found 17"):
        QuadraticApproxRidge().fit(X, COUNTS)
    Y = sp.csr_matrix(np.eye(40)[:, :3])
    Y.indices[0] = 9
    with pytest.raises(ValueError, match="y is not a valid sparse matrix"):
        RegularizedMLPClassifier(max_iter=1).fit(SPARSE, Y)


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_unsorted_and_duplicate_entries_are_fine(layout):
    X = SPARSE.asformat(layout)
    twice = type(X)((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), X.shape)
    for start, stop in zip(twice.indptr[:-1], twice.indptr[1:], strict=True):
        twice.indices[start:stop] = twice.indices[start:stop][::-1].copy()
        twice.data[start:stop] = twice.data[start:stop][::-1].copy()
    twice.has_sorted_indices = twice.has_canonical_format = False
    for model in (
        QuadraticApproxRidge(),
        QuadraticApproxLasso(loss="poisson", alpha=0.1),
        RegularizedMLPRegressor(max_iter=2, random_state=0),
    ):
        found = model.fit(twice, COUNTS).predict(twice)
        np.testing.assert_allclose(found, model.fit(SPARSE, COUNTS).predict(SPARSE), rtol=1e-6)


# Parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [
    QuadraticApproxRidge(alpha=10**400),
    QuadraticApproxLasso(norm_bound=10**400),
    QuadraticApproxLasso(loss="huber", delta=10**400),
    QuadraticApproxLasso(penalty_factors=[10**400, 1, 1]),
    QuadraticApproxRidge(max_iter=10**400),
    RegularizedMLPRegressor(alpha=10**400),
    PathSearchCV(QuadraticApproxRidge(), [10**400]),
])  # fmt: skip
def test_integers_beyond_every_float_are_refused(model):
    with pytest.raises(ValueError, match=r"larger than every float|that a float can hold"):
        model.fit(X, Y)


def test_a_number_is_an_offset_of_every_row():
    np.testing.assert_array_equal(check_offset(-1.0, X), np.full(20, -1.0))
    with pytest.raises(ValueError, match=r"offset must be numbers|NaN"):
        check_offset(np.nan, X)
    for model, y in ((QuadraticApproxRidge(loss="poisson"), Y), (QuadraticApproxLasso(), Y)):
        one = model.fit(X, y, offset=-1.0).predict(X, offset=-1.0)
        np.testing.assert_array_equal(
            one, model.fit(X, y, offset=np.full(20, -1.0)).predict(X, offset=np.full(20, -1.0))
        )


def test_groups_without_a_label_are_refused():
    for groups, words in (
        ([None, 0, 0], "None for feature 0"),
        ([0, "a", 1j], "got"),
    ):
        if words == "got":
            groups = np.array(groups, dtype=object)
        with pytest.raises(ValueError, match=f"groups must hold numbers.*{words}"):
            Group(groups)


@pytest.mark.parametrize("bounds", [(1.0,), ("a", 1), (None, 1), (0, 1, 2)])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(ValueError, match="bounds must"):
        QuadraticApproxLasso(bounds=bounds).fit(X, Y)


def test_what_is_no_estimator_and_no_model_is_refused():
    with pytest.raises(ValueError, match=r"class QuadraticApproxRidge. Give an instance"):
        PathSearchCV(QuadraticApproxRidge, [0.1]).fit(X, Y)
    with pytest.raises(ValueError, match=r"got int. For rows use"):
        QuadraticModel(3)


@pytest.mark.parametrize("draw", [
    LearningCurvesDisplay.from_history,
    RegularizationPathDisplay.from_path,
    RegularizationPathDisplay.from_search,
    SearchDisplay.from_search,
    SoftThresholdDisplay.from_estimator,
    lambda given: ShrinkageDisplay.from_quadratic(given, [0.1]),
    lambda given: RegularizationPathDisplay.from_estimator(given, X, Y),
    lambda given: LearningCurvesDisplay.from_estimator(given, X, Y, X, Y, alphas=[0.1]),
])  # fmt: skip
@pytest.mark.parametrize("given", [None, "text", 3, QuadraticModel, X])
def test_pictures_say_what_they_are_of(draw, given):
    with pytest.raises(ValueError, match=r"must be .*, got "):
        draw(given)


@pytest.mark.parametrize("kind", [QuadraticApproxRidgeClassifier, QuadraticApproxLasso])
@pytest.mark.parametrize(
    ("column", "message"),
    [([1.0, 1e151, 3.0, 4.0], "holds 1e\\+151"), ([1e-151] * 4, "nothing larger than 1e-151")],
)
def test_squares_beyond_float64_are_refused(kind, column, message):
    X = np.column_stack([[0.0, 1.0, 2.0, 5.0], [0.0] * 4, column])
    with pytest.raises(ValueError, match=message):
        kind().fit(X, [0, 1, 0, 1])


@pytest.mark.parametrize("given", ["x", ["a"] * 20, object(), {}, 1j, [1j] * 20, 10**400], ids=str)
@pytest.mark.parametrize("name", ["sample_weight", "offset"])
def test_numbers_beside_rows_are_named(name, given):
    with pytest.raises(ValueError, match=f"^{name} must be numbers that a float can hold"):
        QuadraticApproxRidge().fit(X, Y, **{name: given})


def test_moments_name_what_is_wrong():
    moments = Moments.from_rows(X, Y)
    for name, given in (("center", [1.0]), ("scale", "x"), ("scale", 0.0), ("scale", np.zeros(3))):
        with pytest.raises(ValueError, match=f"^{name} must"):
            moments.scaled(**{name: given})
    with pytest.raises(ValueError, match=r"^feature_names must be 3 names"):
        moments.named(["a"])
    with pytest.raises(ValueError, match=r"^x_mean must be an array"):
        Moments(1.0, 1, [0.0], np.zeros(1), np.eye(1), np.eye(1), np.ones(1))
    with pytest.raises(ValueError, match=r"^sample_weight must be numbers"):
        Moments.from_rows(X, Y, ["a"] * 20)
