"""The comparison of a simulated dataset with people, as `petbench datasets validate` shows it."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING

from petbench_datasets.specs import Validation
from petbench_phantom.validation import IDENTITY_ERROR_IN_PEOPLE, MARKS, ONE_CONSTANT_ERROR_IN_PEOPLE, measure

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress
    from petbench_datasets.specs import Headroom
    from petbench_phantom.validation import Measurements, RegionCheck

_COLUMNS = (
    "region",
    "n",
    "early SUV",
    "delayed SUV",
    "delayed/early",
    "r",
    "log SD early",
    "log SD delayed",
    "recovery",
    "",
)


def validation_report(dataset: Dataset, progress: Progress) -> Validation:
    """Measure a simulated dataset and put it beside people.

    Raises:
        DataError: the dataset was not simulated.
    """
    measured = measure(dataset, progress)
    people = ONE_CONSTANT_ERROR_IN_PEOPLE
    plain, constant = measured.identity_error, measured.one_constant_error
    return Validation(
        passed=measured.passed,
        title=f"{measured.dataset}: {measured.participants} participants, simulated | measured in people (mean, SD)",
        columns=_COLUMNS,
        rows=tuple(_row(region) for region in measured.regions),
        notes=(
            f"ok: {MARKS} of what was measured in people",
            f"activity in the body over injected: {measured.balance_in_words()}",
            f"noise in the liver, delayed frame: {measured.liver_noise.variation:.1%}",
            f"delayed = early is wrong by {plain:.1%}, in people by {IDENTITY_ERROR_IN_PEOPLE}",
            f"delayed = one constant an organ x early is wrong by {constant:.1%}, in people by {people}",
        ),
        facts=dataclasses.asdict(measured),
        write_page=partial(_write_page, measured, dataset),
    )


def _write_page(measured: Measurements, dataset: Dataset, folder: Path, held_out: Headroom, everyone: Headroom) -> Path:
    """Write the page; its figures load matplotlib, which a comparison without a page does not need."""
    from petbench_phantom.validation_page import write_page

    return write_page(measured, dataset, folder, held_out, everyone)


def _row(region: RegionCheck) -> tuple[str, ...]:
    people = region.measured
    return (
        region.name,
        str(region.people),
        f"{region.early:.2f}±{region.early_sd:.2f} | {people.early:.2f}±{people.early_sd:.2f}",
        f"{region.delayed:.2f}±{region.delayed_sd:.2f} | {people.delayed:.2f}±{people.delayed_sd:.2f}",
        f"{region.ratio:.2f} | {people.ratio:.2f}",
        f"{region.correlation:.2f} | {people.correlation:.2f}",
        f"{region.early_log_sd:.3f} | {people.early_log_sd:.3f}",
        f"{region.delayed_log_sd:.3f} | {people.delayed_log_sd:.3f}",
        f"{region.recovery[0]:.2f} {region.recovery[1]:.2f}",
        "; ".join(region.failures) or "ok",
    )
