"""What figures depend on, and nothing that names the machine or its owner."""

import os
import platform
from importlib import metadata
from pathlib import Path


def machine():
    """Processor, cores, system and Python."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else ())
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions(modules):
    """Versions of the libraries with these importable names, and of numpy and scipy underneath."""
    distributions = metadata.packages_distributions()
    names = {distributions.get(module, [module])[0] for module in {*modules, "numpy", "scipy"}}
    return {name: _version(name) for name in sorted(names)}


def _version(distribution):
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "source tree"
