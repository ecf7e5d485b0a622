"""A tab without a server says what one with a server says."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from playground_cases import decode, javascript, table_text

from benchmarks.playground_lessons import lessons
from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.playground.__main__ import main
from skreg.playground.data import make_data
from skreg.playground.session import Session
from skreg.playground.state import FEATURES, State
from skreg.playground.static_page import settings

TALK = """
import { Session } from "STATIC/local/session.js";
const plain = (array) => Array.from(array, (value) => (Number.isFinite(value) ? value : null));
const told = ([kind, body, arrays]) => [kind, structuredClone(body), Object.fromEntries(
  Object.entries(arrays).map(([name, [array, shape]]) => [name, [plain(array), shape]]))];
const main = ([settings, dialogs]) => dialogs.map((commands) => {
  const session = new Session(settings);
  const answer = (one) => (one.do === "advance" ? session.advance() : session.handle(one));
  return commands.map((command) => answer(command).map(told));
});
"""
ALL = ",".join(FEATURES)
TABLE = table_text()


def set_(**values):
    return dict(do="set", values=values)


def do(command, /, **given):
    return dict(do=command, **given)


TRAINED = [do("play"), do("advance"), do("advance"), do("pause")]
DIALOGS = {
    "start": [do("hello"), do("open", query=""), *TRAINED, do("step"), do("code")],
    "bad address": [do("open", query="noise=900&hidden=a&color=red&batch=12&pin.alpha=x")],
    "settings": [
        do("open", query="data=spiral&noise=5&speed=5"),
        set_(penalty="l1", alpha="0.01"),
        *TRAINED,
        set_(optimizer="adam", batch="many"),
        *TRAINED,
        set_(hidden="3,2", activation="relu"),
        *TRAINED,
        do("code"),
        do("new_start"),
        do("regenerate"),
    ],
    "pinned": [
        do("open", query="data=xor&stop=7&speed=5&pin.penalty=l2&pin.alpha=0.1"),
        *TRAINED,
        do("swap"),
        do("play"),
        do("advance"),
        do("unpin"),
        do("pin"),
        set_(penalty="group-neurons", alpha="0.01"),
        do("step"),
        do("reset"),
    ],
    "looks and weights": [
        do("open", query="data=plane"),
        do("look", layer=1, unit=1),
        do("weight", index=16, value=1.5),
        do("step"),
        do("weight", index=0, value=-2),
        do("weight", index=99, value=0),
        do("look", layer=5, unit=0),
        do("step"),
        do("code"),
    ],
    "sweep": [
        do("open", query="data=gauss&hidden=&stop=20&train=10&noise=50"),
        do("sweep"),
        *[do("advance")] * 22,
    ],
    "diverged": [
        do("open", query="data=plane&features=x1,x1^2,x1x2&activation=relu&learning_rate=100"),
        do("play"),
        *[do("advance")] * 3,
        set_(learning_rate="0.001"),
        do("step"),
    ],
    "table": [
        do("open", query="data=csv&hidden=3"),
        do("table", name="my.csv", text=TABLE),
        *TRAINED,
        set_(y_column="size", seed="4"),
        *TRAINED,
        set_(y_column="age"),
        *TRAINED,
        do("code"),
        set_(y_column="color"),
        do("table", name="bad.csv", text="a,b\n1,2"),
        do("step"),
    ],
} | {
    f"exact {data} {penalty}": [
        do("open", query=f"data={data}&noise=30&hidden=&features={ALL}&penalty={penalty}&alpha=0.1")
    ]
    for data in ("gauss", "plane")
    for penalty in ("l2", "l1", "elasticnet", "group-inputs")
}


@pytest.fixture(scope="module")
def said():
    """What the page's own session answers to each of the dialogs."""
    return dict(zip(DIALOGS, javascript(TALK, [settings(), list(DIALOGS.values())]), strict=True))


def assert_same_body(mine, wanted, path):
    if isinstance(wanted, dict):
        assert mine.keys() == wanted.keys(), path
        for name, value in wanted.items():
            assert_same_body(mine[name], value, (*path, name))
    elif isinstance(wanted, list):
        assert len(mine) == len(wanted), path
        for i, (a, b) in enumerate(zip(mine, wanted, strict=True)):
            assert_same_body(a, b, (*path, i))
    elif isinstance(wanted, float):
        assert mine == pytest.approx(wanted, rel=1e-6, abs=1e-9), path
    else:
        assert mine == wanted, path


@pytest.mark.parametrize("name", DIALOGS)
def test_same_answers(said, name):
    session = Session()
    for number, (command, messages) in enumerate(zip(DIALOGS[name], said[name], strict=True)):
        wanted = session.advance() if command["do"] == "advance" else session.handle(command)
        assert [kind for kind, *_ in messages] == [decode(message)[0] for message in wanted]
        for (kind, body, arrays), message in zip(messages, wanted, strict=True):
            _, expected, expected_arrays = decode(message)
            expected.pop("docs", None)
            body.pop("docs", None)
            assert_same_body(body, expected, (number, kind))
            assert arrays.keys() == expected_arrays.keys()
            for array, (values, shape) in arrays.items():
                other = expected_arrays[array]
                assert tuple(shape) == other.shape
                # The page shows paths as exactly as its estimators give them by default: certified
                # to 1e-8 of the risk, which at small λ is a thousandth of features that are alike.
                share = 1e-3 if kind == "closed" else 2e-6
                finite = np.abs(other[np.isfinite(other)]).max(initial=1)
                near = 1 if other.dtype == np.uint8 else share * finite
                with np.errstate(over="ignore"):  # as it travels
                    found = np.array(values, dtype=np.float32).reshape(shape)
                assert_allclose(found, other, rtol=2e-6, atol=near, err_msg=f"{kind} {array}")


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("data", ["gauss", "plane"])
def test_exact_paths(data, l1_ratio):
    state = State(data=data, noise=30, hidden=(), features=FEATURES, penalty="elasticnet")
    (X, y), scale = make_data(state).train, 1.0
    query = f"data={data}&noise=30&hidden=&features={ALL}&penalty=elasticnet&l1_ratio={l1_ratio}"
    ((answer,),) = javascript(TALK, [settings(), [[do("open", query=query)]]])
    (values, shape), (alphas, _) = (
        {kind: arrays for kind, _, arrays in answer}["closed"][name] for name in ("coefs", "alphas")
    )
    if data == "plane":
        scale = y.std()
        model = QuadraticApproxLasso(l1_ratio=l1_ratio, tol=1e-12)
    else:
        model = QuadraticApproxLassoClassifier(l1_ratio=l1_ratio, tol=1e-12)
    if not l1_ratio:
        kind = QuadraticApproxRidge if data == "plane" else QuadraticApproxRidgeClassifier
        model = kind(tol=1e-12)
    path = model.regularization_path(X, y / scale, alphas)
    assert_allclose(np.reshape(values, shape), scale * path.coefs, rtol=1e-6, atol=1e-7)


def test_separable_classes_are_told():
    query = "data=gauss&noise=0&hidden="
    found = javascript(TALK, [settings(), [[do("open", query=query)]]])[0][0]
    assert "no end" in dict((kind, body) for kind, body, _ in found)["closed"]["note"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rows"),
        ("a,b\n1,2", "a third column"),
        ('a,b,c\n"1, one",2,x\n3,4,y', "a third column"),
        ("a,b,c\n1,2,3,4\n", "more cells"),
        ("a,b,c\n" + "1,2,3\n" * 5001, "more than 5000 rows"),
        ("a,b,c\n1,2,3\n2,3,4\n3,5,9", "at least 20"),
    ],
)
def test_tables_that_do_not_serve(text, says):
    dialog = [do("open", query=""), do("table", name="t.csv", text=text)]
    (_, answer) = javascript(TALK, [settings(), [dialog]])[0]
    assert says in answer[0][1]["messages"][0]
    assert answer[0][1]["values"]["data"] == "circle"


def test_command_writes_the_page(tmp_path, capsys):
    assert main(["--static", str(tmp_path / "page"), "--docs", "https://example.org/skreg"]) == 0
    assert "index.html" in capsys.readouterr().out
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert 'data-trainer="page"' in page
    made = json.loads((tmp_path / "page/static/settings.json").read_text(encoding="utf-8"))
    assert made["docs"] == "https://example.org/skreg/"
    assert json.loads((tmp_path / "page/static/lessons.json").read_text("utf-8")) == lessons()
    assert main(["--static", str(tmp_path / "page" / "index.html" / "x")]) == 2
    assert "Name another directory" in capsys.readouterr().err
