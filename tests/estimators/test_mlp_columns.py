"""Networks on columns of any scale and place learn what they learn on standardized ones."""

import pickle
import warnings

import numpy as np
import pytest
from mlp_cases import theta
from scipy import sparse
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.network.parameters import layer_views

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:X has .* far from 1", "ignore:the best"
)

rng = np.random.default_rng(0)
N = 600
NORMAL = rng.normal(size=(N, 5))
Y = np.sin(NORMAL[:, 0]) + NORMAL[:, 1] * NORMAL[:, 2] + NORMAL[:, 3] + 0.2 * rng.normal(size=N)
TABLES = {
    "large": NORMAL * 1e6,
    "small": NORMAL * 1e-5,
    "one large": NORMAL * [1, 1e6, 1, 1, 1],
    "far from 0": NORMAL + 1e4,
    "all of it": NORMAL * [1e3, 1e-3, 30, 1e6, 1] + [0, 1, 1970, 0, -120],
}
SOLVERS = {
    "adam": {},
    "nesterov": dict(solver="sgd"),
    "momentum": dict(solver="sgd", nesterovs_momentum=False),
    "lbfgs": dict(solver="lbfgs", max_iter=300),
}


def network(kind=RegularizedMLPRegressor, **options):
    options = dict(max_iter=60, random_state=0, dropout=0.0, alpha=0.0) | options
    return kind((30,), **options)


def housing(n):
    """Columns from about 1 to 40,000, as a census has them: places, ages, counts, incomes."""
    rng = np.random.default_rng(1)
    place = rng.normal(size=(n, 2)) * [2.1, 2.0] + [35.6, -119.6]
    age = rng.integers(1, 53, size=n)
    rooms = np.exp(rng.normal(7.6, 0.7, size=n)).clip(2, 40_000)
    bedrooms = 0.2 * rooms * np.exp(0.1 * rng.normal(size=n))
    people = np.exp(rng.normal(7.0, 0.7, size=n)).clip(3, 36_000)
    income = np.exp(rng.normal(1.25, 0.45, size=n))
    X = np.column_stack([place, age, rooms, bedrooms, people, income])
    value = 0.45 * income - 0.15 * (place[:, 1] + 119.6) - 0.1 * np.abs(place[:, 0] - 36)
    value += 0.004 * age + 0.3 * np.log(rooms / bedrooms) - 0.3 * np.log(people / rooms)
    return X, 1e5 * (value + 0.3 * rng.normal(size=n))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("table", TABLES)
def test_scores_are_those_of_standardized_columns(table, solver, dtype):
    X, one = TABLES[table].astype(dtype), network(**SOLVERS[solver])
    train, test = slice(400), slice(400, None)
    scaled = make_pipeline(StandardScaler(), network(**SOLVERS[solver])).fit(X[train], Y[train])
    reached = scaled.score(X[test], Y[test])
    assert reached > 0.75
    assert one.fit(X[train], Y[train]).score(X[test], Y[test]) > reached - 0.06


@pytest.mark.parametrize("solver", ["adam", "nesterov", "lbfgs"])
def test_a_table_of_many_scales(solver):
    X, y = housing(1500)
    options = SOLVERS[solver] | dict(alpha=1e-6)
    assert network(**options).fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.75


@pytest.mark.parametrize("table", ["large", "far from 0"])
def test_classes(table):
    y = np.digitize(Y, [-0.5, 0.5])
    one = network(RegularizedMLPClassifier).fit(TABLES[table][:400], y[:400])
    assert one.score(TABLES[table][400:], y[400:]) > 0.7


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_two_change_no_prediction_without_a_penalty(solver, dtype):
    options = SOLVERS[solver] | dict(max_iter=8)
    X = StandardScaler().fit_transform(NORMAL).astype(dtype)
    scales = np.exp2([6, -4, 20, 0, -9]).astype(dtype)
    plain, scaled = network(**options).fit(X, Y), network(**options).fit(X * scales, Y)
    assert np.array_equal(plain.predict(X), scaled.predict(X * scales))
    assert plain.loss_curve_ == scaled.loss_curve_


def test_a_column_that_lambda_rules_out_does_no_harm():
    """On a column of size 1e-6 every useful weight costs millions."""
    X = np.column_stack([NORMAL, 1e-6 * rng.normal(size=N)])
    for options in (dict(), dict(penalty="l1"), dict(penalty="group", groups="inputs")):
        options |= dict(alpha=1e-3, max_iter=100)
        with_it, without = network(**options).fit(X, Y), network(**options).fit(NORMAL, Y)
        assert with_it.objective_ < without.objective_ + 0.02


# --- what is stored is for X as it is -------------------------------------------------------------


def by_hand(network, X):
    *hidden, (W, b) = zip(network.coefs_, network.intercepts_, strict=True)
    for V, c in hidden:
        X = np.maximum(X @ V + c, 0)
    return (X @ W + b)[:, 0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_coefficients_are_for_x_as_it_is(solver):
    X = TABLES["all of it"]
    one = network(**SOLVERS[solver] | dict(max_iter=5, alpha=1e-3, activation="relu")).fit(X, Y)
    np.testing.assert_allclose(one.predict(X), by_hand(one, X), rtol=1e-6, atol=1e-8)
    scale = Y.std()
    risk = 0.5 * np.mean((Y - one.predict(X)) ** 2) / scale**2
    J = sum(0.5 * np.sum(np.square(W)) for W in one._raw_weights())
    assert one.objective_ == pytest.approx(risk + 1e-3 * J, rel=1e-8)
    assert np.array_equal(pickle.loads(pickle.dumps(one)).predict(X), one.predict(X))


@pytest.mark.parametrize("solver", SOLVERS)
def test_early_stopping_scores_the_network_that_comes_back(solver):
    X = TABLES["all of it"]
    options = SOLVERS[solver] | dict(early_stopping=True, max_iter=20)
    one = network(**options).fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    assert one.best_validation_score_ == pytest.approx(one.score(X[400:], Y[400:]), abs=1e-9)


class Snapshots:
    """Keeps the network of every epoch."""

    def __init__(self):
        self.fitted = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)


def test_callbacks_see_the_network_as_if_stopped_there():
    X, recorder = TABLES["all of it"], Snapshots()
    constant = dict(learning_rate="constant")
    network(max_iter=3, **constant).set_callbacks(recorder).fit(X, Y)
    assert len(recorder.fitted) == 3
    for n_epochs, snapshot in enumerate(recorder.fitted, start=1):
        stopped = network(max_iter=n_epochs, **constant).fit(X, Y)
        assert np.array_equal(theta(snapshot), theta(stopped))
        assert np.array_equal(snapshot.predict(X), stopped.predict(X))


@pytest.mark.parametrize("solver", ["adam", "nesterov", "momentum"])
def test_training_in_two_parts_is_training(solver):
    X, options = TABLES["all of it"], SOLVERS[solver] | dict(shuffle=False)
    options |= dict(learning_rate="constant", n_iter_no_change=np.inf)
    whole = network(**options | dict(max_iter=6)).fit(X, Y)
    parts = network(**options | dict(max_iter=3, warm_start=True)).fit(X, Y)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, Y)
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), rtol=1e-6, atol=1e-8)
    calls = network(**options)
    for _ in range(6):
        calls.partial_fit(X, Y)
    np.testing.assert_allclose(calls.predict(X), whole.predict(X), rtol=1e-6, atol=1e-8)


def test_the_first_batch_says_where_the_columns_lie():
    one = network().partial_fit(TABLES["large"][:100], Y[:100])
    first = one._state.columns
    assert np.all(first.scales == 2.0**20)
    one.partial_fit(NORMAL, Y)
    assert one._state.columns is first


def test_another_solver_goes_on_from_there():
    X = TABLES["all of it"]
    one = network(warm_start=True).fit(X, Y)
    before = one.score(X, Y)
    for options in (SOLVERS["nesterov"], SOLVERS["lbfgs"], dict(solver="adam")):
        assert one.set_params(**dict(max_iter=5) | options).fit(X, Y).score(X, Y) > before - 0.05


def test_early_stopping_over_calls_brings_the_best_network_back():
    X, one = TABLES["all of it"], network(solver="sgd", early_stopping=True, n_iter_no_change=2)
    for _ in range(60):
        one.partial_fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    assert one._best.is_over
    assert one.score(X[400:], Y[400:]) == pytest.approx(one.best_validation_score_, abs=1e-9)


def test_a_smaller_network_goes_on():
    X = np.column_stack([TABLES["all of it"], 1e4 * rng.normal(size=N) + 1e5])
    one = network(penalty="group", groups="inputs", alpha=(1e-4, 0.0), max_iter=40).fit(X, Y)
    layer_views(one._state.theta, one._architecture[0])[0][0][5] = 0
    smaller = one.compress()
    assert len(smaller.selected_features_) < 6
    np.testing.assert_allclose(smaller.predict(X), one.predict(X), rtol=1e-6, atol=1e-8)
    before = smaller.score(X, Y)
    smaller.set_params(groups=None, penalty="l2", alpha=0.0).partial_fit(X, Y)
    assert smaller.score(X, Y) > before - 0.05


def test_paths_and_searches():
    X, alphas = TABLES["all of it"], np.array([1e-8, 1e-4])
    path = network(max_iter=5, solver="sgd").regularization_path(X, Y, alphas)
    for fitted in path.estimators:
        assert fitted.score(X, Y) > 0.4
        np.testing.assert_allclose(fitted.predict(X), by_hand(fitted, X), rtol=1e-6, atol=1e-8)
    ours = PathSearchCV(network(max_iter=5), alphas, cv=3).fit(X, Y)
    theirs = GridSearchCV(network(max_iter=5), {"alpha": alphas}, cv=3).fit(X, Y)
    for name in ("split0_test_score", "split2_test_score"):
        assert np.array_equal(ours.cv_results_[name], theirs.cv_results_[name])


def test_sparse_x_is_scaled_and_not_shifted():
    X = (rng.random((N, 5)) < 0.5) * NORMAL * [1, 1e6, 1e-4, 50, 1]
    dense, compressed = network().fit(X, Y), network().fit(sparse.csr_array(X), Y)
    np.testing.assert_allclose(compressed.predict(X), dense.predict(X), rtol=1e-6, atol=1e-8)
    assert compressed._state.columns.centers is None
    assert compressed.loss_ < 0.3


def test_effective_dof_is_for_x_as_it_is():
    X = NORMAL + 1e3
    far = network(max_iter=20, alpha=1e-4).fit(X, Y)
    near = network(max_iter=20, alpha=1e-4).fit(NORMAL, Y)
    np.testing.assert_allclose(far.effective_dof_, near.effective_dof_, rtol=0.1)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(1e-15, np.float32), (1e15, np.float32), (1e-110, np.float64), (1e115, np.float64)],
)
def test_columns_almost_as_large_as_numbers_go(scale, dtype, solver):
    X = (NORMAL * scale).astype(dtype)
    assert network(**SOLVERS[solver]).fit(X, Y).score(X, Y) > 0.75


@pytest.mark.parametrize(("scale", "dtype"), [(1e20, np.float32), (1e150, np.float64)])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array])
def test_columns_beyond_are_refused(scale, dtype, wrap):
    X = wrap((NORMAL * [1, 1, scale, 1, 1]).astype(dtype))
    with pytest.raises(ValueError, match=r"X has numbers of about 1e\+\d+ in column 2.*StandardSc"):
        network().fit(X, Y)


def test_without_a_penalty_there_is_nothing_to_tell():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        network(max_iter=1, n_iter_no_change=np.inf).fit(TABLES["large"], Y)
    with pytest.warns(UserWarning, match="far from 1"):
        network(max_iter=1, alpha=1e-6).fit(TABLES["large"], Y)
    with pytest.warns(UserWarning, match="far from 1"):
        network(max_iter=1, max_norm=2.0).fit(TABLES["large"], Y)
