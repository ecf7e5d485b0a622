"""Helpers of the playground's tests: its messages read, its tables, its states."""

import json

import numpy as np


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
    """A CSV with two numeric columns, a third, a target of two classes and a number, and gaps."""
    rng = np.random.RandomState(0)
    rows = ["width,height,colour,age,kept"]
    for i in range(n):
        width, height = rng.normal(10, 3), rng.normal(-2, 1)
        kept = classes[int(width + 3 * height > 4)]
        shown = "" if i == 7 else f"{width:.3f}"
        rows.append(f"{shown},{height:.3f},red,{width - height:.2f},{kept}")
    return "\n".join(rows)
