"""Check that a tag, pyproject.toml, the package, CITATION.cff and CHANGELOG.md name one version.

The release workflow starts it as `python .ci/released_version.py v1.2.3`; nothing but Python is needed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

#: Where a version stands, and the line that holds it.
PLACES = {
    "pyproject.toml": re.compile(r'^version = "([^"]+)"$', re.MULTILINE),
    "benchmark/petbench/__init__.py": re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE),
    "CITATION.cff": re.compile(r"^version: (\S+)$", re.MULTILINE),
    "CHANGELOG.md": re.compile(r"^## \[(\d[^]]*)\]", re.MULTILINE),
}


def versions(root: Path) -> dict[str, str]:
    """Return the version that each of `PLACES` names; the changelog's is its newest."""
    found = {}
    for name, pattern in PLACES.items():
        match = pattern.search((root / name).read_text(encoding="utf-8"))
        found[name] = match[1] if match else "no version"
    return found


def differences(tag: str, root: Path) -> list[str]:
    """Return a line for each place that does not name the version of `tag`."""
    wanted = tag.removeprefix("v")
    return [f"{name}: {found}, but the tag is {tag}" for name, found in versions(root).items() if found != wanted]


if __name__ == "__main__":
    sys.exit("\n".join(differences(sys.argv[1], Path(__file__).parents[1])) or 0)
