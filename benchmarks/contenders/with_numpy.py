"""NumPy alone: what few lines of it do without any checks."""

from benchmarks.contenders import ONE_OR_ALL

LIBRARY = "numpy"
THREADS = ONE_OR_ALL


def network_predict(data):
    from benchmarks.problems.network_predict import labels

    def run(calls, seed):
        for _ in range(calls):
            found = labels(data.weights, data.biases, data.X)
        return found

    return run
