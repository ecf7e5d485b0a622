"""A tab's session: commands in, messages out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from playground_cases import by_kind, table_text

from skreg.playground.run import Run
from skreg.playground.session import Session
from skreg.playground.state import FIELDS, PROBLEMS, State, read_query
from skreg.playground.sweep import EPOCHS


@pytest.fixture
def session():
    made = Session()
    made.handle(dict(do="open", query=""))
    return made


def do(session, command, **arguments):
    return by_kind(session.handle(dict(do=command, **arguments)))


def set_(session, **values):
    return do(session, "set", values=values)


def test_first_messages_fill_the_page():
    session = Session()
    body, arrays = by_kind(session.handle(dict(do="hello")))["hello"]
    assert body["options"]["data"] == [*PROBLEMS, "csv"]
    assert {f"{name}.points" for name in PROBLEMS} < arrays.keys()
    found = by_kind(session.handle(dict(do="open", query="")))
    assert found.keys() == {"state", "data", "closed", "frame"}
    body, arrays = found["frame"]
    assert (body["live"]["epoch"], body["playing"]) == (0, False)
    assert {name: array.shape for name, array in arrays.items()} == {
        "live.map": (10_000,),
        "live.curve": (2, 3),
        "thumbs": (6, 576),
        "weights": (18,),
        "biases": (7,),
    }
    body, arrays = found["data"]
    assert arrays["live.points"].shape == (500, 2)
    assert arrays["features"].shape == (7, 576)
    assert body["live"]["n_train"] == 250
    state = found["state"][0]
    assert state["values"].keys() == FIELDS.keys()
    assert (state["query"], state["pinned"], state["messages"]) == ("", None, [])


def test_play_advances_and_pause_ends_it(session):
    assert not session.has_work
    assert do(session, "play")["state"][0]["playing"]
    epochs = [by_kind(session.advance())["frame"][0]["live"]["epoch"] for _ in range(3)]
    assert epochs == [1, 2, 3]
    do(session, "pause")
    assert not session.has_work
    assert do(session, "step")["frame"][0]["live"]["epoch"] == 4


def test_alpha_changes_while_training_goes_on(session):
    set_(session, penalty="l2", speed="20")
    do(session, "play")
    for _ in range(5):
        session.advance()
    before = session.live.figures()
    found = set_(session, alpha="0.3")
    assert "data" not in found
    assert session.playing
    assert session.live.epoch == 100
    for _ in range(5):
        session.advance()
    assert session.live.figures()["mean_abs"] < 0.2 * before["mean_abs"]


@pytest.mark.parametrize(
    ("values", "sends_data"),
    [({"noise": "50"}, True), ({"hidden": "3"}, False), ({"activation": "relu"}, False)],
)
def test_another_network_or_data_starts_afresh(session, values, sends_data):
    do(session, "step")
    found = set_(session, **values)
    assert ("data" in found) == sends_data
    assert found["frame"][0]["live"]["epoch"] == 0


def test_reset_and_new_start(session):
    first = session.live.weights
    do(session, "step")
    do(session, "reset")
    assert session.live.epoch == 0
    assert_array_equal(session.live.weights, first)
    assert do(session, "new_start")["state"][0]["query"] == "start=1"
    assert not np.array_equal(session.live.weights, first)
    plane = session.live.data.plane
    assert "data" in do(session, "regenerate")
    assert not np.array_equal(session.live.data.plane, plane)


def test_bad_value_is_answered_and_changes_nothing(session):
    do(session, "step")
    found = set_(session, batch="many")
    assert found["state"][0]["messages"] == [
        "batch=many is not a whole number from 1 to 30; 10 is used."
    ]
    assert session.live.epoch == 1
    assert set_(session)["state"][0]["messages"] == []


def test_stop_and_play_again(session):
    set_(session, stop="7", speed="5")
    do(session, "play")
    session.advance()
    found = by_kind(session.advance())
    assert found["frame"][0]["live"]["epoch"] == 7
    assert not found["state"][0]["playing"]
    do(session, "play")
    assert by_kind(session.advance())["frame"][0]["live"]["epoch"] == 5


def test_divergence_pauses_with_a_message(session):
    set_(session, data="plane", features="x1,x1^2,x1x2", activation="relu", learning_rate="100")
    do(session, "play")
    for _ in range(50):
        found = by_kind(session.advance())
        if "state" in found:
            break
    assert "diverged" in found["state"][0]["messages"][0]
    assert not session.playing
    set_(session, learning_rate="0.001")
    do(session, "play")
    assert session.live.train(1)


def test_pinned_run_trains_in_step_with_its_own_settings(session):
    set_(session, speed="10")
    do(session, "play")
    session.advance()
    found = do(session, "pin")
    assert found["frame"][1]["pinned.map"].shape == (10_000,)
    query = set_(session, penalty="l2", alpha="0.1")["state"][0]["query"]
    session.advance()
    assert (session.live.epoch, session.pinned.epoch) == (20, 20)
    alone = Run(State(), session.live.data)
    alone.train(20)
    assert_array_equal(session.pinned.weights, alone.weights)
    assert session.live.figures()["mean_abs"] < session.pinned.figures()["mean_abs"]
    # The address brings both back.
    again = Session()
    found = do(again, "open", query=query)
    assert (again.live.state, again.pinned.state) == (session.live.state, session.pinned.state)
    assert found["state"][0]["pinned"] == {"penalty": "none", "alpha": "0"}
    do(session, "swap")
    assert session.live.state.penalty == "none"
    assert do(session, "unpin")["state"][0]["pinned"] is None


def test_reset_takes_both_back(session):
    do(session, "pin")
    do(session, "step")
    assert session.pinned.epoch == 1
    do(session, "reset")
    assert (session.live.epoch, session.pinned.epoch) == (0, 0)


def test_two_sessions_do_not_disturb_each_other():
    one, other, alone = Session(), Session(), Session()
    set_(other, data="xor", learning_rate="0.1")
    for _ in range(5):
        do(one, "step")
        do(other, "step")
    for _ in range(5):
        do(alone, "step")
    assert_array_equal(one.live.weights, alone.live.weights)
    assert one.live.state == State()


def test_sweep_trains_for_every_alpha(session):
    set_(session, penalty="l1", hidden="", data="gauss")
    do(session, "sweep")
    found = []
    while session.has_work:
        found.append(by_kind(session.advance())["sweep"])
    body, arrays = found[-1]
    assert len(found) == body["of"] == len(arrays["rows"]) == 22
    alphas, train, _, nonzero = arrays["rows"].T
    assert alphas[0] == 0
    assert np.all(np.diff(alphas) > 0)
    assert nonzero[0] == 2
    assert nonzero[-1] == 0
    assert train[-1] == pytest.approx(np.log(2), abs=0.02)
    assert session.live.epoch == 0


def test_sweep_is_the_live_network_at_its_own_alpha(session):
    set_(session, penalty="l2", alpha="0.1", hidden="2")
    live = session.live
    live.train(EPOCHS[0])
    do(session, "sweep")
    while session.has_work:
        rows = by_kind(session.advance())["sweep"][1]["rows"]
    at = np.argmin(abs(rows[:, 0] - 0.1))
    assert rows[at, 0] == pytest.approx(0.1)
    assert rows[at, 1:3] == pytest.approx([live.train_loss, live.test_loss])


def test_sweep_without_penalty_says_what_it_takes(session):
    assert "takes L2" in do(session, "sweep")["state"][0]["messages"][0]
    assert session.has_work
    set_(session, hidden="1")
    assert not session.has_work  # another network


def test_sweep_over_divergence_leaves_a_gap(session):
    set_(session, data="plane", hidden="", features="x1,x1^2", learning_rate="10", penalty="l2")
    do(session, "sweep")
    while session.has_work:
        rows = by_kind(session.advance())["sweep"][1]["rows"]
    assert np.isnan(rows[:, 1]).all()


def test_look_at_a_neuron(session):
    found = do(session, "look", layer=1, unit=1)
    assert_array_equal(found["frame"][1]["live.map"], session.live.picture(1, 1))
    for layer, unit in ((None, 0), (2, 0), (0, 4), (-1, 0), ("x", 0)):
        assert do(session, "look", layer=layer, unit=unit)["frame"][0]["look"] is None


def test_table(session):
    found = do(session, "table", name="my.csv", text=table_text())
    state = found["state"][0]
    assert state["values"]["data"] == "csv"
    assert state["table"]["columns"] == ["width", "height", "color", "age", "size", "kept"]
    assert found["data"][0]["live"]["labels"] == ["no", "yes"]
    assert set_(session, y_column="age")["data"][0]["live"]["is_regression"]
    query = set_(session, hidden="3")["state"][0]["query"]
    # Elsewhere the address alone has no file: it is asked for, and then its columns are taken.
    other = Session()
    found = do(other, "open", query=query)["state"][0]
    assert "open it here again" in found["messages"][0]
    assert (other.live.state.data, other.live.state.hidden) == ("circle", (3,))


def test_second_table_of_the_same_columns(session):
    do(session, "table", name="my.csv", text=table_text())
    head, *rows = table_text().splitlines()
    do(session, "table", name="half.csv", text="\n".join([head, *rows[: len(rows) // 2]]))
    assert len(session.live.data.y) < 0.6 * len(rows)
    code = do(session, "code")["code"][0]
    assert "half.csv" in str(code)


def test_table_that_does_not_serve_leaves_the_one_before(session):
    do(session, "table", name="my.csv", text=table_text())
    rows = "\n".join(f"{i},{i * i},class {i % 6}" for i in range(30))
    found = do(session, "table", name="a.csv", text="a,b,c\n" + rows)
    assert "6 classes" in found["state"][0]["messages"][0]
    assert session.table.name == "my.csv"


def test_bad_table_and_columns_change_nothing(session):
    do(session, "step")
    assert (
        "cannot be read" in do(session, "table", name="a.csv", text="")["state"][0]["messages"][0]
    )
    assert set_(session, data="csv")["state"][0]["messages"]
    assert session.live.state == State()
    assert session.live.epoch == 1


def test_sweep_takes_as_many_epochs_as_the_lesson(session):
    set_(session, penalty="l2", stop="30")
    do(session, "sweep")
    assert by_kind(session.advance())["sweep"][0]["epochs"] == 30


def test_bad_weight_is_answered_and_changes_nothing(session):
    before = session.live.weights
    for index, value in ((18, 1.0), (-1, 1.0), (0, 1e7), (0, float("nan"))):
        found = do(session, "weight", index=index, value=value)
        assert "can be set to a number" in found["state"][0]["messages"][0]
    assert_array_equal(session.live.weights, before)


def test_three_classes_are_shown_as_three(session):
    do(session, "table", name="my.csv", text=table_text())
    set_(session, y_column="size", hidden="4", speed="100")
    do(session, "play")
    for _ in range(3):
        found = by_kind(session.advance())
    picture = found["frame"][1]["live.map"]
    shares = session.live.shown.predict_proba(session.live.data.map_rows)
    assert_array_equal(picture // (256 // 3), shares.argmax(axis=1))
    assert found["frame"][0]["live"]["accuracy"] > 0.6
    assert len(found["frame"][1]["weights"]) == 2 * 4 + 4 * 3


def test_unknown_command_is_refused(session):
    with pytest.raises(ValueError, match="no command 'fly'"):
        do(session, "fly")


def test_pinned_run_waits_for_a_live_one_that_diverged(session):
    do(session, "pin")
    set_(session, learning_rate="100", penalty="l2", alpha="1000")
    for _ in range(5):
        do(session, "step")
    assert "diverged" in session.live.error
    assert session.pinned.error == ""
    assert session.pinned.epoch == session.live.epoch


SETTINGS = st.dictionaries(
    st.sampled_from(
        ["data", "hidden", "penalty", "alpha", "learning_rate", "stop", "features", "x"]
    ),
    st.sampled_from(
        ["circle", "plane", "3,2", "", "l1", "group-neurons", "0.1", "10", "3", "x1,x1x2"]
    ),
    max_size=3,
)
COMMANDS = st.one_of(
    st.sampled_from(
        ["play", "pause", "step", "reset", "new_start", "regenerate", "pin", "unpin", "swap"]
    ).map(lambda name: dict(do=name)),
    SETTINGS.map(lambda values: dict(do="set", values=values)),
    st.just("advance"),
)


@given(st.lists(COMMANDS, max_size=12))
def test_whatever_is_clicked_the_address_tells_it(commands):
    session = Session()
    query = by_kind(session.handle(dict(do="open", query="")))["state"][0]["query"]
    for command in commands:
        sent = session.advance() if command == "advance" else session.handle(command)
        found = by_kind(sent)
        query = found["state"][0]["query"] if "state" in found else query
        live, pinned, messages = read_query(query)
        assert messages == []
        assert live == session.live.state
        assert pinned == (session.pinned and session.pinned.state)
        for run in session.runs.values():
            assert run.epoch == sum(n for _, n in run.segments)
            assert np.isfinite(run.weights).all()
