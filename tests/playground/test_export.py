"""'Copy as Python' makes the model that is shown."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from playground_cases import by_kind, javascript, table_text

from skreg.playground.session import Session
from skreg.playground.state import FEATURES, FIELDS

ALL = ",".join(FEATURES)


def executed(session):
    """What the code of a session leaves."""
    body = by_kind(session.handle(dict(do="code")))["code"][0]
    values = {
        name: field.write(getattr(session.live.state, name)) for name, field in FIELDS.items()
    }
    code = javascript(
        """import { asPython } from "STATIC/code.js";
        const main = ([body, values]) => asPython(body, values);""",
        [body, values],
    )
    namespace = {}
    exec(compile(code, "copied.py", "exec"), namespace)
    return code, namespace


def assert_same(session):
    code, made = executed(session)
    for ours, theirs in zip(session.live.model.coefs_, made["model"].coefs_, strict=True):
        assert_array_equal(ours, theirs)
    assert_array_equal(session.live.data.test[0], made["X_test"])
    assert_array_equal(session.live.data.train[1], made["y_train"])
    return code


@pytest.mark.parametrize(
    "settings",
    [
        {},
        dict(penalty="elasticnet", alpha="0.01", l1_ratio="0.3", dropout="0.1", max_norm="2"),
        dict(data="plane", features=ALL, hidden="", penalty="l2", learning_rate="0.001"),
        dict(data="xor", hidden="8,8", activation="relu", penalty="group-neurons", alpha="0.001"),
        dict(data="gauss", noise="35", train="10", batch="3", seed="7", start="11"),
    ],
)
def test_code_gives_the_same_weights(settings):
    session = Session()
    session.handle(dict(do="set", values=settings | {"speed": "5"}))
    session.handle(dict(do="play"))
    for _ in range(4):
        session.advance()
    assert session.live.epoch == 20
    assert_same(session)


def test_code_follows_changes_while_training():
    session = Session()
    for values in ({"penalty": "l1", "alpha": "0"}, {"alpha": "0.1"}, {"penalty": "l2"}):
        session.handle(dict(do="set", values=values))
        for _ in range(3):
            session.handle(dict(do="step"))
    code = assert_same(session)
    assert code.count("model.fit(") == 3


@pytest.mark.parametrize("data", ["circle", "plane"])
@pytest.mark.parametrize("n_epochs", [0, 2])
def test_code_sets_the_weights_that_were_set(data, n_epochs):
    session = Session()
    session.handle(dict(do="open", query=f"data={data}&dropout=0.1"))
    for _ in range(n_epochs):
        session.handle(dict(do="step"))
    before = session.live.weights
    session.handle(dict(do="weight", index=2, value=-0.25))
    session.handle(dict(do="weight", index=16, value=3))
    before[[2, 16]] = -0.25, 3
    assert_allclose(session.live.weights, before, rtol=1e-12)
    assert session.live.epoch == n_epochs
    session.handle(dict(do="step"))
    assert not np.allclose(session.live.weights, before)
    assert_same(session)


def test_code_reads_the_visitors_file(tmp_path, monkeypatch):
    text = table_text()
    (tmp_path / "my table.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    for target in ("kept", "age", "size"):
        session = Session()
        session.handle(dict(do="table", name="my table.csv", text=text))
        session.handle(dict(do="set", values={"y_column": target, "seed": "3"}))
        session.handle(dict(do="step"))
        assert session.live.data.is_regression == (target == "age")
        assert_same(session)


def test_code_of_a_network_that_was_not_trained_runs():
    _, made = executed(Session())
    assert made["model"].n_iter_ == 1
