"""Solutions by skglm for the tests beside it: pip install skglm, then run this file."""

from pathlib import Path

import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_diabetes

ALPHAS = (0.4, 0.2, 0.1, 0.05)


def main():
    """Write ``diabetes.csv``."""
    import skglm
    from skglm.datafits import Quadratic
    from skglm.penalties import SCAD, SLOPE, MCPenalty
    from skglm.solvers import FISTA, AndersonCD

    X, y = load_diabetes(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = (y - y.mean()) / y.std()
    m = X.shape[1]
    weights = norm.ppf(1 - np.arange(1, m + 1) * 0.1 / (2 * m))
    lines = []
    for name, make in (
        ("mcp", lambda a: MCPenalty(a, 3.0)),
        ("scad", lambda a: SCAD(a, 3.7)),
        ("slope", lambda a: SLOPE(a * weights)),
    ):
        w = None
        for alpha in ALPHAS:
            if name == "slope":
                solver = FISTA(max_iter=100_000, tol=1e-13, opt_strategy="fixpoint")
                w = solver.solve(X, y, Quadratic(), make(alpha))[0]
            else:
                solver = AndersonCD(max_iter=1000, tol=1e-12, fit_intercept=False, warm_start=True)
                start = None if w is None else w.copy()
                Xw = None if w is None else X @ w
                w = solver.solve(X, y, Quadratic(), make(alpha), start, Xw)[0]
            lines.append(",".join([name, repr(alpha), *(repr(float(v)) for v in w)]))
    Path(__file__).with_name("diabetes.csv").write_text(
        f"# skglm {skglm.__version__}, standardized diabetes: penalty, lambda, coefficients\n"
        + "\n".join(lines)
        + "\n"
    )


if __name__ == "__main__":
    main()
