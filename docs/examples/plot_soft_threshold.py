"""
Soft-thresholding, exact and approximate
========================================

Where the Hessian is diagonal the L1 penalty acts on each coefficient alone: it is moved
toward 0 by λ/Hᵢᵢ, and is 0 if it was smaller than that. ``hessian="diagonal"`` takes this
formula as an approximation where features are correlated, ``hessian="pca"`` applies it along
the eigenvectors, where it is exact, and ``hessian="full"`` solves the lasso itself.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from skreg import QuadraticApproxLasso
from skreg.plotting import SoftThresholdDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)

# %%
# By the formula every coefficient lies on the line.

diagonal = QuadraticApproxLasso(alpha=10.0, hessian="diagonal").fit(X, y)
SoftThresholdDisplay.from_estimator(diagonal).ax_.set_title("hessian='diagonal'", pad=55)
plt.show()

# %%
# The lasso itself: what is off the line is there because features are correlated. ``s1`` and
# ``s2`` have large coefficients of opposite signs without a penalty; the lasso, which pays for
# both, does without them.

full = QuadraticApproxLasso(alpha=10.0).fit(X, y)
SoftThresholdDisplay.from_estimator(full).ax_.set_title("hessian='full'", pad=55)
plt.show()

# %%
# What the approximation costs: the objective at its solution and at the exact one, on the
# training rows.


def objective(lasso):
    """Half the mean squared error, and the penalty."""
    return ((y - lasso.predict(X)) ** 2).mean() / 2 + 10.0 * abs(lasso.coef_).sum()


print(f"diagonal: {objective(diagonal):.1f}, full: {objective(full):.1f}")
