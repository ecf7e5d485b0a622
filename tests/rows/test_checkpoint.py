"""A pass that ends before its time goes on from its checkpoint, and ends with the same bits."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from skreg import Chunks, PathSearchCV, QuadraticApproxRidge
from skreg.rows import checkpoint


def chunks_until(stop):
    """Chunks of which the one numbered ``stop`` is an error."""

    def pieces():
        for seed in range(12):
            if seed == stop:
                raise OSError("the disk is gone")
            rng = np.random.default_rng(seed)
            X = rng.normal(size=(50, 3))
            yield X, X @ [1.0, 2.0, 3.0] + rng.normal(size=50), rng.random(50)

    return pieces


def search(stop, path, **options):
    model = options.pop("model", QuadraticApproxRidge())
    chunks = Chunks(chunks_until(stop), checkpoint=path)
    return PathSearchCV(model, [1.0, 0.1], cv=3, **options).fit(chunks)


@pytest.mark.parametrize("model", [QuadraticApproxRidge(), None], ids=["ridge", "imputer"])
def test_an_interrupted_pass_goes_on(model, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    model = model or make_pipeline(SimpleImputer(), QuadraticApproxRidge())
    path = tmp_path / "sums"
    with pytest.raises(OSError, match="the disk is gone"):
        search(7, path, model=model)
    assert checkpoint.Checkpoint(path, {}).path.exists()
    found = search(None, path, model=model)
    assert not path.exists()
    whole = search(None, None, model=model)
    for key in ("split0_test_score", "split1_test_score", "split2_test_score"):
        np.testing.assert_array_equal(found.cv_results_[key], whole.cv_results_[key])


def test_a_fit_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path = tmp_path / "sums"
    with pytest.raises(OSError, match="the disk is gone"):
        QuadraticApproxRidge().fit(Chunks(chunks_until(5), checkpoint=path))
    found = QuadraticApproxRidge().fit(Chunks(chunks_until(None), checkpoint=path))
    whole = QuadraticApproxRidge().fit(Chunks(chunks_until(None)))
    np.testing.assert_array_equal(found.coef_, whole.coef_)


def test_a_killed_process_leaves_a_whole_file(tmp_path):
    path = tmp_path / "sums"
    code = f"""
import itertools, numpy as np
from skreg import Chunks, QuadraticApproxRidge
from skreg.rows import checkpoint
checkpoint.EVERY = 0.0
rngs = map(np.random.default_rng, itertools.count())
pieces = ((rng.normal(size=(50, 3)), np.arange(50.0)) for rng in rngs)
QuadraticApproxRidge().fit(Chunks(pieces, checkpoint={str(path)!r}))
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    for _ in range(3):
        until = time.monotonic() + 60
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    request = Chunks([], checkpoint=path)._checkpoint("")
    n_done, sums = request.load()
    assert n_done > 0
    assert sums[None].total().n_rows == 50 * n_done


def test_other_requests_and_other_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path = tmp_path / "sums"
    with pytest.raises(OSError, match="the disk is gone"):
        search(7, path)
    with pytest.raises(ValueError, match="belongs to other columns, folds or settings"):
        QuadraticApproxRidge().fit(Chunks(chunks_until(None), checkpoint=path))
    path.write_bytes(b"other bytes")
    with pytest.raises(ValueError, match="cannot be read"):
        search(None, path)
