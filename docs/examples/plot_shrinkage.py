"""
Spectral shrinkage: which directions survive
============================================

Along the eigenvectors of the Hessian H = QΣQᵀ an L2 penalty multiplies each coordinate of θ̂
by σᵢ/(σᵢ+λ). Directions in which the data say much (σᵢ ≫ λ) keep what they have; those in
which the data say little (σᵢ ≪ λ) go to 0. The sum of the factors is the effective degrees of
freedom.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import QuadraticApproxRidge
from skreg.plotting import ShrinkageDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), QuadraticApproxRidge(alpha=0.1)).fit(X, y)
ridge = model[-1]

# %%
# The ticks at the bottom are the ten eigenvalues. The smallest, about 0.009, is the direction in
# which the blood serum measurements nearly repeat each other: λ = 0.1 leaves less than a tenth
# of it.

display = ShrinkageDisplay.from_estimator(ridge, alphas=[1.0, 0.1, 0.01])
plt.show()

# %%
# The same from the coefficients: rotate θ̂ and θ(λ) into the eigenvectors and divide.

vectors = ridge.quadratic_.spectrum.vectors
ratio = (ridge.coef_ @ vectors) / (ridge.erm_coef_ @ vectors)
np.testing.assert_allclose(ratio, display.factors[1])
print(np.round(ratio, 3))
