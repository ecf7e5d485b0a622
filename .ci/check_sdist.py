"""Check that an sdist holds all tracked files that a build needs, as they are in the checkout."""

import sys
import tarfile
from pathlib import Path

sdist, tracked = sys.argv[1:]
faults, names = [], Path(tracked).read_text().split()
with tarfile.open(sdist) as archive:
    top = archive.getnames()[0].partition("/")[0]
    held = {m.name.removeprefix(f"{top}/"): m for m in archive.getmembers() if m.isfile()}
    for name in names:
        if name not in held:
            faults.append(f"{name} is missing")
        elif archive.extractfile(held[name]).read() != Path(name).read_bytes():
            faults.append(f"{name} is not that of the checkout")

print(f"{sdist}: {len(names)} tracked files, " + ("; ".join(faults) or "all there"))
sys.exit(bool(faults))
