"""The rows that the harness makes itself because they know what no method may know: their names and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petbench_leaderboard.records import Role

PREDICTABLE = "predictable"
"""True anatomy and texture as the scanner sees them, organ levels predicted from training participants."""

REPEAT_SCAN = "repeat-scan"
"""A second noise realisation of the delayed image, scored as if it were a prediction."""

ORGAN_SCALE = "organ-scale"
"""The early image, each organ times one factor: it knows where the organs of the test participants are."""

ROLES: dict[str, Role] = {PREDICTABLE: "predictable", REPEAT_SCAN: "repeat-scan", ORGAN_SCALE: "privileged"}
