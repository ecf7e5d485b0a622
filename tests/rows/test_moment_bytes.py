"""Moments as bytes: of a layout that does not change, to the bit, and nothing else is taken."""

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from reference_quadratic import problems

from skreg import Moments

FIELDS = ("x_mean", "y_mean", "xx", "xy", "yy")


@given(problems())
def test_what_is_written_is_read(problem):
    X, y, weights = problem
    moments = Moments.from_rows(X, y, weights)
    read = Moments.from_bytes(moments.to_bytes())
    assert (read.weight, read.n_rows) == (moments.weight, moments.n_rows)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(read, name), getattr(moments, name))


def test_names_are_kept():
    moments = Moments.from_rows(pd.DataFrame({"α": [0.0, 2.0]}), [1.0, 3.0])
    assert Moments.from_bytes(moments.to_bytes()).feature_names == ("α",)


def test_the_layout_is_the_documented_one():
    data = Moments.from_rows(pd.DataFrame({"a": [0.0, 2.0]}), [1.0, 3.0]).to_bytes()
    numbers = struct.pack("<6d", 2.0, 1.0, 2.0, 2.0, 2.0, 2.0)
    header = b'{"n_rows": 2, "n_features": 1, "n_targets": 1, "feature_names": ["a"]}'
    expected = b"\x93SKREGM\n" + struct.pack("<II", 1, len(header)) + header + numbers
    assert data == expected + struct.pack("<I", zlib.crc32(expected))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"", "another signature"),
        (lambda data: "text", "read from bytes, got str"),
        (lambda data: b"x" * 100, "another signature"),
        (lambda data: data[:-9], "cut or changed"),
        (lambda data: data[:40] + b"7" + data[41:], "cut or changed"),
        (lambda data: data[:8] + struct.pack("<I", 9) + data[12:], "Upgrade skreg"),
    ],
)
def test_other_bytes_are_refused(change, words):
    data = Moments.from_rows([[0.0], [2.0]], [1.0, 3.0]).to_bytes()
    with pytest.raises(ValueError, match=words):
        Moments.from_bytes(change(data))


def test_sums_of_parts():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30.0)
    parts = [Moments.from_rows(X[i : i + 10], y[i : i + 10]) for i in (0, 10, 20)]
    np.testing.assert_allclose(sum(parts).xx, Moments.from_rows(X, y).xx, rtol=1e-12)


def test_moments_of_other_features_do_not_add():
    one, other = (Moments.from_rows(pd.DataFrame({k: [0.0, 2.0]}), [1.0, 3.0]) for k in "ab")
    with pytest.raises(ValueError, match="feature 0 is 'a' in one and 'b' in the other"):
        one + other
