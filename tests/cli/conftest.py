import io
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest

# A job that takes a second: few epochs, few folds, a small network, one thread.
SMALL = [
    *("--max-iter", "3"),
    *("--folds", "2"),
    *("--hidden", "4"),
    *("--alphas", "0.1", "0"),
    *("--jobs", "1"),
]


def mixed_table():
    """120 rows of numbers, categories, booleans, dates and gaps, with both kinds of target."""
    rng = np.random.default_rng(0)
    n = 120
    size = rng.normal(50, 10, n)
    color = rng.choice(["red", "green", "blue"], n)
    frame = pd.DataFrame(
        {
            "size": size,
            "rooms": rng.integers(1, 6, n),
            "color": color,
            "garden": rng.random(n) < 0.5,
            "sold": pd.date_range("2021-01-01", periods=n, freq="9D").strftime("%Y-%m-%d"),
            "note": [f"text number {i}" for i in range(n)],
            "empty": np.nan,
        }
    )
    frame["price"] = 3 * size + 20 * (color == "red") + rng.normal(0, 2, n)
    frame["kind"] = np.where(frame["price"] > frame["price"].median(), "dear", "cheap")
    frame.loc[::7, "size"] = np.nan
    frame.loc[::11, "color"] = None
    frame.loc[::13, "sold"] = None
    return frame


@pytest.fixture
def mixed():
    """The table."""
    return mixed_table()


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory):
    """A folder with the table, with a column ``zone``, and models of its price and its kind."""
    folder, frame = tmp_path_factory.mktemp("models"), mixed_table()
    places = np.arange(len(frame))
    frame["zone"] = np.where(places % 4, 10.0 * (places % 3), np.nan)
    data = str(folder / "all.csv")
    frame.to_csv(data, index=False)
    from skreg.cli import main

    for target, other in (("price", "kind"), ("kind", "price")):
        words = [data, "--target", target, "--drop", other, "--types", "zone=category", *SMALL]
        words += ["--quiet", "--save", str(folder / f"{target}.skreg")]
        with redirect_stdout(io.StringIO()):
            assert main(words) == 0
    return folder


@pytest.fixture
def small():
    """Options of a small job."""
    return list(SMALL)


@pytest.fixture
def failing(capsys):
    """Call ``main``, check that it ends with one line on stderr and code 2, return that line."""
    from skreg.cli import main

    def call(*argv):
        code = main([str(word) for word in argv])
        _, err = capsys.readouterr()
        assert code == 2
        assert err.startswith("skreg: error: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        return err

    return call
