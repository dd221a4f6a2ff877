"""The log of a training: one line of JSON for each event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


LOG_NAME = "log.jsonl"


class TrainingLog:
    """The log in a folder; each line says after how many images it was written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_NAME

    def append(self, event: str, images: int, seconds: float, values: Mapping[str, object]) -> None:
        """Append one line."""
        line = {"event": event, "images": images, "seconds": round(seconds, 3), **values}
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
        kept = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                seen = json.loads(line)["images"]
            except (ValueError, KeyError):
                continue
            if seen <= images:
                kept.append(line + "\n")
        write_text(self._path, "".join(kept))


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
