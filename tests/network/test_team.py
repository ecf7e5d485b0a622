"""Workers that serve a trainer: they are called, left in peace, and sent home."""

import threading

import numpy as np
import pytest
from skreg._kernels.network import Network
from skreg._kernels.trainer import Trainer

NUMBERS = dict(momentum=0.0, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
N = 400
ETAS = np.full(4, 0.01)


def make_trainer(max_workers):
    """(a trainer of several row tasks, its θ)."""
    rng = np.random.default_rng(0)
    network = Network((16, 64, 64, 3), "relu", "multinomial_log_loss")
    theta = 0.1 * rng.normal(size=network.n_parameters)
    trainer = Trainer(
        network,
        rng.normal(size=(N, 16)),
        np.eye(3)[rng.integers(0, 3, N)],
        None,
        theta,
        theta,
        np.zeros_like(theta),
        np.zeros_like(theta),
        batch_size=100,
        optimizer="adam",
        max_workers=max_workers,
    )
    return trainer, theta


def train(trainer, n_workers, n_epochs=1):
    for epoch in range(n_epochs):
        trainer.train(np.arange(N), ETAS, n_steps_done=4 * epoch, n_workers=n_workers, **NUMBERS)


def servants(trainer, n):
    threads = [
        threading.Thread(target=trainer.serve, args=(w,), daemon=True) for w in range(1, n + 1)
    ]
    for thread in threads:
        thread.start()
    return threads


def test_dismissal_ends_those_who_wait_for_a_call():
    trainer, theta = make_trainer(3)
    start, threads = theta.copy(), servants(trainer, 2)
    threads[0].join(0.05)
    assert all(thread.is_alive() for thread in threads)
    trainer.dismiss()
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()
    np.testing.assert_array_equal(theta, start)


def test_who_comes_after_the_dismissal_leaves_at_once():
    trainer, _ = make_trainer(2)
    trainer.dismiss()
    (thread,) = servants(trainer, 1)
    thread.join(10.0)
    assert not thread.is_alive()


def test_epochs_may_call_for_any_number_of_those_who_serve():
    alone, expected = make_trainer(1)
    train(alone, 1, 30)
    trainer, theta = make_trainer(3)
    threads = servants(trainer, 2)
    for epoch in range(30):
        trainer.train(
            np.arange(N), ETAS, n_steps_done=4 * epoch, n_workers=1 + epoch % 3, **NUMBERS
        )
    trainer.dismiss()
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()
    np.testing.assert_array_equal(theta, expected)


def test_a_worker_who_comes_late_is_waited_for():
    trainer, theta = make_trainer(2)
    caller = threading.Thread(target=train, args=(trainer, 2), daemon=True)
    caller.start()
    caller.join(0.05)
    assert caller.is_alive()
    servants(trainer, 1)
    caller.join(10.0)
    assert not caller.is_alive()
    trainer.dismiss()
    alone, expected = make_trainer(1)
    train(alone, 1)
    np.testing.assert_array_equal(theta, expected)


def test_workers_beyond_those_provided_for_are_refused():
    trainer, _ = make_trainer(2)
    with pytest.raises(ValueError, match="n_workers"):
        train(trainer, 3)
    for worker in (0, 2):
        with pytest.raises(ValueError, match="worker must be"):
            trainer.serve(worker)
    with pytest.raises(ValueError, match="order"):
        trainer.train(np.arange(0), ETAS, n_steps_done=0, n_workers=1, **NUMBERS)
