"""The tables: scikit-learn's, and files of ``benchmarks/data``; its README has the sources."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

DATA = Path(__file__).parents[1] / "data"
BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")
REGRESSIONS = (
    "Bikeshare", "CPS1988", "LucasHouses", "NOxEmissions", "Sacramento", "Servo", "ames",
    "check_times", "concrete", "diabetes", "diamonds", "tecator",
)  # fmt: skip
#: Prices, wages and times: what is predicted is their logarithm.
LOGARITHMS = ("CPS1988", "LucasHouses", "Sacramento", "ames", "check_times", "diamonds")


class Table(NamedTuple):
    name: str
    X: pd.DataFrame
    y: pd.Series
    is_class: bool


def load(name):
    """A `Table` by its name."""
    from sklearn import datasets

    if name in BUNDLED:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        X, y = bunch.data, bunch.target
    else:
        (path,) = DATA.glob(f"{name}.csv.*")
        # Without the default list of missing values: "None" is a category here.
        X = pd.read_csv(path, keep_default_na=False)
        y = X.pop("target")
    if name in LOGARITHMS:
        y = np.log(y)
    return Table(name, X, y, name not in REGRESSIONS)


def tables(quick=False):
    """All of them, those of fewer numbers first."""
    names = [path.name.split(".")[0] for path in DATA.glob("*.csv.*")]
    found = sorted(map(load, [*names, *BUNDLED]), key=lambda table: table.X.size)
    return found[:3] if quick else found
