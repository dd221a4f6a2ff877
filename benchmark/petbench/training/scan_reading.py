"""The scans of a dataset as a method is given them: the early image, and what the method named.

What reads images of a dataset is imported when it is asked for: a method's own process, which imports this module,
reads none, and may have other packages than petbench.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.scan import Need
    from petbench_datasets.dataset.reader import Dataset


def read_scan(dataset: Dataset, participant: str, needs: Sequence[Need] = ()) -> Scan:
    """Read the early image of a participant, and each of `needs`.

    Raises:
        DataError: the participant has not got one of them.
    """
    from petbench_datasets.dataset.inputs import INPUTS

    facts: dict[str, Any] = {}
    for need in needs:
        facts |= INPUTS[need](dataset, participant)
    read = {name: value() if callable(value) else value for name, value in facts.items()}
    return Scan(dataset.early(participant)[0], **read)


def label_names_of(dataset: Dataset, participants: Sequence[str]) -> dict[int, str]:
    """Return what the labels of participants mean, each of all together."""
    from petbench_datasets.dataset.inputs import INPUTS

    found: dict[int, str] = {}
    for participant in participants:
        found |= INPUTS["labels"](dataset, participant)["label_names"]
    return dict(sorted(found.items()))
