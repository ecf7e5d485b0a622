"""The experiment ``out-of-core-classes``: logistic regression of a Parquet file, read pass by pass.

Every contender runs in a process of its own, as in ``out-of-core``.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.experiment import conclude, in_a_process
from benchmarks.facts import library_versions, machine
from benchmarks.memory import peak

NAME = "out-of-core-classes"
TITLE = "Logistic regression of a Parquet file, 50 features"
N_FEATURES, N_TEST, BATCH, EPOCHS = 50, 100_000, 65_536, 5
ROWS = {False: 1_000_000, True: 20_000}
#: Who takes part, and what each does.
CONTENDERS = {
    "skreg, one λ": "one λ to a gradient of 1e-8",
    "skreg, 5 folds × 100 λ": "500 fits of a search, a path of 100 λ, and the choice",
    "scikit-learn, SGD": f"one λ, no folds: StandardScaler, and {EPOCHS} epochs of SGDClassifier",
}


def rows(n_rows, seed):
    """Batches of correlated features and the classes 0 and 1."""
    shape = np.random.default_rng(0)
    mix = np.eye(N_FEATURES) + 0.3 * shape.normal(size=(N_FEATURES, N_FEATURES))
    coef = 0.2 * shape.normal(size=N_FEATURES) * (np.arange(N_FEATURES) % 3 == 0)
    rng = np.random.default_rng(seed)
    for start in range(0, n_rows, BATCH):
        X = rng.normal(size=(min(BATCH, n_rows - start), N_FEATURES)) @ mix
        yield X, (rng.random(len(X)) < 1 / (1 + np.exp(-X @ coef))).astype(np.int64)


def write(path, n_rows):
    """The rows as a file."""
    import pyarrow as pa
    from pyarrow import parquet

    names, writer = [f"x{j}" for j in range(N_FEATURES)], None
    for X, y in rows(n_rows, seed=1):
        table = pa.table(dict(zip(names, X.T, strict=True)) | {"y": y})
        if writer is None:  # numbers that are all different are better without dictionaries
            writer = parquet.ParquetWriter(path, table.schema, use_dictionary=False)
        writer.write_table(table)
    writer.close()


# Contenders: from the file to the chances of class 1 of an array of rows --------------------------


def _one(path):
    from pyarrow import dataset

    from skreg import QuadraticApproxRidgeClassifier

    model = QuadraticApproxRidgeClassifier(alpha=1e-4)
    return model.fit(dataset.dataset(path), "y").predict_proba


def _search(path):
    from pyarrow import dataset

    from skreg import PathSearchCV, QuadraticApproxRidgeClassifier

    search = PathSearchCV(QuadraticApproxRidgeClassifier(), 100, cv=5, scoring="neg_log_loss")
    return search.fit(dataset.dataset(path), "y").best_estimator_.predict_proba


def _sgd(path):
    from pyarrow import parquet
    from sklearn.linear_model import SGDClassifier
    from sklearn.preprocessing import StandardScaler

    def chunks():
        for batch in parquet.ParquetFile(path, pre_buffer=False).iter_batches(BATCH):
            frame = batch.to_pandas()
            y = frame.pop("y").to_numpy()
            yield frame.to_numpy(), y

    scaler = StandardScaler()
    model = SGDClassifier(loss="log_loss", alpha=1e-4, random_state=0)
    for X, _ in chunks():
        scaler.partial_fit(X)
    for _ in range(EPOCHS):
        for X, y in chunks():
            model.partial_fit(scaler.transform(X), y, classes=[0, 1])
    return lambda X: model.predict_proba(scaler.transform(X))


FITS = dict(zip(CONTENDERS, (_one, _search, _sgd), strict=True))


def measure(contender, path):
    """What one contender takes in this process; its log loss and accuracy on other rows."""
    start = time.perf_counter()
    predict = FITS[contender](path)
    taken = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time(),
        "peak_mb": peak() / 2**20,
    }
    hits, losses = [], []
    for X, y in rows(N_TEST, seed=2):
        chances = predict(X)
        hits.append(chances.argmax(axis=1) == y)
        losses.append(-np.log(np.clip(chances[np.arange(len(y)), y], 1e-15, None)))
    return taken | {
        "log_loss": float(np.concatenate(losses).mean()),
        "accuracy": float(np.concatenate(hits).mean()),
    }


def run(n_rows, only=(), quick=False, command="", say=print):
    """Write the file, and let everyone read it; what goes to JSON."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.parquet"
        write(path, n_rows)
        for contender in [name for name in CONTENDERS if not only or name in only]:
            found[contender] = in_a_process("out_of_core_classes", contender, path)
            say(f"{contender}: {found[contender]}")
    return {
        "experiment": NAME,
        "title": TITLE,
        "rows": n_rows,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "pyarrow", "scikit-learn", "skreg"}),
        "contenders": CONTENDERS,
        "found": found,
    }


def table(result):
    """The figures as Markdown."""
    lines = [
        "| contender | what it does | seconds | of processor | peak memory | log loss | accuracy |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, out in result["found"].items():
        cells = [name, result["contenders"][name]]
        if "failed" in out:
            cells += [out["failed"], "–", "–", "–", "–"]
        else:
            cells += [
                f"{out['seconds']:.1f}", f"{out['cpu_seconds']:.1f}", f"{out['peak_mb']:.0f} MB",
                f"{out['log_loss']:.5f}", f"{out['accuracy']:.4f}",
            ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(args, command):
    """Run as the command line says, print the table, save JSON."""
    result = run(ROWS[args.quick], args.only, args.quick, command)
    return conclude(result, table(result), args, NAME)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
