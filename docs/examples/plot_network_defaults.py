"""
Networks out of the box
=======================

A network should be good before anyone has tuned it. On real tables, 70 % of each for training,
``RegularizedMLPClassifier`` and ``RegularizedMLPRegressor`` meet boosted trees and the networks of
others: as they come, and with λ chosen by ``PathSearchCV``. Features are standardized, categories
one-hot encoded. It takes hours, so this page reads a run that is kept with the benchmarks in a
checkout, at whose root it runs; ``python -m benchmarks network-defaults`` repeats it.
"""

import json

import matplotlib.pyplot as plt
import pandas as pd

from benchmarks import experiment, network_candidates, network_defaults
from benchmarks.tabular import report

result = network_defaults.committed()
tables, fits = result["tables"], result["fits"]
takes_part = network_defaults.LINEUPS["As they come, without RealMLP"]
contenders = [name for name in report.contenders_of(fits) if takes_part(name)]

# %%
# Ranks by error, log loss and RMSE, 1 is best, averaged over the tables on which all have fits.

found = {m: report.measured(fits, tables, contenders, m) for m in report.MEASURES}
ranks = pd.DataFrame(
    {f"{measure} ({len(at)} tables)": report.mean_ranks(at) for measure, at in found.items() if at}
)
ax = ranks.plot.barh(figsize=(7, 4))
ax.invert_yaxis()
ax.set_xlabel("mean rank")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
ax.figure.set_layout_engine("constrained")
plt.show()

# %%
# Means over those tables. Root mean squared errors are in standard deviations of the target; the
# standard errors are over the seeds of splits and models.

pd.DataFrame(
    {
        measure: {
            name: f"{mean:.4f}" + ("" if error != error else f" ± {error:.4f}")
            for name, (mean, error) in averages.items()
        }
        for measure, at in found.items()
        if at
        for averages in [report.means(at)]
    }
)

# %%
# The seconds of processor that a fit takes in the mean, one thread, choice of λ included.

seconds = report.measured(fits, tables, contenders, "seconds")
pd.Series({name: mean for name, (mean, _) in report.means(seconds).items()}).round(2).to_frame("s")

# %%
# Table by table: log loss, or RMSE, in the mean over the seeds that a contender has; the least is
# bold.

rows = {}
for name, size in tables.items():
    measure = "log loss" if size["is_class"] else "RMSE"
    mine = pd.DataFrame([f for f in fits if f["table"] == name and measure in f])
    if len(mine):
        label = f"{name} ({size['n_samples']} × {size['n_features']}), {measure}"
        rows[label] = mine.groupby("contender")[measure].mean()
losses = pd.DataFrame(rows).T[report.contenders_of(fits)]
losses.style.format("{:.4g}", na_rep="–").highlight_min(axis=1, props="font-weight: bold")

# %%
# The defaults were chosen among candidates by inner folds of twelve tables
# (``python -m benchmarks network-candidates``), here by mean rank; … stands for one cycle of 50
# epochs, with batches of 32 and 100 units where nothing else is named.

path = experiment.OUTPUT / f"{network_candidates.NAME}.json"
inner = network_candidates.mean_ranks(json.loads(path.read_text(encoding="utf-8")))
pd.Series(inner, name="mean rank").sort_values().round(2).to_frame()

# %%
# What the inner folds say:
#
# - Fifty epochs of a rate that rises to 0.01 and falls again, with some weight decay, do better
#   than two hundred at a constant 0.001; without the decay they do not.
# - λ = 0.01 is better than 0.003 on some small tables with noisy labels and much worse where there
#   is more to learn: networks with ``alpha="auto"`` are ahead of all that have a fixed one.
# - Two layers of 128 units are better than 128 and 64, the defaults, for half as much time again.
# - L-BFGS is ahead on some of the smallest tables and behind on others; no rule by the number of
#   rows is to be read from that, so ``solver`` is "adam" at every size.
