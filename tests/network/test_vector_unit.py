"""The environment variable that holds kernels below the processor's vector unit."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skreg._kernels.network import product

from skreg._kernels.vector_unit import LEVELS, highest_level

#: Prints the bits of a product and of losses, which round otherwise with fused multiply-adds.
PROGRAM = """
import numpy as np
from skreg._kernels.losses import derivatives
from skreg._kernels.network import product
A, C = np.arange(1, 1201.0).reshape(30, 40) ** 0.5, np.empty((30, 30))
product(A, A.T, C)
print(C.tobytes().hex())
f = np.linspace(-3, 3, 900)[:, None]
print(np.hstack(derivatives("binary_log_loss", np.full_like(f, 0.3), f)[1:]).tobytes().hex())
"""


def _forced(**variables):
    """The product and the derivatives of losses in a process with these variables."""
    environment = {name: value for name, value in os.environ.items() if name != "SKREG_MAX_ISA"}
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [np.frombuffer(bytes.fromhex(line)) for line in told.stdout.split()]


@pytest.fixture(scope="module")
def by_level():
    return {name: _forced(SKREG_MAX_ISA=name) for name in ("baseline", "avx2")} | {"": _forced()}


def test_it_reaches_the_products_and_changes_only_rounding(by_level):
    A, baseline = np.arange(1, 1201.0).reshape(30, 40) ** 0.5, np.empty((30, 30))
    product(A, A.T, baseline, level=1)
    assert np.array_equal(by_level["baseline"][0], baseline.ravel())
    for C, _ in by_level.values():
        np.testing.assert_allclose(C, baseline.ravel(), rtol=1e-14)


def test_loops_differ_by_rounding(by_level):
    for _, slopes in by_level.values():
        np.testing.assert_allclose(slopes, by_level[""][1], rtol=1e-14, atol=1e-15)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc"
    or platform.machine() != "x86_64"
    or "avx2" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"),
    reason="loops are compiled for several vector units where there is glibc",
)
def test_it_reaches_the_loops(by_level):
    assert not np.array_equal(by_level["baseline"][1], by_level[""][1])
    assert not np.array_equal(by_level["baseline"][1], by_level["avx2"][1])


def test_without_it_nothing_is_held_back():
    assert highest_level({}) == max(LEVELS.values())
    assert [highest_level({"SKREG_MAX_ISA": name}) for name in LEVELS] == [1, 3, 4]


@pytest.mark.parametrize("bad", ["sse9", "", "AVX2"])
def test_an_unknown_value_is_refused_with_the_remedy(bad):
    with pytest.raises(ValueError, match=f"SKREG_MAX_ISA is '{bad}'.*avx2.*unset"):
        highest_level({"SKREG_MAX_ISA": bad})
