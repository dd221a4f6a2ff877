"""The log of a training: one line of JSON for each event."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LOG = logging.getLogger("petbench")

LOG_NAME = "log.jsonl"
MOST_BYTES = 2**28
"""Of a log; a training of a week writes less."""
LONGEST_LINE_BYTES = 2**20

HARNESS_EVENTS = frozenset({"validation", "validated"})
"""Events that say how good a model was: of the harness alone, since no method reports its own scores or times."""


class TrainingLog:
    """The log in a folder; each line says after how many images it was written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_NAME

    def append(self, event: str, values: Mapping[str, object]) -> None:
        """Append one line; `values` has the number of images seen, as `images`."""
        line = {"event": event, **values}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def delete(self) -> None:
        """Delete the file of a training that starts afresh."""
        self._path.unlink(missing_ok=True)

    def cut(self, images: int) -> None:
        """Drop the lines of steps after `images`, which will be taken again, and a last line that a kill cut short."""
        if not self._path.exists():
            return
        kept = [json.dumps(line) + "\n" for line in read_events(self._path) if line["images"] <= images]
        write_text(self._path, "".join(kept))


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log, without one that a kill cut short; none where there is no log.

    A method can write anything into it: what is no event is passed over, and no more is read than `MOST_BYTES`.
    """
    if not path.is_file():
        return
    left = MOST_BYTES
    with path.open("rb") as file:
        while left > 0 and (line := file.readline(min(left, LONGEST_LINE_BYTES))):
            left -= len(line)
            try:
                facts = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(facts, dict) and {"event", "images"} <= facts.keys():
                yield facts
        if left <= 0 and file.read(1):
            _LOG.warning("%s: only its first %d MiB are read", path, MOST_BYTES // 2**20)


def number_in(line: Mapping[str, object], name: str) -> float | None:
    """Return a number of a log's line, None where it has none of that name."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def gan_shares(losses: Mapping[str, float]) -> dict[str, float]:
    """Return the share of adversarial terms in the loss of each optimizer that has other terms too.

    Terms are named `optimizer/term`, weights included; those whose name begins with `gan` are adversarial. A share near
    0 is a regression that the discriminator does not change, one near 1 an image that the target does not constrain.
    """
    adversarial: dict[str, float] = {}
    total: dict[str, float] = {}
    for name, value in losses.items():
        optimizer, _, term = name.rpartition("/")
        total[optimizer] = total.get(optimizer, 0.0) + abs(value)
        adversarial[optimizer] = adversarial.get(optimizer, 0.0) + abs(value) * term.startswith("gan")
    return {
        optimizer: part / total[optimizer] for optimizer, part in adversarial.items() if 0.0 < part < total[optimizer]
    }
