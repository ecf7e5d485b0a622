"""Displays hold their arrays without matplotlib; only `plot` wants it, and says where from."""

import subprocess
import sys

import numpy as np
import pytest

from skreg import plotting

DISPLAYS = {
    "LearningCurvesDisplay": {
        "alphas": [1.0],
        "train": np.ones((1, 1, 2)),
        "validation": np.ones((1, 1, 2)),
    },
    "NetworkDisplay": {"coefs": [np.ones((2, 1))]},
    "PenaltyGeometryDisplay": {"hessian": np.eye(2), "minimizer": [1.0, 2.0], "alpha": 1.0},
    "RegularizationPathDisplay": {
        "alphas": [1.0],
        "coefs": [[1.0]],
        "dof": [1.0],
        "norms": [1.0],
    },
    "SearchDisplay": {"alphas": [1.0], "scores": [1.0], "best_alpha": 1.0},
    "ShrinkageDisplay": {"eigenvalues": [1.0], "alphas": [1.0]},
    "SoftThresholdDisplay": {"erm_coefs": [1.0], "coefs": [0.5], "curvatures": [1.0], "alpha": 0.5},
}


def test_every_display_is_here():
    assert sorted(plotting.__all__) == sorted(DISPLAYS)


@pytest.mark.parametrize("name", DISPLAYS)
def test_plot_returns_itself_and_draws(name):
    display = getattr(plotting, name)(**DISPLAYS[name])
    assert display.plot() is display
    display.figure_.canvas.draw()


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_plot_names_the_extra(name, monkeypatch):
    display = getattr(plotting, name)(**DISPLAYS[name])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=rf"{name}\.plot needs matplotlib.*pip install matplotlib"
    ):
        display.plot()


def test_displays_are_there_after_importing_skreg_and_matplotlib_is_not():
    code = """
import sys, skreg
assert not {"skreg.plotting", "matplotlib"} & set(sys.modules)
assert {"plotting", "datasets"} <= set(dir(skreg))
skreg.plotting.SearchDisplay, skreg.datasets.make_playground
assert "matplotlib" not in sys.modules
try:
    skreg.plots
except AttributeError as error:
    assert "plots" in str(error)
else:
    sys.exit("no error")
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
