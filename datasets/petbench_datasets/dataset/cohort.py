"""Who is in a cohort, as the first table of a paper says it, by part of a split."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import person_of
from petbench_datasets.bids.participants import WEIGHT_COLUMNS
from petbench_datasets.bids.scan import merged_sidecar
from petbench_datasets.dataset.subgroups import SITE_COLUMNS, cells_of, sexes_of
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.dataset.pair_frames import PairFrames
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Split

EVERYBODY = "everybody"

_MOST_FOLDS = 10


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity over people or scans.

    Attributes:
        median: None where nobody says it.
        least: likewise.
        most: likewise.
        unsaid: how many say nothing.
    """

    median: float | None
    least: float | None
    most: float | None
    unsaid: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """Return that of some values, None for what is not said."""
        values = list(values)
        said = [value for value in values if value is not None]
        if not said:
            return cls(None, None, None, len(values))
        return cls(median(said), min(said), max(said), len(values) - len(said))

    def __str__(self) -> str:
        """Return it as a table writes it, such as `54 (21 to 88)`."""
        if self.median is None:
            return "not said"
        assert self.least is not None
        assert self.most is not None
        alone = f"{self.median:.4g}"
        words = alone if self.least == self.most else f"{alone} ({self.least:.4g} to {self.most:.4g})"
        return f"{words}, {self.unsaid} not said" if self.unsaid else words


@dataclass(frozen=True, slots=True)
class PartFacts:
    """The people of one part of a split; counts and spreads, nobody by name.

    Attributes:
        part: `everybody`, `train`, `validation`, `test`, or `test, fold 2` of a split of several folds.
        people: how many.
        pairs: of images; more where people have several sessions.
        sex: how many of each.
        age_years: of the people.
        weight_kilograms: of the people.
        dose_megabecquerels: injected, over pairs.
        early_minutes: when the early image begins and ends after the injection, over pairs.
        delayed_minutes: likewise of the delayed one; not said where it is withheld.
        scanners: how many pairs are from each.
        sites: how many people are of each; empty where participants.tsv has no such column.
    """

    part: str
    people: int
    pairs: int
    sex: Mapping[str, int]
    age_years: Spread
    weight_kilograms: Spread
    dose_megabecquerels: Spread
    early_minutes: tuple[Spread, Spread]
    delayed_minutes: tuple[Spread, Spread]
    scanners: Mapping[str, int]
    sites: Mapping[str, int] = field(default_factory=dict)

    def cells(self) -> dict[str, str]:
        """Return what a table says of the part, by the row's heading."""
        pairs = f" ({self.pairs} pairs)" if self.pairs != self.people else ""
        return {
            "People": f"{self.people}{pairs}",
            "Sex": _counts(self.sex),
            "Age, years": str(self.age_years),
            "Weight, kg": str(self.weight_kilograms),
            "Dose, MBq": str(self.dose_megabecquerels),
            "Early image, min": _from_to(self.early_minutes),
            "Delayed image, min": _from_to(self.delayed_minutes),
            "Scanner": _counts(self.scanners),
            **({"Site": _counts(self.sites)} if self.sites else {}),
        }


def describe_cohort(dataset: Dataset, split: Split | None = None) -> tuple[PartFacts, ...]:
    """Return who everybody is and, of a split, who is in each part; of one of several folds, who tests in each.

    No voxel is read.
    """
    parts: dict[str, Sequence[str]] = {EVERYBODY: dataset.participants}
    if split is not None and len(split.folds) == 1:
        parts |= {part: names for part, names in split.folds[0].parts().items() if names}
    elif split is not None and len(split.folds) <= _MOST_FOLDS:
        parts |= {f"test, fold {number}": fold.test for number, fold in enumerate(split.folds)}
    found = []
    for part, names in parts.items():
        if part == EVERYBODY or set(names) != set(dataset.participants):
            found.append(_part(dataset, part, names))
    return tuple(found)


def _part(dataset: Dataset, part: str, names: Sequence[str]) -> PartFacts:
    first = {person_of(name): name for name in reversed(names)}
    table = {person: dataset.table[first[person]] for person in dict.fromkeys(map(person_of, names))}
    plans = [dataset.plans[name] for name in names]
    sexes = sexes_of(table)
    ages, weights = cells_of(table, ("age",)), cells_of(table, WEIGHT_COLUMNS)
    return PartFacts(
        part=part,
        people=len(table),
        pairs=len(names),
        sex=_counted(sexes.get(person, "not said") for person in table),
        age_years=Spread.of(_number(ages.get(person)) for person in table),
        weight_kilograms=Spread.of(_number(weights.get(person)) for person in table),
        dose_megabecquerels=Spread.of(_dose(plan) for plan in plans),
        early_minutes=_minutes([plan.early.effective_seconds for plan in plans]),
        delayed_minutes=_minutes([plan.delayed.effective_seconds if plan.delayed.uses else None for plan in plans]),
        scanners=_counted(_scanner(plan.scans[0], dataset) for plan in plans),
        sites=_counted(cells_of(table, SITE_COLUMNS).values()),
    )


def _dose(plan: PairFrames) -> float | None:
    return next((scan.calibration.injected_bq / 1e6 for scan in plan.scans if scan.calibration is not None), None)


def _scanner(scan: Scan, dataset: Dataset) -> str:
    try:
        sidecar, _ = merged_sidecar(scan.path, dataset.root)
    except DataError:
        return "not said"
    said = (str(sidecar.get(key, "")).strip() for key in ("Manufacturer", "ManufacturersModelName"))
    return " ".join(text for text in said if text and text.lower() not in ("n/a", "none", "unknown")) or "not said"


def _minutes(windows: Sequence[tuple[float, float] | None]) -> tuple[Spread, Spread]:
    starts = Spread.of(None if window is None else window[0] / 60 for window in windows)
    stops = Spread.of(None if window is None else window[1] / 60 for window in windows)
    return starts, stops


def _from_to(times: tuple[Spread, Spread]) -> str:
    start, stop = times
    return "not said" if start.median is None else f"{start} to {stop}"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:  # such as 89+
        return None


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
