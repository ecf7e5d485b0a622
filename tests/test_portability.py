"""The kernels' headers are C that compilers other than GCC take too."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNELS = HERE.parent / "skreg" / "_kernels"
#: Nothing but standard C: what a compiler without GCC's vectors sees.
STANDARD = ["-DSKREG_PLAIN", "-D_POSIX_C_SOURCE=200809L", "-std=c11", "-pedantic-errors", "-Wall"]


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_loops_of_standard_c_give_what_the_vectors_give(tmp_path):
    program = tmp_path / "kernels"
    command = ["cc", "-O1", "-Werror", *STANDARD, f"-I{KERNELS}", str(HERE / "kernels.c")]
    built = subprocess.run(
        [*command, "-o", str(program), "-lm"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout == "level 0\n"
