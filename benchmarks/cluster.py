"""The experiment ``cluster``: cross-validation of λ where the rows are, on Dask and on Spark.

Every contender runs in a process of its own, by a Python that the environment may name, as
libraries do not go together: ``DASK_PYTHON``, ``DASK_ML_PYTHON`` and ``SPARK_PYTHON``.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.experiment import conclude, in_a_process, noted
from benchmarks.facts import library_versions, machine
from benchmarks.out_of_core import N_FEATURES, write_rows, write_test
from benchmarks.report import with_block

NAME = "cluster"
TITLE = (
    "Five folds × 100 λ of rows on workers of one machine, 50 features, standardized in each fold"
)
N_PARTS = 16
#: Seconds that a contender may take.
LIMIT = 600
ROWS = {False: 1_000_000, True: 20_000}
NAMES = [f"x{j}" for j in range(N_FEATURES)]
SEARCH = "5 folds × 100 λ and a fit"
#: The variable that names its Python, the libraries to name, and what it does.
CONTENDERS = {
    "skreg, Dask, 1 worker": ("DASK_PYTHON", ("dask", "distributed"), SEARCH),
    "skreg, Dask, 2 workers": ("DASK_PYTHON", ("dask", "distributed"), SEARCH),
    "dask-ml, 2 workers": ("DASK_ML_PYTHON", ("dask-ml",), "one λ, no folds: scaler, ADMM"),
    "skreg, Spark, 2 threads": ("SPARK_PYTHON", ("pyspark",), SEARCH),
    "Spark MLlib, 2 threads": ("SPARK_PYTHON", ("pyspark",), "one λ, no folds: LinearRegression"),
}


# Contenders: from rows in the memory of workers to predictions ----------------------------------


def _search():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skreg import PathSearchCV, QuadraticApproxLasso

    return PathSearchCV(make_pipeline(StandardScaler(), QuadraticApproxLasso()), 100, cv=5)


def _on_dask(n_workers, fit):
    """``fit(frame)`` gives predictions, and is what is timed."""

    def run(folder):
        import dask.dataframe
        from dask.distributed import Client, LocalCluster, wait

        with (
            LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as here,
            Client(here) as client,
        ):
            frame = dask.dataframe.read_parquet(folder / "train").persist()
            wait(frame)
            _import_skreg()
            client.run(_import_skreg)
            before = client.run(_used)
            start = time.perf_counter()
            predict = fit(frame)
            seconds = time.perf_counter() - start
            used = [np.subtract(a, before[k]) for k, a in client.run(_used).items()]
            cpu, sent = np.sum(used, axis=0)
        taken = {"seconds": seconds, "cpu_seconds": float(cpu), "sent_bytes": int(sent)}
        return predict, taken

    return run


def _import_skreg():
    """At home and on workers: what is imported once is no part of a fit."""
    try:
        import skreg  # noqa: F401
    except ImportError:  # with dask-ml
        return


def _used(dask_worker):
    """Seconds of processor and bytes that a worker has sent."""
    return time.process_time(), dask_worker.transfer_outgoing_bytes_total


def _skreg_on_dask(frame):
    return _search().fit(frame, "y").best_estimator_.predict


def _dask_ml(frame):
    from dask_ml.linear_model import LinearRegression
    from dask_ml.preprocessing import StandardScaler

    X = frame[NAMES].to_dask_array(lengths=True)
    y = frame["y"].to_dask_array(lengths=True)
    scaler = StandardScaler().fit(X)
    # Its penalty stands beside the sum over the rows.
    model = LinearRegression(penalty="l1", C=1.0 / (0.1 * len(y)), solver="admm")
    model.fit(scaler.transform(X), y)
    mean, scale = np.asarray(scaler.mean_), np.asarray(scaler.scale_)
    return lambda X: (X - mean) / scale @ model.coef_ + model.intercept_


def _on_spark(fit):
    def run(folder):
        from pyspark.sql import SparkSession

        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.memory", "4g")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()
        )
        frame = session.read.parquet(str(folder / "train")).cache()
        frame.count()
        _import_skreg()
        start = time.perf_counter()
        predict = fit(frame)
        taken = {"seconds": time.perf_counter() - start}
        session.stop()
        return predict, taken

    return run


def _skreg_on_spark(frame):
    return _search().fit(frame, "y").best_estimator_.predict


def _mllib(frame):
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    rows = VectorAssembler(inputCols=NAMES, outputCol="x").transform(frame)
    model = LinearRegression(
        featuresCol="x", labelCol="y", regParam=0.1, elasticNetParam=1.0, standardization=True
    ).fit(rows)
    coef, intercept = model.coefficients.toArray(), model.intercept
    return lambda X: X @ coef + intercept


RUNS = {
    "skreg, Dask, 1 worker": _on_dask(1, _skreg_on_dask),
    "skreg, Dask, 2 workers": _on_dask(2, _skreg_on_dask),
    "dask-ml, 2 workers": _on_dask(2, _dask_ml),
    "skreg, Spark, 2 threads": _on_spark(_skreg_on_spark),
    "Spark MLlib, 2 threads": _on_spark(_mllib),
}


def measure(contender, folder):
    """What one contender takes in this process, and R² on other rows."""
    predict, taken = RUNS[contender](folder)
    test = np.load(folder / "test.npz")
    residual = test["y"] - predict(test["X"])
    versions = library_versions({"scikit-learn", *CONTENDERS[contender][1]})
    return taken | {"r2": float(1 - residual.var() / test["y"].var()), "libraries": versions}


# The experiment -----------------------------------------------------------------------------------


def run(n_rows, only=(), quick=False, command="", say=print):
    """Write the rows once, in parts, and let everyone read them; what goes to JSON."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train").mkdir()
        for part in range(N_PARTS):
            path = folder / "train" / f"{part:02}.parquet"
            write_rows(path, n_rows // N_PARTS, seed=1 + part)
        write_test(folder)
        for contender in [name for name in CONTENDERS if not only or name in only]:
            found[contender] = _measured(contender, folder)
            say(f"{contender}: {found[contender]}")
    return {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "scikit-learn", "skreg"}),
        "rows": n_rows // N_PARTS * N_PARTS,
        "contenders": {name: does for name, (_, _, does) in CONTENDERS.items()},
        "found": found,
    }


def _measured(contender, folder):
    # One thread each for the workers' own products.
    return in_a_process(
        "cluster", contender, folder, os.environ.get(CONTENDERS[contender][0], sys.executable),
        {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}, LIMIT,
    )  # fmt: skip


def table(result):
    """The figures as Markdown."""
    lines = [
        "| contender | what it does | seconds | million rows a second | of the workers' processors "
        "| bytes sent | R² |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, out in result["found"].items():
        cells = [name, result["contenders"][name]]
        if "failed" in out:
            cells += [out["failed"], "–", "–", "–", "–"]
        else:
            of_cpu = result["rows"] / out["cpu_seconds"] / 1e6 if "cpu_seconds" in out else None
            sent = out.get("sent_bytes")
            cells += [
                f"{out['seconds']:.2f}",
                f"{result['rows'] / out['seconds'] / 1e6:.2f}",
                "–" if of_cpu is None else f"{of_cpu:.2f}",
                "–" if sent is None else f"{sent:,}",
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


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
