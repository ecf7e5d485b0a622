"""Print the oldest versions of the run-time dependencies that pyproject.toml admits, for pip."""

import tomllib

with open("pyproject.toml", "rb") as file:
    dependencies = tomllib.load(file)["project"]["dependencies"]
assert all(">=" in line for line in dependencies), dependencies
print(*(line.replace(">=", "==") for line in dependencies))
