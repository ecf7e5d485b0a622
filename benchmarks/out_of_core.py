"""The experiment ``out-of-core``: cross-validation of λ on a Parquet file that is read once.

Every contender runs in a process of its own, which says what it took, its imports included.
``python -m benchmarks.out_of_core ROWS`` does the same for another number of rows, in columns of
float32, and adds them to the figures that are kept.
"""

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.experiment import OUTPUT, conclude, in_a_process, noted
from benchmarks.facts import library_versions, machine
from benchmarks.memory import peak
from benchmarks.report import with_block

NAME = "out-of-core"
TITLE = "Five folds × 100 λ of a Parquet file, 50 features, standardized inside each fold"
N_FEATURES, N_TEST, BATCH = 50, 50_000, 65_536
ROWS = {False: (1_000_000, 5_000_000), True: (20_000,)}
#: Who takes part, and what each does.
CONTENDERS = {
    "skreg, ridge": "5 folds × 100 λ and a fit, one pass",
    "skreg, lasso": "5 folds × 100 λ and a fit, one pass",
    "scikit-learn, SGD": "one λ, no folds: StandardScaler, SGDRegressor, a pass each",
    "DuckDB, least squares": "no λ, no folds: sums of products in SQL, one pass",
}


def write_rows(path, n_rows, seed, dtype="float64"):
    """Rows of correlated features on other scales and far from 0, and a target."""
    import pyarrow as pa
    from pyarrow import parquet

    shape = np.random.default_rng(0)
    mix = np.eye(N_FEATURES) + 0.3 * shape.normal(size=(N_FEATURES, N_FEATURES))
    scales, centers = shape.uniform(0.1, 10, N_FEATURES), shape.normal(size=N_FEATURES)
    coef = shape.normal(size=N_FEATURES) * (np.arange(N_FEATURES) % 3 == 0)
    rng, writer = np.random.default_rng(seed), None
    for start in range(0, n_rows, BATCH):
        Z = rng.normal(size=(min(BATCH, n_rows - start), N_FEATURES)) @ mix
        y = Z @ coef + 10.0 * rng.normal(size=len(Z))
        columns = {f"x{j}": Z[:, j] * scales[j] + centers[j] for j in range(N_FEATURES)}
        table = pa.table({name: x.astype(dtype) for name, x in (columns | {"y": y}).items()})
        if writer is None:  # numbers that are all different are better without dictionaries
            writer = parquet.ParquetWriter(path, table.schema, use_dictionary=False)
        writer.write_table(table)
    writer.close()


# Contenders: from the folder to the predictions of an array of rows ------------------------------


def _skreg(model):
    def fit(folder):
        from pyarrow import dataset
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        import skreg

        estimator = make_pipeline(StandardScaler(), getattr(skreg, model)())
        search = skreg.PathSearchCV(estimator, 100, cv=5)
        return search.fit(dataset.dataset(folder / "train.parquet"), "y").best_estimator_.predict

    return fit


def _sgd(folder):
    from pyarrow import parquet
    from sklearn.linear_model import SGDRegressor
    from sklearn.preprocessing import StandardScaler

    def chunks():
        for batch in parquet.ParquetFile(folder / "train.parquet", pre_buffer=False).iter_batches(
            BATCH
        ):
            frame = batch.to_pandas()
            y = frame.pop("y").to_numpy()
            yield frame.to_numpy(), y

    scaler, model = StandardScaler(), SGDRegressor(alpha=1e-4, random_state=0)
    for X, _ in chunks():
        scaler.partial_fit(X)
    for X, y in chunks():
        model.partial_fit(scaler.transform(X), y)
    return lambda X: model.predict(scaler.transform(X))


def _duckdb(folder):
    import duckdb

    names = [f"x{j}" for j in range(N_FEATURES)] + ["y"]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]
    sums = [f"avg({a})" for a in names] + [f"covar_pop({a}, {b})" for a, b in pairs]
    source = f"read_parquet('{folder / 'train.parquet'}')"
    found = duckdb.sql(f"select {', '.join(sums)} from {source}").fetchall()[0]
    means, moments = np.array(found[: len(names)]), np.zeros((len(names),) * 2)
    moments[np.triu_indices(len(names))] = found[len(names) :]
    moments += np.triu(moments, 1).T
    coef = np.linalg.solve(moments[:-1, :-1], moments[:-1, -1])
    return lambda X: means[-1] + (X - means[:-1]) @ coef


#: What is imported first, library by library: it has a time of its own.
IMPORTS = {
    "skreg": ("pyarrow.dataset", "sklearn.pipeline", "sklearn.preprocessing", "skreg"),
    "scikit-learn": ("pyarrow.parquet", "sklearn.linear_model", "sklearn.preprocessing"),
    "DuckDB": ("duckdb",),
}
FITS = {
    "skreg, ridge": _skreg("QuadraticApproxRidge"),
    "skreg, lasso": _skreg("QuadraticApproxLasso"),
    "scikit-learn, SGD": _sgd,
    "DuckDB, least squares": _duckdb,
}


def measure(contender, folder):
    """What one contender takes in this process, its imports included; R² on other rows."""
    start = time.perf_counter()
    for module in IMPORTS[contender.partition(",")[0]]:
        importlib.import_module(module)
    imports = {
        "import_seconds": time.perf_counter() - start,
        "import_cpu_seconds": time.process_time(),
        "import_mb": _peak_mb(),
    }
    predict = FITS[contender](folder)
    taken = imports | {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time(),
        "peak_mb": _peak_mb(),
    }
    test = np.load(folder / "test.npz")
    residual = test["y"] - predict(test["X"])
    return taken | {"r2": float(1 - residual.var() / test["y"].var())}


def _peak_mb():
    return peak() / 2**20


def rate(out, n_rows):
    """Millions of rows in a second of processor, imports left out."""
    return n_rows / (out["cpu_seconds"] - out["import_cpu_seconds"]) / 1e6


def run(rows, only=(), quick=False, command="", say=print, dtype="float64"):
    """Write each file once, and let everyone read it; what goes to JSON."""
    found = {}
    for n_rows in rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_rows(folder / "train.parquet", n_rows, seed=1, dtype=dtype)
            write_test(folder)
            found[str(n_rows)] = {}
            for contender in [name for name in CONTENDERS if not only or name in only]:
                out = in_a_process("out_of_core", contender, folder)
                found[str(n_rows)][contender] = out
                say(f"{n_rows:,} rows, {contender}: {_line(out, n_rows)}")
    return {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "pyarrow", "scikit-learn", "duckdb", "skreg"}),
        "contenders": CONTENDERS,
        "found": found,
    }


def write_test(folder):
    """The rows on which R² is judged, as arrays."""
    from pyarrow import parquet

    write_rows(folder / "test.parquet", N_TEST, seed=2)
    frame = parquet.read_table(folder / "test.parquet").to_pandas()
    y = frame.pop("y").to_numpy()
    np.savez(folder / "test.npz", X=frame.to_numpy(), y=y)
    (folder / "test.parquet").unlink()


def _line(out, n_rows):
    if "failed" in out:
        return out["failed"]
    return (
        f"{out['seconds']:.2f} s, {out['import_seconds']:.2f} of them imports; "
        f"{rate(out, n_rows):.2f} million rows a second and core; peak {out['peak_mb']:.0f} MB, "
        f"{out['import_mb']:.0f} of them imports; R² {out['r2']:.6f}"
    )


def table(result):
    """The figures as Markdown."""
    lines = [
        "| rows | contender | what it does | seconds (imports) | million rows a second and core | "
        "peak memory (imports) | R² |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for n_rows, found in result["found"].items():
        for name, out in found.items():
            cells = [f"{int(n_rows):,}", name, result["contenders"][name]]
            if "failed" in out:
                cells += [out["failed"], "–", "–", "–"]
            else:
                cells += [
                    f"{out['seconds']:.2f} ({out['import_seconds']:.2f})",
                    f"{rate(out, int(n_rows)):.2f}",
                    f"{out['peak_mb']:.0f} MB ({out['import_mb']:.0f})",
                    f"{out['r2']:.4f}",
                ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def with_table(readme, result):
    """The text of a README with the table in its place."""
    return with_block(readme, noted(result, table(result)), NAME)


def main(args, command):
    """Run as the command line says, print the table, save JSON."""
    result = run(ROWS[args.quick], args.only, args.quick, command)
    return conclude(result, table(result), args, NAME)


def by_hand(n_rows):
    """Run with so many rows, and add what was found to the figures that are kept."""
    command = f"python -m benchmarks.out_of_core {n_rows}"
    path = OUTPUT / f"{NAME}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    only = [name for name in CONTENDERS if name.startswith("skreg")]
    result = run([n_rows], only, command=command, dtype="float32")
    print(table(result))
    kept["found"] |= result["found"]
    kept["by_hand"] = {"command": command, "columns": "float32"}
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1] in FITS:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
    else:
        by_hand(int(sys.argv[1]))
