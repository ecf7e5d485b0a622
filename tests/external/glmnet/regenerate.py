"""Write ``reference.csv`` anew: needs R with glmnet. ``PYTHONPATH=tests python …/regenerate.py``.

The file committed came from R 4.2.2 and glmnet 4.1-6.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from external.glmnet_cases import CASES

HERE = Path(__file__).parent


def reference(case):
    """Lines of ``case`` as R prints them."""
    X, y, options = case.numbers()
    with tempfile.TemporaryDirectory() as folder:
        for name, values in {"X": X, "y": y, "lambda": case.lambdas, **options}.items():
            np.savetxt(Path(folder, name), values, fmt="%.17g")
        settings = f"family {case.family}\nalpha {case.l1_ratio}\npositive {case.positive:d}\n"
        Path(folder, "settings").write_text(settings)
        command = ["Rscript", str(HERE / "reference.R"), folder]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    lines = [f'"{case.name}",{line}' for case in CASES for line in reference(case).splitlines()]
    head = "case,lambda,output,intercept,coefficients"
    (HERE / "reference.csv").write_text("\n".join([head, *lines]) + "\n")
