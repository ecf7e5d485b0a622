"""
Paths: how coefficients shrink, and how they enter
==================================================

One call follows a penalty from λ_max, where nothing is left, down to almost no penalty. The L1
penalty lets coefficients in one by one: a dot marks each entry, and the number before a name
is its place in the order. The L2 penalty lets all in at once and makes them grow together.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from skreg import QuadraticApproxLasso, QuadraticApproxRidge
from skreg.plotting import RegularizationPathDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)

# %%
# Body-mass index enters first; ``s1`` and ``s2``, which nearly say the same, late and with large
# coefficients of opposite signs.

lasso = RegularizationPathDisplay.from_estimator(QuadraticApproxLasso(), X, y)
lasso.ax_.set_title("L1: one after the other")
plt.show()

# %%
# Against the norm of θ each path runs from 0 to θ̂. The lasso's are straight between entries, for as
# long as no coefficient leaves.

figure, axes = plt.subplots(2, 1, figsize=(7.2, 8), layout="constrained")
lasso.plot(ax=axes[0], x="norm")
RegularizationPathDisplay.from_estimator(QuadraticApproxRidge(), X, y, ax=axes[1], x="norm")
axes[0].set_title("L1")
axes[1].set_title("L2")
plt.show()
