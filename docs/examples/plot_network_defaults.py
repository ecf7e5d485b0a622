"""
Networks out of the box
=======================

A network should be good before anyone has tuned it. The defaults of ``RegularizedMLPClassifier``
and ``RegularizedMLPRegressor`` were chosen by nested cross-validation on twelve tables: candidates
compete on inner folds only, and what is reported is the outer folds, on which the network as it
comes meets scikit-learn's, linear models and boosted trees. Features are standardized, categories
one-hot encoded. It takes long, so this page reads a run that is kept with the benchmarks;
``python -m benchmarks network-defaults`` repeats it.
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

root = next(
    folder
    for folder in Path(globals().get("__file__", "here")).resolve().parents
    if (folder / "benchmarks" / "network_defaults.py").exists()
)
sys.path.append(str(root))

from benchmarks import network_defaults  # noqa: E402

path = root / "benchmarks" / "experiments" / "network-defaults.json"
result = json.loads(path.read_text(encoding="utf-8"))

# %%
# Ranks by the mean loss over the outer folds, 1 is best, averaged over the tables.

ranks = network_defaults.mean_ranks(result, "outer")
figure, ax = plt.subplots(figsize=(7, 2.4), layout="constrained")
ax.barh(list(ranks), list(ranks.values()))
ax.invert_yaxis()
ax.set_xlabel("mean rank")
plt.show()

# %%
# Log losses, and root mean squared errors of the two regressions; the least of a table is bold.

losses = pd.DataFrame(
    {
        f"{name} ({table['n_samples']} × {table['n_features']}), {table['loss']}": {
            contender: np.mean(folds) for contender, folds in table["outer"].items()
        }
        for name, table in result["tables"].items()
    }
).T
losses.style.format("{:.4g}").highlight_min(axis=1, props="font-weight: bold")

# %%
# The time that all fits took, choice of λ included, in seconds of processor.

seconds = {
    name: sum(np.sum(table["seconds"][name]) for table in result["tables"].values())
    for name in losses
}
pd.Series(seconds, name="seconds").round(1).to_frame()

# %%
# How the candidates for the defaults came out on the inner folds, by mean rank; … stands for one
# cycle of 50 epochs, with batches of 32 and 100 units where nothing else is named.

inner = network_defaults.mean_ranks(result, "inner")
pd.Series(inner, name="mean rank").sort_values().round(2).to_frame()

# %%
# What the inner folds say:
#
# - Fifty epochs of a rate that rises to 0.01 and falls again, with some weight decay, do better
#   than two hundred at a constant 0.001; without the decay they do not.
# - λ = 0.01 is better than 0.003 on some small tables with noisy labels and much worse where there
#   is more to learn: this is what ``PathSearchCV`` is for.
# - L-BFGS is ahead on some of the smallest tables and behind on others; no rule by the number of
#   rows is to be read from that, so ``solver`` is "adam" at every size.
