"""The volumes that a method trains on: read by descriptor alone, and unpaired where it learns unpaired."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.training.volumes import VolumeFile, store_training

if TYPE_CHECKING:
    from pathlib import Path


class Matched:
    """A dataset whose volumes name their participants."""

    def early(self, participant: str) -> tuple[Any, None]:
        return np.full((2, 2, 2), float(participant), dtype=np.float32), None

    def delayed(self, participant: str) -> tuple[Any, None]:
        return np.full((2, 2, 2), -float(participant), dtype=np.float32), None


class Eight:
    train = tuple(str(number) for number in range(1, 9))


def test_no_pair_of_an_unpaired_method_can_be_read_from_where_its_volumes_lie() -> None:
    volumes = store_training(Matched(), Eight(), "unpaired", seed=3)  # type: ignore[arg-type]
    for file in volumes.files:
        offsets = [place.offset for place in file.places]
        assert offsets == sorted(offsets)  # the order in the file is that in which they are given, and says no more
    assert volumes.scans.file.fileno() != volumes.delayed.fileno()
    given = [
        (float(early().early[0, 0, 0]), -float(late()[0, 0, 0]))
        for early, late in zip(volumes.scans.reads(), volumes.delayed.reads(), strict=True)
    ]
    assert sorted(late for _, late in given) == sorted(early for early, _ in given)
    assert any(early != late for early, late in given)


def test_another_process_reads_the_volumes_of_a_file_by_its_descriptor_and_cannot_change_them(tmp_path: Path) -> None:
    file = VolumeFile(tmp_path)
    file.append(np.arange(8, dtype=np.float32).reshape(2, 2, 2))
    other = VolumeFile.of(os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY), file.places)
    (read,) = other.reads()
    changed = read()
    changed[:] = -1
    np.testing.assert_array_equal(file.reads()[0](), np.arange(8).reshape(2, 2, 2))
