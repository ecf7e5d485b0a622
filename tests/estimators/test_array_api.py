"""Array API dispatch: SciPy is told of it before it is imported, so the checks have a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_arrays_of_other_namespaces():
    pytest.importorskip("array_api_strict")
    checks = Path(__file__).with_name("array_api_checks.py")
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(checks)],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        cwd=checks.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:]
