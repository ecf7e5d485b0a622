"""
Insurance: claim counts with exposure, from policies to a tariff
================================================================

How many claims will a policy have in a year, and what will they cost? Policies are observed for
different lengths of time, most have no claim at all, and a few claims are large. This tutorial
models the frequency by a Poisson regression and the cost by a Tweedie regression, chooses λ, and
checks what an actuary checks: calibration and lift.

The portfolio is **simulated with the structure of a auto liability portfolio**: exposures of up to
a year, about one claim in ten years, effects of age and of density that are not lines. No real
portfolio was used, and the figures say nothing about real drivers.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.metrics import make_scorer, mean_poisson_deviance, mean_tweedie_deviance
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from skreg import PathSearchCV, QuadraticApproxRidge

# %%
# The raw table
# -------------
# A row is a policy: what is known when it is sold, how long it was in force (``exposure``, in
# years), how many claims it had in that time and what they cost in total.


def simulate_portfolio(n_policies=40_000, seed=0):
    """Policies with their exposure, claims and cost."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(9, 5, n_policies), 18, 90).round()
    density = rng.lognormal(5.5, 1.4, n_policies).round(1)
    table = pd.DataFrame(
        {
            "driver_age": age,
            "vehicle_age": rng.poisson(7, n_policies),
            "power": rng.integers(4, 13, n_policies),
            "density": density,
            "region": rng.choice(list("ABCDEFGH"), n_policies, p=np.arange(8, 0, -1) / 36),
            "fuel": rng.choice(["diesel", "gasoline"], n_policies),
            "exposure": np.minimum(rng.beta(1.2, 0.8, n_policies).round(3) + 0.003, 1.0),
        }
    )
    region = dict(zip("ABCDEFGH", rng.normal(0, 0.15, 8), strict=True))
    log_rate = -2.6 + 1.1 * np.exp(-(age - 18) / 7) + 0.15 * ((age - 50) / 20) ** 2
    log_rate += (
        0.12 * np.log(density / 250) + 0.03 * (table["power"] - 6) + table["region"].map(region)
    )
    rate = np.exp(log_rate) * rng.gamma(
        4, 1 / 4, n_policies
    )  # drivers differ in what nobody records
    table["claims"] = rng.poisson(rate * table["exposure"])
    mean_cost = 1500 * np.exp(0.04 * (table["power"] - 6) - 0.01 * table["vehicle_age"])
    shape = np.maximum(table["claims"], 1) * 0.8
    table["cost"] = np.where(table["claims"] > 0, rng.gamma(shape, mean_cost / 0.8), 0.0).round()
    return table


table = simulate_portfolio()
table.head()

# %%
# Before any model: the sums that everything else is measured against.

years, claims, cost = table["exposure"].sum(), table["claims"].sum(), table["cost"].sum()
print(
    f"{len(table):,} policies, {years:,.0f} years, {claims:,} claims: {claims / years:.3f} a year"
)
print(
    f"{(table['claims'] == 0).mean():.1%} have none; a claim costs {cost / claims:,.0f} on average"
)

train, test = train_test_split(table, test_size=0.3, random_state=0)

# %%
# Features
# --------
# The risk of a driver is high at 18, falls, and rises again: no line. Splines let the ridge bend
# it, and λ decides how much. Density spans four orders of magnitude, so its logarithm is used.
# Regions become one column each; λ pulls small regions, about which little is known, toward the
# average.

features = make_column_transformer(
    (SplineTransformer(n_knots=8, degree=3), ["driver_age", "vehicle_age"]),
    (OneHotEncoder(), ["region", "fuel"]),
    (StandardScaler(), ["power", "log_density"]),
    sparse_threshold=0.0,
)


def with_logs(policies):
    return policies.assign(log_density=np.log(policies["density"]))


train, test = with_logs(train), with_logs(test)

# %%
# Exposure: an offset or a weight
# -------------------------------
# A policy that was in force for half a year is expected to have half the claims. There are two ways
# to say so, and they are the same model: the counts with ``offset=log(exposure)``, or the rates,
# claims divided by exposure, with the exposure as weight. Only the scale of λ differs, by the mean
# exposure: the first objective is a mean over policies, the second one over years.

Z = features.fit_transform(train)
exposure, counts = train["exposure"].to_numpy(), train["claims"].to_numpy()
by_offset = QuadraticApproxRidge(alpha=1e-4 * exposure.mean(), loss="poisson")
by_offset.fit(Z, counts, offset=np.log(exposure))
by_weight = QuadraticApproxRidge(alpha=1e-4, loss="poisson")
by_weight.fit(Z, counts / exposure, sample_weight=exposure)
print(f"largest difference of a coefficient: {np.abs(by_offset.coef_ - by_weight.coef_).max():.1e}")

# %%
# Leaving the exposure out, or using it as a feature, is a different model, and a wrong one.
#
# λ by cross-validation
# ---------------------
# We take the form with weights, because then the weights go to the score as well: the *Poisson
# deviance* of the rates, weighted by exposure. It is what the model minimizes, and unlike R² it is
# meant for counts. The search is the last step of a Pipeline, which then takes raw policies. (Its
# first step does not look at the claims, so it may be fitted once, before the folds are made.)

frequency = make_pipeline(
    features,
    PathSearchCV(
        QuadraticApproxRidge(loss="poisson"),
        alphas=np.geomspace(1, 1e-7, 30),
        scoring="neg_mean_poisson_deviance",
    ),
)
frequency.fit(train, counts / exposure, pathsearchcv__sample_weight=exposure)
search = frequency[-1]
scores = search.to_frame()

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
error = -scores["mean_test_score"]
ax.errorbar(scores.index, error, yerr=scores["std_error_score"], marker=".", capsize=2)
ax.axvline(search.best_alpha_, color="black", linewidth=1)
ax.set_xscale("log")
ax.set_xlabel("λ")
ax.set_ylabel("Poisson deviance on the fold left out")
ax.set_title(f"The least deviance is at λ = {search.best_alpha_:.1e}")
plt.show()

# %%
# The bars, standard errors over folds, are long because folds differ in how many claims they have,
# which shifts the whole curve; the differences between λ are better known than that. Too large a λ
# gives everybody the same rate. To the left the curve is flat: with 28,000 policies and some thirty
# columns there is little to overfit, and a small λ does no harm. It would with regions by the
# thousand.
#
# What the model says
# -------------------
# The effect of age, all else equal, as a factor on the rate. The dots are what the table says by
# itself: claims a year in bands of five years of age, compared with the average. They mix age with
# everything that goes with it; the curve holds the rest fixed.

typical = {name: train[name].median() for name in ("vehicle_age", "power", "log_density")}
ages = pd.DataFrame({"driver_age": np.arange(18, 81)}).assign(
    **typical, region="A", fuel="gasoline"
)
rates = pd.Series(frequency.predict(ages), index=ages["driver_age"])
bands = train.groupby(train["driver_age"] // 5 * 5 + 2)[["claims", "exposure"]].sum().loc[17:80]
observed = bands["claims"] / bands["exposure"] / (claims / years)
average = np.average(rates[train["driver_age"].clip(upper=80)], weights=exposure)

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(rates / average, label="model")
ax.plot(observed, "o", color="0.6", label="table")
ax.axhline(1, color="0.8", linewidth=1)
ax.set_xlabel("age of the driver")
ax.set_ylabel("claims a year, average = 1")
ax.legend()
plt.show()

# %%
# Cost
# ----
# The cost of a year is 0 for most policies and positive for the others: a *Tweedie* distribution
# with a power between 1, Poisson, and 2, gamma. One regression of the cost a year, again weighted
# by exposure, gives the pure premium, the amount that covers the claims on average. We set the
# power to 1.6, a usual value; λ is chosen by the deviance of that power.

power = 1.6
premium = make_pipeline(
    features,
    PathSearchCV(
        QuadraticApproxRidge(loss="tweedie", power=power),
        alphas=np.geomspace(1000, 1e-4, 22),
        scoring=make_scorer(mean_tweedie_deviance, greater_is_better=False, power=power),
    ),
)
premium.fit(train, train["cost"] / exposure, pathsearchcv__sample_weight=exposure)
print(f"λ = {premium[-1].best_alpha_:.3g}")

# %%
# Is it right? Calibration
# ------------------------
# From here on, everything is measured on the 12,000 policies put aside. They are sorted by
# predicted rate into ten groups of equal exposure; in each, the claims that were expected should
# have come. Bars are 95 % intervals of a Poisson count.

expected = frequency.predict(test) * test["exposure"]
loss_cost = premium.predict(test) * test["exposure"]
judged = test.assign(expected=expected, premium=loss_cost, rate=expected / test["exposure"])


def in_tenths(policies, by):
    """Sums over ten groups of equal exposure, ordered by a column."""
    ordered = policies.sort_values(by)
    tenth = (ordered["exposure"].cumsum() / ordered["exposure"].sum() * 10).clip(upper=9.999)
    return ordered.groupby(tenth.astype(int))[["exposure", "claims", "expected"]].sum()


tenths = in_tenths(judged, "rate")
per_year = tenths.div(tenths["exposure"], axis=0)
spread = 1.96 * np.sqrt(tenths["claims"]) / tenths["exposure"]
figure, ax = plt.subplots(figsize=(5, 4.4), layout="constrained")
ax.errorbar(per_year["expected"], per_year["claims"], yerr=spread, fmt="o", capsize=3)
ax.axline((0.1, 0.1), slope=1, color="0.6", linewidth=1)
ax.set_xlabel("claims a year, expected")
ax.set_ylabel("claims a year, observed")
plt.show()

# %%
# The two highest tenths had fewer claims than expected, each by about two standard errors. One of
# ten would be no surprise; two are a hint that the highest rates are somewhat too high.
#
# In total, the intercept of a Poisson regression balances the claims of the training rows exactly;
# on new policies the balance is a test.

balance = test["claims"].sum() / expected.sum()
noise = 1.96 * np.sqrt(test["claims"].sum()) / expected.sum()
print(f"observed / expected claims: {balance:.3f} ± {noise:.3f} (95 %)")
print(f"observed / expected cost:   {test['cost'].sum() / loss_cost.sum():.3f}")

# %%
# Is it useful? Lift
# ------------------
# A model that gives everybody the same rate is calibrated as well. What it lacks is *lift*: good
# and bad risks are not told apart. Below is the share of all claims that falls on the policies with
# the lowest rates; the further the curve is below the diagonal, the better. Twice the area between
# them is the Gini index.

figure, ax = plt.subplots(figsize=(5, 4.4), layout="constrained")
gini = {}
for column, prediction in (("claims", "expected"), ("cost", "premium")):
    ordered = judged.iloc[np.argsort((judged[prediction] / judged["exposure"]).to_numpy())]
    share_of_years = np.r_[0, ordered["exposure"].cumsum() / ordered["exposure"].sum()]
    share = np.r_[0, ordered[column].cumsum() / ordered[column].sum()]
    gini[column] = 1 - 2 * np.trapezoid(share, share_of_years)
    ax.plot(share_of_years, share, label=f"{column}, Gini index {gini[column]:.2f}")
ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
ax.set_xlabel("share of the years insured, lowest rates first")
ax.set_ylabel("share of the claims or cost")
ax.legend()
plt.show()

# %%
# Report
# ------

rate_of_all = np.full(len(test), counts.sum() / exposure.sum())
by_year, weights = test["claims"] / test["exposure"], test["exposure"]
deviance = mean_poisson_deviance(by_year, expected / weights, sample_weight=weights)
baseline = mean_poisson_deviance(by_year, rate_of_all, sample_weight=weights)
low, high = per_year["claims"].iloc[[0, -1]]
print(
    f"""Claims: ridge on splines, Poisson loss, λ = {search.best_alpha_:.1e} by five folds.
Fitted to {len(train):,} policies; the figures are of {len(test):,} others.
- The deviance is {1 - deviance / baseline:.1%} below that of one rate for all.
- Observed / expected claims: {balance:.2f} ± {noise:.2f}.
- The tenth with the highest rates has {high / low:.1f} times the claims of the lowest tenth.
- Gini index {gini["claims"]:.2f} for claims, {gini["cost"]:.2f} for cost.
- At 18 drivers have {rates[18] / rates[50]:.1f} times the claims that they have at 50."""
)

# %%
# **What to keep in mind.** A few percent of the deviance is all that can be explained: whether a
# driver has an accident this year is mostly chance. The Poisson loss does not need Poisson data for
# its rates to be right; drivers differ here by more than the table tells, so only intervals would
# have to be wider. ``loss="negative_binomial"`` models that spread.
#
# **Read on.** :doc:`/linear-models` for the losses and their formulas, offsets and weights;
# :doc:`/choosing-lambda` for searches; :doc:`/bibliography` for the sources (Nelder & Wedderburn,
# 1972; Jørgensen, 1987; Cameron & Trivedi, 1986).
