"""R's glmnet, in a process of R: data go over in files, and R's clock times the fit alone.

Its λ is ours with ``standardize = FALSE``. It stops by ``thresh``: the largest change of a
coefficient in one pass, squared and times its curvature, relative to the null deviance.
"""

import functools
import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.contenders import ladder
from benchmarks.contenders.elsewhere import start
from benchmarks.worker import Abstention, Timed

LIBRARY = "glmnet"
THREADS = (1,)
SCRIPT = Path(__file__).with_name("glmnet.R")
TOLERANCES = {
    "lasso_path": ladder(1e-8, 1e-20, 1),
    "sparse_lasso_path": ladder(1e-8, 1e-20, 1),
    "logistic_lasso_path": ladder(1e-8, 1e-20, 4),
    "glm_lasso_path": ladder(1e-8, 1e-20, 1),
    "logistic_ridge_path": ladder(1e-8, 1e-20, 2),
    "search_lasso": ladder(1e-7, 1e-20, 1),
    "search_logistic_lasso_tables": ladder(1e-5, 1e-14, 2),
}


def installed():
    return bool(versions())


@functools.cache
def versions():
    """{"R": …, "glmnet": …}; empty if one of them is missing."""
    if shutil.which("Rscript") is None:
        return {}
    ask = 'cat(format(getRversion()), format(packageVersion("glmnet")))'
    answer = subprocess.run(["Rscript", "-e", ask], capture_output=True, text=True)
    if answer.returncode:
        return {}
    return dict(zip(("R", "glmnet"), answer.stdout.split(), strict=True))


def lasso_path(data):
    return _path(data)


def sparse_lasso_path(data):
    return _path(data)


def logistic_lasso_path(data):
    return _path(data, family="binomial", intercept=data.fit_intercept)


def glm_lasso_path(data):
    if data.family != "poisson":
        raise Abstention("compiled for counts only")
    return _path(data, family=data.family, alpha=data.l1_ratio)


def logistic_ridge_path(data):
    return _path(data, family="binomial", alpha=0)


def search_lasso(data):
    """cv.glmnet; its path of all rows is the model."""
    run_path = _path(data, folds=data.folds)

    def run(thresh):
        timed = run_path(thresh)
        errors = np.fromfile(Path(run_path.folder.name) / "errors", "<f8")
        return Timed(timed.seconds, (errors, data.alphas, *timed.solution), timed.memory)

    return run


def search_logistic_lasso_tables(data):
    """cv.glmnet by the deviance, twice the log loss, and its model of all rows at the best λ."""
    n_classes, n_alphas = data.y.max() + 1, len(data.alphas)
    family = "binomial" if n_classes == 2 else "multinomial"
    run_path = _path(data, family=family, folds=data.folds)

    def run(thresh):
        timed = run_path(thresh)
        errors = np.fromfile(Path(run_path.folder.name) / "errors", "<f8") / 2
        best = [errors.argmin()]
        coefs, intercepts = (part.reshape(n_alphas, -1) for part in timed.solution)
        coefs = coefs.reshape(n_alphas, -1, data.X.shape[1])
        return Timed(
            timed.seconds, (errors, data.alphas[best], coefs[best], intercepts[best]), timed.memory
        )

    return run


def _path(data, *, family="gaussian", alpha=1, intercept=True, folds=None):
    n, p = data.X.shape
    sparse = hasattr(data.X, "tocsc")
    if sparse:
        columns = data.X.tocsc()
        arrays = {name: getattr(columns, name) for name in ("data", "indices", "indptr")}
    else:
        arrays = {"X": data.X.T}
    arrays |= {"y": data.y, "lambda": data.alphas}
    if folds is not None:
        arrays["folds"] = folds
    settings = {
        **{"n": n, "p": p, "sparse": int(sparse), "family": family},
        **{"alpha": alpha, "intercept": int(intercept)},
    }
    return start(["Rscript", str(SCRIPT)], arrays, settings, len(data.alphas))
