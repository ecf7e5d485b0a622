"""
Learning curves of a network
============================

A network much larger than its data learns them by heart: the training error falls on and on,
the validation error does not follow. Weight decay closes the gap, and too much of it stops the
learning itself. Lines are means over seeds, bands their standard errors.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skreg import RegularizedMLPClassifier
from skreg.datasets import make_playground
from skreg.plotting import LearningCurvesDisplay

X, y = make_playground("spiral", 600, noise=60, random_state=0)
X, X_val, y, y_val = train_test_split(X, y, train_size=200, random_state=0)

network = RegularizedMLPClassifier(
    (64, 64), batch_size=20, learning_rate="constant", learning_rate_init=3e-3, max_iter=150,
    n_iter_no_change=np.inf, dropout=0.0,
)  # fmt: skip
display = LearningCurvesDisplay.from_estimator(
    network, X, y, X_val, y_val, alphas=[0.01, 0.001, 0.0], seeds=range(3)
)
plt.show()

# %%
# The figures behind the picture are kept.

for alpha, (train, validation) in zip(display.alphas, display.means[:, :, -1].T, strict=True):
    print(f"λ = {alpha:<5g}  training {100 * train:4.1f} %  validation {100 * validation:4.1f} %")
