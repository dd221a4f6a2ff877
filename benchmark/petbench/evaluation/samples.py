"""Several samples of one prediction: where their files lie, and how they are read.

Beside `<participant>.nii.gz`, which is scored as any prediction is, lie `<participant>_sample-1.nii.gz`, `…-2` and so
on, on the same grid and in SUV. They serve the metrics of uncertainty and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SAMPLE = re.compile(
    r"^(?P<participant>sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?)_sample-(?P<number>[1-9][0-9]*)\.nii(\.gz)?$"
)


def sample_path(folder: Path, participant: str, number: int) -> Path:
    """Return where a participant's sample lies in a folder of predictions; numbers begin at 1."""
    return folder / f"{participant}_sample-{number}.nii.gz"


def stem(path: Path) -> str:
    """Return a file's name without its ending, by which the digest of what was written there is noted."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def participant_of_sample(name: str) -> str | None:
    """Return whose sample a file of this name is; None where it is none."""
    found = _SAMPLE.match(name)
    return found["participant"] if found else None


def find_samples(folder: Path, participants: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files of each participant's samples, in order; no participant has any, or all have equally many.

    Raises:
        DataError: a number is missing or there twice, or one participant has more samples than another.
    """
    numbered: dict[str, dict[int, Path]] = {participant: {} for participant in participants}
    for path in sorted(folder.iterdir()):
        found = _SAMPLE.match(path.name)
        if found is None or found["participant"] not in numbered:
            continue
        of_participant, number = numbered[found["participant"]], int(found["number"])
        if number in of_participant:
            raise DataError(f"{path}: a second sample {number} beside {of_participant[number].name}; remove one")
        of_participant[number] = path
    most = max((len(of_participant) for of_participant in numbered.values()), default=0)
    for participant, of_participant in numbered.items():
        missing = next((number for number in range(1, most + 1) if number not in of_participant), None)
        if missing is not None:
            raise DataError(
                f"{sample_path(folder, participant, missing)}: no such sample; every participant has as many samples, "
                f"numbered from 1, here {most}"
            )
    return {who: [files[number] for number in sorted(files)] for who, files in numbered.items()}
