"""The scores of one run as tables: the whole image, then each metric of organs and lesions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting
from petbench_leaderboard.run_groups import column_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.score_records import ScoreRow

WHOLE_IMAGE = "whole image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Scores with one row a region, or a metric, and one column a participant."""

    title: str
    detail: str
    participants: list[str]
    rows: list[tuple[str, str, list[tuple[str, str]]]]


def score_tables(scores: Sequence[ScoreRow]) -> list[ScoreTable]:
    """Return what belongs to the whole image as one table, and one table a metric of organs and lesions."""
    grouped: dict[tuple[int, str, str], dict[str, dict[str, ScoreRow]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        if score.value is not None:
            key = (column_of(score).facts.place, score.metric, score.convention_id)
            grouped[key][score.region][score.participant or "all"] = score
    everyone = sorted({score.participant or "all" for score in scores})
    whole = ScoreTable(title=WHOLE_IMAGE, detail="", participants=everyone, rows=[])
    tables = []
    for (_, metric, convention), regions in sorted(grouped.items()):
        of_first = next(iter(regions.values()))
        title = written.heading(column_of(next(iter(of_first.values()))))
        if len(regions) == 1:
            (region,) = regions
            facts = (region.replace("_", " "), metric, convention, _remark(of_first))
            detail = " · ".join(part for part in facts if part)
            whole.rows.append((title, detail, [_cell(of_first.get(who)) for who in everyone]))
            continue
        people = sorted({who for of_region in regions.values() for who in of_region})
        rows = [
            (region.replace("_", " "), _remark(of_region), [_cell(of_region.get(who)) for who in people])
            for region, of_region in regions.items()
        ]
        tables.append(ScoreTable(title=title, detail=f"{metric} · {convention}", participants=people, rows=rows))
    return [whole, *tables] if whole.rows else tables


def _remark(found: Mapping[str, ScoreRow]) -> str:
    """Return what a score of all participants together rests on."""
    of_all = found.get("all")
    return "" if of_all is None else written.remark(column_of(of_all), of_all.extra, of_all.value)


def _cell(score: ScoreRow | None) -> tuple[str, str]:
    """Return a score with the metric's decimals, and to the last digit."""
    if score is None or score.value is None:
        return formatting.MISSING, ""
    return written.value(column_of(score), score.value), repr(score.value)
