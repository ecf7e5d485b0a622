"""
Wide data: which of a thousand genes predict the response?
==========================================================

300 patients, 1,200 genes, one number to predict: how well a tumor responds to a drug. With four
times more columns than rows, least squares fits any response perfectly and predicts nothing. A
penalty makes the problem solvable, and an L1 penalty also answers which genes matter. This tutorial
goes from raw counts to a report, and compares four penalties on the way.

The data are **simulated with the structure of a gene-expression study**: raw read counts whose
totals differ between samples, genes that move together in pathways, two laboratories, age. So we
can check at the end what no real study can: whether the genes found are the right ones.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.plotting import RegularizationPathDisplay, SearchDisplay

# %%
# The raw table
# -------------
# A row is a patient. The genes of a pathway share an unobserved activity, so their correlation is
# about one half. Twelve genes, four in each of three pathways, act on the response; age and the
# laboratory do too.


def simulate_study(n_patients=300, n_pathways=60, n_genes=20, seed=1):
    """Counts, age, laboratory and response; the pathway of each gene; the genes that act."""
    rng = np.random.default_rng(seed)
    pathway = np.repeat(np.arange(n_pathways), n_genes)
    acting = np.concatenate([p * n_genes + np.arange(4) for p in (7, 31, 44)])
    activity = rng.normal(size=(n_patients, n_pathways))
    level = rng.normal(6, 2, pathway.size)
    log_expression = level + 0.7 * activity[:, pathway]
    log_expression += 0.7 * rng.normal(size=log_expression.shape)
    laboratory = rng.integers(0, 2, n_patients)
    age = rng.normal(60, 10, n_patients).round()
    effect = np.repeat([0.5, -0.5, 0.5], 4)
    response = 50 + 2 * log_expression[:, acting] @ effect + 0.1 * age + 2 * laboratory
    response += rng.normal(0, 2.0, n_patients)
    depth = rng.lognormal(0, 0.4, n_patients)  # reads differ from sample to sample
    counts = rng.poisson(
        depth[:, None] * 2**log_expression * rng.gamma(10, 0.1, log_expression.shape)
    )
    genes = [f"gene_{i:04d}" for i in range(pathway.size)]
    table = pd.DataFrame(counts, columns=genes)
    table.insert(0, "response", response.round(1))
    table.insert(1, "age", age)
    table.insert(2, "laboratory", np.where(laboratory, "B", "A"))
    return table, pathway, [genes[i] for i in acting]


table, pathway, acting = simulate_study()
table.iloc[:5, :8]

# %%
# From counts to features
# -----------------------
# A sample that was sequenced twice as deeply has twice the counts of everything. Counts per million
# take that out; their logarithm turns factors into differences. Genes that are hardly ever read are
# noise, and are left out. None of this looks at the response, nor at other patients, so it may be
# done before the data are split.

genes = [name for name in table if name.startswith("gene")]
per_million = 1e6 * table[genes].div(table[genes].sum(axis=1), axis=0)
is_read = ((table[genes] >= 10).mean() >= 0.5).to_numpy()
expression = np.log2(1 + per_million).loc[:, is_read]
clinical = pd.DataFrame({"age": table["age"], "laboratory_B": (table["laboratory"] == "B") * 1.0})
X = pd.concat([clinical, expression], axis=1)
y = table["response"]
print(f"{is_read.sum()} of {len(genes)} genes are read often enough")

# %%
# A third of the patients is put aside until the end. Everything that is chosen, the kind of model
# included, is chosen on the others.

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=100, random_state=0)

# %%
# Four penalties, one search each
# -------------------------------
# Age and laboratory are not candidates: the model has to adjust for them, so they get a penalty
# factor of 0 and are never left out. Scaling is a step of the Pipeline, so that each fold is scaled
# by its own training rows.
#
# The ridge keeps every gene, the lasso selects single genes, the elastic net keeps correlated genes
# together, and the group penalty keeps or drops whole pathways. Each has a path of 40 values of λ
# in each of five folds, the same folds for all. The grid of the pathways is given, and ends
# earlier: at smaller λ nearly every pathway is in, which takes longest and predicts worst.

is_gene = np.r_[0.0, 0.0, np.ones(expression.shape[1])]
groups = np.r_[-2, -1, pathway[is_read]]  # age and laboratory are groups of their own
in_group = np.r_[0.0, 0.0, np.ones(len(np.unique(groups)) - 2)]
penalties = {
    "ridge": QuadraticApproxRidge(penalty_factors=is_gene),
    "lasso": QuadraticApproxLasso(penalty_factors=is_gene),
    "elastic net": QuadraticApproxLasso(penalty_factors=is_gene, l1_ratio=0.5),
    "pathways": QuadraticApproxLasso(penalty_factors=in_group, groups=groups),
}
folds = KFold(5, shuffle=True, random_state=0)
grids = dict.fromkeys(penalties, 40) | {"pathways": np.geomspace(2.2, 0.1, 25)}
searches, rows = {}, {}
for name, estimator in penalties.items():
    search = PathSearchCV(
        make_pipeline(StandardScaler(), estimator), grids[name], cv=folds, selection="1se"
    )
    searches[name] = search.fit(X_train, y_train)
    scores = search.to_frame()
    best = scores["mean_test_score"].argmax()
    rows[name] = {
        "best R²": scores["mean_test_score"].iloc[best],
        "± s.e.": scores["std_error_score"].iloc[best],
        "R² at 1 s.e.": search.best_score_,
        "genes at 1 s.e.": np.count_nonzero(search.best_estimator_[-1].coef_[2:]),
    }
pd.DataFrame(rows).T.round(2)

# %%
# The one-standard-error rule
# ---------------------------
# The curve of the lasso is flat around its maximum: many λ predict equally well as far as 200
# patients can tell. The *one-standard-error rule* (``selection="1se"``) takes the largest λ among
# these, and with it the fewest genes. It costs next to nothing in R² and makes a list that is
# shorter and less accidental.

display = SearchDisplay.from_search(searches["lasso"])
display.ax_.set_title("Lasso: cross-validated R²")
plt.show()

# %%
# On the path of coefficients, age and laboratory are there from the start, as they are not
# penalized, and genes enter one after the other. Those in gray at small λ fit the noise of these
# patients.

lasso = searches["lasso"]
RegularizationPathDisplay.from_search(lasso, n_labels=8)
plt.show()

# %%
# Would other patients give the same genes?
# -----------------------------------------
# A list of genes without a statement of its stability is not worth much: among correlated genes the
# lasso picks one almost by chance. *Stability selection* (Meinshausen & Bühlmann, 2010) fits the
# lasso to many random halves of the patients and counts how often each gene is selected. λ stays as
# it was chosen.

model = make_pipeline(
    StandardScaler(), QuadraticApproxLasso(alpha=lasso.best_alpha_, penalty_factors=is_gene)
)
rng = np.random.default_rng(0)
halves = [rng.permutation(len(X_train))[: len(X_train) // 2] for _ in range(60)]
selected = [model.fit(X_train.iloc[half], y_train.iloc[half])[-1].coef_ != 0 for half in halves]
frequency = (
    pd.Series(np.mean(selected, axis=0), index=X.columns).iloc[2:].sort_values(ascending=False)
)

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
top = frequency.head(20)
ax.barh(top.index, top, color=["C3" if name in acting else "0.7" for name in top.index])
ax.axvline(0.6, color="black", linestyle=":", linewidth=1)
ax.invert_yaxis()
ax.set_xlabel("share of random halves in which the gene is selected")
ax.set_title("Red: genes that act (known by simulation)")
plt.show()

# %%
# Genes above the dotted line, selected in at least 60 % of the halves, are reported as stable.
#
# The test patients
# -----------------
# Only now are the 100 patients put aside looked at. R² of so few patients is uncertain itself; a
# bootstrap over the patients says how much.


def r2_of_tests(search, n_draws=1000):
    """R² on the test patients and its 95 % interval over bootstrap draws of them."""
    residual = (y_test - search.predict(X_test)).to_numpy()
    target = y_test.to_numpy()
    draws = np.random.default_rng(0).integers(0, len(target), (n_draws, len(target)))
    r2 = 1 - (residual[draws] ** 2).sum(axis=1) / (target[draws].var(axis=1) * len(target))
    return search.score(X_test, y_test), *np.quantile(r2, [0.025, 0.975])


report = pd.DataFrame({name: r2_of_tests(search) for name, search in searches.items()}).T
report.columns = ["test R²", "from", "to"]
report.round(2)

# %%
# Report
# ------

stable = frequency.index[frequency >= 0.6]
coefficients = pd.Series(lasso.best_estimator_[-1].coef_, index=X.columns)
n_used = np.count_nonzero(coefficients.iloc[2:])
score, low, high = report.loc["lasso"]
print(
    f"""The lasso, λ = {lasso.best_alpha_:.2f} by five folds and the rule of one standard error,
predicts the response of 100 new patients with R² = {score:.2f} (95 %: {low:.2f} to {high:.2f}).
It uses {n_used} of {expression.shape[1]} genes, adjusted for age and laboratory.
{len(stable)} genes were selected in at least 60 % of 60 random halves of the patients.

gene         selected   change of the response per standard deviation"""
)
for name in stable:
    print(f"{name}     {frequency[name]:4.0%}     {coefficients[name]:+.2f}")

# %%
# What the simulation tells on top: which of these genes are among the twelve that act.

found = [name for name in stable if name in acting]
unread = [name for name in acting if name not in X]
pathway_of = dict(zip(genes, pathway, strict=True))
others = [name for name in stable if name not in acting]
assert {pathway_of[name] for name in others} <= {pathway_of[name] for name in acting}
print(
    f"{len(found)} of the {len(stable)} stable genes act on the response; 12 act in all, "
    f"of which {len(unread)} were read too rarely.\n"
    f"The other {len(others)} belong to the same three pathways."
)

# %%
# So the false ones are false only by a little: where a gene that acts was not measured well, genes
# of its pathway stand in for it.
#
# **What to keep in mind.** Coefficients of a lasso are shrunk toward 0: they rank genes, and are
# no estimates of the sizes of effects. A gene that is selected may stand for a correlated one of
# its pathway; if the pathway is the question, the group penalty answers it directly. And the
# frequencies say how stable a selection is, not how probable it is that a gene acts.
#
# **Read on.** :doc:`/choosing-lambda` for the rule and its alternatives,
# :doc:`/guide/soft-thresholding` for why the lasso selects, :doc:`/linear-models` for groups and
# penalty factors, and :doc:`/bibliography` for the sources: the lasso (Tibshirani, 1996), the
# elastic net (Zou & Hastie, 2005), groups (Yuan & Lin, 2006), the rule (Breiman et al., 1984),
# stability selection (Meinshausen & Bühlmann, 2010).
