"""
Images: how many pixels does a digit need?
==========================================

Handwritten digits, the part of MNIST that comes with the package: 5,000 images to learn from, 1,000
images by other writers to be judged on. They are **real data**. This tutorial chooses λ of a
network on images, then asks a sparse network which pixels it needs, and reports both with the
uncertainty of a thousand test images.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import confusion_matrix

from skreg import PathSearchCV, RegularizedMLPClassifier
from skreg.datasets import load_mnist_subset

# %%
# The raw table
# -------------
# A row is an image, a column is one of 28 × 28 pixels, from 0 for paper to 255 for ink.

train, test = load_mnist_subset(), load_mnist_subset(subset="test")
X_train, y_train = train.data, train.target
X_test, y_test = test.data, test.target
print(f"{X_train.shape[0]:,} × {X_train.shape[1]}, values {X_train.min()} to {X_train.max()}")
print(f"pixels that are paper in every training image: {(X_train.max(axis=0) == 0).sum()}")

figure, axes = plt.subplots(2, 10, figsize=(8, 2), layout="constrained")
for ax, i in zip(axes.T.ravel(), np.argsort(y_train, kind="stable")[::250], strict=True):
    ax.imshow(train.images[i], cmap="gray_r")
    ax.axis("off")
plt.show()

# %%
# Scaling
# -------
# Pixels share a unit, so all are divided by 255, and nothing else. To standardize each of them
# would blow up those at the border, which are ink in three images of 5,000, into the largest
# numbers of the table. Single precision halves the time and costs no accuracy here.

X_train, X_test = (X / np.float32(255) for X in (X_train, X_test))

# %%
# λ by cross-validation
# ---------------------
# Three folds suffice for 5,000 rows. The networks of all λ and folds are trained side by side, one
# on each core.

network = RegularizedMLPClassifier((128,), max_iter=15, random_state=0)
dense = PathSearchCV(network, [3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 0.0], cv=3).fit(X_train, y_train)
scores = dense.to_frame()
pd.DataFrame(
    {
        "error": 100 * (1 - scores["mean_test_score"]),
        "± s.e.": 100 * scores["std_error_score"],
    }
).round(2)

# %%
# Errors are in percent. From λ = 0.003 down they differ by less than their standard errors: these
# data need some weight decay or none, and cannot tell. This is worth knowing before anybody tunes λ
# to the third digit; where labels are wrong now and then, λ matters far more (run ``python -m
# skreg`` to see it).
#
# Which pixels?
# -------------
# A group penalty on the inputs, ``penalty="group_log", groups="inputs"``, holds all weights that
# leave a pixel together: the pixel is used by the network, or not at all. λ is now a price for a
# pixel, and we look at error and number of pixels side by side.

sparse_network = RegularizedMLPClassifier(
    (128,), penalty="group_log", groups="inputs", max_iter=15, random_state=0
)
alphas = np.geomspace(0.02, 2e-4, 7)
sparse = PathSearchCV(sparse_network, alphas, cv=3, selection="1se").fit(X_train, y_train)

# %%
# The search keeps scores, not the number of pixels; we count those of a fit to all rows for each λ.

fits = [clone(sparse_network).set_params(alpha=alpha).fit(X_train, y_train) for alpha in alphas]
n_pixels = np.array([len(fit.selected_features_) for fit in fits])
scores = sparse.to_frame()

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
error = 100 * (1 - scores["mean_test_score"])
ax.errorbar(n_pixels, error, yerr=100 * scores["std_error_score"], marker="o", capsize=3)
chosen = sparse.best_index_
ax.plot(
    n_pixels[chosen], error.iloc[chosen], "ko", markersize=9, fillstyle="none", markeredgewidth=1.5
)
ax.set_xscale("log")
ax.set_xticks(n_pixels[:-1], n_pixels[:-1])
ax.minorticks_off()
ax.set_xlabel("pixels in use")
ax.set_ylabel("cross-validated error in %")
ax.set_title(f"Within one standard error of the best: {n_pixels[chosen]} pixels")
plt.show()

# %%
# Where they are: every pixel in use, as dark as the norm of its weights, for three of the λ. The
# fewest pixels stand apart from each other, since neighbors say nearly the same.

shown = [0, 2, chosen]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
axes[0].imshow(X_train.mean(axis=0).reshape(28, 28), cmap="gray_r")
axes[0].set_title("mean image", fontsize=10)
for ax, i in zip(axes[1:], shown, strict=True):
    norms = np.linalg.norm(fits[i].coefs_[0], axis=1).reshape(28, 28)
    ax.imshow(norms, cmap="gray_r")
    ax.set_title(f"λ = {alphas[i]:.2g}: {n_pixels[i]} pixels", fontsize=10)
for ax in axes:
    ax.set_xticks([])
    ax.set_yticks([])
plt.show()

# %%
# The sparse network is also small. ``compress`` leaves out what is not used, and gives the same
# predictions.

compressed = sparse.best_estimator_.compress()
used = sparse.best_estimator_.selected_features_
assert (compressed.predict(X_test) == sparse.predict(X_test)).all()
n_weights = {
    name: int(sum(np.count_nonzero(W) for W in estimator.coefs_))
    for name, estimator in (("dense", dense.best_estimator_), ("sparse", compressed))
}
print(n_weights)

# %%
# Test images
# -----------
# The test images were not used for any choice. An error of k in 1,000 has Wilson's interval; the
# difference of two networks is judged image by image, by those on which exactly one of them is
# right.


def wilson(k, n, z=1.96):
    """95 % interval of a share, in percent."""
    center, half = k + z**2 / 2, z * np.sqrt(k * (n - k) / n + z**2 / 4)
    return 100 * (center - half) / (n + z**2), 100 * (center + half) / (n + z**2)


wrong = {
    name: search.predict(X_test) != y_test
    for name, search in (("dense", dense), ("sparse", sparse))
}
for name, is_wrong in wrong.items():
    low, high = wilson(is_wrong.sum(), len(y_test))
    print(f"{name:7} {100 * is_wrong.mean():.1f} % wrong ({low:.1f} to {high:.1f} %)")
difference = wrong["sparse"].astype(int) - wrong["dense"]
standard_error = 100 * difference.std() / np.sqrt(len(difference))
print(f"difference: {100 * difference.mean():.1f} ± {standard_error:.1f} points")

# %%
# Which digits are confused, and what do the mistakes look like that the sparse network is surest
# of?

figure, panels = plt.subplot_mosaic(
    [["c", "c", "c", 0, 1, 2], ["c", "c", "c", 3, 4, 5], ["c", "c", "c", 6, 7, 8]],
    figsize=(9, 4.6),
    layout="constrained",
)
ax, *others = panels.values()
counts = confusion_matrix(y_test, sparse.predict(X_test))
mistakes = counts * (1 - np.eye(10, dtype=int))
ax.imshow(mistakes, cmap="Reds")
for i, j in zip(*np.nonzero(mistakes), strict=True):
    color = "white" if mistakes[i, j] > 4 else "black"
    ax.text(j, i, mistakes[i, j], ha="center", va="center", fontsize=9, color=color)
ax.set_xticks(range(10))
ax.set_yticks(range(10))
ax.set_xlabel("predicted")
ax.set_ylabel("true")
probabilities = sparse.predict_proba(X_test).max(axis=1)
surest = np.argsort(-probabilities * wrong["sparse"])[: len(others)]
for small, i in zip(others, surest, strict=True):
    small.imshow(test.images[i], cmap="gray_r")
    small.set_title(f"{y_test[i]}, taken for {sparse.predict(X_test[i : i + 1])[0]}", fontsize=9)
    small.axis("off")
plt.show()

# %%
# Report
# ------

percent = {name: 100 * is_wrong.mean() for name, is_wrong in wrong.items()}
interval = {
    name: "{:.1f} to {:.1f} %".format(*wilson(is_wrong.sum(), 1000))
    for name, is_wrong in wrong.items()
}
print(
    f"""Networks with 128 hidden units; λ by three folds of 5,000 images; 1,000 test images.
- All pixels: {percent["dense"]:.1f} % wrong, 95 % interval {interval["dense"]};
  {n_weights["dense"]:,} weights.
- {len(used)} of 784 pixels: {percent["sparse"]:.1f} % wrong, {interval["sparse"]};
  {n_weights["sparse"]:,} weights.
- The difference is {100 * difference.mean():.1f} ± {standard_error:.1f} points (standard error).
- With {n_pixels[0]} pixels the cross-validated error is {error.iloc[0]:.0f} %."""
)

# %%
# **What to keep in mind.** The pixels are those that *this* network uses; another seed takes some
# of their neighbors instead. A convolutional network does better on images; what is shown here,
# choosing λ and inputs, applies to any table with hundreds of correlated columns. And one seed is
# one draw: the experiment in :doc:`/gallery/plot_mnist_weight_decay` repeats its networks ten times
# before it compares them.
#
# **Read on.** :doc:`/guide/sparse-networks` for the penalty and its formula,
# :doc:`/guide/weight-decay`, :doc:`/choosing-lambda`, and :doc:`/bibliography` for the sources:
# groups in networks (Scardapane et al., 2017), the logarithmic penalty (Candès, Wakin & Boyd,
# 2008), MNIST (LeCun, Bottou, Bengio & Haffner, 1998), intervals (Wilson, 1927).
