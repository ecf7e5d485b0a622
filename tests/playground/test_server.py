"""The server: what it hands out, to whom, and how fast."""

import asyncio
import json
import re
import socket
import sys
from pathlib import Path
from queue import Queue
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from playground_cases import decode
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from skreg.playground import server
from skreg.playground.__main__ import main
from skreg.playground.documentation import documentation
from skreg.playground.pump import FRAMES_UNDERWAY, MAX_WAITING, Pump
from skreg.playground.server import STATIC, is_own_host, is_own_page
from skreg.playground.wire import encode

HOST = "localhost:8137"


def get(address, path="/", host=None):
    """(status, headers, text) of an answer."""
    request = Request(address.rstrip("/") + path, headers={"Host": host} if host else {})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers, ""


def talk(address, origin="own"):
    """A websocket, as a page of ``origin`` opens it."""
    own = address.rstrip("/")
    return connect(own.replace("http", "ws") + "/live", origin=own if origin == "own" else origin)


def test_page_and_its_files(address):
    status, headers, text = get(address)
    assert status == 200
    assert "default-src 'self'" in headers["content-security-policy"]
    names = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert len(names) == 3
    assert [get(address, f"/{name}")[0] for name in names] == [200] * 3
    assert get(address, "/static/%2e%2e/server.py")[0] == 404


def test_nothing_comes_from_elsewhere():
    for file in filter(Path.is_file, STATIC.rglob("*")):
        addresses = re.findall(r"https?://[^\s\"']+", file.read_text(encoding="utf-8"))
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file.name


def test_modules_import_each_other_by_names_that_exist():
    for file in STATIC.rglob("*.js"):
        names = re.findall(r'(?:from |import\(|URL\()"(\.[^"]+)"', file.read_text(encoding="utf-8"))
        for name in set(names) - {"../settings.json"}:  # written with the page
            assert (file.parent / name).exists(), (file, name)


def test_documentation_is_served_where_it_was_built(tmp_path, monkeypatch):
    monkeypatch.setenv("SKREG_DOCS", "https://example.org/skreg")
    assert documentation() == ("https://example.org/skreg/", None)
    (tmp_path / "playground.html").write_text("The playground")
    monkeypatch.setenv("SKREG_DOCS", tmp_path.as_uri())
    assert documentation() == ("docs/", tmp_path)
    ready = Queue()
    Thread(target=server.serve, args=("127.0.0.1", 0, ready.put), daemon=True).start()
    assert get(ready.get(timeout=30), "/docs/playground.html")[2] == "The playground"


def test_another_sites_name_is_refused(address):
    assert get(address, host="evil.example")[0] == 421
    assert get(address, "/static/main.js", host="evil.example")[0] == 421


@pytest.mark.parametrize(
    ("host", "bound_to", "expected"),
    [
        ("127.0.0.1:1", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:80", "127.0.0.1", True),
        ("192.168.1.5:80", "127.0.0.1", False),
        ("192.168.1.5:80", "0.0.0.0", True),
        ("evil.example", "0.0.0.0", False),
        ("lab.example:80", "lab.example", True),
        (socket.gethostname() + ":80", "0.0.0.0", True),
        ("[", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_own_host(host, bound_to, expected):
    assert is_own_host(host, bound_to) is expected


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        (HOST, f"http://{HOST}", True),
        (HOST, f"https://{HOST}", True),
        (HOST, "http://localhost:9999", False),
        (HOST, "http://evil.example", False),
        (HOST, "null", False),
        (HOST, None, False),
        ("evil.example", "http://evil.example", False),
    ],
)
def test_own_page(host, origin, expected):
    assert is_own_page(host, origin) is expected


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
def test_websocket_of_another_page_is_refused(address, origin):
    with pytest.raises(InvalidStatus) as refused, talk(address, origin):
        pass
    assert refused.value.response.status_code == 403


def test_conversation(address):
    with talk(address) as page:
        page.send(json.dumps(dict(do="open", query="?hidden=3&noise=900")))
        kinds = {}
        while "frame" not in kinds:
            kind, body, arrays = decode(page.recv(timeout=10))
            kinds[kind] = body
    assert kinds["state"]["query"] == "hidden=3"
    assert len(kinds["state"]["messages"]) == 1
    assert arrays["weights"].shape == (9,)


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"do": 3}', '{"do": "fly"}', '{"do": "set"}'])
def test_nonsense_closes_the_tab_and_no_other(address, text):
    with talk(address) as other:
        with talk(address) as page:
            page.send(text)
            with pytest.raises(ConnectionClosed) as closed:
                list(page)
            assert closed.value.rcvd.code == 1003
        other.send(json.dumps(dict(do="open", query="")))
        assert decode(other.recv(timeout=10))[0] == "state"


def test_nonsense_is_told_in_a_line(address, caplog):
    with talk(address) as page:
        page.send(json.dumps({"do": "λ" * 200}))
        with pytest.raises(ConnectionClosed) as closed:
            list(page)
    reason = closed.value.rcvd.reason
    assert reason.startswith("no command 'λλλ")
    assert 120 <= len(reason.encode()) <= 123
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert record.getMessage().startswith("A tab is closed: ValueError: no command")
    assert record.exc_info is None


def test_commands_wait_with_the_connection():
    """A tab that sends faster than it is served makes no queue here."""

    async def scene():
        tab, taken = Tab(), 0

        async def listen():
            nonlocal taken
            for _ in range(200):
                await tab.pump.has_room()
                tab.pump.take('{"do": "look"}')
                taken += 1

        flood = asyncio.create_task(listen())
        await asyncio.sleep(0.05)
        assert taken == len(tab.pump.commands) == MAX_WAITING
        work = asyncio.create_task(tab.pump.run())
        await asyncio.wait_for(flood, 10)
        assert len(tab.pump.commands) <= MAX_WAITING
        work.cancel()
        return taken

    assert asyncio.run(scene()) == 200


def test_tabs_have_a_limit(address, monkeypatch):
    monkeypatch.setattr(server, "MAX_TABS", 0)
    with talk(address) as page, pytest.raises(ConnectionClosed) as closed:
        page.recv(timeout=10)
    assert closed.value.rcvd.code == 1013


class Tab:
    """A page that draws only when told."""

    def __init__(self):
        self.messages = []
        self.pump = Pump(self.send, self.in_thread)

    async def send(self, message):
        self.messages.append(decode(message))

    async def in_thread(self, function, *arguments):
        await asyncio.sleep(0)
        return function(*arguments)

    def epochs(self):
        return [body["live"]["epoch"] for kind, body, _ in self.messages if kind == "frame"]


async def settled(tab):
    """Wait until nothing comes any more."""
    seen = -1
    while seen != len(tab.messages):
        seen = len(tab.messages)
        await asyncio.sleep(0.15)


def test_nothing_is_trained_that_is_not_drawn():
    async def scene():
        tab = Tab()
        work = asyncio.create_task(tab.pump.run())
        tab.pump.take('{"do": "play"}')
        await settled(tab)
        counts = [len(tab.epochs())]
        for _ in range(3):
            tab.pump.take('{"do": "drawn"}')
            await settled(tab)
            counts.append(len(tab.epochs()))
        tab.pump.take('{"do": "pause"}')
        await settled(tab)
        work.cancel()
        return counts, tab.epochs()

    counts, epochs = asyncio.run(scene())
    assert counts == [FRAMES_UNDERWAY + i for i in range(4)]
    assert epochs[-1] <= len(epochs)


def test_wire_carries_arrays_and_gaps():
    arrays = dict(a=np.arange(5, dtype=np.uint8), b=np.array([[1.5, np.nan]]), c=np.empty((0, 3)))
    kind, body, found = decode(encode("x", {"n": float("inf"), "l": (1, [float("nan")])}, arrays))
    assert (kind, body) == ("x", {"n": None, "l": [1, [None]]})
    assert found["a"].tolist() == [0, 1, 2, 3, 4]
    assert found["b"].shape == (1, 2)
    assert found["b"][0, 0] == 1.5
    assert np.isnan(found["b"][0, 1])
    assert found["c"].shape == (0, 3)


def test_port_in_use_is_told_in_a_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"skreg: error: cannot serve at 127.0.0.1:{port}")
    assert error.count("\n") == 1


def test_missing_extra_is_told_in_a_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["--no-browser"]) == 2
    assert "pip install starlette uvicorn websockets" in capsys.readouterr().err
