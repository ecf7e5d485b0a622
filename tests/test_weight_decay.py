"""The experiment on weight decay: it runs, and its figures are sums that a reader can check."""

import json

import numpy as np
import pytest

from benchmarks import weight_decay
from benchmarks.__main__ import main

COMMITTED = weight_decay.OUTPUT / f"{weight_decay.NAME}.json"


def check(result):
    """Shapes, and counts that agree with each other."""
    train, test = np.array(result["train"]), np.array(result["test"])
    n_alphas = len(result["alphas"])
    assert train.shape == test.shape
    assert len(train) == n_alphas
    assert 0 <= train.min() <= train.max() <= result["n_train"]
    assert 0 <= test.min() <= test.max() <= result["n_test"]
    by_image = np.array(result["by_image"])
    assert by_image.shape == (n_alphas, result["n_test"])
    np.testing.assert_array_equal(by_image.sum(axis=1), test[:, :, -1].sum(axis=1))


def test_a_quick_run(tmp_path, capsys):
    arguments = [weight_decay.NAME, "--quick", "--repeats", "2", "--output", str(tmp_path)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / f"{weight_decay.NAME}.json").read_text(encoding="utf-8"))
    check(result)
    assert np.array(result["train"]).shape == (5, 2, 4)
    assert all(f"{alpha:>6g}" in printed for alpha in weight_decay.ALPHAS)
    assert (tmp_path / f"{weight_decay.NAME}.png").read_bytes().startswith(b"\x89PNG")


def test_summary(monkeypatch):
    """Two λ, two seeds, four test images, worked out by hand."""
    monkeypatch.setattr(weight_decay, "LAST", 1)
    result = {
        "alphas": [0.1, 0.0],
        "n_train": 10,
        "n_test": 4,
        "train": [[[9, 1], [9, 3]], [[5, 0], [5, 0]]],
        "test": [[[4, 1], [4, 2]], [[4, 2], [4, 2]]],
        "by_image": [[2, 1, 0, 0], [2, 2, 0, 0]],
    }
    found = weight_decay.summary(result)
    np.testing.assert_allclose(found["train"], [20.0, 0.0])
    np.testing.assert_allclose(found["train_se"], [10.0, 0.0])
    np.testing.assert_allclose(found["test"], [37.5, 50.0])
    np.testing.assert_allclose(found["gain"], [12.5, 0.0])
    np.testing.assert_allclose(found["gain_se_seeds"], [12.5, 0.0])
    # Gains of the four images: 0, 50, 0, 0 per cent.
    np.testing.assert_allclose(found["gain_se_images"], [12.5, 0.0])
    monkeypatch.setattr(weight_decay, "LAST", 2)
    np.testing.assert_allclose(weight_decay.summary(result)["train"], [55.0, 25.0])


@pytest.mark.skipif(not COMMITTED.exists(), reason="results are not part of the sdist")
def test_the_committed_run():
    result = json.loads(COMMITTED.read_text(encoding="utf-8"))
    check(result)
    assert not result["quick"]
    assert result["alphas"] == list(weight_decay.ALPHAS)
    assert (result["n_train"], result["n_test"]) == (5000, 1000)
    assert np.array(result["test"]).shape[1] >= 5  # seeds
    found = weight_decay.summary(result)
    for name in ("train", "test", "gain"):
        assert np.isfinite(found[name]).all()
