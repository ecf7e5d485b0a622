"""A plain `savefig` shows everything that displays draw, on their own figures and on the user's."""

import numpy as np
import pytest
from matplotlib import pyplot

from skreg import plotting

NAMES = ["a rather long name of the first", "a rather long name of the second"]
DISPLAYS = [
    plotting.NetworkDisplay(coefs=[np.ones((2, 1))], feature_names=NAMES),
    plotting.PenaltyGeometryDisplay(hessian=np.eye(2), minimizer=[1.0, 2.0], alpha=1.0),
    plotting.RegularizationPathDisplay(
        alphas=[1.0, 0.5], coefs=np.eye(2), dof=[1, 1], norms=[1, 1], feature_names=NAMES
    ),
    plotting.SearchDisplay(
        alphas=[1.0, 0.5], scores=[1.0, 2.0], best_alpha=0.5, top=[1, 2], top_name="kept"
    ),
    plotting.ShrinkageDisplay(eigenvalues=[1.0, 0.1], alphas=[1.0]),
    plotting.SoftThresholdDisplay(
        erm_coefs=[1.0, 2.0], coefs=[0.5, 1.5], curvatures=[1.0, 1.0], alpha=0.5, names=NAMES
    ),
    plotting.LearningCurvesDisplay(
        alphas=[1.0], train=np.ones((1, 1, 2)), validation=np.ones((1, 1, 2))
    ),
]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: type(display).__name__)
def test_nothing_is_cut_off(display, own):
    figure = display.plot(pyplot.subplots()[1] if own else None).figure_
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    slack = 1 / figure.dpi
    assert min(box.x0, box.y0) >= -slack
    assert box.x1 <= width + slack
    assert box.y1 <= height + slack


def test_a_layout_of_the_user_is_kept():
    figure, ax = pyplot.subplots(layout="tight")
    layout = figure.get_layout_engine()
    DISPLAYS[0].plot(ax)
    assert figure.get_layout_engine() is layout
    plain, ax = pyplot.subplots()
    DISPLAYS[3].plot(ax)  # which fits
    assert plain.get_layout_engine() is None
    part = pyplot.figure().subfigures(1, 2)[0]
    assert DISPLAYS[0].plot(part.subplots()).figure_ is part
