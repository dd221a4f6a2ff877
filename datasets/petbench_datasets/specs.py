"""How a plugin describes a dataset that petbench can build, and what both say to each other when it is validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress

API_VERSION = 1


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A dataset by name.

    Attributes:
        name: a slug, the same as typed after `petbench run --dataset`.
        summary: one line for `petbench datasets list`.
        build: `build(folder, progress)` makes the dataset as a BIDS-PET folder at `folder`, or completes one that
            was interrupted; safe to call again. Imports its heavy modules when called.
        licence: of the images.
        citation: what to cite, as text.
        family: datasets of one family differ in their `options` alone; empty for a dataset without variants.
        options: what `petbench datasets build --acquisition` and `--reconstruction` choose by among the family:
            `{"acquisition": "multibed", "reconstruction": "3d"}`.
        validate: `validate(dataset, progress)` compares the built dataset with what it imitates, for
            `petbench datasets validate`; None if the plugin has no such comparison. The headroom beside it needs
            organ labels and a repeat scan of every participant, and the split `holdout`.
        track: of the comparisons on this dataset, such as `equal-images`: its budget is that of every run for which
            nobody names one, so that no author of a method chooses the budget it is compared under; empty for none.
        api: the version of the contract the plugin was written for.
    """

    name: str
    summary: str
    build: Callable[[Path, Progress], None]
    licence: str = ""
    citation: str = ""
    family: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    validate: Callable[[Dataset, Progress], Validation] | None = None
    track: str = ""
    api: int = API_VERSION


@dataclass(frozen=True, slots=True)
class Validation:
    """How a dataset compares with what it imitates, as its plugin measured it.

    Attributes:
        passed: whether it is alike enough.
        title: one line above the table.
        columns: headings of the table.
        rows: its cells, as text. The last one of a row is shown in green if it is `ok`, in red if it is anything else.
        notes: lines below the table.
        facts: all of it as plain data, for `--json`.
        write_page: `write_page(folder, held_out, everyone)` writes a page with figures and returns its path, given the
            headroom over the test participants of the split `holdout` and over all participants; None if the plugin has
            no page.
    """

    passed: bool
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    facts: Mapping[str, Any]
    write_page: Callable[[Path, Headroom, Headroom], Path] | None = None


@dataclass(frozen=True, slots=True)
class HeadroomRow:
    """One prediction in a table of headroom.

    Attributes:
        name: of the reference or method.
        values: its score, one a metric, mean over participants.
        source: where a method's score is from: runs, seeds, budget; empty for a reference.
    """

    name: str
    values: tuple[float, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Headroom:
    """How far a dataset lets methods come: from the early image to a repeat scan, which differs by its noise alone.

    Attributes:
        metrics: names of the metrics, each in dB; the order of all `values`.
        tested: the participants that are scored.
        fitted: those that the factors of `scale` and `organ-scale` are fitted on; empty if, for each tested
            participant, all others.
        references: `identity`, `scale` and `organ-scale`.
        repeat_scan: the repeat scan scored as if it were a prediction.
        methods: what methods on a leaderboard score, worst first.
        best_factors: the one factor, the same for all tested, that gives the highest score, one a metric. It is found
            with the delayed images at hand: no fit can pass it.
        best_values: the score that it gives.
    """

    metrics: tuple[str, ...]
    tested: tuple[str, ...]
    fitted: tuple[str, ...]
    references: tuple[HeadroomRow, ...]
    repeat_scan: HeadroomRow
    methods: tuple[HeadroomRow, ...]
    best_factors: tuple[float, ...]
    best_values: tuple[float, ...]

    @property
    def identity(self) -> HeadroomRow:
        """The early image as it is."""
        return self.references[0]

    @property
    def rows(self) -> tuple[HeadroomRow, ...]:
        """All rows: references, methods, repeat scan."""
        return (*self.references, *self.methods, self.repeat_scan)

    @property
    def gaps(self) -> tuple[float, ...]:
        """How far the repeat scan stands above `identity`, in dB, one a metric."""
        return tuple(high - low for low, high in zip(self.identity.values, self.repeat_scan.values, strict=True))


def find_variant(specs: Iterable[DatasetSpec], name: str, options: Mapping[str, str]) -> str | None:
    """Return the name of the dataset that is `name` with other options; None if there is none such."""
    known = {spec.name: spec for spec in specs}
    base = known.get(name)
    if base is None or not base.family:
        return None
    wanted = {**base.options, **options}
    return next((s.name for s in known.values() if s.family == base.family and dict(s.options) == wanted), None)
