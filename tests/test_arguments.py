"""Whatever an argument of a public function is given, an error names it."""

import numpy as np
import pytest

import skreg
from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticModel,
    RegularizedMLPRegressor,
    losses,
    penalties,
)
from skreg.model_selection import HashKFold
from skreg.penalties import Group
from skreg.plotting import (
    LearningCurvesDisplay,
    RegularizationPathDisplay,
    SearchDisplay,
    ShrinkageDisplay,
)
from skreg.preprocessing import PiecewiseLinearEncoder, RobustClipScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
Y = 3.0 + X[:, 0] + 0.1 * rng.normal(size=20)
ODD = [None, "x", np.nan, -1.0, [1.0], np.zeros((2, 3)), object(), 1j]


@pytest.mark.parametrize("given", ODD, ids=str)
@pytest.mark.parametrize(("make", "name"), [
    (losses.Huber, "delta"),
    (losses.NegativeBinomial, "dispersion"),
    (losses.Quantile, "quantile"),
    (losses.Tweedie, "power"),
    (penalties.MCP, "gamma"),
    (penalties.SCAD, "gamma"),
    (penalties.SLOPE, "q"),
    (penalties.ElasticNet, "l1_ratio"),
    (penalties.Separable, "l1_ratio"),
    (lambda l1_ratio: Group([[0, 1]], l1_ratio=l1_ratio), "l1_ratio"),
    (lambda asparse: penalties.SparseGroup([[0, 1]], asparse=asparse), "asparse"),
], ids=str)  # fmt: skip
def test_shapes_of_losses_and_penalties_are_numbers(make, name, given):
    with pytest.raises(ValueError, match=f"^{name} must"):
        make(**{name: given})


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("given", [[np.nan] * 3, [-1.0] * 3, [], [1.0], ["a"] * 3, {}], ids=str)
def test_factors_of_the_ridge_share_are_one_number_a_feature(loss, given):
    with pytest.raises(ValueError, match=r"'?l2_factors'? (parameter|must)"):
        QuadraticApproxLasso(loss=loss, l1_ratio=0.5, l2_factors=given).fit(X, Y)


@pytest.mark.parametrize("given", [np.nan, np.inf, "x", -1.0])
@pytest.mark.parametrize("kind", [RobustClipScaler, PiecewiseLinearEncoder])
def test_weights_of_transformers_are_finite(kind, given):
    with pytest.raises(ValueError, match=r"sample_weight|Sample weights|could not convert"):
        kind().fit(X, Y, sample_weight=given)


def test_what_is_no_place_for_a_file_is_named():
    for path in (None, 3, 1.5, ["m.skreg"], X):
        with pytest.raises(ValueError, match=r"^path must be that of a file"):
            skreg.save(QuadraticApproxRidge(), path)
        with pytest.raises(ValueError, match=r"^path must be that of a file"):
            skreg.load(path)


@pytest.mark.parametrize(("write", "name", "given"), [
    *((skreg.export_c, "name", given) for given in (None, 3, ["m"], X)),
    *((skreg.export_c, "offset", given) for given in (None, "no", 0.5, X)),
    *((skreg.export_sql, "columns", given) for given in (3, [1, 2, 3], [np.nan] * 3)),
    *((skreg.export_sql, "keep", given) for given in (None, 3, [1], X)),
    *((skreg.export_sql, "table", given) for given in (None, 3, [], [1])),
    *((skreg.export_sql, "offset", given) for given in (3, [1], X)),
], ids=str)  # fmt: skip
def test_arguments_of_exports_are_named(write, name, given):
    model = QuadraticApproxRidge().fit(X, Y)
    given = {name: given}
    if write is skreg.export_sql:
        given = {"table": "t", "columns": ["a", "b", "c"]} | given
    with pytest.raises(ValueError, match=f"^{name} must"):
        write(model, **given)


def test_an_empty_grid_of_parameters_is_named():
    with pytest.raises(ValueError, match=r"^param_grid is an empty list"):
        PathSearchCV(QuadraticApproxRidge(), [0.1], param_grid=[]).fit(X, Y)
    with pytest.raises(ValueError, match=r"^values must be one for each row"):
        HashKFold().fold_of("x")
    with pytest.raises((TypeError, ValueError), match="cv"):
        PathSearchCV(QuadraticApproxRidge(), [0.1], cv="seven").fit(X, Y)


PATH = QuadraticApproxLasso().regularization_path(X, Y, [0.3, 0.1])


@pytest.mark.parametrize(("draw", "name", "given"), [
    *((PATH.plot, "ax", given) for given in (3, "x", [1])),
    *((PATH.plot, "n_labels", given) for given in (None, 1.5, -1, "x")),
    *((PATH.plot, "line_kw", given) for given in (3, "x", [1])),
    *((PATH.plot, "marks", given) for given in (3, "x", [1])),
    (lambda alphas: RegularizationPathDisplay(
        alphas=alphas, coefs=PATH.coefs, dof=PATH.dof, norms=PATH.norms), "alphas", 0.1),
    (lambda dof: RegularizationPathDisplay(
        alphas=PATH.alphas, coefs=PATH.coefs, dof=dof, norms=PATH.norms), "dof", [1.0]),
    (lambda scores: SearchDisplay(alphas=[0.1, 0.2], scores=scores, best_alpha=0.1), "scores", 1),
    (lambda eigenvalues: ShrinkageDisplay(eigenvalues=eigenvalues, alphas=1.0), "eigenvalues", "x"),
    (lambda alphas: LearningCurvesDisplay.from_estimator(
        RegularizedMLPRegressor(), X, Y, X, Y, alphas=alphas), "alphas", None),
    (lambda seeds: LearningCurvesDisplay.from_estimator(
        RegularizedMLPRegressor(), X, Y, X, Y, alphas=[0.1], seeds=seeds), "seeds", []),
    (lambda penalty_factors: ShrinkageDisplay.from_quadratic(
        QuadraticModel.from_data(X, Y), 0.1, penalty_factors=penalty_factors),
        "penalty_factors", [np.nan] * 3),
], ids=str)  # fmt: skip
def test_arguments_of_pictures_are_named(draw, name, given):
    pytest.importorskip("matplotlib").use("Agg")
    with pytest.raises(ValueError, match=f"^{name} must"):
        draw(**{name: given})
