"""R's glmnet: values that `glmnet/regenerate.py` wrote. R is not needed here."""

import csv
from pathlib import Path

import numpy as np
import pytest
from external.glmnet_cases import CASES
from external.ours import assert_close, estimator

LOSSES = {"gaussian": "squared_error", "binomial": "log", "multinomial": "log"}


def read_reference():
    """{case: {λ: [(intercept, coefficients) of each output]}}."""
    found = {}
    path = Path(__file__).parent / "glmnet" / "reference.csv"
    with path.open(newline="") as file:
        next(rows := csv.reader(file))
        for name, alpha, _output, intercept, *coefs in rows:
            outputs = found.setdefault(name, {}).setdefault(float(alpha), [])
            outputs.append((float(intercept), np.array(coefs, dtype=float)))
    return found


REFERENCE = read_reference()


def strengths(case, y, weights, alpha):
    """λ of the L1 and of the L2 part. The gaussian's L2 part comes in units of sd(y)."""
    l1, l2 = alpha * case.l1_ratio, alpha * (1 - case.l1_ratio)
    if case.family == "gaussian":
        l2 /= np.sqrt(np.average((y - np.average(y, weights=weights)) ** 2, weights=weights))
    return l1, l2


def test_every_case_has_its_reference():
    assert {case.name: set(case.lambdas) for case in CASES} == {
        name: set(lambdas) for name, lambdas in REFERENCE.items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}: {case.name}")
def test_coefficients(case):
    X, y, options = case.numbers()
    weights = options.get("weights")
    rows = {"sample_weight": weights}
    if case.offset:
        rows["offset"] = options["offset"]
    for alpha, outputs in REFERENCE[case.name].items():
        parameters = {"penalty_factors": options.get("factors")}
        if case.positive:
            parameters["positive"] = True
        loss = LOSSES.get(case.family, case.family)
        model = estimator(loss, *strengths(case, y, weights, alpha), **parameters)
        model.fit(X, y, **rows)
        coefs = np.array([coef for _, coef in outputs])
        intercepts = np.array([intercept for intercept, _ in outputs])
        assert_close(np.atleast_2d(model.coef_), coefs, what=f"coefficients at λ = {alpha}")
        found = np.atleast_1d(model.intercept_)
        if len(intercepts) > 1:  # a constant over the classes changes nothing
            found, intercepts = found - found.mean(), intercepts - intercepts.mean()
        assert_close(found, intercepts, what=f"intercepts at λ = {alpha}")
