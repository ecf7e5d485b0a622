"""The gradient over all rows, for solvers of full batches; rows that are sparse."""

from contextlib import nullcontext

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from network_cases import cases, make_case

from skreg._threads import Pace
from skreg.network import training
from skreg.network.optimizers import SGD, Adam
from skreg.network.prediction import raw_predictions


class Always(Pace):
    """Does not look at the clock."""

    def choose(self):
        return max(self.seconds)


def large_case(dtype=np.float64):
    """Several blocks of rows, the last one short."""
    case = make_case((40, 90, 70, 3), activation="gelu", n=2500, dtype=dtype, weights="real")
    return type(case)(case.problem, case.theta * dtype(0.2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_rows_equal_the_twin_and_the_workers_change_no_bit(dtype, monkeypatch):
    case, met = large_case(dtype), []
    for n_workers in (1, 2, 3):
        monkeypatch.setattr(training, "worker_threads", lambda wanted, n=n_workers: nullcontext(n))
        monkeypatch.setattr(training, "Pace", Always)
        with case.problem.evaluator() as risk_and_gradient:
            met.append(risk_and_gradient(case.theta))
    theta = case.theta.astype(float)
    X, Y, weights = case.data
    expected = case.twin.risk_gradient(theta, X, Y, weights / weights.mean())
    risk = case.twin.objective(theta, *case.data) - case.twin.penalty(theta)
    tolerance = 1e-11 if dtype == np.float64 else 1e-4
    assert np.isclose(met[0][0], risk, rtol=tolerance)
    np.testing.assert_allclose(met[0][1], expected, rtol=0, atol=tolerance * np.abs(expected).max())
    assert met[0][1].dtype == dtype
    for risk, gradient in met[1:]:
        assert risk == met[0][0]
        assert np.array_equal(gradient, met[0][1])


def test_one_evaluator_serves_many_points():
    case = large_case()
    with case.problem.evaluator() as risk_and_gradient:
        first, gradient = risk_and_gradient(case.theta)
        kept = gradient.copy()
        second, _ = risk_and_gradient(0.5 * case.theta)
        again, _ = risk_and_gradient(case.theta)
        bad, _ = risk_and_gradient(np.full_like(case.theta, np.nan))
        after, _ = risk_and_gradient(case.theta)
    assert first == again == after != second
    assert np.array_equal(gradient, kept)
    assert np.isnan(bad)


def sparse(case, dtype=np.float64):
    """The same case with many zeros, dense and in compressed rows."""
    X = case.problem.X.copy()
    X[np.random.default_rng(1).random(X.shape) < 0.6] = 0
    return case.changed(X=X), case.changed(X=sp.csr_array(X))


@given(cases())
def test_sparse_rows_give_what_dense_rows_give(case):
    dense, compressed = sparse(case)
    one, other = (c.problem.objective_and_gradient(c.theta) for c in (dense, compressed))
    assert one[0] == other[0]
    assert np.array_equal(one[1], other[1])
    raw = [raw_predictions(c.problem.network(), c.theta, c.problem.X) for c in (dense, compressed)]
    assert np.array_equal(*raw)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [SGD(0.9), Adam()], ids=str)
def test_training_on_sparse_rows_is_training_on_dense_rows(optimizer, dtype):
    case = make_case((30, 20, 2), n=700, dtype=dtype, weights="real").held_by(dropout=(0.2, 0.2))
    one, other = (
        c.train(optimizer, eta=0.01, n_epochs=2, batch_size=64)[0].theta for c in sparse(case)
    )
    assert np.array_equal(one, other)
    assert not np.array_equal(one, case.theta)


def test_a_sparse_matrix_without_entries_and_one_with_duplicates():
    case = make_case((3, 4, 2), n=5)
    empty, zeros = case.changed(X=sp.csr_array((5, 3))), case.changed(X=np.zeros((5, 3)))
    assert (
        empty.problem.objective_and_gradient(case.theta)[0]
        == (zeros.problem.objective_and_gradient(case.theta)[0])
    )
    columns, starts = (np.array(a, np.int32) for a in ([1, 1, 2], [0, 2, 3, 3, 3, 3]))
    twice = sp.csr_array((np.ones(3), columns, starts), shape=(5, 3))
    assert twice.nnz == 3
    one, other = (
        case.changed(X=X).problem.objective_and_gradient(case.theta)[0]
        for X in (twice, twice.toarray())
    )
    assert one == other


def test_sparse_rows_with_other_types_are_refused():
    case = make_case((3, 4, 2), n=5)
    X = sp.csr_array(case.problem.X)
    with pytest.raises(ValueError, match="X must be C-contiguous with theta's dtype"):
        case.changed(X=X.astype(np.float32), Y=case.problem.Y).problem.trainer(
            training.TrainingState.start(case.theta, "adam"), batch_size=5
        )
    X.indptr = X.indptr.astype(np.int64)
    with pytest.raises(ValueError, match="int32"):
        case.changed(X=X).problem.objective_and_gradient(case.theta)
