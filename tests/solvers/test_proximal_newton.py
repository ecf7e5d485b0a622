"""Proximal Newton: the same minimizer as plain methods and scikit-learn, at every λ, certified."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from proximal_cases import as_sparse, make_case, proximal_gradient
from reference_losses import CURVED
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from solver_cases import solve_proximal_newton

from skreg import QuadraticApproxLasso
from skreg.losses import Huber, MultinomialLogLoss, get_loss
from skreg.penalties import L1, ElasticNet, Group, NoPenalty, Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max
from skreg.solvers import solve as solve_problem
from skreg.solvers.proximal_path import ProximalPath

VARIANTS = {
    "plain": {},
    "weights": {"weights": True, "factors": True},
    "elastic net": {"l1_ratio": 0.4, "factors": True},
    "positive": {"positive": True, "weights": True},
    "some free": {"factors": "some free"},
    "no intercept": {"fit_intercept": False},
    "offset": {"offset": True},
}


def solve(case, alphas, X=None, **settings):
    settings = {"tol": 1e-10, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        return solve_proximal_newton(case.risk(X), np.asarray(alphas), case.penalty, **settings)


def grid(case, ratios=(1.0, 0.5, 0.1, 0.03), X=None):
    return alpha_max(case.risk(X), case.penalty) * np.array(ratios)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", CURVED)
def test_same_minimum_as_the_proximal_gradient(name, variant):
    if name == "multinomial_log_loss" and variant == "offset":
        variant = "plain"  # an offset common to all classes changes nothing
    for n, p in ((60, 8), (30, 45)):
        case = make_case(name, n, p, **VARIANTS[variant])
        alphas = grid(case)
        solution = solve(case, alphas)
        coefs = solution.coefs.reshape(len(alphas), -1, p)
        intercepts = solution.intercepts.reshape(len(alphas), -1)
        null = case.risk().null_risk
        for i in (1, 2):
            plain = proximal_gradient(case, alphas[i], 4000)
            best = case.objective(*plain, alphas[i])
            mine = case.objective(coefs[i], intercepts[i], alphas[i])
            assert mine <= best + 1e-9 * null
            # The certificate holds against a point that is not ours.
            assert mine - best <= (solution.dual_gaps[i] + 1e-14) * null
        assert (solution.dual_gaps <= 1e-10).all()


@pytest.mark.parametrize("name", ["poisson", "gamma", "huber"])
def test_same_coefficients_as_the_proximal_gradient(name):
    case = make_case(name, 80, 6, weights=True)
    alphas = grid(case, (0.3, 0.05))
    solution = solve(case, alphas, tol=1e-13)
    for i, alpha in enumerate(alphas):
        coef, intercept = proximal_gradient(case, alpha)
        np.testing.assert_allclose(solution.coefs[i], coef[0], atol=1e-6)
        np.testing.assert_allclose(solution.intercepts[i], intercept[0], atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", ["binary_log_loss", "multinomial_log_loss"])
def test_logistic_regression_of_scikit_learn(name, l1_ratio):
    """C = 1/(nλ)."""
    case = make_case(name, 120, 7, l1_ratio=l1_ratio)
    alphas = grid(case, (0.4, 0.1))
    solution = solve(case, alphas, tol=1e-13)
    labels = case.y[:, 0] if case.y.shape[1] == 1 else case.y.argmax(axis=1)
    for i, alpha in enumerate(alphas):
        theirs = LogisticRegression(
            C=1 / (len(labels) * alpha),
            l1_ratio=l1_ratio,
            solver="saga",
            tol=1e-12,
            max_iter=100_000,
            random_state=0,
        ).fit(case.X, labels)
        mine = solution.coefs[i].reshape(theirs.coef_.shape)
        np.testing.assert_allclose(mine, theirs.coef_, atol=1e-6)
        spread = np.ptp(solution.intercepts[i] - theirs.intercept_)
        if case.y.shape[1] == 1:
            spread = abs(solution.intercepts[i] - theirs.intercept_[0])
        assert spread < 1e-6


@given(
    name=st.sampled_from(CURVED),
    seed=st.integers(0, 10_000),
    n=st.integers(8, 40),
    p=st.integers(1, 30),
    ratio=st.floats(0.02, 0.9),
    l1_ratio=st.sampled_from([1.0, 0.5]),
    weights=st.booleans(),
    positive=st.booleans(),
    fit_intercept=st.booleans(),
)
def test_conditions_of_optimality(
    name, seed, n, p, ratio, l1_ratio, weights, positive, fit_intercept
):
    case = make_case(
        name,
        n,
        p,
        seed,
        l1_ratio=l1_ratio,
        weights=weights,
        positive=positive,
        fit_intercept=fit_intercept,
        factors=True,
    )
    present = case.y[1:] if weights else case.y
    assume(name != "multinomial_log_loss" or present.any(axis=0).all())
    assume(name != "binary_log_loss" or 0 < present.mean() < 1)
    assume(name != "poisson" or present.any())
    (alpha,) = grid(case, (ratio,))
    assume(alpha > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        solution = solve_proximal_newton(case.risk(), np.array([alpha]), case.penalty, tol=1e-12)
    assert solution.dual_gaps[0] < 1e-8
    coef = solution.coefs[0].reshape(-1, p)
    _, gradient, gradient_b = case.smooth(coef, np.atleast_1d(solution.intercepts[0]))
    l1, l2 = alpha * case.penalty.l1(p), alpha * case.penalty.l2(p)
    slope = -gradient - l2 * coef
    scale = np.sqrt(solution.dual_gaps[0] + 1e-14) + 1e-9
    bound = 20 * scale * (1 + np.abs(case.X).max()) * (1 + np.abs(case.y).max())
    on = coef != 0
    assert (np.abs(slope - np.sign(coef) * l1)[on] <= bound).all()
    pull = slope if positive else np.abs(slope)
    assert (pull <= l1 + bound)[~on].all()
    assert (np.abs(gradient_b) <= bound).all()
    assert not positive or (coef >= 0).all()


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("name", CURVED)
def test_sparse_rows_give_what_dense_rows_give(name, kind):
    for n, p in ((60, 8), (30, 60)):
        case = make_case(name, n, p, sparse=True, weights=True)
        alphas = grid(case)
        dense = solve(case, alphas, tol=1e-12)
        thin = solve(case, alphas, as_sparse(case.X, kind), tol=1e-12)
        np.testing.assert_allclose(thin.coefs, dense.coefs, atol=2e-5)
        np.testing.assert_allclose(thin.risk, dense.risk, atol=1e-6)


@pytest.mark.parametrize("name", CURVED)
def test_alpha_max_is_where_the_first_coefficient_enters(name):
    for variant in ("plain", "positive", "some free", "elastic net"):
        case = make_case(name, 50, 6, **VARIANTS[variant])
        top = alpha_max(case.risk(), case.penalty)
        solution = solve(case, top * np.array([1.001, 1.0, 0.98]))
        penalized = ~case.penalty.free(6)
        kept = np.abs(solution.coefs.reshape(3, -1, 6)[:, :, penalized]).max(axis=(1, 2))
        assert (kept[:2] == 0).all()
        assert kept[2] > 0


def test_order_of_the_grid_does_not_matter():
    case = make_case("binary_log_loss", 80, 10)
    alphas = grid(case, np.geomspace(1, 0.02, 12))
    down = solve(case, alphas)
    shuffled = np.random.default_rng(0).permutation(12)
    again = solve(case, alphas[shuffled])
    np.testing.assert_array_equal(again.coefs, down.coefs[shuffled])
    np.testing.assert_array_equal(again.alphas, alphas[shuffled])


@pytest.mark.parametrize("name", CURVED)
def test_one_small_alpha_alone_equals_the_end_of_a_path(name):
    case = make_case(name, 60, 30)
    alphas = grid(case, np.geomspace(1, 0.01, 30))
    alone = solve(case, alphas[-1:], tol=1e-12)
    path = solve(case, alphas, tol=1e-12)
    np.testing.assert_allclose(alone.coefs[0], path.coefs[-1], atol=2e-5)


def test_dense_paths_take_about_one_quadratic_a_lambda():
    case = make_case("binary_log_loss", 400, 30)
    solution = solve(case, grid(case, np.geomspace(1, 0.01, 100)), tol=1e-6)
    assert solution.n_expansions.mean() < 1.5


@pytest.mark.parametrize("name", CURVED)
def test_float32_rows(name):
    case = make_case(name, 60, 8)
    alphas = grid(case)
    single = solve(case, alphas, case.X.astype(np.float32), tol=1e-8)
    assert single.coefs.dtype == np.float32
    rounded = make_case(name, 60, 8)
    rounded.X = case.X.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(single.coefs, solve(rounded, alphas, tol=1e-8).coefs, atol=2e-3)


@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_far_from_zero(order):
    case = make_case("binary_log_loss", 80, 6)
    alphas = grid(case)
    near = solve(case, alphas, tol=1e-12)
    far = solve(case, alphas, np.asarray(case.X + 1e6, order=order), tol=1e-12)
    np.testing.assert_allclose(far.coefs, near.coefs, atol=1e-5)


def test_weights_are_repeated_rows():
    case = make_case("poisson", 40, 6)
    counts = np.random.default_rng(3).integers(0, 4, 40)
    weighted = case.risk()
    weighted = EmpiricalRisk(case.X, case.y, weighted.loss, counts.astype(float))
    repeated = EmpiricalRisk(
        np.repeat(case.X, counts, axis=0), np.repeat(case.y, counts, axis=0), weighted.loss
    )
    alphas = alpha_max(weighted, Separable()) * np.array([0.5, 0.05])
    a = solve_proximal_newton(weighted, alphas, Separable(), tol=1e-12)
    b = solve_proximal_newton(repeated, alphas, Separable(), tol=1e-12)
    np.testing.assert_allclose(a.coefs, b.coefs, atol=1e-5)


# Where it is hard ---------------------------------------------------------------------------------


def separated():
    X = np.random.default_rng(0).standard_normal((30, 60))
    case = make_case("binary_log_loss", 30, 60)
    case.X, case.y = X, (X[:, :1] > 0).astype(float)
    return case


def test_separated_classes_have_an_answer_at_every_positive_alpha():
    case = separated()
    solution = solve(case, grid(case, (0.5, 1e-2, 1e-4)), tol=1e-6)
    assert np.isfinite(solution.coefs).all()
    assert (np.diff(solution.norms) > 0).all()


def test_separated_classes_at_zero_warn_and_stay_finite():
    case = separated()
    with pytest.warns(ConvergenceWarning, match="no finite minimizer"):
        solution = solve_proximal_newton(case.risk(), np.zeros(1), case.penalty)
    assert np.isfinite(solution.coefs).all()
    assert 0 < solution.dual_gaps[0] < 1e-2


@pytest.mark.parametrize("name", CURVED)
def test_no_penalty_at_all_is_the_minimizer_of_the_risk(name):
    case = make_case(name, 120, 4)
    solution = solve_proximal_newton(case.risk(), np.zeros(1), case.penalty)
    coef = solution.coefs[0].reshape(-1, 4)
    _, gradient, gradient_b = case.smooth(coef, np.atleast_1d(solution.intercepts[0]))
    assert np.abs(gradient).max() < 1e-7
    assert np.abs(gradient_b).max() < 1e-7
    assert solution.dual_gaps[0] < 1e-7


@pytest.mark.parametrize("name", CURVED)
def test_collinear_and_constant_columns(name):
    case = make_case(name, 40, 5)
    case.X = np.hstack([case.X, case.X[:, :2], np.ones((40, 1)), np.zeros((40, 1))])
    solution = solve(case, grid(case), tol=1e-8)
    assert np.isfinite(solution.coefs).all()
    assert (solution.coefs.reshape(4, -1, 9)[:, :, 7:] == 0).all()


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_large_targets(name):
    case = make_case(name, 60, 5)
    case.y = np.round(1e6 * (case.y + 1e-6))
    solution = solve(case, grid(case), tol=1e-8)
    assert np.isfinite(solution.coefs).all()
    assert (np.diff(solution.risk) <= 1e-12 * solution.risk[0]).all()


def test_large_factors_between_columns():
    case = make_case("binary_log_loss", 80, 6)
    scale = 10.0 ** np.array([-8, -4, 0, 2, 5, 8])
    alphas = grid(case)
    plain = solve(case, alphas)
    penalty, X = Separable(factors=scale), case.X * scale
    scaled = solve_proximal_newton(case.risk(X), alphas, penalty, tol=1e-10)
    np.testing.assert_allclose(scaled.coefs * scale, plain.coefs, atol=1e-4)


def test_too_few_passes_warn_with_the_gap_reached():
    case = make_case("binary_log_loss", 60, 40)
    with pytest.warns(ConvergenceWarning, match=r"duality gap of .* above tol=1e-12. Raise max_it"):
        solution = solve_proximal_newton(
            case.risk(), grid(case, (0.01,)), case.penalty, tol=1e-12, max_iter=1
        )
    assert solution.dual_gaps[0] > 1e-12


def test_a_limit_on_expansions_is_kept():
    case = make_case("poisson", 60, 10)
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        solution = solve_proximal_newton(
            case.risk(), grid(case, (0.4,)), case.penalty, max_expansions=2, tol=1e-14
        )
    assert solution.n_expansions[0] <= 2


def test_errors_name_the_parameter_and_the_remedy():
    case = make_case("poisson", 20, 3)
    with pytest.raises(ValueError, match=r"hessian must be one of .*, got 'ful'"):
        solve_proximal_newton(case.risk(), np.ones(1), case.penalty, hessian="ful")
    with pytest.raises(ValueError, match=r"alphas must be finite and not negative, got -1"):
        solve_proximal_newton(case.risk(), np.array([1.0, -1.0]), case.penalty)


# One quadratic ------------------------------------------------------------------------------------


@pytest.mark.parametrize("hessian", ["full", "diagonal", "pca"])
@pytest.mark.parametrize("name", CURVED)
def test_one_quadratic_is_never_better_than_the_exact_solution(name, hessian):
    case = make_case(name, 150, 5)
    alphas = grid(case, (0.5, 0.1, 0.01))
    exact = solve(case, alphas)
    shot = solve_proximal_newton(
        case.risk(), alphas, case.penalty, hessian=hessian, max_expansions=1
    )
    for i, alpha in enumerate(alphas):
        mine, best = (
            case.objective(s.coefs[i].reshape(-1, 5), np.atleast_1d(s.intercepts[i]), alpha)
            for s in (shot, exact)
        )
        assert mine >= best - 1e-9 * case.risk().null_risk
        assert mine - best <= (shot.dual_gaps[i] + 1e-9) * case.risk().null_risk
    assert (shot.n_expansions == 1).all()


def test_one_quadratic_is_exact_for_squared_error_and_near_the_anchor():
    case = make_case("squared_error", 60, 5)
    alphas = grid(case)
    shot = solve(case, alphas, max_expansions=1)
    np.testing.assert_allclose(shot.coefs, solve(case, alphas).coefs, atol=1e-8)
    case = make_case("poisson", 200, 5)
    alphas = grid(case, (1e-1, 1e-2, 1e-3))
    shot = solve_proximal_newton(case.risk(), alphas, case.penalty, max_expansions=1)
    exact = solve(case, alphas)
    lost = np.abs(shot.coefs - exact.coefs).max(axis=1)
    assert lost[2] < 1e-2 * lost[0]


@pytest.mark.parametrize(
    "penalty",
    [
        Separable(0.5, factors=1.0),
        Separable(0.5, factors=np.ones(5), l2_factors=np.ones(5)),
        ElasticNet(0.5),
    ],
)
def test_one_quadratic_of_several_classes_takes_factors_of_every_kind(penalty):
    case = make_case("multinomial_log_loss", 150, 5)
    plain, same = (
        solve_proximal_newton(case.risk(), [1e-2], p, max_expansions=1)
        for p in (Separable(0.5), penalty)
    )
    assert np.any(plain.coefs)
    np.testing.assert_array_equal(same.coefs, plain.coefs)


def test_one_quadratic_of_several_classes_has_an_l2_part_for_each_feature():
    """A feature whose ½θ² weighs much has small coefficients, in every class."""
    case = make_case("multinomial_log_loss", 150, 5)
    heavy = Separable(0.5, l2_factors=np.array([1.0, 1e9, 1.0, 1.0, 1.0]))
    coefs = solve_proximal_newton(case.risk(), [1e-2], heavy, max_expansions=1).coefs[0]
    assert np.abs(coefs[:, 1]).max() < 1e-6 < np.abs(np.delete(coefs, 1, axis=1)).max()


def test_one_quadratic_without_a_penalty_is_that_of_factors_zero():
    case = make_case("multinomial_log_loss", 150, 5)
    none, zero = (
        solve_proximal_newton(case.risk(), [1.0], p, hessian="diagonal").coefs
        for p in (NoPenalty(), Separable(0.5, factors=np.zeros(5)))
    )
    np.testing.assert_allclose(none, zero, atol=1e-8)


def test_the_path_object_keeps_its_working_set_small():
    """p ≫ n: neither a p × p array nor a copy of X."""
    case = make_case("binary_log_loss", 40, 2000)
    path = ProximalPath(case.risk(), case.penalty, 1e-6, 10_000)
    for alpha in path.alpha_max * np.geomspace(1, 0.1, 20):
        path.solve(alpha)
    assert path.model.matrix.shape[0] < 200
    assert path.model.columns.shape == (40, len(path.model.which))


@pytest.mark.parametrize(
    "options", [{}, {"l1_ratio": 0.5}, {"positive": True}, {"groups": range(4)}]
)
@pytest.mark.parametrize("ratio", [1.0, 1e3, 1e5])
def test_huber_with_targets_far_beyond_delta(ratio, options):
    """Far from the data the loss is flat: its quadratic is a majorizer there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    y = ratio * (X @ [1.0, -2.0, 0.0, 0.5] + rng.standard_t(3, size=30))
    model = QuadraticApproxLasso(0.01, loss="huber", **options).fit(X, y)
    assert model.dual_gap_ <= 1e-8
    assert model.n_expansions_ < 50


def test_the_majorizer_of_huber_lies_above_it():
    loss, rng = get_loss("huber", delta=0.7), np.random.default_rng(0)
    y, f, g = rng.normal(size=(3, 500, 1)) * 3
    value, slope = loss.pointwise(y, f)
    bend = loss.majorizer(y, f)
    above = value + (slope * (g - f) + 0.5 * bend * (g - f) ** 2)[:, 0]
    assert (loss.pointwise(y, g)[0] <= above + 1e-12).all()


@pytest.mark.parametrize("seed", [0, 5, 9])
def test_bounds_and_free_features_of_several_classes_are_solved(seed):
    """What classes have in common in free features goes far where bounds draw it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 8))
    y = np.digitize(X @ rng.normal(size=8) + rng.logistic(size=60), [-1.0, 1.0])
    factors = np.array([0.0, 1, 1, 0, 1, 1, 1, 1])
    risk = EmpiricalRisk(X, np.eye(3)[y], get_loss("multinomial_log_loss"))
    penalty = Separable(1.0, factors, positive=True)
    found = solve_proximal_newton(risk, np.array([1e-2, 5e-4]), penalty, tol=1e-8)
    assert (found.dual_gaps <= 1e-8).all()
    assert (found.n_expansions < 60).all()


def test_free_and_bounded_coefficients_of_classes_beside_large_columns():
    """What classes have in common in a feature was held in units of the largest column."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(49, 8)) * [1.0, *[1e3] * 7] + [1.0, *[1e5] * 7]
    y = np.argmax(X[:, :1] * [0.0, -1.0, 2.0] + rng.gumbel(size=(49, 3)), axis=1)
    risk = EmpiricalRisk(X, np.eye(3)[y], MultinomialLogLoss())
    penalty = Separable(factors=np.array([0.0, *[1.0] * 7]), positive=True)
    path = ProximalPath(risk, penalty, 1e-10, 10_000)
    for share in (0.5, 0.1, 1e-2):
        stop = path.solve(share * path.alpha_max)
        assert stop.gap <= 1e-9 * path.null_risk
        assert stop.n_expansions < 30


@pytest.mark.parametrize(("seed", "grouped"), [(32, True), (1, False), (3, False), (8, False)])
def test_huber_on_wide_rows_of_mixed_scales(seed, grouped):
    """The quadratics are nearly singular, and objectives alike before gaps are small."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(15, 23)) + 100) * 10.0 ** rng.uniform(-2, 2, size=23)
    y = 30 * rng.standard_t(3, size=15)
    groups = rng.integers(10, size=23) if grouped else None
    model = QuadraticApproxLasso(loss="huber", fit_intercept=False, groups=groups)
    top = model.regularization_path(X, y, 1).alphas[0]
    path = model.regularization_path(X, y, top * np.array([1.0, 0.1, 1e-3]))
    assert (path.dual_gaps <= 1e-8).all()


@pytest.mark.parametrize("grouped", [False, True])
def test_huber_paths_where_targets_are_a_million_times_delta(grouped):
    """More features than rows: interior points lead there."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(30, 60))
    y = 1e6 * (X[:, 0] - 2 * X[:, 1] + rng.standard_t(3, 30))
    risk = EmpiricalRisk(X, y[:, None], Huber(1.0))
    penalty = Group(np.arange(60) // 2) if grouped else L1()
    alphas = alpha_max(risk, penalty) * np.geomspace(1, 1e-2, 4)
    assert solve_problem(risk, penalty, alphas).dual_gaps.max() <= 1e-7


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5), Group([0, 0, 1, 1, 2, 2])], ids=str)
@pytest.mark.parametrize("name", ["binary_log_loss", "multinomial_log_loss", "poisson", "huber"])
def test_a_start_changes_the_steps_and_not_the_minimum(name, penalty):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6)) + 10.0
    y = rng.integers(0, 2, size=(60, 1)).astype(float)
    if name == "multinomial_log_loss":
        y = np.eye(3)[rng.integers(0, 3, size=60)]
    risk = EmpiricalRisk(X, y, get_loss(name))
    alphas = 0.1 * alpha_max(risk, penalty) * np.array([1.0, 0.5])
    best = solve_problem(risk, penalty, alphas, tol=1e-13, method="proximal_newton")
    k = risk.n_outputs
    known = best.coefs[0].reshape(k, 6), np.reshape(best.intercepts[0], k)
    for start in (known, (rng.normal(size=(k, 6)), rng.normal(size=k))):
        found = solve_problem(
            risk, penalty, alphas, tol=1e-13, start=start, method="proximal_newton"
        )
        np.testing.assert_allclose(found.coefs, best.coefs, atol=2e-7)
        assert (found.dual_gaps <= 1e-12).all()
        if start is known:
            assert found.n_expansions[0] <= 2


def test_what_is_known_of_a_point_is_kept():
    """Its own dual point says far less of it than the quadratic's, which rounding may end at."""
    case = make_case("gamma", 40, 8)
    path = ProximalPath(case.risk(), case.penalty, 1e-10, 1000)
    alpha = 0.1 * path.alpha_max
    known = path.solve(alpha).gap
    far = path.evaluate(0.999 * path.point.theta, path.point.intercept)
    assert path._natural_gap(far, alpha, 0.0) > known
    assert path._closer(far, known, None, alpha, 0.0) == (far, known)
