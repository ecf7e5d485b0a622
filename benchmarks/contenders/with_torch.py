"""torch with its fused Adam: eager, and the network compiled."""

from itertools import pairwise

from benchmarks.contenders import ONE_OR_ALL

LIBRARY = "torch"
THREADS = ONE_OR_ALL


def network_epochs(data, compiled=False):
    import torch
    from torch import nn

    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    n_outputs = 1 if data.n_classes == 2 else data.n_classes
    if n_outputs == 1:
        y = y[:, None].float()
    loss = nn.BCEWithLogitsLoss() if n_outputs == 1 else nn.CrossEntropyLoss()
    sizes = (X.shape[1], *data.hidden, n_outputs)

    linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    net = nn.Sequential(*[step for layer in linear for step in (layer, nn.ReLU())][:-1])

    def objective(x_batch, y_batch):
        return loss(net(x_batch), y_batch)

    if compiled:
        objective = torch.compile(objective)

    def run(epochs, seed):
        torch.manual_seed(seed)
        for layer in linear:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        groups = [
            {"params": [layer.weight for layer in linear], "weight_decay": data.alpha},
            {"params": [layer.bias for layer in linear], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.Adam(groups, lr=data.learning_rate, fused=True)
        for _ in range(epochs):
            order = torch.randperm(len(X))
            batches = zip(X[order].split(data.batch), y[order].split(data.batch), strict=True)
            for x_batch, y_batch in batches:
                optimizer.zero_grad()
                objective(x_batch, y_batch).backward()
                optimizer.step()
        return (
            [layer.weight.detach().numpy().T.copy() for layer in linear],
            [layer.bias.detach().numpy().copy() for layer in linear],
        )

    if compiled:
        run(1, 0)
    return run


def network_epochs__compile(data):
    return network_epochs(data, compiled=True)


def network_predict(data):
    import torch
    from torch import nn

    steps = []
    for weight, bias in zip(data.weights, data.biases, strict=True):
        layer = nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        steps += [layer, nn.ReLU()]
    net = nn.Sequential(*steps[:-1])

    def run(calls, seed):
        with torch.inference_mode():
            for _ in range(calls):
                raw = net(torch.from_numpy(data.X))
                found = (raw[:, 0] > 0) if data.n_classes == 2 else raw.argmax(dim=1)
                found = found.numpy()
        return found

    return run
