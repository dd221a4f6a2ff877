"""How a plugin describes a dataset that petbench can build, and what both say to each other when it is validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress
    from petbench_datasets.sources import Fetch

API_VERSION = 1

TASK_OPTION = "task"
"""The option by which the variants of a dataset differ that are built for one task each; its value is a task's name."""


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
            `{"acquisition": "multibed", "reconstruction": "3d"}`. The option `task` names the task that a variant is
            built for: `petbench run --task` takes that variant.
        validate: `validate(dataset, progress)` compares the built dataset with what it imitates, for
            `petbench datasets validate`; None if the plugin has no such comparison. The headroom beside it needs
            organ labels and a repeat scan of every participant, and the split `holdout`; what can be predicted at all
            needs the true activity, too.
        track: of the comparisons on this dataset, such as `equal-images`: its budget is that of every run for which
            nobody names one, so that no author of a method chooses the budget it is compared under; empty for none.
        api: the version of the contract the plugin was written for.
        fetch: how `petbench datasets fetch` has the dataset from its host, see `petbench_datasets.sources`; None for
            one that is built. The `build` of a dataset that is fetched raises, and says so: nothing is downloaded
            unasked.
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
    fetch: Fetch | None = None


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
class OrganPrediction:
    """How well an organ's delayed uptake is predicted from early uptake, each participant by all others.

    Attributes:
        organ: its name.
        participants: how many have it.
        model: the regression that most of the fits chose: `ratio`, `line` or `line with blood`.
        r_squared: of ln SUV: 1 if predicted without error, 0 if no better than by the mean of the others, negative if
            worse; None where all have the same uptake.
        residual_percent: root mean square of ln predicted over true SUV, in percent.
    """

    organ: str
    participants: int
    model: str
    r_squared: float | None
    residual_percent: float


@dataclass(frozen=True, slots=True)
class Predictable:
    """What can be predicted at all: the true anatomy as scanned, organ levels predicted from other participants.

    Attributes:
        row: the score of such images.
        true_levels: the score of the same images with the organs' true levels, one a metric: what is missing there, the
            approximate blur and the noise of the real image cost.
        blur_millimetres: full width at half maximum of the blur, mean over the fits.
        organs: how well each organ is predicted; empty unless every participant is predicted by all others.
    """

    row: HeadroomRow
    true_levels: tuple[float, ...]
    blur_millimetres: float
    organs: tuple[OrganPrediction, ...]


@dataclass(frozen=True, slots=True)
class Headroom:
    """How far a dataset lets methods come: from the early image to what can be predicted at all.

    Attributes:
        metrics: names of the metrics, each in dB; the order of all `values`.
        tested: the participants that are scored.
        fitted: those that the factors of `scale` and `organ-scale` are fitted on; empty if, for each tested
            participant, all others.
        references: `identity`, `scale` and `organ-scale`.
        repeat_scan: the repeat scan scored as if it were a prediction: neither an aim nor a bound.
        methods: what methods on a leaderboard score, worst first.
        best_factors: the one factor, the same for all tested, that gives the highest score, one a metric. It is found
            with the delayed images at hand: no fit can pass it.
        best_values: the score that it gives.
        predictable: what can be predicted at all; None for a dataset whose true activity nobody knows.
    """

    metrics: tuple[str, ...]
    tested: tuple[str, ...]
    fitted: tuple[str, ...]
    references: tuple[HeadroomRow, ...]
    repeat_scan: HeadroomRow
    methods: tuple[HeadroomRow, ...]
    best_factors: tuple[float, ...]
    best_values: tuple[float, ...]
    predictable: Predictable | None = None

    @property
    def identity(self) -> HeadroomRow:
        """The early image as it is."""
        return self.references[0]

    @property
    def rows(self) -> tuple[HeadroomRow, ...]:
        """All rows: references, methods, what can be predicted, repeat scan."""
        known = (self.predictable.row,) if self.predictable else ()
        return (*self.references, *self.methods, *known, self.repeat_scan)

    def gaps(self, row: HeadroomRow) -> tuple[float, ...]:
        """Return how far a row stands above `identity`, in dB, one a metric."""
        return tuple(high - low for low, high in zip(self.identity.values, row.values, strict=True))


def find_variant(specs: Iterable[DatasetSpec], name: str, options: Mapping[str, str]) -> str | None:
    """Return the name of the dataset that is `name` with other options; None if there is none such."""
    known = {spec.name: spec for spec in specs}
    base = known.get(name)
    if base is None or not base.family:
        return None
    wanted = {**base.options, **options}
    return next((s.name for s in known.values() if s.family == base.family and dict(s.options) == wanted), None)
