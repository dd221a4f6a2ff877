"""Print the lowest version of every dependency that pyproject.toml allows, as constraints for pip.

`make test-lowest` runs the tests with them, so that each lower bound is a promise that was tried.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?>=(?P<lowest>[\w.]+)")


def lowest_versions(pyproject: str) -> list[str]:
    """Return a line `name==version` for each dependency, with those of the extras.

    Raises:
        ValueError: a dependency has no lower bound, or two different ones.
    """
    project = tomllib.loads(pyproject)["project"]
    found: dict[str, str] = {}
    for requirement in sum(project["optional-dependencies"].values(), project["dependencies"]):
        match = _REQUIREMENT.match(requirement)
        if match is None:
            raise ValueError(f"{requirement!r} in pyproject.toml has no lower bound; write {requirement}>=VERSION")
        name, lowest = match.groups()
        if found.setdefault(name, lowest) != lowest:
            raise ValueError(f"{name!r} has two lower bounds in pyproject.toml: {found[name]} and {lowest}")
    return [f"{name}=={lowest}" for name, lowest in sorted(found.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest_versions(PYPROJECT.read_text(encoding="utf-8"))) + "\n")
