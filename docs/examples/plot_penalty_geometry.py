"""
Where the risk touches the ball
===============================

A penalty λ·J(θ) and a constraint J(θ) ≤ k have the same solutions. Blue contours are the risk
without a penalty, around its minimum θ̂; the orange ball is J ≤ k for the k of the solution.
They touch in the solution. The L2 ball is round, and the solution slides along a curve from θ̂
to 0; the L1 ball has corners on the axes, where one coefficient is exactly 0, and the path
ends in them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from skreg import QuadraticApproxLasso, QuadraticApproxRidge
from skreg.plotting import PenaltyGeometryDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)
pair = X[["s1", "s5"]]

ridge = QuadraticApproxRidge(alpha=0.5).fit(pair, y)
lasso = QuadraticApproxLasso(alpha=10.0).fit(pair, y)

figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="compressed")
PenaltyGeometryDisplay.from_estimator(ridge, ax=axes[0])
display = PenaltyGeometryDisplay.from_estimator(lasso, ax=axes[1])
axes[0].set_title("L2")
axes[1].set_title("L1")
plt.show()

# %%
# The constraint finds the same point: ask for the ball instead of the penalty.

bounded = QuadraticApproxLasso(norm_bound=display.bound).fit(pair, y)
np.testing.assert_allclose(bounded.coef_, lasso.coef_, atol=1e-6)
print(f"J ≤ {display.bound:.4g} has the multiplier λ = {bounded.alpha_:.4g}")

# %%
# With more than two features something has to become of the others. By default they are at their
# best and without a penalty, and the diamond marks the coefficients of the whole problem;
# ``others="fixed"`` holds them at the solution.

whole = QuadraticApproxLasso(alpha=2.0).fit(X, y)
figure, axes = plt.subplots(1, 2, figsize=(11, 6.4), layout="compressed")
PenaltyGeometryDisplay.from_estimator(whole, features=("s1", "s5"), ax=axes[0])
PenaltyGeometryDisplay.from_estimator(whole, features=("s1", "s5"), others="fixed", ax=axes[1])
plt.show()
