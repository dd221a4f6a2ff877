"""What the intervals allow one to say, in words; every sentence that concludes something is made here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench.reproduce.results import FRECHET_DISTANCES, PSNR_CONVENTIONS
from petbench_leaderboard.report.columns import heading
from petbench_leaderboard.report.formatting import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.reproduce.contrast import Difference, Verdict

#: What the paper reports: where pix2pix is ahead there in all of them.
REPORTED_METRICS = (*PSNR_CONVENTIONS, *FRECHET_DISTANCES)


def who_is_ahead(first: str, second: str, differences: Sequence[Difference]) -> str:
    """Say of two rows in which metrics one is ahead, in which they cannot be told apart, and where nobody can say.

    Args:
        first: the one row, as it is called.
        second: the other.
        differences: first minus second.
    """
    groups = _by_verdict(differences)
    said = [
        f"{re.sub('^the ', 'The ', ahead)} is ahead of {behind} in {_listed(groups[verdict])}."
        for verdict, ahead, behind in (("ahead", first, second), ("behind", second, first))
        if verdict in groups
    ]
    if "open" in groups:
        found = _detectable(groups["open"])
        said.append(f"{first} and {second} cannot be told apart in {_listed(groups['open'])}{found}.")
    if "undecided" in groups:
        reasons = "; ".join(dict.fromkeys(_why(one) for one in groups["undecided"]))
        said.append(f"Nothing can be said of {_listed(groups['undecided'])}: {reasons}.")
    return " ".join(said)


def against_the_paper(first: str, second: str, differences: Sequence[Difference]) -> str:
    """Say whether the paper's order is found: the first ahead of the second in every PSNR and Fréchet distance.

    Args:
        first: who is ahead in the paper.
        second: who is behind there.
        differences: first minus second, in whatever metrics; a distance without a value counts for nothing.
    """
    wanted = [one for one in differences if one.column.metric in PSNR_CONVENTIONS]
    wanted += [one for one in differences if one.column.metric in FRECHET_DISTANCES and one.mean is not None]
    groups = _by_verdict(wanted)
    found = set(groups)
    where = _listed(wanted)
    if not wanted or found == {"undecided"}:
        reasons = "; ".join(dict.fromkeys(_why(one) for one in wanted)) or "nothing is scored yet"
        return f"Nothing can be decided yet between {first} and {second}: {reasons}."
    if found == {"ahead"}:
        return f"The paper's order is found: {first} is ahead of {second} in {where}."
    if found == {"behind"}:
        return f"The contrary of the paper's order is found: {second} is ahead of {first} in {where}."
    if found <= {"open", "undecided"}:
        return f"The paper's result is not reproduced: {first} and {second} cannot be told apart in {where}."
    how = "found in part" if "ahead" in found else "not found"
    return f"The paper's order is {how}. {who_is_ahead(first, second, wanted)}"


def room(rooms: Mapping[str, float], reported_gap: float, gains: Mapping[str, float | None], where: str) -> list[str]:
    """Say what the dataset allows a gap to be, convention by convention of PSNR.

    Args:
        rooms: by convention, how far `predictable` lies above the early image, dB.
        reported_gap: of the paper, dB.
        gains: by convention, how far the method that is behind in the paper lies above the early image, dB; None where
            it has no run.
        where: which runs of that method these are.
    """
    gap = f"the paper's gap of {number(reported_gap, 1)} dB"
    tight = {name: reported_gap - value for name, value in rooms.items() if value < reported_gap}
    above = f"what can be predicted at all lies {_decibels(rooms)} above the early image"
    little = " is not much to be gained: " if len(tight) == len(rooms) else " is something to be gained: "
    said = [f"In PSNR there{little}{above} ({', '.join(rooms)})."]
    if tight:
        some = f" in {', '.join(tight)}" if len(tight) < len(rooms) else ""
        said.append(
            f"So {gap} cannot appear{some} unless the method that is behind falls below the early image, by at least "
            f"{_decibels(tight)}."
        )
    else:
        said.append(f"That leaves room for {gap}.")
    known = [number(gain, 2, sign=True) for gain in gains.values() if gain is not None]
    if known:
        said.append(f"CycleGAN, {where}, lies {', '.join(known)} dB from the early image.")
    return said


def _decibels(values: Mapping[str, float]) -> str:
    return ", ".join(number(value, 1) for value in values.values()) + " dB"


def _by_verdict(differences: Sequence[Difference]) -> dict[Verdict, list[Difference]]:
    groups: dict[Verdict, list[Difference]] = {}
    for one in differences:
        groups.setdefault(one.verdict, []).append(one)
    return groups


def _why(difference: Difference) -> str:
    return difference.reason or "the metric has no direction"


def _detectable(differences: Sequence[Difference]) -> str:
    """Say what would have been found, where that is known."""
    found = [
        f"{number(one.detectable, one.column.facts.decimals)}{f' {one.column.unit}' if one.column.unit else ''}"
        for one in differences
        if one.detectable is not None
    ]
    return f" (four of five such experiments would find {', '.join(found)})" if found else ""


def _listed(differences: Sequence[Difference]) -> str:
    names = [heading(one.column) for one in differences]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
