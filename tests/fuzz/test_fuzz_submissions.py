"""Submissions with random damage: refused in one line, or accepted as a row that every output shows."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from tests.benchmark import stranger
from tests.benchmark.conftest import write_body_dataset
from tests.fuzz.mutations import CASES, damaged_bytes, damaged_json

from petbench.submissions.archive import Archive
from petbench.submissions.verify import _read
from petbench_datasets.errors import PetbenchError
from petbench_leaderboard import storable
from petbench_leaderboard.rows import columns_of

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20_262


def test_a_damaged_submission_is_refused_in_one_line_or_read_as_what_can_be_stored(tmp_path: Path) -> None:
    root = write_body_dataset(tmp_path / "bodies")
    honest = stranger.submit(root, tmp_path / "author", stranger.predict(root, tmp_path / "a"), "theirs")
    generator, said, read = Random(SEED), list[str](), 0
    files, whole = stranger.files_of(honest), honest.read_bytes()
    texts = [name for name in files if name.endswith(".json")]
    path = tmp_path / "damaged.petbench.zip"
    for case in range(CASES):
        if case % 4 == 0:
            path.write_bytes(damaged_bytes(whole, generator))
        else:
            name = generator.choice(texts)
            changed = files | {name: damaged_json(json.loads(files[name]), generator)}
            try:
                stranger.write(path, changed)
            except (ValueError, TypeError, KeyError, RecursionError):  # the manifest itself is damaged
                continue
        try:
            with Archive(path) as archive:
                runs = _read(archive)
        except PetbenchError as error:
            said.append(str(error))
            continue
        read += 1
        for run in runs:
            storable.check(columns_of(run.facts))
            for score in run.scores:
                storable.check(columns_of(score) | {"facts": None})
    assert read
    assert len(said) > CASES // 4
    assert not any("\n" in line or not line.isprintable() for line in said)
