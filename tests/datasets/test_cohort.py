"""Who is in a cohort is counted by people, by part of a split, and no page says it of one person alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.dataset.cohort import Spread, describe_cohort
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import EVERYONE, Fold, Split, load_split
from petbench_leaderboard.report.site.people_table import view_people

if TYPE_CHECKING:
    from tests.datasets.conftest import DatasetWriter

AGES = ["31", "40", "89+", "62", "n/a", "55"]


@pytest.fixture
def written(writer: DatasetWriter) -> DatasetWriter:
    names = [f"sub-{number:02d}" for number in range(1, 7)]
    writer.dataset(6)
    weights: dict[str, object] = {name: 60.0 + 5 * number for number, name in enumerate(names)}
    writer.participants(weights, age=AGES, sex=["F", "M", "female", "F", "", "M"], site=["a", "a", "b", "b", "b", "a"])
    return writer


def test_everybody_and_every_part_of_a_split_are_counted_by_an_independent_reading_of_the_table(
    written: DatasetWriter,
) -> None:
    dataset = open_dataset(written.root)
    names = dataset.participants
    split = Split("holdout", dataset.fingerprint, (Fold(names[:3], names[3:4], names[4:]),))
    everybody, train, validation, test = describe_cohort(dataset, split)
    assert [part.part for part in (everybody, train, validation, test)] == ["everybody", "train", "validation", "test"]
    assert everybody.people == everybody.pairs == 6
    assert everybody.sex == {"female": 3, "male": 2, "not said": 1}
    assert everybody.sites == {"a": 3, "b": 3}
    ages = [31.0, 40.0, 62.0, 55.0]
    assert everybody.age_years == Spread(float(np.median(ages)), 31.0, 62.0, unsaid=2)
    assert (test.people, test.sex, test.sites) == (2, {"male": 1, "not said": 1}, {"a": 1, "b": 1})
    assert train.weight_kilograms == Spread(65.0, 60.0, 70.0, unsaid=0)
    assert validation.cells()["Weight, kg"] == "75"


def test_of_several_folds_those_who_test_are_described_and_everyone_once(written: DatasetWriter) -> None:
    dataset = open_dataset(written.root)
    names = dataset.participants
    folds = tuple(Fold(tuple(set(names) - {name}), (), (name,)) for name in names)
    found = describe_cohort(dataset, Split("sites", dataset.fingerprint, folds))
    assert [part.part for part in found] == ["everybody", *(f"test, fold {number}" for number in range(6))]
    assert [part.part for part in describe_cohort(dataset, load_split(dataset, EVERYONE))] == ["everybody"]


def test_times_doses_and_scanners_are_those_of_the_scans(written: DatasetWriter) -> None:
    (sidecar,) = written.root.glob("sub-02/pet/*early*.json")
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    sidecar.write_text(
        json.dumps(facts | {"Manufacturer": "Acme", "ManufacturersModelName": "Total Body"}), encoding="utf-8"
    )
    dataset = open_dataset(written.root)
    (everybody,) = describe_cohort(dataset)
    assert everybody.scanners["Acme Total Body"] == 1
    starts = [dataset.plans[name].early.effective_seconds[0] / 60 for name in dataset.participants]
    assert everybody.early_minutes[0] == Spread.of(starts)
    doses = [
        plan.scans[0].calibration.injected_bq / 1e6 for plan in dataset.plans.values() if plan.scans[0].calibration
    ]
    assert everybody.dose_megabecquerels.median == pytest.approx(float(np.median(doses)))


def test_a_page_says_no_age_of_so_few_that_the_range_is_of_one_of_them(written: DatasetWriter) -> None:
    dataset = open_dataset(written.root)
    names = dataset.participants
    split = Split("holdout", dataset.fingerprint, (Fold(names[:5], (), names[5:]),))
    table = view_people(describe_cohort(dataset, split))
    rows = dict(table.rows)
    assert table.parts == ["everybody", "train", "test"]
    assert rows["Age, years"] == ["47.5 (31 to 62), 2 not said", "40 (31 to 62), 2 not said", "fewer than 5 people"]
    assert rows["Weight, kg"][2] == rows["Dose, MBq"][2] == "fewer than 5 people"
    assert rows["Sex"][2] == "1 male"
