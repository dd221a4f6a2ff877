"""The words in which petbench 0.1.0 stored runs: what a database, an export or a plan of it means today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = {"noise-ceiling": "repeat-scan"}
SUPERVISIONS = {"none": "no-target", "oracle": "external"}
VERIFICATIONS = {"recomputed": "rescored", "claimed": "self-reported", "re-run": "reproduced"}

REFERENCES = ("identity", "scale", "ridge", "kinetic")
"""The methods that 0.1.0 took for references by their names; a method declares its role today."""


def converted(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a run that 0.1.0 wrote, in today's words and with the role that its name stood for."""
    words = {"method": METHODS, "supervision": SUPERVISIONS, "verification": VERIFICATIONS}
    facts = {name: words[name].get(value, value) if name in words else value for name, value in run.items()}
    return facts | {"role": _role(run["method"], run["supervision"])}


def _role(method: str, supervision: str) -> str:
    if method == "noise-ceiling":
        return "repeat-scan"
    if supervision == "oracle" or method == "organ-scale":
        return "privileged"
    return "reference" if method in REFERENCES else "competitor"
