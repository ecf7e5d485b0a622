"""
Choosing λ
==========

`skreg.PathSearchCV` scores every λ on every fold for the price of a path a fold. The picture
shows the mean score with its standard error, the best λ, and the largest within one standard
error of it: a simpler model that the data cannot tell from the best.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.preprocessing import PolynomialFeatures

from skreg import PathSearchCV, QuadraticApproxLasso
from skreg.plotting import RegularizationPathDisplay, SearchDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
products = PolynomialFeatures(2, include_bias=False).set_output(transform="pandas")
X = products.fit_transform(X)
X = (X - X.mean()) / X.std()
print(X.shape)

search = PathSearchCV(QuadraticApproxLasso(), cv=KFold(10, shuffle=True, random_state=0))
search.fit(X, y)
SearchDisplay.from_search(search)
plt.show()

# %%
# The upper axis counts the coefficients that are left. What they are is on the path of all rows,
# with the same λ marked.

RegularizationPathDisplay.from_search(search, n_labels=8)
plt.show()

print(f"best: λ = {search.best_params_['alpha']:.3g}")
print(f"one standard error: λ = {search.alpha_one_std_err_:.3g}")
