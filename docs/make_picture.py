"""Draw the picture on the first screen of README.md: `python docs/make_picture.py`."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, QuadraticApproxLasso

OUTPUT = Path(__file__).parent / "path.png"


def main() -> None:
    """Coefficients of the lasso and its cross-validated error against λ, with the λ chosen."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), QuadraticApproxLasso())
    search = PathSearchCV(model, cv=10, scoring="neg_root_mean_squared_error", selection="1se")
    search.fit(X, y)
    results = search.cv_results_
    error = -results["mean_test_score"]
    spread = results["std_test_score"] / np.sqrt(9)  # the folds' s/√10, s with n − 1

    figure, (above, below) = plt.subplots(
        2, 1, figsize=(8, 5.2), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    path = search.path_
    for name, coefs in zip(path.feature_names, path.coefs.T, strict=True):
        label = name.split("__")[-1]
        (line,) = above.plot(search.alphas_, coefs, linewidth=1.6)
        if abs(coefs[-1]) > 6 or label in ("bmi", "s5", "bp"):
            above.annotate(
                label,
                (search.alphas_[-1], coefs[-1]),
                xytext=(6, {"s2": 4, "bp": -4}.get(label, 0)),
                textcoords="offset points",
                va="center",
                color=line.get_color(),
            )
    above.axhline(0, color="black", linewidth=0.6)
    above.set(ylabel="coefficient", title="Lasso on the diabetes data: every λ at once")
    below.fill_between(search.alphas_, error - spread, error + spread, color="C0", alpha=0.2)
    below.plot(search.alphas_, error, color="C0")
    below.set(xscale="log", xlabel="λ", ylabel="RMSE, 10 folds")
    below.set_xlim(search.alphas_[0] * 1.3, search.alphas_[-1] / 1.6)  # room for names
    best = search.alphas_[error.argmin()]
    for axis in (above, below):
        axis.axvline(best, color="0.6", linestyle=":")
        axis.axvline(search.best_alpha_, color="#c8442b", linestyle="--")
    chosen = int(np.flatnonzero(search.alphas_ == search.best_alpha_)[0])
    below.annotate(
        f"chosen: λ = {search.best_alpha_:.2g}\n{error[chosen]:.1f} ± {spread[chosen]:.1f},\n"
        f"{np.count_nonzero(path.coefs[chosen])} of 10 features",
        (search.best_alpha_, error[chosen]),
        xytext=(10, 34),
        textcoords="offset points",
        color="#c8442b",
        arrowprops={"arrowstyle": "-", "color": "#c8442b"},
    )
    below.annotate(
        f"lowest error: λ = {best:.2g}, {error.min():.1f}",
        (best, error.min()),
        xytext=(10, 12),
        textcoords="offset points",
        color="0.35",
    )
    figure.savefig(OUTPUT, dpi=110)


if __name__ == "__main__":
    main()
