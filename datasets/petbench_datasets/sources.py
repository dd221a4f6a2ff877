"""What a recipe says of a cohort that can be fetched, and what it does at the cohort's host.

A recipe knows where files are and what they mean. What is asked, in which order participants come, how files are
checked, how images are made of them and where they are written is the same for all: `petbench_datasets.fetching`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from petbench_datasets.errors import DataError
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.tasks.task import Task


class AccessError(DataError):
    """The host does not let this user have the files: no login, or terms that were not accepted."""


class HostError(DataError):
    """The host cannot be reached, or breaks off; the same command goes on later."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """How a cohort of real people is fetched.

    Attributes:
        open: `open(reconstruction, revision)` asks the host what there is; with an empty `revision` its newest.
        host: whom the files come from, for people to read.
        terms: what its users agree to, in a few words; empty where nothing has to be accepted.
        terms_url: where terms are read and accepted.
        doi: of the data.
        people: how many it has.
        measured: what was measured and when, for people to read.
        bytes_a_participant: what is downloaded of one, on average.
        bytes_kept: what the two images of one participant take at most, unless resampled to finer voxels.
        reconstructions: labels that `--reconstruction` takes, the default first; empty where there is no choice.
        imports: the client's modules.
        install: what pip installs to have them.
        task: what the cohort is for: whose windows of whose tracer are kept of what was measured.
    """

    open: Callable[[str, str], Source]
    host: str
    people: int
    measured: str
    bytes_a_participant: int
    bytes_kept: int
    terms: str = ""
    terms_url: str = ""
    doi: str = ""
    reconstructions: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    install: str = "petbench[fetch]"
    task: Task = DEFAULT_TASK

    @property
    def bytes_of_all(self) -> int:
        """What is downloaded of everybody."""
        return self.people * self.bytes_a_participant


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the host, or a folder of files that the client brings as one.

    Attributes:
        path: its name there.
        place: where it is put below the participant's raw folder.
        size_bytes: of it.
        digest: `sha256:...`, or `git:...`, the SHA-1 of Git's blob; empty where the host says none.
        count: how many files; one that is no folder is 1.
    """

    path: str
    place: str
    size_bytes: int
    digest: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class RemoteParticipant:
    """A participant at the host.

    Attributes:
        name: such as `sub-001`.
        files: what is downloaded.
    """

    name: str
    files: tuple[RemoteFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all of them."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class Labels:
    """Organs of a participant.

    Attributes:
        path: the label image.
        names: what each label means.
        made_by: the folder below `derivatives`, such as `totalsegmentator`.
        derived_from: the images that they were drawn on: `ct`, `early`, `delayed`.
    """

    path: Path
    names: Mapping[int, str]
    made_by: str
    derived_from: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawParticipant:
    """What was downloaded of a participant, as files that petbench reads.

    Attributes:
        root: a BIDS-PET folder.
        name: of the participant there.
        labels: organs, where there are any.
        notes: for people to read.
    """

    root: Path
    name: str
    labels: Labels | None = None
    notes: tuple[str, ...] = field(default=())


class Source(Protocol):
    """A cohort at its host, in one revision."""

    @property
    def revision(self) -> str:
        """Names the state of the cohort: the same revision is the same files."""

    @property
    def participants(self) -> Sequence[RemoteParticipant]:
        """Everybody of whom the host has what is asked for, sorted by name."""

    def require_access(self) -> None:
        """Raise an `AccessError` unless this user may download."""

    def download(self, file: RemoteFile, target: Path, progress: Callable[[int], None]) -> None:
        """Bring a file to `target`, going on with what is there of it already.

        Args:
            file: which.
            target: where to; the parent exists. A file that is there is a part of it, left by a download that ended.
            progress: called with how many bytes are there.

        Raises:
            AccessError: the user may not have it.
            HostError: the host broke off.
        """

    def read(self, participant: RemoteParticipant, raw: Path, work: Path) -> RawParticipant:
        """Say what the files of a participant are.

        Args:
            participant: whose.
            raw: holds the files, each in its place.
            work: an empty folder for what has to be converted.

        Raises:
            DataError: they cannot be used.
        """
