"""Predictions: shared among threads, block by block, with the same result."""

import numpy as np
import pytest
import scipy.sparse as sp
from network_cases import make_case
from threadpoolctl import threadpool_limits

from skreg.network import prediction
from skreg.network.prediction import raw_predictions

N = 1500  # several blocks, the last one short


def mostly_zero_case(dtype):
    """A case with many zeros, some of them whole columns."""
    case = make_case((60, 70, 3), activation="relu", n=N, dtype=dtype)
    X = case.problem.X * (np.random.default_rng(0).random((N, 60)) < 0.1).astype(dtype)
    X[:, :25] = 0
    return case.changed(X=X)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neither_threads_nor_zeros_change_a_bit(dtype, form, monkeypatch):
    case = mostly_zero_case(dtype)
    network, X = case.problem.network(), form(case.problem.X)
    met = []
    for n_threads in (1, 2, 3):
        for has_zeros in (False, True):
            monkeypatch.setattr(prediction, "_SHARE", N * network.n_parameters // 4)
            monkeypatch.setattr(prediction, "zeros_lie_together", lambda X, width, a=has_zeros: a)
            with threadpool_limits(n_threads, user_api="blas"):
                met.append(raw_predictions(network, case.theta, X))
    expected = case.twin.forward(case.theta.astype(float), case.problem.X.astype(float))[1][-1]
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(met[0], expected, rtol=tolerance, atol=tolerance)
    for raw in met[1:]:
        assert np.array_equal(raw, met[0])


def test_threads_share_whole_blocks(monkeypatch):
    case, shared = mostly_zero_case(np.float64), []
    in_stripes = prediction.in_stripes

    def noting(part, *how):
        in_stripes(lambda *piece: (shared.append(piece), part(*piece)), *how)

    monkeypatch.setattr(prediction, "in_stripes", noting)
    monkeypatch.setattr(prediction, "_SHARE", 1)
    with threadpool_limits(3, user_api="blas"):
        raw_predictions(case.problem.network(), case.theta, case.problem.X)
    assert sorted(shared) == [(0, 512), (512, 1024), (1024, N)]


def test_a_range_of_rows_leaves_the_others_alone():
    case = mostly_zero_case(np.float64)
    network, X, out = case.problem.network(), case.problem.X, np.full((N, 3), np.nan)
    network.forward(case.theta, X, out, False, 256, 512)
    assert np.array_equal(out[256:512], raw_predictions(network, case.theta, X)[256:512])
    assert np.isnan(out[:256]).all()
    assert np.isnan(out[512:]).all()
    for start, stop in ((-1, 5), (5, 4)):
        with pytest.raises(ValueError, match="range"):
            network.forward(case.theta, X, out, False, start, stop)
