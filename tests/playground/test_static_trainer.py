"""The page's own trainer, in JavaScript, is the estimator."""

from dataclasses import asdict, replace
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from playground_cases import javascript, table_text

from skreg.datasets import make_playground
from skreg.network.columns import Columns, Sizes
from skreg.playground.data import CsvTable, make_data
from skreg.playground.run import Run
from skreg.playground.state import FEATURES, FIELDS, PROBLEMS, State

PENALTIES, OPTIMIZERS = FIELDS["penalty"].options, FIELDS["optimizer"].options
# A loss each: two classes, three, numbers.
TARGETS = {"kept": 0.01, "size": 0.01, "age": 0.003}
TABLE = CsvTable("my.csv", table_text())
COLUMNS = dict(data="csv", x1_column="width", x2_column="height", train=70)

TRAIN = """
import { makeData } from "STATIC/local/problems.js";
import { Run } from "STATIC/local/run.js";
const main = (jobs) => jobs.map(({ stages, rows }) => {
  const [plane, y] = [rows?.plane, rows?.y].map((values) => values && new Float64Array(values));
  const table = rows && { rows: () => ({ ...rows, plane, y }) };
  const [first] = stages[0];
  const run = new Run(first, makeData(first, table, { map: 10, thumb: 4 }));
  for (const [state, epochs] of stages) {
    run.change(state);
    if (!run.train(epochs)) return run.error || "stopped";
  }
  const { train, test, accuracy = 0, nonzero } = run.figures();
  const figures = [train, test, accuracy, nonzero];
  return { weights: [...run.weights], biases: [...run.biases], figures };
});
"""


def told(state):
    """A state as JSON has it."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(state).items()}


def job(*stages, table=TABLE):
    """Trained in turn as each state says, on the table's rows where it asks for them."""
    first = stages[0][0]
    rows = None
    if first.data == "csv":
        plane, y, axes, labels = table.rows(first)
        rows = dict(plane=plane.ravel().tolist(), y=y.tolist(), axes=axes, labels=labels)
    return dict(stages=[[told(state), n_epochs] for state, n_epochs in stages], rows=rows)


def both(cases, table=TABLE):
    """For each case the estimator's run and what the page's own trainer found."""
    found = javascript(TRAIN, [job(*stages, table=table) for stages in cases])
    for stages, mine in zip(cases, found, strict=True):
        first = stages[0][0]
        run = Run(first, make_data(first, table if first.data == "csv" else None))
        for state, n_epochs in stages:
            run.change(state)
            run.train(n_epochs)
        yield run, mine


def assert_same(run, mine):
    figures = run.figures()
    wanted = [figures[name] for name in ("train", "test")]
    scale = np.abs(run.weights).max()
    assert_allclose(mine["weights"], run.weights, rtol=0, atol=1e-6 * scale)
    assert_allclose(mine["biases"], run.biases, rtol=0, atol=1e-6 * max(scale, 1))
    assert_allclose(mine["figures"][:2], wanted, rtol=1e-6)
    assert mine["figures"][2:] == [figures.get("accuracy", 0), figures["nonzero"]]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_same_weights_for_every_penalty_loss_and_optimizer(optimizer):
    cases = []
    for number, (penalty, target) in enumerate(product(PENALTIES, TARGETS)):
        state = State(
            **COLUMNS, y_column=target, penalty=penalty, optimizer=optimizer,
            hidden=[(4, 3), (5,), (3, 2, 2), ()][number % 4],
            activation=FIELDS["activation"].options[number % 4],
            features=FEATURES[: 2 + number % 3], seed=number, start=number + 5,
            alpha=TARGETS[target], learning_rate=0.003, dropout=(number % 2) * 0.2,
            max_norm=(number % 5 == 0) * 1.5,
        )  # fmt: skip
        # λ moves on the way.
        cases.append([(state, 7), (replace(state, alpha=2 * state.alpha), 13)])
    for run, mine in both(cases):
        assert_same(run, mine)


def test_same_weights_where_settings_change_on_the_way():
    state = State(data="spiral", noise=20, hidden=(8, 8), penalty="l1", alpha=0.002, dropout=0.1)
    stages = [
        (state, 5),
        (replace(state, optimizer="adam", learning_rate=0.01), 5),
        (replace(state, optimizer="nesterov", penalty="group-neurons"), 5),
        (replace(state, optimizer="momentum", penalty="group-inputs", batch=30), 5),
        (replace(state, optimizer="sgd", max_norm=1.0, dropout=0.3), 5),
    ]
    ((run, mine),) = both([stages])
    assert_same(run, mine)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_same_weights_on_columns_far_from_0(penalty):
    rng = np.random.RandomState(0)
    incomes = np.append(rng.lognormal(0, 0.3, 599), 200)  # the others lie in a corner
    ages = rng.normal(size=600)
    rows = [f"{a},{b},{int(a * b > 0.3)}" for a, b in zip(incomes, ages, strict=True)]
    table = CsvTable("far.csv", "\n".join(["income,age,kept", *rows]))
    state = State(
        data="csv", x1_column="income", x2_column="age", y_column="kept", train=90,
        features=FEATURES[:5], penalty=penalty, alpha=0.01, seed=1,
    )  # fmt: skip
    assert Columns.of(Sizes.of(make_data(state, table).train[0])) is not None
    cases = [
        [
            (replace(state, optimizer=optimizer), 5),
            (replace(state, optimizer=optimizer, alpha=1.0), 5),
        ]
        for optimizer in OPTIMIZERS
    ]
    for run, mine in both(cases, table):
        assert_same(run, mine)


def test_groups_of_inputs_vanish_alike():
    state = State(
        data="circle", noise=20, features=FEATURES, hidden=(4,), penalty="group-inputs", alpha=0.3
    )
    ((run, mine),) = both([[(state, 200)]])
    assert_same(run, mine)
    assert run.figures()["nonzero"] == 12


@pytest.mark.parametrize("name", PROBLEMS)
def test_same_problems(name):
    found = javascript(
        """import { makeProblem, featuresOf } from "STATIC/local/problems.js";
        const main = ([name, features]) => [0, 35].map((noise) => {
          const [plane, y] = makeProblem(name, noise, 7);
          return [[...plane], [...y], [...featuresOf(plane, features)]];
        });""",
        [name, FEATURES],
    )
    for noise, (plane, y, features) in zip((0, 35), found, strict=True):
        X, wanted = make_playground(name, noise=noise, random_state=7)
        assert_allclose(np.reshape(plane, X.shape), X, rtol=1e-13, atol=1e-13)
        assert_allclose(y, wanted, rtol=1e-12, atol=1e-12)
        data = make_data(State(data=name, noise=noise, seed=7, features=FEATURES))
        assert_allclose(np.reshape(features, data.X.shape), data.X, rtol=1e-12, atol=1e-12)
        # The estimator leaves the units of such columns alone, as the page's trainer does.
        assert Columns.of(Sizes.of(data.train[0])) is None


def test_divergence_leaves_the_network_as_it_was():
    state = State(data="plane", features=("x1", "x1^2"), activation="relu", learning_rate=100)
    ((run, mine),) = both([[(state, 5)]])
    assert "diverged" in run.error
    assert mine == run.error


def test_pictures_are_the_same():
    state = State(data="circle", hidden=(3,))
    found = javascript(
        """import { makeData } from "STATIC/local/problems.js";
        import { Run } from "STATIC/local/run.js";
        const main = (state) => {
          const run = new Run(state, makeData(state, null, { map: 100, thumb: 24 }));
          run.train(20);
          return [run.picture(), run.picture(0, 1), run.thumbnails()].map((bytes) => [...bytes]);
        };""",
        told(state),
    )
    run = Run(state, make_data(state))
    run.train(20)
    for mine, wanted in zip(
        found, (run.picture(), run.picture(0, 1), run.thumbnails().ravel()), strict=True
    ):
        assert_array_equal(mine, wanted)
