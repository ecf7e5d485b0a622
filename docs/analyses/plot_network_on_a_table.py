"""
A network on a table: is a tumor malignant, and is the network worth it?
========================================================================

569 tumors, thirty measurements of the nuclei of their cells, and a diagnosis: the Wisconsin breast
cancer data, which come with scikit-learn. They are **real data**. This tutorial trains a network,
chooses its weight decay λ, compares it with a linear model as one should, and looks at what a
doctor would ask about: are the probabilities right, and what are they based on?
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, QuadraticApproxRidgeClassifier, RegularizedMLPClassifier

# %%
# The raw table
# -------------
# Ten measurements of each nucleus are summarized by their mean over the nuclei, its standard error,
# and the mean of the three largest ("worst"). In scikit-learn's coding 0 is malignant; we turn it
# around, so that a probability is that of a malignant tumor.

data = load_breast_cancer(as_frame=True)
X, y = data.data, (data.target == 0).map({True: "malignant", False: "benign"})
pd.concat([X.iloc[:, [0, 10, 20, 3, 13, 23]], y.rename("diagnosis")], axis=1).head()

# %%
# What we should know before any model: are values missing, how frequent are the classes, and how
# different are the scales? Areas go to thousands, fractal dimensions to a tenth. A penalty on the
# weights treats all columns alike only if they are on one scale, so a ``StandardScaler`` comes
# first.

print(f"{X.isna().sum().sum()} values are missing; {(y == 'malignant').mean():.0%} are malignant")
print(f"standard deviations range from {X.std().min():.4f} to {X.std().max():.0f}")

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)

# %%
# λ by cross-validation
# ---------------------
# The network keeps its defaults; only λ is chosen. The score is the *log loss*, which judges
# probabilities: it sees the difference between 51 % and 99 %, which a count of errors does not.
# Five folds are drawn twice, as 398 rows are few. The same search, with the same folds, chooses λ
# of a ridge classifier, the linear model that the network has to beat.

folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
searches = {
    "network": PathSearchCV(
        make_pipeline(StandardScaler(), RegularizedMLPClassifier(random_state=0)),
        np.geomspace(0.3, 1e-5, 10),
        cv=folds,
        scoring="neg_log_loss",
    ),
    "ridge": PathSearchCV(
        make_pipeline(StandardScaler(), QuadraticApproxRidgeClassifier()),
        np.geomspace(0.3, 1e-5, 30),
        cv=folds,
        scoring="neg_log_loss",
    ),
}
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for name, search in searches.items():
    scores = search.fit(X_train, y_train).to_frame()
    ax.plot(scores.index, -scores["mean_test_score"], ".-", label=name)
    ax.plot(search.best_alpha_, -search.best_score_, "ko")
ax.set_xscale("log")
ax.set_ylim(0.04, 0.2)
ax.set_xlabel("λ")
ax.set_ylabel("log loss, mean over folds")
ax.legend()
plt.show()

# %%
# Both curves fall and rise again: too large a λ and the model cannot fit, too small a λ and it is
# too sure of itself.
#
# Is the network better?
# ----------------------
# Folds differ in difficulty, for both models alike. So the models are compared fold by fold.
# Training parts overlap, which the plain standard error ignores; the factor of Nadeau & Bengio
# (2003) allows for it.

per_fold = {
    name: np.array(
        [search.cv_results_[f"split{i}_test_score"][search.best_index_] for i in range(10)]
    )
    for name, search in searches.items()
}
gain = per_fold["network"] - per_fold["ridge"]
error = np.sqrt((1 / 10 + 1 / 4) * gain.var(ddof=1))
print(
    f"the network's log loss is lower by {gain.mean():.4f} ± {error:.4f}, "
    f"in {(gain > 0).sum()} of 10 folds"
)

# %%
# A difference of less than one standard error: these rows cannot tell the two apart. The honest
# conclusion is to use the ridge unless there is a reason for the network. We go on with both.
#
# Test rows
# ---------
# The 171 tumors put aside were not looked at so far. Intervals come from bootstrap draws of these
# rows.

is_malignant = (y_test == "malignant").to_numpy()
probability = {name: search.predict_proba(X_test)[:, 1] for name, search in searches.items()}
assert all(search.classes_[1] == "malignant" for search in searches.values())


def with_interval(metric, p, n_draws=400):
    """A metric of probabilities with its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(p), len(p)) for _ in range(n_draws))
    low, high = np.quantile([metric(is_malignant[d], p[d]) for d in draws], [0.025, 0.975])
    return f"{metric(is_malignant, p):.3f} ({low:.3f} to {high:.3f})"


metrics = {"log loss": log_loss, "Brier score": brier_score_loss, "ROC AUC": roc_auc_score}
report = pd.DataFrame(
    {
        name: {m: with_interval(metric, p) for m, metric in metrics.items()}
        for name, p in probability.items()
    }
)
report.head()

# %%
# Are the probabilities right?
# ----------------------------
# Of the tumors that are given about 30 %, about 30 % should be malignant. With 171 tumors only a
# few groups can be checked, so we take five of them, and look beside the network with the chosen λ
# at one without weight decay.

undecayed = make_pipeline(StandardScaler(), RegularizedMLPClassifier(alpha=0.0, random_state=0))
probability["network, λ = 0"] = undecayed.fit(X_train, y_train).predict_proba(X_test)[:, 1]

figure, (ax, below) = plt.subplots(
    2, 1, figsize=(6, 6), height_ratios=[2, 1], sharex=True, layout="constrained"
)
edges = np.array([0, 0.05, 0.3, 0.7, 0.95, 1.0])
for shift, (name, p) in zip((-0.012, 0.0, 0.012), probability.items(), strict=True):
    group = np.digitize(p, edges[1:-1])
    of_group = pd.DataFrame({"p": p, "y": is_malignant}).groupby(group)
    mean, count = of_group.mean(), of_group.size()
    # Wilson's interval of a share.
    center = (mean["y"] + 2 / count) / (1 + 4 / count)
    half = 2 * np.sqrt(mean["y"] * (1 - mean["y"]) / count + 1 / count**2) / (1 + 4 / count)
    bars = np.abs(np.array([mean["y"] - (center - half), (center + half) - mean["y"]]))
    ax.errorbar(mean["p"] + shift, mean["y"], yerr=bars, fmt="o", capsize=2, label=name)
    below.hist(p, bins=20, range=(0, 1), histtype="step", linewidth=1.5)
ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
ax.set_ylabel("share that is malignant")
ax.legend()
below.set_yscale("log")
below.set_ylabel("tumors")
below.set_xlabel("predicted probability")
plt.show()

for name, p in probability.items():
    furthest = abs(p - is_malignant).max()
    print(f"{name:16} log loss {log_loss(is_malignant, p):.3f}; off by {furthest:.4f} at most")

# %%
# The groups in the middle hold a handful of tumors each, and their intervals are long: no more can
# be said of them. What can be said is at the ends, where most tumors are. Without weight decay the
# network is nearly always certain, and a few times it is certain and wrong: these few tumors make
# nearly all of its log loss. Weight decay is what keeps it from such certainty.
#
# What are the predictions based on?
# ----------------------------------
# The columns are strongly correlated: radius, perimeter and area are nearly the same quantity.
# Permuting one of them tells little, as the others stand in for it. So all three columns of a
# measurement are permuted together, on the test rows, and the log loss that this costs is the
# importance of the measurement.

names = [name.removeprefix("mean ") for name in X.columns[:10]]
size = ["radius", "perimeter", "area"]
blocks = {"radius, perimeter, area": [c for c in X if any(word in c for word in size)]}
blocks |= {name: [c for c in X if name in c] for name in names if name not in size}
assert sum(len(columns) for columns in blocks.values()) == X.shape[1]

rng = np.random.default_rng(0)
orders = [rng.permutation(len(X_test)) for _ in range(30)]
importance = pd.DataFrame(index=blocks, columns=["network", "ridge"], dtype=float)
for name, search in searches.items():
    before = log_loss(is_malignant, probability[name])
    for block, columns in blocks.items():
        losses = []
        for order in orders:
            mixed = X_test.copy()
            mixed[columns] = X_test[columns].to_numpy()[order]
            losses.append(log_loss(is_malignant, search.predict_proba(mixed)[:, 1]))
        importance.loc[block, name] = np.mean(losses) - before

importance.sort_values("network").plot.barh(
    figsize=(7, 4), xlabel="log loss that permuting it costs"
)
plt.gcf().set_layout_engine("constrained")
plt.show()

# %%
# Report
# ------

network = searches["network"]
predicted = network.predict(X_test)
(correct_benign, false_alarms), (missed, found) = confusion_matrix(y_test, predicted)
first, second = network.best_estimator_[-1].hidden_layer_sizes
strongest = importance["network"].sort_values(ascending=False).index[:2]
print(
    f"""A network with hidden layers of {first} and {second} units and weight decay,
λ = {network.best_alpha_:.2g} chosen on {len(X_train)} tumors.
On {len(X_test)} others:
- ROC AUC {report.loc["ROC AUC", "network"]}, log loss {report.loc["log loss", "network"]}.
- At a threshold of one half it finds {found} of {found + missed} malignant tumors,
  with {false_alarms} false alarms among {correct_benign + false_alarms}.
- It rests most on {strongest[0]}, then on {strongest[1]}.
- A linear model does as well: log loss {report.loc["log loss", "ridge"]}; in cross-validation the
  network is ahead by {gain.mean():.3f} ± {error:.3f}. For these data we recommend the linear model,
  which is easier to explain."""
)

# %%
# **What to keep in mind.** A threshold of one half treats a missed tumor and a false alarm as
# equally bad, which they are not: lower it, on training rows, to what the costs say. Importances
# are those of a model on these rows, not causes. And the tumors come from one hospital.
#
# **Read on.** :doc:`/guide/weight-decay` and :doc:`/guide/networks` for what λ does in a network,
# :doc:`/choosing-lambda` for searches, :doc:`plot_images` for a problem in which a network is worth
# it, and :doc:`/bibliography` for the sources: the data (Street, Wolberg & Mangasarian, 1993),
# standard errors of cross-validation (Nadeau & Bengio, 2003), intervals of shares (Wilson, 1927),
# permutation (Breiman, 2001).
