"""Print what a build requires, for pip: builds without isolation find it installed."""

import tomllib

with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"])
