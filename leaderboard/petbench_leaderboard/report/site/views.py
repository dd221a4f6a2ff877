"""What the page says of a board, in written words and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadView:
    """The head of one metric's column."""

    name: str
    detail: str
    arrow: str
    direction: str
    better: str
    best: str
    summary: str
    ranked_by: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One written score.

    The mean, to the last digit too, its spread and interval, its gain over `identity` with an interval where the board
    ranks by it, its normalized score, and the mark of a note; of a cost, a detail in small letters.
    """

    value: str
    exact: str = ""
    spread: str = ""
    interval: str = ""
    gain: str = ""
    gain_interval: str = ""
    gain_kind: str = ""
    normalized_score: str = ""
    detail: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One written row, and what it is filtered and sorted by."""

    key: str
    kind: str
    rank: str
    rank_interval: str
    place: str
    method: str
    plugin: str
    settings: str
    best_of: str
    origin: str
    cells: list[CellView]
    costs: list[CellView]
    runs: list[int]
    supervision: str
    device: str
    verification: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodTable:
    """One metric by parts, such as organs or subgroups: a row a part, a column a method with the link to its row.

    Details, such as intervals, stand in small figures below the values, row by row.
    """

    title: str
    methods: list[tuple[str, str]]
    rows: list[tuple[str, list[str]]]
    details: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Note:
    """Why a cell is empty, or orders nothing, once for all cells with that reason."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run without a score."""

    id: int
    method: str
    plugin: str
    seed: int
    fold: int
    status: str
    failed: bool
    phase: str
    message: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """One written board."""

    dataset: str
    split: str
    protocol: int
    task: str
    key: str
    participants: str
    fingerprint: str
    omitted: int
    heads: list[HeadView]
    rows: list[RowView]
    notes: list[Note]
    unscored: list[RunView]
    unranked: str
    caveats: str
    explains_seeds: str
    gains: str
    normalized: str
    not_normalized: str
    needs_predictable: bool
    origins: str
    flagged: str
    verifications: list[str]
    explains_ranks: bool
    explains_spread: bool
    variants: str
    lost_seeds: str
    differing: str
    has_references: bool
