"""``python adelie_path.py FOLDER``: lasso and group paths by adelie (``elsewhere.py``)."""

import sys
import time
from pathlib import Path

import adelie
import numpy as np

folder = Path(sys.argv[1])
settings = dict(line.split() for line in (folder / "settings").read_text().splitlines())
y, alphas = (np.fromfile(folder / name, "<f8") for name in ("y", "lambda"))
X = np.fromfile(folder / "X", "<f8").reshape(-1, len(y)).T  # by columns, as adelie likes it
groups = np.arange(0, X.shape[1], int(settings["size"]))

for line in sys.stdin:
    begin = time.perf_counter()
    glm = adelie.glm.binomial(y=y) if int(settings["logistic"]) else adelie.glm.gaussian(y=y)
    path = adelie.grpnet(
        X=X,
        glm=glm,
        groups=groups,
        lmda_path=alphas,
        intercept=bool(int(settings["intercept"])),
        early_exit=False,
        tol=float(line),
        n_threads=1,
        progress_bar=False,
    )
    seconds = time.perf_counter() - begin
    path.betas.toarray().tofile(folder / "coefs")
    np.asarray(path.intercepts, dtype=float).tofile(folder / "intercepts")
    np.array([seconds, -1.0]).tofile(folder / "measured")
    print("done", flush=True)
