"""Bad input gets a message with parameter, value and remedy; a failed fit changes nothing."""

import warnings

import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from sklearn.datasets import make_regression

from skreg import Chunks, RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def state_of(network):
    """Every attribute: the object itself, and its value if it is an array or a random state."""
    inner = vars(network).get("_state")
    arrays = {} if inner is None else {k: np.array(v) for k, v in vars(inner).items()}
    rng = network._rng.get_state()[1].copy() if "_rng" in vars(network) else None
    curve = list(vars(network).get("loss_curve_", []))
    return dict(vars(network)), arrays, rng, curve


def assert_same_state(before, after):
    assert before[0].keys() == after[0].keys()
    for name, value in before[0].items():
        assert value is after[0][name], f"{name} was replaced"
    for name, value in before[1].items():
        assert np.array_equal(value, after[1][name]), f"{name} was written to"
    assert np.array_equal(before[2], after[2]), "the random state was drawn from"
    assert before[3] == after[3]


def fails(network, *args, match, method="fit", **kwargs):
    """``method`` raises ValueError or TypeError and leaves the estimator as it was."""
    before = state_of(network)
    with pytest.raises((ValueError, TypeError), match=match):
        getattr(network, method)(*args, **kwargs)
    assert_same_state(before, state_of(network))


BAD_PARAMETERS = [
    ("alpha", -1.0),
    ("alpha", np.nan),
    ("alpha", np.inf),
    ("alpha", "large"),
    ("penalty", "l3"),
    ("penalty", 2),
    ("l1_ratio", 1.5),
    ("solver", "newton"),
    ("activation", "swish"),
    ("batch_size", 0),
    ("batch_size", 2.5),
    ("batch_size", "all"),
    ("learning_rate", "cyclic"),
    ("learning_rate_init", 0.0),
    ("learning_rate_init", np.nan),
    ("learning_rate_init", np.inf),
    ("max_iter", 0),
    ("momentum", 1.0),
    ("momentum", -0.1),
    ("beta_1", 1.0),
    ("beta_2", -0.5),
    ("epsilon", 0.0),
    ("tol", -1e-3),
    ("power_t", -1.0),
    ("n_iter_no_change", 0),
    ("n_iter_no_change", 2.5),
    ("validation_fraction", 0.0),
    ("validation_fraction", 1.0),
    ("hidden_layer_sizes", 0),
    ("hidden_layer_sizes", -3),
    ("hidden_layer_sizes", (5, 0)),
    ("hidden_layer_sizes", (5, -1)),
    ("hidden_layer_sizes", (5.0, 2)),
    ("hidden_layer_sizes", 5.0),
    ("hidden_layer_sizes", (np.nan,)),
    ("hidden_layer_sizes", [[3], [4]]),
    ("hidden_layer_sizes", [3, [4, 5]]),
    ("hidden_layer_sizes", "wide"),
    ("hidden_layer_sizes", None),
    ("random_state", "seed"),
    ("warm_start", "yes"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_bad_parameters(kind, name, value):
    X, y = data(kind)
    shown = str(value).strip("()[]").split(",")[0]
    fails(small(kind, **{name: value}), X, y, match=rf"(?s){name}.*{shown}")


def bad_data():
    """(X, y, weights, what the message says) for the regressor and the classifier alike."""
    X, y = data(RegularizedMLPClassifier)
    hole, infinite = X.copy(), X.copy()
    hole[3, 2], infinite[3, 2] = np.nan, np.inf
    return {
        "X holds NaN": (hole, y, None, "X contains NaN"),
        "X holds inf": (infinite, y, None, "X contains infinity"),
        "no rows": (X[:0], y[:0], None, r"0 sample\(s\)"),
        "no columns": (X[:, :0], y, None, r"0 feature\(s\)"),
        "one dimension": (X[:, 0], y, None, "Expected 2D array"),
        "lengths differ": (X, y[:-1], None, r"inconsistent numbers of samples.*60.*59"),
        "complex": (X + 1j, y, None, "Complex data"),
        "words": (np.full((60, 2), "word"), y, None, "column 0 of X holds .word. in row 0"),
        "no y": (X, None, None, "requires y to be passed"),
        "too few weights": (X, y, np.ones(59), r"sample_weight.*\(60,\).*\(59,\)"),
        "matrix of weights": (X, y, np.ones((60, 2)), "sample_weight"),
        "negative weight": (X, y, np.r_[-1.5, np.ones(59)], "sample_weight.*negative.*-1.5.*row 0"),
        "NaN weight": (X, y, np.r_[np.nan, np.ones(59)], "sample_weight contains NaN"),
        "infinite weight": (X, y, np.r_[np.inf, np.ones(59)], "sample_weight contains infinity"),
        "no weight": (X, y, np.zeros(60), "sample_weight is zero.*positive weight"),
    }


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("what", bad_data())
@pytest.mark.parametrize("kind", KINDS)
def test_bad_data(kind, what, method, fitted):
    X, y, weights, match = bad_data()[what]
    network = small(kind)
    if fitted:
        network.fit(*data(RegularizedMLPClassifier))
        if method == "partial_fit" and what in ("no columns", "words"):
            match += "|features"
    fails(network, X, y, sample_weight=weights, match=match, method=method)


def test_bad_targets_of_the_regressor():
    X, y = data(RegularizedMLPRegressor)
    for bad in (np.nan, np.inf):
        fails(small(RegularizedMLPRegressor), X, np.r_[bad, y[1:]], match="y contains|Input y")
    fails(small(RegularizedMLPRegressor), X, np.full(60, "word"), match="must hold numbers")


def test_bad_targets_of_the_classifier():
    X, y = data(RegularizedMLPClassifier)
    network = small(RegularizedMLPClassifier)
    fails(network, X, np.ones(60), match=r"one class only, \[1.\]. A classifier needs at least two")
    fails(network, X, y, method="partial_fit", match="classes must be passed on the first call")
    fails(network, X, np.ones(60), classes=[1], method="partial_fit", match="one class only")
    fails(network, X, np.r_[np.nan, y[1:]], match="y contains NaN|Input y")
    fails(network, X, np.linspace(0, 1, 60), match="Unknown label type")
    fails(network, X, np.column_stack([y, y]), match="1d|shape")
    fails(network, X, y, classes=[0, 1], method="partial_fit", match=r"y holds classes.*\[2\]")


@pytest.mark.parametrize("kind", KINDS)
def test_other_features_at_predict(kind):
    X, y = data(kind)
    network = small(kind).fit(X, y)
    for bad, match in [
        (X[:, :4], "4 features.*expecting 6"),
        (X[:0], r"0 sample\(s\)"),
        (X[0], "Expected 2D"),
        (np.where(X > 2, np.nan, X), "NaN"),
    ]:
        fails(network, bad, method="predict", match=match)
    fails(network, X[:, :4], y, method="partial_fit", match="4 features.*expecting 6")


@pytest.mark.parametrize("kind", KINDS)
def test_another_shape_under_warm_start(kind):
    X, y = data(kind)
    network = small(kind, warm_start=True).fit(X, y)
    fails(network, X[:, :4], y, match=r"layers of \(6, 7.*ask for \(4, 7.*warm_start=False")
    fails(network.set_params(hidden_layer_sizes=(8,)), X, y, match=r"\(6, 7.*\(6, 8.*afresh")
    network.set_params(hidden_layer_sizes=(7,)).fit(X, y)
    assert len(network.loss_curve_) == 10


def test_new_classes_under_warm_start():
    X, y = data(RegularizedMLPClassifier)
    network = small(RegularizedMLPClassifier, warm_start=True).fit(X, y)
    fails(network, X, y + 1, match=r"y holds classes.*\[3\].*warm_start=False")
    fails(network, X[y < 2], y[y < 2], match=r"y lacks the classes \[2\].*use partial_fit")
    assert np.array_equal(network.partial_fit(X[y < 2], y[y < 2]).classes_, [0, 1, 2])


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_that_cannot_hold_rows_out(kind):
    X, y = data(kind, 12)
    network = small(kind, early_stopping=True, validation_fraction=0.05)
    fails(network, X, y, match=r"early_stopping=True.*validation_fraction=0.05.*12 rows")
    X, y = data(kind)
    first = dict(classes=np.unique(y)) if kind is RegularizedMLPClassifier else {}
    match = "early_stopping=True.*X_val.*early_stopping=False"
    fails(network, X, y, method="partial_fit", match=match, **first)
    weights = np.zeros(60)
    weights[0] = 1
    network.set_params(validation_fraction=0.2)
    fails(network, X, y, sample_weight=weights, match="early_stopping=True.*sample_weight 0")


# --- divergence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_is_reported_at_once_and_changes_nothing(kind, solver):
    X, y = make_regression(60, 6, random_state=0)
    y = (y > 0).astype(int) if kind is RegularizedMLPClassifier else 1e3 * y
    epochs = []

    class Count:
        def setup(self, estimator, context):
            epochs.clear()

        def teardown(self, estimator, context):
            epochs.append("torn down")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            epochs.append(context.task_name)

    # A classifier's gradient is bounded; its loss overflows only through the identity.
    wild = small(
        kind, solver=solver, learning_rate_init=1e200, max_iter=1000, activation="identity"
    )
    wild.set_callbacks(Count())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fails(
            wild, X, y, match=r"diverged.*learning_rate_init=1e\+200.*[Ll]ower learning_rate_init"
        )
    assert epochs[-1] == "torn down"
    assert len(epochs) < 5


def test_a_rate_of_a_million_diverges_on_a_regression():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, solver="sgd", learning_rate_init=1e6, max_iter=10**6)
    fails(network, X, y, match=r"learning_rate_init=1e\+06")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_of_a_fitted_network_leaves_it_fitted(method, solver):
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, solver=solver, activation="identity", warm_start=True)
    network.fit(X, y)
    before, predictions = theta(network), network.predict(X)
    network.set_params(learning_rate_init=1e200)
    fails(network, X, y, method=method, match="diverged")
    assert np.array_equal(theta(network), before)
    assert np.array_equal(network.predict(X), predictions)
    twin = small(RegularizedMLPRegressor, solver=solver, activation="identity", warm_start=True)
    twin.fit(X, y).fit(X, y)
    network.set_params(learning_rate_init=0.01).fit(X, y)
    assert np.array_equal(theta(network), theta(twin)), "the failed fit left a trace"


def test_an_interrupt_leaves_the_estimator_as_it_was(monkeypatch):
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, verbose=True, warm_start=True).fit(X, y)
    before = state_of(network)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.print", interrupt)
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y)
    assert_same_state(before, state_of(network))


@pytest.mark.parametrize("kind", KINDS)
def test_penalties_that_do_not_fit(kind):
    X, y = data(kind)
    fails(small(kind, penalty="mcp", solver="lbfgs"), X, y, match="'lbfgs'.*penalty='mcp'.*'adam'")
    fails(small(kind, penalty="sparse_group"), X, y, match=r"needs groups.*penalty='group'")
    fails(small(kind, penalty="l3"), X, y, match=r"penalty must be one of .*'scad'.*got 'l3'")
    fails(small(kind, penalty="mcp", norm_bound=1.0), X, y, match=r"norm_bound=1\.0 needs penalty")


def test_partial_fit_takes_one_chunk():
    def unread():
        raise AssertionError("read before it is refused")

    with pytest.raises(ValueError, match=r"in chunks \(function\).*Call it for each chunk"):
        RegularizedMLPClassifier().partial_fit(unread, "y", classes=[0, 1])


def test_degrees_of_freedom_take_rows_in_memory():
    X, y = make_regression(20, 3, random_state=0)
    network = small(RegularizedMLPRegressor).fit(X, y)
    with pytest.raises(ValueError, match=r"in chunks \(Chunks\), and effective_dof of Reg.*memory"):
        network.effective_dof(Chunks(lambda: [(X, y)]))
