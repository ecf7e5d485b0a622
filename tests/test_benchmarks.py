"""The benchmarks: they run, the judge judges, and the published figures are the committed ones."""

import gc
import json
import multiprocessing
import os
import sys
import threading
import warnings
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from threadpoolctl import threadpool_limits

from benchmarks import headlines, objective, report, runner, worker
from benchmarks.__main__ import main
from benchmarks.contenders import elsewhere
from benchmarks.lasso_reference import GAP, lasso_path
from benchmarks.memory import peak_growth
from benchmarks.problem import all_problems
from benchmarks.record import Record
from benchmarks.worker import Entry
from skreg import QuadraticApproxLasso, QuadraticApproxLassoClassifier

ROOT = Path(__file__).parents[1]

PROBLEMS = all_problems()
ridge_cases = PROBLEMS["ridge-path"].cases
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def check_schema(result):
    """What readers of the JSON may rely on."""
    assert set(result) == {
        *("problem", "title", "unit", "quick", "repeats", "tolerance", "command"),
        *("machine", "libraries", "skipped", "cases"),
    }
    assert set(result["machine"]) == {"cpu", "cores", "system", "python"}
    assert {"numpy", "scipy"} <= set(result["libraries"])
    assert result["problem"] in PROBLEMS
    assert f"python -m benchmarks {result['problem']}" in result["command"]
    assert result["cases"]
    for case in result["cases"]:
        for entry in case["entries"]:
            assert entry["status"] in {"ok", "floor", "refused", "failed", "abstains"}
            assert bool(entry["note"]) == (entry["status"] != "ok")
            if entry["status"] not in ("failed", "abstains"):
                assert all(len(times) == result["repeats"] for times in entry["seconds"].values())
            if entry["status"] == "ok":
                assert np.isfinite([entry["objective"], entry["excess"], entry["best"]]).all()
                assert ("memory" in entry) == PROBLEMS[result["problem"]].memory


@pytest.fixture
def in_threads(monkeypatch):
    """Contenders work in threads here: starting a process for each takes most of the time."""

    class Context:
        Pipe = staticmethod(multiprocessing.Pipe)

        def Process(self, target, args, daemon):
            pipe, entry = args
            own = Connection(os.dup(pipe.fileno()))  # the other is closed, as that of a process is
            return threading.Thread(target=worker.serve, args=(own, entry), daemon=daemon)

    stand_in = SimpleNamespace(get_context=lambda method: Context())
    monkeypatch.setattr(worker, "multiprocessing", stand_in)
    monkeypatch.setattr(runner, "PAUSE", 0.0)  # of which nothing but times depends
    # Warnings they change as if they were alone; threads of BLAS would wait for other processes.
    with warnings.catch_warnings(), threadpool_limits(1):
        yield


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize("name", PROBLEMS)
def test_problem_runs_and_all_reach_the_same_objective(name, tmp_path, capsys):
    code = main([name, "--quick", "--repeats", "1", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    result = json.loads((tmp_path / f"{name}.json").read_text())
    check_schema(result)
    assert result["quick"]
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for case in result["cases"]:
        assert "skreg" in report.winners(case)
        assert case["case"] in printed
    contenders = {entry["contender"] for case in result["cases"] for entry in case["entries"]}
    if "sklearn" in contenders:
        assert any("sklearn" in report.winners(case) for case in result["cases"])


def adapter(folder, name, body, library="numpy"):
    """Write an adapter module whose ridge path is ``body``."""
    lines = [f"LIBRARY = {library!r}", "THREADS = (None,)", "import os, numpy as np"]
    lines += ["from benchmarks.worker import Abstention", "def ridge_path(data):"]
    if name == "abstains":  # as adapters do, before any work
        lines += [f"    {body}"]
    lines += ["    def run():", f"        {body}", "    return run"]
    (folder / f"with_{name}.py").write_text("\n".join(lines) + "\n")
    return f"with_{name}"


ADAPTERS = {
    "exact": (
        "X, y = data.X - data.X.mean(axis=0), data.y - data.y.mean();"
        "G, q, I = X.T @ X / len(X), X.T @ y / len(X), np.eye(20);"
        "coefs = np.array([np.linalg.solve(G + a * I, q) for a in data.alphas]);"
        "return coefs, data.y.mean() - coefs @ data.X.mean(axis=0)"
    ),
    "misshapen": "return np.zeros((10, 3)), np.zeros(10)",
    "zero": "return np.zeros((10, 20)), np.full(10, data.y.mean())",
    "nan": "return np.full((10, 20), np.nan), np.zeros(10)",
    "raises": "raise RuntimeError('no license')",
    "dies": "os._exit(3)",
    "partial": "return None",
    "abstains": "raise Abstention('no ridge here')",
}


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """The contenders of `ADAPTERS` on the quick ridge path: the result."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = [adapter(tmp_path, name, body) for name, body in ADAPTERS.items()]
    modules.append(adapter(tmp_path, "absent", "return 1", library="no_such_library"))
    problem = replace(PROBLEMS["ridge-path"], cases=lambda quick: ridge_cases(quick)[:1])
    entries, skipped = runner.find_entries(problem, modules)
    cases = runner.run(problem, entries, repeats=2, quick=True, say=lambda line: None)
    return {
        **{"problem": problem.name, "title": problem.title, "unit": problem.unit},
        **{"quick": True, "repeats": 2, "skipped": skipped, "cases": cases},
    }


def test_no_ratio_without_the_same_objective(judged):
    (case,) = judged["cases"]
    found = {entry["contender"]: entry for entry in case["entries"]}
    assert found["exact"]["status"] == "ok"
    assert found["zero"]["status"] == found["nan"]["status"] == "refused"
    assert found["zero"]["excess"] > PROBLEMS["ridge-path"].relative
    assert (found["raises"]["status"], found["dies"]["status"]) == ("failed", "failed")
    assert found["raises"]["note"] == "RuntimeError: no license"
    assert found["misshapen"]["status"] == "failed"
    assert "cannot be judged" in found["misshapen"]["note"]
    assert "died" in found["dies"]["note"]
    assert found["partial"]["status"] == "floor"
    assert (found["abstains"]["status"], found["abstains"]["note"]) == ("abstains", "no ridge here")
    assert set(report.winners(case)) == {"exact", "partial"}

    text = report.table(judged)
    assert "refused: zero on n=400, p=20, 10 λ: its objective is" in text
    assert "abstains: abstains on n=400, p=20, 10 λ: no ridge here" in text
    assert "failed: raises on n=400, p=20, 10 λ: RuntimeError: no license" in text
    assert "skipped: absent: no_such_library is not installed." in text
    assert "No ratios: skreg has no admissible result." in text


def entry(contender, best, status="ok", threads=None):
    return {
        **{"contender": contender, "threads": threads, "status": status, "note": status},
        **{"best": best, "median": 2 * best, "excess": 0.0, "objective": 1.0, "seconds": {}},
    }


def test_ratios_are_to_skreg_and_from_each_one_s_best_setting():
    case = {
        "case": "small",
        "entries": [
            entry("skreg", 0.5),
            entry("peer", 9.0, threads=1),
            entry("peer", 2.0, threads=2),
            entry("cheat", 0.1, status="refused"),
        ],
    }
    best = report.winners(case)
    assert list(best) == ["skreg", "peer"]
    assert best["peer"]["threads"] == 2
    assert report.ratio(best["peer"], case) == 4.0
    case["entries"][0]["status"] = "refused"
    assert report.ratio(best["peer"], case) is None


def test_bound_exceeded_is_refused():
    problem = PROBLEMS["lasso-path"]
    case = problem.cases(True)[0]
    data = case.make()
    record = Record(problem, case, Entry("loose", "sklearn", "", "", None))
    record.seconds[None].append(1.0)
    fits = [Lasso(alpha=alpha, tol=1e-3).fit(data.X, data.y) for alpha in data.alphas]
    record.judge(data, (np.array([f.coef_ for f in fits]), np.array([f.intercept_ for f in fits])))
    verdict = record.as_dict(record.objective())  # even against itself as the best
    assert verdict["status"] == "refused"
    assert "duality gap" in verdict["note"]


def test_duality_gap_certifies():
    X, y = make_regression(60, 10, n_informative=3, noise=5.0, bias=30.0, random_state=0)
    alpha = 2.0
    exact = Lasso(alpha=alpha, tol=1e-14, max_iter=100_000).fit(X, y)
    gap = objective.relative_duality_gap(X, y, exact.coef_, exact.intercept_, alpha)
    assert abs(gap) < 1e-8
    optimum = objective.penalized(
        objective.squared_error(y, exact.predict(X)), np.abs(exact.coef_).sum(), alpha
    )
    rng = np.random.default_rng(0)
    for _ in range(20):
        coef = exact.coef_ + rng.standard_normal(10)
        intercept = exact.intercept_ + rng.standard_normal()
        value = objective.penalized(
            objective.squared_error(y, X @ coef + intercept), np.abs(coef).sum(), alpha
        )
        # The certified distance is never below the true one.
        assert objective.relative_duality_gap(X, y, coef, intercept, alpha) * value >= (
            value - optimum
        )


def test_a_duality_gap_of_ones_own_dual_point():
    X, y = make_regression(60, 10, n_informative=3, noise=5.0, bias=30.0, random_state=0)
    exact = Lasso(alpha=2.0, tol=1e-14, max_iter=100_000).fit(X, y)
    near = exact.coef_ + 1e-4
    alone = objective.relative_duality_gap(X, y, near, exact.intercept_, 2.0)
    helped = objective.relative_duality_gap(
        X, y, near, exact.intercept_, 2.0, 7 * (y - exact.predict(X))
    )
    hindered = objective.relative_duality_gap(X, y, near, exact.intercept_, 2.0, np.arange(60.0))
    assert 0 < helped < alone == hindered


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_logistic_duality_gap_certifies(penalty, fit_intercept):
    X, y = make_classification(80, 6, random_state=0, weights=[0.7])
    alpha = 0.05
    exact = LogisticRegression(
        C=1 / (len(y) * alpha),
        l1_ratio=float(penalty == "l1"),
        solver="saga",
        fit_intercept=fit_intercept,
        tol=1e-13,
        max_iter=100_000,
    ).fit(X, y)
    best, b = exact.coef_[0], float(np.ravel(exact.intercept_)[0])

    def value(coef, intercept):
        size = np.abs(coef).sum() if penalty == "l1" else objective.half_square(coef)
        losses = objective.binary_log_loss(y, X @ coef + intercept)
        return objective.penalized(losses, size, alpha)

    def gap(coef, intercept, dual=None):
        return objective.logistic_duality_gap(
            X, y, coef, intercept, alpha, penalty, fit_intercept=fit_intercept, dual=dual
        )

    check_that_it_certifies(value, gap, best, b, 80, fit_intercept)


def check_that_it_certifies(value, gap, best, intercept, n_samples, fit_intercept=True):
    """``gap`` is 0 at the minimum, and nowhere less than ``value`` is above it."""
    rng = np.random.default_rng(0)
    assert abs(gap(best, intercept)) < 1e-8
    for scale in np.geomspace(1e-6, 1, 20):
        coef = best + scale * rng.standard_normal(len(best))
        b = intercept + fit_intercept * scale * rng.standard_normal()
        excess = value(coef, b) - value(best, intercept)
        for dual in (None, rng.standard_normal(n_samples)):  # none can make it claim too much
            assert gap(coef, b, dual) * value(coef, b) >= excess - 1e-12


@pytest.mark.parametrize("family", ["poisson", "gamma"])
def test_glm_duality_gap_certifies(family):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 6))
    y = rng.poisson(2.0, 80).astype(float) if family == "poisson" else rng.gamma(2.0, 1.0, 80)
    loss = objective.poisson_loss if family == "poisson" else objective.gamma_loss
    fit = QuadraticApproxLasso(0.05, loss=family, l1_ratio=0.8, tol=1e-13).fit(X, y)

    def value(coef, intercept):
        size = objective.elastic_net(coef, 0.8)
        return objective.penalized(loss(y, X @ coef + intercept), size, 0.05)

    def gap(coef, intercept, dual=None):
        return objective.glm_duality_gap(family, X, y, coef, intercept, 0.05, 0.8, dual=dual)

    check_that_it_certifies(value, gap, fit.coef_, fit.intercept_, 80)


@pytest.mark.parametrize("logistic", [False, True])
def test_group_duality_gap_certifies(logistic):
    X, y = make_classification(80, 6, random_state=0)
    kind = QuadraticApproxLassoClassifier if logistic else QuadraticApproxLasso
    fit = kind(0.05, groups=[0, 0, 1, 1, 2, 2], tol=1e-13).fit(X, y)

    def value(coef, intercept):
        loss = objective.binary_log_loss if logistic else objective.squared_error
        size = objective.group_norms(coef[:, None], 2).sum()
        return objective.penalized(loss(y, X @ coef + intercept), size, 0.05)

    def gap(coef, intercept, dual=None):
        return objective.group_duality_gap(X, y, coef, intercept, 0.05, 2, logistic, dual=dual)

    check_that_it_certifies(value, gap, np.ravel(fit.coef_), float(np.ravel(fit.intercept_)[0]), 80)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_multinomial_duality_gap_certifies(penalty, n_classes):
    X, y = make_classification(
        90, 6, n_informative=4, n_classes=n_classes, n_clusters_per_class=1, random_state=0
    )
    alpha = 0.05
    exact = LogisticRegression(
        C=1 / (len(y) * alpha), l1_ratio=float(penalty == "l1"), solver="saga", tol=1e-13,
        max_iter=100_000,
    ).fit(X, y)  # fmt: skip
    best, b = exact.coef_, exact.intercept_

    def value(coef, intercept):
        size = np.abs(coef).sum() if penalty == "l1" else objective.half_square(coef)
        losses = objective.log_loss(y, X @ coef.T + intercept)
        return objective.penalized(losses, size, alpha)

    def gap(coef, intercept):
        return objective.multinomial_duality_gap(X, y, coef, intercept, alpha, penalty)

    assert abs(gap(best, b)) < 1e-8
    rng = np.random.default_rng(0)
    for scale in np.geomspace(1e-6, 10, 20):
        coef = best + scale * rng.standard_normal(best.shape)
        intercept = b + scale * rng.standard_normal(b.shape)
        excess = value(coef, intercept) - value(best, b)
        assert gap(coef, intercept) * value(coef, intercept) >= excess - 1e-12


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_reference_of_lassos_is_certified(n_classes, is_sparse):
    rng = np.random.default_rng(n_classes)
    X = rng.normal(1.0, 1.0, (60, 8)) * (rng.random((60, 8)) < 0.5)
    y = np.argmax(X[:, :n_classes] + rng.gumbel(size=(60, n_classes)), axis=1)
    X, alphas = sparse.csr_array(X) if is_sparse else X, np.geomspace(0.05, 0.005, 3)
    path = lasso_path(X, y, alphas)
    for alpha, (coef, b) in zip(alphas, path, strict=True):
        assert coef.shape == (1 if n_classes == 2 else n_classes, 8)
        assert objective.multinomial_duality_gap(X, y, coef, b, alpha, "l1") <= GAP


def test_the_loosest_tolerance_that_certifies_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "with_tuned.py").write_text(
        "import numpy as np\n"
        "from sklearn.linear_model import lasso_path as path\n"
        "LIBRARY, THREADS = 'numpy', (None,)\n"
        "TOLERANCES = {'lasso_path': (1e-2, 1e-9, 1e-12)}\n"
        "def lasso_path(data):\n"
        "    def run(tol):\n"
        "        mean, b = data.X.mean(axis=0), data.y.mean()\n"
        "        X, y = data.X - mean, data.y - b\n"
        "        coefs = path(X, y, alphas=data.alphas, tol=tol, max_iter=10**6)[1].T\n"
        "        return coefs, b - coefs @ mean\n"
        "    return run\n"
    )
    lasso = PROBLEMS["lasso-path"]
    problem = replace(lasso, cases=lambda quick: lasso.cases(quick)[:1])
    entries, _ = runner.find_entries(problem, ["with_tuned"])
    (case,) = runner.run(problem, entries, repeats=1, quick=True, say=lambda line: None)
    (entry,) = case["entries"]
    assert (entry["status"], entry["tolerance"]) == ("ok", 1e-9)
    assert entry["gap"] <= 1e-6
    assert entry["memory"] >= 0


def test_who_does_not_answer_is_stopped_for_this_case_only(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(worker, "LONGEST", 8.0)
    (tmp_path / "with_slow.py").write_text(
        "import time\n"
        "LIBRARY, THREADS = 'numpy', (None,)\n"
        "def ridge_path(data):\n"
        "    return lambda: time.sleep(60 * (data.X.shape[1] == 20))\n"
    )
    problem = PROBLEMS["ridge-path"]
    entries, _ = runner.find_entries(problem, ["with_slow"])
    cases = runner.run(problem, entries, repeats=1, quick=True, say=lambda line: None)
    slow, quick = (case["entries"][0] for case in cases)
    assert (slow["status"], slow["note"]) == ("abstains", "stopped after 8 s without an answer")
    assert quick["status"] == "floor"


@pytest.mark.parametrize("seconds", [0.5, 60.0])
def test_who_takes_long_to_find_a_tolerance_is_left_out(tmp_path, monkeypatch, seconds):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "with_groping.py").write_text(
        "import time\n"
        "import numpy as np\n"
        "LIBRARY, THREADS = 'numpy', (1, 2)\n"
        "TOLERANCES = {'lasso_path': tuple(10.0**-k for k in range(100))}\n"
        "def lasso_path(data):\n"
        "    def run(tol):\n"
        f"        time.sleep(0.5 if tol > 0.05 else {seconds})\n"
        "        coefs = np.zeros((len(data.alphas), data.X.shape[1]))\n"
        "        return coefs, np.zeros(len(coefs))\n"
        "    return run\n"
    )
    lasso = PROBLEMS["lasso-path"]
    problem = replace(lasso, cases=lambda quick: lasso.cases(quick)[:1])
    entries, _ = runner.find_entries(problem, ["with_groping"])
    how = {"repeats": 1, "quick": True, "patience": 4.0, "say": lambda line: None}
    (case,) = runner.run(problem, entries, **how)
    fewer, entry = case["entries"]
    assert fewer["status"] == entry["status"] == "abstains"
    assert (fewer["threads"], entry["threads"]) == (1, 2)
    assert "with more threads" in fewer["note"]
    assert "s at tol=" in entry["note"]
    assert "left a duality gap of" in entry["note"]
    stopped = "without an answer at tol=1.0e-02" in entry["note"]
    assert stopped == (seconds > 1)


def test_a_process_elsewhere_is_stopped_with_its_worker(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(worker, "LONGEST", 8.0)
    answer = (
        "import os, sys, time; from pathlib import Path\n"
        f"Path({str(tmp_path)!r}, 'number').write_text(str(os.getpid()))\n"
        "sys.stdin.readline(); time.sleep(300)\n"
    )
    (tmp_path / "with_afar.py").write_text(
        "import sys\n"
        "from benchmarks.contenders import elsewhere\n"
        "LIBRARY, THREADS = 'numpy', (None,)\n"
        "def ridge_path(data):\n"
        f"    run = elsewhere.start([sys.executable, '-c', {answer!r}], {{}}, {{}}, 1)\n"
        "    return lambda: run(1e-3)\n"
    )
    entries, _ = runner.find_entries(PROBLEMS["ridge-path"], ["with_afar"])
    stopped = worker.Worker(entries[0])
    stopped.prepare(SimpleNamespace())
    with pytest.raises(worker.Abstention, match="stopped after 8 s"):
        stopped.run()
    number = int((tmp_path / "number").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_process_elsewhere_ends_with_its_run(tmp_path):
    answer = (
        "import sys; from array import array; from pathlib import Path\n"
        "to = Path(sys.argv[1])\n"
        "for line in sys.stdin:\n"
        "    for name, values in dict(measured=(2.5, -1), coefs=(1, 2), intercepts=(3,)).items():\n"
        "        (to / name).write_bytes(array('d', values).tobytes())\n"
        "    print('done', flush=True)\n"
        f"Path({str(tmp_path)!r}, 'ended').touch()\n"
    )
    run = elsewhere.start([sys.executable, "-c", answer], {"y": np.ones(3)}, {"n": 3}, 1)
    folder, timed = Path(run.folder.name), run(1e-3)
    assert (timed.seconds, timed.memory) == (2.5, None)
    np.testing.assert_array_equal(timed.solution[0], [[1.0, 2.0]])
    assert np.fromfile(folder / "y").sum() == 3
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        del run
        gc.collect()
    assert [str(warning.message) for warning in said] == []
    assert (tmp_path / "ended").exists()
    assert not folder.exists()


def test_peak_memory_is_that_of_the_run():
    size = 50_000_000
    growth, result = peak_growth(lambda: np.ones(size // 8).sum())
    assert result == size // 8
    assert 0.9 * size < growth < 1.5 * size


@pytest.mark.parametrize("n_classes", [2, 4])
def test_log_loss(n_classes):
    X, y = make_classification(50, 6, n_informative=5, n_redundant=0, n_classes=n_classes)
    logits = X[:, :n_classes] * 3
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = sklearn_log_loss(y, probabilities)
    assert objective.log_loss(y, logits).mean() == pytest.approx(expected)
    if n_classes == 2:
        single = logits[:, [1]] - logits[:, [0]]
        assert objective.log_loss(y, single).mean() == pytest.approx(expected)
    huge = objective.log_loss(y, 1e6 * logits)
    assert np.isfinite(huge).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-problem"], "NAME is 'no-such-problem'; choose one of"),
        ([], "NAME is None"),
        (["ridge-path", "--repeats", "0"], "--repeats is 0; give 1 or more"),
        (["ridge-path", "--only", "nobody"], "--only names nobody; ridge-path has"),
    ],
)
def test_bad_command_is_told(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_list_names_every_problem(capsys):
    assert main(["--list"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in PROBLEMS)


def test_every_problem_has_committed_results():
    assert {path.stem for path in RESULTS} == set(PROBLEMS)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_committed_result(path):
    result = json.loads(path.read_text())
    check_schema(result)
    assert not result["quick"]
    assert not result["skipped"]
    statuses = {entry["status"] for case in result["cases"] for entry in case["entries"]}
    assert statuses <= {"ok", "floor", "abstains"}
    assert all("skreg" in report.winners(case) for case in result["cases"])
    assert path.with_suffix(".png").exists()


def test_figures_in_the_readme_are_the_committed_ones():
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    block = report.figures_block(ROOT / "benchmarks" / "results")
    assert report.with_block(readme, block) == readme, "run: python -m benchmarks --table"
    assert "| skreg |" in readme


def test_figures_held_to_avx2_are_the_committed_ones_and_say_by_what():
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    block = report.figures_block(ROOT / "benchmarks" / "results" / "avx2")
    assert report.with_block(readme, block, "avx2") == readme, "run: python -m benchmarks --table"
    for path in (ROOT / "benchmarks" / "results" / "avx2").glob("*.json"):
        result = json.loads(path.read_text())
        check_schema(result)
        assert "SKREG_MAX_ISA=avx2" in result["command"]
        assert path.with_suffix(".png").exists()


def test_the_readme_of_the_benchmarks_opens_with_the_worst_and_the_best_ratio_of_each_problem():
    results = ROOT / "benchmarks" / "results"
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    block = headlines.summary(results)
    assert report.with_block(readme, block, "summary") == readme, (
        "run: python -m benchmarks --table"
    )
    assert readme.index(block) < 600
    ratio, result, case, entry = headlines.worst([json.loads(path.read_text()) for path in RESULTS])
    assert f"(#{result['problem']}) | {ratio:.3g}× {entry['contender']}, {case['case']} |" in block


def test_a_result_says_who_could_have_taken_part():
    result = json.loads((ROOT / "benchmarks" / "results" / "lasso-path.json").read_text())
    assert "Not in this run" not in report.markdown(result)
    for case in result["cases"]:
        case["entries"] = [e for e in case["entries"] if e["contender"] not in ("celer", "skglm")]
    assert "\nNot in this run: celer, skglm.\n" in report.markdown(result)
