"""A worker whose partner never comes is sent home."""

import threading

import numpy as np
from skreg._kernels.network import Network, Trainer


def test_cancel_ends_a_worker_that_waits():
    n, rng = 400, np.random.default_rng(0)
    network = Network((16, 32, 3), "relu", "multinomial_log_loss")
    theta = rng.normal(size=network.n_parameters)
    start = theta.copy()
    trainer = Trainer(
        network,
        rng.normal(size=(n, 16)),
        np.eye(3)[rng.integers(0, 3, n)],
        None,
        theta,
        theta,
        np.zeros_like(theta),
        np.zeros_like(theta),
        batch_size=100,
        optimiser="adam",
        max_workers=2,
    )
    numbers = dict(momentum=0.0, beta_1=0.9, beta_2=0.999, epsilon=1e-8, l1=0.0, l2=0.0)
    trainer.begin_epoch(n_steps_done=0, n_workers=2, eta=0.1, **numbers)
    partner = threading.Thread(target=trainer.work, args=(np.arange(n), 1), daemon=True)
    partner.start()
    partner.join(0.05)
    assert partner.is_alive()  # it waits for worker 0
    trainer.cancel()
    partner.join(10.0)
    assert not partner.is_alive()
    np.testing.assert_array_equal(theta, start)
