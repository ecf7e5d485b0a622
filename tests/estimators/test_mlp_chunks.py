"""Networks on rows in chunks: those of the rows in memory, or of a buffer that is filled again."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from mlp_cases import data, small, theta
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from skreg import Chunks, Moments, PathSearchCV, RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators._mlp_chunks import NumberTally
from skreg.losses import get_loss
from skreg.rows.stream import HashSample

pytestmark = pytest.mark.filterwarnings("ignore:The objective was still falling")

RNG = np.random.default_rng(0)
KINDS = [RegularizedMLPClassifier, RegularizedMLPRegressor]
N = 400
WEIGHTS = RNG.random(N)


def source(X, y, weights=None, size=37, **options):
    """Chunks of these rows."""
    columns = (X, y) if weights is None else (X, y, weights)

    def pieces():
        for i in range(0, len(y), size):
            yield tuple(column[i : i + size] for column in columns)

    return Chunks(pieces, **options)


def same(one, other):
    np.testing.assert_array_equal(theta(one), theta(other))
    assert one.alpha_ == other.alpha_
    assert one.loss_curve_ == other.loss_curve_


SCHEDULES = {
    "learning_rate": "flat_cosine", "dropout": 0.3, "dropout_schedule": "flat_cosine",
    "weight_decay": "decoupled", "weight_decay_schedule": "flat_cosine", "batch_size": 7,
}  # fmt: skip
OPTIONS = {
    "plain": {},
    "auto": {"alpha": "auto"},
    "early": {"early_stopping": True},
    "in order": {"shuffle": False},
    "dropout": {"dropout": 0.3, "batch_size": 7},
    "members": {"n_members": 3},
    "groups": {"penalty": "group", "groups": "inputs", "alpha": 0.01},
    "nesterov": {"solver": "sgd", "learning_rate": "one_cycle"},
    "slope": {"penalty": "slope", "alpha": 0.01},
    "schedules": SCHEDULES | {"n_members": 3},
    "schedules, step by step": SCHEDULES | {"penalty": "slope", "solver": "sgd"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*OPTIONS, "lbfgs"])
def test_rows_that_fit_in_the_buffer_are_trained_on_as_in_memory(kind, name):
    X, y = data(kind, N)
    options = OPTIONS.get(name, {"solver": "lbfgs"})
    expected = small(kind, **options).fit(X, y, WEIGHTS)
    found = small(kind, **options).fit(source(X, y, WEIGHTS, shuffle_buffer=N))
    same(found, expected)
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPTIONS)
def test_chunks_and_threads_change_no_bit(kind, name):
    X, y = data(kind, N)
    fits = []
    for size, threads in ((37, 1), (N, 2), (11, 2)):
        with threadpool_limits(threads, "blas"):
            chunks = source(X, y, WEIGHTS, size, shuffle_buffer=90)
            fits.append(small(kind, **OPTIONS[name]).fit(chunks))
    same(fits[0], fits[1])
    same(fits[0], fits[2])


@pytest.mark.parametrize("shuffle", [True, False])
def test_sparse_chunks_are_as_dense_ones(shuffle):
    X, y = data(RegularizedMLPClassifier, N)
    X = np.where(RNG.random(X.shape) < 0.5, X, 0.0)
    network = small(RegularizedMLPClassifier, shuffle=shuffle)
    dense = small(RegularizedMLPClassifier, shuffle=shuffle)
    dense.fit(source(X, y, shuffle_buffer=90))

    def pieces():
        return ((csr_array(X[i : i + 50]), y[i : i + 50]) for i in range(0, N, 50))

    same(network.fit(Chunks(pieces, shuffle_buffer=90)), dense)


TABLE = pd.DataFrame(RNG.normal(size=(N, 3)), columns=list("abc"))
TABLE["kind"] = RNG.choice(["u", "v"], N)
TABLE["weight"] = WEIGHTS
TABLE["y"] = np.where(TABLE.a - TABLE.b + (TABLE.kind == "u") > 0, "yes", "no")


@pytest.mark.parametrize("library", ["pandas", "polars", "lazy", "pyarrow", "reader"])
@pytest.mark.parametrize("buffer", [N, 90])
def test_tables(library, buffer):
    made = {
        "pandas": lambda: TABLE,
        "polars": lambda: pl.from_pandas(TABLE),
        "lazy": lambda: pl.from_pandas(TABLE).lazy(),
        "pyarrow": lambda: pa.Table.from_pandas(TABLE),
        "reader": lambda: pa.Table.from_pandas(TABLE).to_reader(50),
    }[library]()
    declared = {"kind": ["u", "v"]}
    options = dict(sample_weight="weight", shuffle_buffer=buffer, categories=declared)
    network = small(RegularizedMLPClassifier)
    if library == "reader" and buffer < N:
        with pytest.raises(ValueError, match="can be read once only"):
            network.fit(Chunks(made, "y", **options))
        return
    X = TABLE[["a", "b", "c"]].assign(kind_u=TABLE.kind == "u", kind_v=TABLE.kind == "v")
    X = X.astype(float)
    expected = small(RegularizedMLPClassifier).fit(
        source(X, TABLE.y, WEIGHTS, shuffle_buffer=buffer)
    )
    same(network.fit(Chunks(made, "y", **options)), expected)
    assert list(network.feature_names_in_) == list(X.columns)
    assert list(network.classes_) == ["no", "yes"]
    assert network.score(X, TABLE.y) > 0.5


@pytest.mark.parametrize("buffer", [N, 90])
def test_classes_can_be_declared(buffer):
    table = TABLE[["a", "b", "y"]]
    declared = Chunks(table, "y", categories={"y": ["no", "perhaps", "yes"]}, shuffle_buffer=buffer)
    network = small(RegularizedMLPClassifier).fit(declared)
    assert list(network.classes_) == ["no", "perhaps", "yes"]
    assert network.predict_proba(table[["a", "b"]]).shape == (N, 3)
    too_few = Chunks(table, "y", categories={"y": ["no", "perhaps"]}, shuffle_buffer=buffer)
    with pytest.raises(ValueError, match="yes"):
        network.fit(too_few)


def test_names_of_columns_go_where_fit_s_do():
    lazy = pl.from_pandas(TABLE.drop(columns=["kind"])).lazy()
    network = small(RegularizedMLPClassifier).fit(lazy, "y", "weight")
    expected = small(RegularizedMLPClassifier).fit(TABLE[list("abc")], TABLE.y, TABLE.weight)
    same(network, expected)


def test_the_minimum_is_that_of_all_rows():
    X, y = data(RegularizedMLPClassifier, 2000, n_classes=2)
    options = dict(hidden_layer_sizes=(), alpha=0.1, max_iter=100, learning_rate="adaptive")
    network = small(RegularizedMLPClassifier, solver="sgd", **options)
    network.fit(source(X, y, size=500, shuffle_buffer=300))
    exact = LogisticRegression(C=1 / (0.1 * len(y)), tol=1e-10).fit(X, y)
    np.testing.assert_allclose(network.coefs_[0][:, 0], exact.coef_[0], atol=2e-3)
    np.testing.assert_allclose(network.intercepts_[0], exact.intercept_, atol=2e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_that_of_all_rows(weighted):
    X, y = data(RegularizedMLPClassifier, N)
    weights = WEIGHTS if weighted else None
    network = small(RegularizedMLPClassifier).fit(source(X, y, weights, shuffle_buffer=90))
    penalty = sum(np.square(W).sum() for W in network.coefs_) / 2
    expected = log_loss(y, network.predict_proba(X), sample_weight=weights) + 1e-4 * penalty
    assert network.objective_ == pytest.approx(expected, rel=1e-10)
    assert network.t_ == N * network.n_iter_


def test_balanced_classes():
    X, y = data(RegularizedMLPClassifier, N)
    y = np.where(RNG.random(N) < 0.5, 0, y)
    totals = np.bincount(y, WEIGHTS)
    weight = dict(enumerate(totals.sum() / 3 / totals))
    one, other = (
        small(RegularizedMLPClassifier, class_weight=choice).fit(
            source(X, y, WEIGHTS, shuffle_buffer=90)
        )
        for choice in ("balanced", weight)
    )
    np.testing.assert_allclose(theta(one), theta(other), rtol=1e-8)
    rows = weight[0] * (y == 0) + weight[1] * (y == 1) + weight[2] * (y == 2)
    third = small(RegularizedMLPClassifier).fit(source(X, y, WEIGHTS * rows, shuffle_buffer=90))
    np.testing.assert_allclose(theta(one), theta(third), rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_members", [1, 3])
def test_rows_held_out_are_not_trained_on(kind, n_members):
    X, y = data(kind, N)
    options = dict(early_stopping=True, validation_fraction=0.2, n_members=n_members)
    network = small(kind, **options).fit(source(X, y, WEIGHTS, shuffle_buffer=90))
    assert network.t_ == 0.8 * N * network.n_iter_
    assert len(network.validation_scores_) == network.n_iter_
    order = HashSample(1, network._split_seed).order(np.arange(N))
    held = np.argsort(order)[: N // 5]
    expected = network.score(X[held], y[held], WEIGHTS[held])
    assert network.best_validation_score_ == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("n_members", [1, 3])
def test_validation_rows_of_one_s_own(n_members):
    """The best epoch, which was not the last one, comes back."""
    X, y = data(RegularizedMLPClassifier, N)
    options = dict(early_stopping=True, max_iter=40, learning_rate_init=0.1)
    network = small(RegularizedMLPClassifier, n_members=n_members, **options)
    network.fit(source(X[:300], y[:300], shuffle_buffer=90), X_val=X[300:], y_val=y[300:])
    assert network.t_ == 300 * network.n_iter_
    assert network.best_validation_score_ == network.score(X[300:], y[300:])
    assert network.validation_scores_[-1] < max(network.validation_scores_)


def test_several_targets_and_several_labels():
    X, _ = data(RegularizedMLPRegressor, N)
    Y = X[:, :2] + 0.1 * RNG.normal(size=(N, 2))
    numbers = small(RegularizedMLPRegressor, max_iter=50).fit(source(X, Y, shuffle_buffer=90))
    assert numbers.score(X, Y) > 0.9
    labels = (Y > 0).astype(int)
    network = small(RegularizedMLPClassifier, max_iter=50)
    network.fit(source(X, labels, shuffle_buffer=90))
    assert network.predict(X).shape == (N, 2)
    assert (network.predict(X) == labels).mean() > 0.9


def test_training_goes_on_and_paths_follow():
    X, y = data(RegularizedMLPRegressor, N)
    network = small(RegularizedMLPRegressor, warm_start=True)
    first = network.fit(source(X, y, shuffle_buffer=90)).loss_
    assert network.fit(source(X, y, shuffle_buffer=90)).loss_ < first
    path = small(RegularizedMLPRegressor, penalty="l1").regularization_path(
        source(X, y, shuffle_buffer=90), None, [1e-3, 10.0]
    )
    assert path.to_frame().n_nonzero.tolist()[-1] == 0


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_mean_and_scale_of_numbers_that_come_in_parts(offset):
    y, weights = RNG.normal(size=(N, 2)) * [1.0, 30.0] + offset, RNG.integers(0, 3, N) * 1.0
    tally = NumberTally(get_loss("squared_error"))
    for i in range(0, N, 30):
        tally.add(y[i : i + 30], weights[i : i + 30])
    mean = np.average(y, axis=0, weights=weights)
    variance = np.average((y - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(tally.target().mean, mean, rtol=1e-12)
    np.testing.assert_allclose(tally.target().scale, np.sqrt(variance), rtol=1e-8)


def test_memory_does_not_grow_with_the_rows():
    def peak(n):
        def pieces():
            for seed in range(n // 1000):
                X = np.random.default_rng(seed).normal(size=(1000, 20))
                yield X, X[:, 0]

        network = RegularizedMLPRegressor((8,), max_iter=1, alpha=1e-3, random_state=0)
        tracemalloc.start()
        network.fit(Chunks(pieces, shuffle_buffer=4000))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(10_000)  # what is imported when first needed
    assert peak(80_000) < 1.1 * peak(20_000) < 10 * 4000 * 20 * 8


class Fickle:
    """Fewer rows, or more, in each further pass."""

    def __init__(self, change):
        self.n, self.change = N, change

    def __call__(self):
        self.n += self.change
        X = RNG.normal(size=(self.n, 2))
        return [(X, X[:, 0])]


BAD = {
    "fewer": (Fickle(-1), {}, "in its first pass, and fewer in a later one"),
    "more": (Fickle(1), {}, "in its first pass, and more in a later one"),
    "nan": (
        lambda: [(np.array([[1.0, np.nan]] * N), np.ones(N))],
        {},
        "feature 1 of X .* in row 0",
    ),
    "y": (lambda: [(np.ones((N, 2)), np.full(N, np.inf))], {}, "y holds inf in row 0"),
    "columns": (
        lambda: [(np.ones((N, 2)), np.ones(N)), (np.ones((N, 3)), np.ones(N))],
        {},
        "begins at row 400 has 3 columns, and the first one has 2",
    ),
    "empty": (lambda: [(np.ones((N, 0)), np.ones(N))], {}, "X has no columns"),
    "lbfgs": (lambda: [(np.ones((N, 2)), np.ones(N))], {"solver": "lbfgs"}, "takes all rows at"),
    "weights": (lambda: [(np.ones((N, 2)), np.ones(N), np.zeros(N))], {}, "zero in every row"),
    "none": (list, {}, "holds no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_told(name):
    pieces, options, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        small(RegularizedMLPRegressor, **options).fit(Chunks(pieces, shuffle_buffer=90))


def test_moments_are_not_for_networks():
    with pytest.raises(ValueError, match="a network needs the rows themselves"):
        small(RegularizedMLPRegressor).fit(Moments.from_rows(np.eye(3), np.ones(3)))


def test_a_checkpoint_is_for_sums(tmp_path):
    source = Chunks(BAD["none"][0], checkpoint=tmp_path / "sums")
    with pytest.raises(ValueError, match="keeps the sums of one pass"):
        small(RegularizedMLPRegressor).fit(source)
    with pytest.raises(ValueError, match="keeps the sums of one pass"):
        PathSearchCV(small(RegularizedMLPRegressor), [1.0, 0.1]).fit(source)


@pytest.mark.parametrize(
    ("y", "options", "words"),
    [
        (np.ones(N, int), {}, "one class only"),
        (RNG.normal(size=N), {}, "Unknown label type"),
        (RNG.integers(0, 3, (N, 2)), {}, "must be 0 and 1"),
        (RNG.integers(0, 2, (N, 2)), {"class_weight": "balanced"}, "several labels"),
        (np.array([None, "u"] * (N // 2), dtype=object), {}, "missing value"),
    ],
)
def test_labels_that_cannot_be_are_told(y, options, words):
    network = small(RegularizedMLPClassifier, **options)
    with pytest.raises(ValueError, match=words):
        network.fit(source(RNG.normal(size=(N, 2)), y, shuffle_buffer=90))
