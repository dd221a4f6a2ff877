"""What a fetch would download, before anybody is asked."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError
from petbench_datasets.fetching.download import there_of
from petbench_datasets.images.windows import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.fetching.journal import Journal
    from petbench_datasets.sources import RemoteParticipant, Source
    from petbench_datasets.specs import DatasetSpec


@dataclass(frozen=True)
class Offer:
    """What is to be downloaded, and where it goes.

    Attributes:
        cohort: its name.
        folder: where it goes.
        revision: of the host's files.
        asked: who is wanted.
        missing: who of them is not there yet.
        left_out: who of them could not be used.
        files: how many are to be downloaded.
        bytes_to_come: what is still to be downloaded.
        bytes_at_once: what raw files take at most while the fetch goes on.
        bytes_kept: what the images may take in the end.
        bytes_free: on the disk.
        facts: licence, terms and the like, by name.
    """

    cohort: str
    folder: Path
    revision: str
    asked: tuple[str, ...]
    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    files: int
    bytes_to_come: int
    bytes_at_once: int
    bytes_kept: int
    bytes_free: int
    facts: dict[str, str]

    def require_space(self) -> None:
        """Raise where not even the raw files fit.

        Raises:
            DataError: naming what is needed and what there is.
        """
        if self.bytes_at_once > self.bytes_free:
            raise DataError(
                f"{self.folder}: the disk has {size_text(self.bytes_free)} free, and {size_text(self.bytes_at_once)} "
                "are needed for the raw files; free space or name a folder on another disk"
            )

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "cohort": self.cohort,
            "folder": str(self.folder),
            "revision": self.revision,
            "participants": list(self.asked),
            "there": [name for name in self.asked if name not in {*self.missing, *self.left_out}],
            "to_fetch": list(self.missing),
            "left_out_before": list(self.left_out),
            "files": self.files,
            "bytes_to_download": self.bytes_to_come,
            "bytes_kept_at_most": self.bytes_kept,
            "bytes_free": self.bytes_free,
            **self.facts,
        }

    def lines(self) -> list[tuple[str, str]]:
        """Return it for people to read: what, and what is said of it."""
        already = len(self.asked) - len(self.missing) - len(self.left_out)
        names = ", ".join(self.missing[:4]) + (", ..." if len(self.missing) > 4 else "")
        others = [f"{already} are there"] if already else []
        others += [f"{len(self.left_out)} could not be used"] if self.left_out else []
        people = "; ".join([f"{len(self.missing)} ({names})" if names else "none", *others])
        labels = {"reconstruction": "reconstruction", "windows": "windows", "licence": "licence", "terms": "terms"}
        found = [
            (
                "from",
                f"{self.facts['host']}, revision {self.revision if len(self.revision) < 40 else self.revision[:12]}",
            ),
            ("measured", self.facts["measured"]),
            ("participants", people),
            ("download", f"{self.files} files, {size_text(self.bytes_to_come)}"),
            *((name, self.facts[key]) for key, name in labels.items() if self.facts[key]),
            ("cite", self.facts["citation"]),
            ("grid", self.facts["grid"]),
            ("into", f"{self.folder}: at most {size_text(self.bytes_kept)} are kept"),
            ("disk", f"{size_text(self.bytes_free)} free; {size_text(self.bytes_at_once)} for raw files meanwhile"),
        ]
        return [(name, text) for name, text in found if text]


def offer(
    spec: DatasetSpec, source: Source, people: Sequence[RemoteParticipant], journal: Journal, *, keep_raw: bool
) -> Offer:
    """Work out what a fetch would download."""
    fetch, options = spec.fetch, journal.options
    assert fetch is not None
    finished, failed = journal.finished(), journal.left_out()
    missing = [one for one in people if one.name not in finished and one.name not in failed]
    still = {
        one.name: one.size_bytes - sum(there_of(file, journal.raw(one.name)) for file in one.files) for one in missing
    }
    terms = f"{fetch.terms}: {fetch.terms_url}" if fetch.terms else ""
    return Offer(
        cohort=spec.name,
        folder=journal.cohort,
        revision=source.revision,
        asked=tuple(one.name for one in people),
        missing=tuple(one.name for one in missing),
        left_out=tuple(one.name for one in people if one.name in failed and one.name not in finished),
        files=sum(file.count for one in missing for file in one.files),
        bytes_to_come=sum(still.values()),
        bytes_at_once=(sum if keep_raw else max)([0, *still.values()]),
        bytes_kept=len(missing) * fetch.bytes_kept,
        bytes_free=shutil.disk_usage(_existing(journal.cohort)).free,
        facts={
            "host": fetch.host,
            "measured": fetch.measured,
            "reconstruction": options.reconstruction,
            "windows": ", ".join(f"{name} {in_words(window)}" for name, window in fetch.task.windows_seconds.items()),
            "tracer": fetch.task.subject,
            "licence": spec.licence,
            "terms": terms,
            "citation": spec.citation,
            "doi": fetch.doi,
            "grid": options.grid,
        },
    )


def size_text(count: float) -> str:
    """Return bytes for people to read: `3.9 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _existing(folder: Path) -> Path:
    """Return the nearest folder above that there is."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
