"""
A network that an L1 penalty thins out
======================================

Two networks learn the XOR problem of the playground from its seven features, one without a
penalty, one with L1 on its weights. The proximal step makes weights exactly 0: whole units die
(faint circles), and what is left can be read.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skreg import RegularizedMLPClassifier
from skreg.datasets import PlaygroundFeatures, make_playground
from skreg.plotting import NetworkDisplay

X, y = make_playground("xor", noise=20, random_state=0)
X_test, y_test = make_playground("xor", 5000, noise=20, random_state=1)

figure, axes = plt.subplots(1, 2, figsize=(13, 4.2), layout="constrained")
for ax, penalty in zip(axes, ("none", "l1"), strict=True):
    network = RegularizedMLPClassifier(
        (6, 4), activation="tanh", penalty=penalty, alpha=0.01, batch_size=20,
        learning_rate_init=0.01, max_iter=300, dropout=0.0, random_state=0,
    )  # fmt: skip
    model = make_pipeline(PlaygroundFeatures("all"), network).fit(X, y)
    names = model[0].get_feature_names_out()
    NetworkDisplay.from_estimator(model[-1], feature_names=names, ax=ax)
    n_left = sum(np.count_nonzero(weights) for weights in model[-1].coefs_)
    score = model.score(X_test, y_test)
    ax.set_title(f"penalty={penalty!r}: {n_left} weights, {100 * score:.1f} % right on new points")
plt.show()
