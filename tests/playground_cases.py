"""Helpers of the playground's tests: its messages read, its tables, its states."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from skreg.playground.server import STATIC


def decode(message):
    """(kind, body, arrays) of a message to the page, as its JavaScript reads them."""
    length = int.from_bytes(message[:4], "little")
    body = json.loads(message[4 : 4 + length])
    arrays = {}
    for name, place in body.pop("arrays").items():
        start = 4 + length + place["offset"]
        size = int(np.prod(place["shape"]))
        flat = np.frombuffer(message, place["dtype"], size, start)
        arrays[name] = flat.reshape(place["shape"])
    return body.pop("kind"), body, arrays


def by_kind(messages):
    """{kind: (body, arrays)} of the last message of each kind."""
    return {kind: (body, arrays) for kind, body, arrays in map(decode, messages)}


def table_text(n=60, classes=("no", "yes")):
    """A CSV with numeric columns, targets of one, two and three classes, a number, and a gap."""
    rng = np.random.RandomState(0)
    rows = ["width,height,color,age,size,kept"]
    for i in range(n):
        width, height = rng.normal(10, 3), rng.normal(-2, 1)
        kept = classes[int(width + 3 * height > 4)]
        size = "small" if width < 9 else "medium" if width < 11 else "tall"
        shown = "" if i == 7 else f"{width:.3f}"
        rows.append(f"{shown},{height:.3f},red,{width - height:.2f},{size},{kept}")
    return "\n".join(rows)


def node():
    """The command of a JavaScript engine: Node.js, also the one that Playwright brings."""
    found = shutil.which("node")
    if found:
        return found
    driver = pytest.importorskip("playwright._impl._driver", reason="there is no JavaScript engine")
    return driver.compute_driver_executable()[0]


def javascript(source, given):
    """What a module's function ``main(given)`` returns; ``STATIC`` in it: where the page's are."""
    source = source.replace("STATIC", STATIC.as_uri())
    program = f"""{source}
import {{ readFileSync }} from "node:fs";
process.stdout.write(JSON.stringify(await main(JSON.parse(readFileSync(0, "utf8")))));"""
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", program],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
