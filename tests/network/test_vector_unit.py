"""The environment variable that holds matrix products below the processor's vector unit."""

import os
import subprocess
import sys

import numpy as np
import pytest
from skreg._kernels.network import product

from skreg._kernels.vector_unit import LEVELS, highest_level

#: Prints the bits of a product whose sums round otherwise with fused multiply-adds.
PROGRAM = """
import numpy as np
from skreg._kernels.network import product
A, C = np.arange(1, 1201.0).reshape(30, 40) ** 0.5, np.empty((30, 30))
product(A, A.T, C)
print(C.tobytes().hex())
"""


def test_it_reaches_the_products_and_changes_only_rounding():
    environment = os.environ | {"SKREG_MAX_ISA": "baseline"}
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    forced = np.frombuffer(bytes.fromhex(told.stdout.strip())).reshape(30, 30)
    A, baseline = np.arange(1, 1201.0).reshape(30, 40) ** 0.5, np.empty((30, 30))
    product(A, A.T, baseline, level=1)
    assert np.array_equal(forced, baseline)
    best = np.empty((30, 30))
    product(A, A.T, best)
    np.testing.assert_allclose(forced, best, rtol=1e-14)


def test_without_it_nothing_is_held_back():
    assert highest_level({}) == max(LEVELS.values())
    assert [highest_level({"SKREG_MAX_ISA": name}) for name in LEVELS] == [1, 3, 4]


@pytest.mark.parametrize("bad", ["sse9", "", "AVX2"])
def test_an_unknown_value_is_refused_with_the_remedy(bad):
    with pytest.raises(ValueError, match=f"SKREG_MAX_ISA is '{bad}'.*avx2.*unset"):
        highest_level({"SKREG_MAX_ISA": bad})
