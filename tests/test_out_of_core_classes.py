"""The experiment on classes in files that do not fit in memory."""

import json

from benchmarks import out_of_core_classes
from benchmarks.__main__ import main


def test_the_exact_fit_is_no_worse_than_epochs(tmp_path, capsys):
    only = ["skreg, one λ", "scikit-learn, SGD"]
    options = [word for name in only for word in ("--only", name)]
    assert main([out_of_core_classes.NAME, "--quick", *options, "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "out-of-core-classes.json").read_text())["found"]
    assert found["skreg, one λ"]["log_loss"] < found["scikit-learn, SGD"]["log_loss"]
    assert 0.7 < found["skreg, one λ"]["accuracy"] < 0.8
    assert "| skreg, one λ |" in capsys.readouterr().out
