"""JAX: one compiled call an epoch, a scan over its mini-batches."""

import os
from itertools import pairwise

from benchmarks.contenders import ONE_OR_ALL

LIBRARY = "jax"
THREADS = ONE_OR_ALL


def network_epochs(data):
    if os.environ.get("OMP_NUM_THREADS") == "1":  # which XLA itself does not read
        os.environ["XLA_FLAGS"] = (
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        )
    import jax

    epoch = jax.jit(_network_epoch(data), donate_argnums=0)

    def run(epochs, seed):
        key = jax.random.key(seed)
        state = _network_start(data, key)
        for part in jax.random.split(key, epochs):
            state = epoch(state, part)
        parameters = jax.device_get(jax.block_until_ready(state)[0])
        return [weight for weight, _ in parameters], [bias for _, bias in parameters]

    run(1, 0)  # compiles
    return run


def _network_start(data, key):
    """Parameters, Adam's two means of them, and its clock."""
    import jax
    import jax.numpy as jnp

    parameters = []
    sizes = (data.X.shape[1], *data.hidden, 1 if data.n_classes == 2 else data.n_classes)
    for fan_in, fan_out in pairwise(sizes):
        key, part = jax.random.split(key)
        bound = (6.0 / (fan_in + fan_out)) ** 0.5
        weight = jax.random.uniform(part, (fan_in, fan_out), data.X.dtype, -bound, bound)
        parameters.append((weight, jnp.zeros(fan_out, data.X.dtype)))
    zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
    return parameters, *zeros, jnp.float32(0.0)


def _network_epoch(data):
    """A step of Adam for each of the shuffled mini-batches."""
    import jax
    import jax.numpy as jnp

    X, y = jnp.asarray(data.X), jnp.asarray(data.y)
    n, objective = len(X), _network_objective(data)
    whole = n // data.batch * data.batch
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def step(state, rows):
        parameters, first, second, t = state
        gradient = jax.grad(objective)(parameters, X[rows], y[rows])
        t = t + 1
        first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradient)
        second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradient)
        rate, root = data.learning_rate / (1 - beta1**t), jnp.sqrt(1 - beta2**t)
        parameters = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) / root + epsilon), parameters, first, second
        )
        return (parameters, first, second, t), None

    def epoch(state, key):
        order = jax.random.permutation(key, n)
        state, _ = jax.lax.scan(step, state, order[:whole].reshape(-1, data.batch))
        return step(state, order[whole:])[0] if whole < n else state

    return epoch


def _network_objective(data):
    """The regularized loss of a mini-batch."""
    import jax
    import jax.numpy as jnp

    def objective(parameters, x_batch, y_batch):
        raw = x_batch
        for depth, (weight, bias) in enumerate(parameters):
            raw = (raw if depth == 0 else jax.nn.relu(raw)) @ weight + bias
        if data.n_classes == 2:
            loss = jnp.mean(jax.nn.softplus(raw[:, 0]) - y_batch * raw[:, 0])
        else:
            chosen = jnp.take_along_axis(raw, y_batch[:, None], axis=1)[:, 0]
            loss = jnp.mean(jax.nn.logsumexp(raw, axis=1) - chosen)
        return loss + 0.5 * data.alpha * sum(jnp.sum(weight**2) for weight, _ in parameters)

    return objective
