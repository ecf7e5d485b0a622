"""Pin what the tests are set up with: python .ci/pin.py

Writes .ci/requirements.txt: every package that `pip install ".[test]"` takes here today, by its
version and the hash of its file, for the Python and the platform that this runs on.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def pins() -> list[str]:
    """A line for every package but this one."""
    command = ["pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    told = subprocess.run(
        [sys.executable, "-m", *command, ".[test]"],
        cwd=HERE.parent,
        capture_output=True,
        check=True,
    )
    lines = []
    for package in json.loads(told.stdout)["install"]:
        about, file = package["metadata"], package["download_info"].get("archive_info")
        if file is not None:
            name = about["name"].lower().replace("_", "-")
            lines.append(f"{name}=={about['version']} --hash=sha256:{file['hashes']['sha256']}")
    return sorted(lines)


if __name__ == "__main__":
    python = f"Python {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}"
    text = f"# {python}; written by `python .ci/pin.py`.\n" + "\n".join(pins()) + "\n"
    (HERE / "requirements.txt").write_text(text, encoding="utf-8")
