"""
The playground's problems
=========================

The data of the TensorFlow Playground, four classifications and two regressions in two
dimensions, without the page. `skreg.datasets.PlaygroundFeatures` adds squares, the product and
sines, with which even a linear model draws a circle.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skreg import QuadraticApproxRidgeClassifier
from skreg.datasets import PlaygroundFeatures, make_playground

NAMES = ["circle", "xor", "gauss", "spiral", "plane", "multi-gauss"]

figure, axes = plt.subplots(2, 3, figsize=(9, 6.2), sharex=True, sharey=True, layout="constrained")
for ax, name in zip(axes.flat, NAMES, strict=True):
    X, y = make_playground(name, noise=10, random_state=0)
    if y.dtype.kind == "i":
        for label, marker, color in ((1, "o", "#0072B2"), (-1, "x", "#D55E00")):
            ax.plot(*X[y == label].T, marker, ms=3, color=color, label=f"y = {label}")
    else:
        points = ax.scatter(*X.T, c=y, s=5, cmap="cividis", vmin=-1, vmax=1)
    ax.set(title=name, aspect="equal", xlim=(-6.5, 6.5), ylim=(-6.5, 6.5))
axes[0, 0].legend(loc="upper right", fontsize="small")
figure.colorbar(points, ax=axes[1, 2], label="y")
plt.show()

# %%
# A linear classifier on the seven features.

X, y = make_playground("circle", noise=10, random_state=0)
model = make_pipeline(PlaygroundFeatures("all"), QuadraticApproxRidgeClassifier(alpha=0.01))
print(f"{100 * model.fit(X, y).score(X, y):.1f} % right")
for name, coef in zip(model[0].get_feature_names_out(), np.ravel(model[-1].coef_), strict=True):
    print(f"{name:>8} {coef:6.2f}")
