"""Check what a wheel holds: the package, its data and its compiled kernels, and nothing else."""

import sys
import zipfile
from pathlib import PurePosixPath

wheel = sys.argv[1]
names = zipfile.ZipFile(wheel).namelist()
faults = []
for name in names:
    path = PurePosixPath(name)
    if not (path.parts[0] == "skreg" or path.parts[0].endswith(".dist-info")):
        faults.append(f"{name} is outside the package")
    if path.suffix in {".pyx", ".pxd", ".pxi", ".c", ".h"} or "tests" in path.parts:
        faults.append(f"{name} belongs to the sources")

with open("pyproject.toml", "rb") as file:
    import tomllib

    modules = tomllib.load(file)["tool"]["setuptools"]["ext-modules"]
wanted = ["skreg/py.typed", "skreg/datasets/data/mnist_5000_1000.npz", "licenses/LICENSE"]
_OF_PAGE = ("index.html", "main.js", "style.css", "lessons.json", "local/worker.js")
wanted += [f"skreg/playground/static/{name}" for name in _OF_PAGE]
wanted += [module["name"].replace(".", "/") + ".abi3." for module in modules]
wanted += ["skreg/_kernels/cython_shared.abi3."]
if "-cp311-abi3-" not in wheel:
    faults.append("its tag is not cp311-abi3")
faults += [f"{part} is missing" for part in wanted if not any(part in name for name in names)]

print(f"{wheel}: {len(names)} files, " + ("; ".join(faults) or "as they should be"))
sys.exit(bool(faults))
