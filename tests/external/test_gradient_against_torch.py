"""Gradients of the networks' objectives against torch's autograd, in float64."""

import numpy as np
import pytest
from network_cases import ACTIVATIONS, LOSSES, make_case

from skreg.penalties import InputGroups, NeuronGroups, get_penalty

torch = pytest.importorskip("torch", reason="compares with torch's autograd")
F = torch.nn.functional

PENALTIES = {
    **{name: get_penalty(name, 0.3) for name in ("none", "l1", "l2", "elasticnet")},
    "inputs": InputGroups(),
    "neurons": NeuronGroups(),
}
ACTS = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "silu": F.silu,
    "gelu": F.gelu,
}


def pinball(f, y, level):
    return torch.maximum(level * (y - f), (level - 1) * (y - f))


def their_loss(name, parameter, f, y):
    """Loss of every row."""
    if name == "multinomial_log_loss":
        return F.cross_entropy(f, y.argmax(dim=1), reduction="none")
    values = {
        "squared_error": lambda: 0.5 * F.mse_loss(f, y, reduction="none"),
        "huber": lambda: F.huber_loss(f, y, reduction="none", delta=parameter),
        "poisson": lambda: F.poisson_nll_loss(f, y, reduction="none") + torch.xlogy(y, y) - y,
        "quantile": lambda: pinball(f, y, parameter),
        "binary_log_loss": lambda: F.binary_cross_entropy_with_logits(f, y, reduction="none"),
    }[name]()
    return values.sum(dim=1)


def their_penalty(name, alphas, weights):
    if name == "inputs":
        first = np.sqrt(weights[0].shape[1]) * weights[0].norm(dim=1).sum()
        later = (0.5 * a * (W**2).sum() for a, W in zip(alphas[1:], weights[1:], strict=True))
        return alphas[0] * first + sum(later)
    if name == "neurons":
        total = 0.0
        for a, V, W in zip(alphas[:-1], weights[:-1], weights[1:], strict=True):
            size = np.sqrt(V.shape[0] + W.shape[1])
            total = total + a * size * torch.cat([V, W.T]).norm(dim=0).sum()
        return total
    penalty = PENALTIES[name]
    return sum(
        a * (penalty.l1_share * W.abs().sum() + penalty.l2_share * 0.5 * (W**2).sum())
        for a, W in zip(alphas, weights, strict=True)
    )


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient(activation, loss, penalty):
    alphas = (0.3, 0.1, 0.2)
    case = make_case((3, 5, 4, 2), activation=activation, loss=loss, n=12, weights="real")
    case = case.held_by(penalty=PENALTIES[penalty], alpha=alphas)
    X, Y, sample_weight = (torch.tensor(part) for part in case.data)
    layers = [
        [torch.tensor(part.copy(), requires_grad=True) for part in layer]
        for layer in case.twin.layers(case.theta)
    ]
    a = X
    for level, (W, b) in enumerate(layers):
        a = a @ W + b if level == 2 else ACTS[activation](a @ W + b)
    values = their_loss(loss, case.problem.loss.parameter, a, Y)
    risk = (sample_weight * values).sum() / sample_weight.sum()
    theirs = risk + their_penalty(penalty, alphas, [W for W, _ in layers])
    theirs.backward()
    gradient = np.concatenate([p.grad.numpy().ravel() for layer in layers for p in layer])
    objective, ours = case.problem.objective_and_gradient(case.theta)
    assert np.isclose(objective, theirs.item(), rtol=1e-12)
    np.testing.assert_allclose(ours, gradient, rtol=1e-10, atol=1e-13)
