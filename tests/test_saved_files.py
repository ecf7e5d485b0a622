"""Files of every release load for ever, and answer as they did."""

from pathlib import Path

import numpy as np
import pytest
from stored_cases import CASES, answers

import skreg

SAVED = sorted((Path(__file__).parent / "saved").rglob("*.skreg"))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_of_a_release_answers_as_it_did(path):
    with np.load(path.with_suffix(".npz")) as stored:
        said = dict(stored)
    model, rows = skreg.load(path), said.pop("rows")
    again = answers(path.stem.replace("-", " "), model, rows)
    assert again.keys() == said.keys()
    for method, before in said.items():
        if before.dtype.kind != "f":
            np.testing.assert_array_equal(again[method], before)
        else:  # other machines and versions of BLAS round otherwise
            close = 1e-5 if before.dtype == np.float32 else 1e-9
            np.testing.assert_allclose(again[method], before, rtol=close, atol=close)


def test_this_version_has_a_file_of_every_kind():
    held = {path.stem for path in SAVED if path.parent.name == skreg.__version__}
    assert held >= {name.replace(" ", "-") for name in CASES}
