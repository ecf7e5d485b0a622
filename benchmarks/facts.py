"""What figures depend on, and nothing that names the machine or its owner."""

import importlib
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


def versions(entries):
    """Versions of what takes part, and of numpy and scipy underneath.

    An adapter of a library that Python does not know of says its ``versions()`` itself.
    """
    distributions = metadata.packages_distributions()
    found, names = {}, {"numpy", "scipy"}
    for library, name in {(entry.library, entry.adapter) for entry in entries}:
        adapter = importlib.import_module(name)
        if hasattr(adapter, "versions"):
            found |= adapter.versions()
        else:
            names.add(distributions.get(library, [library])[0])
    return dict(sorted((found | library_versions(names)).items()))


def library_versions(names):
    """Versions of distributions by name."""
    return {name: _version(name) for name in sorted(names)}


def _version(distribution):
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "source tree"
