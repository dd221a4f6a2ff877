"""Find weights on this machine or fetch them, and never use a byte of them before their hash is checked."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.evaluation.extractors.base import WeightsUnavailableError
from petbench_datasets.errors import DataError
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_SECONDS = 20.0
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights that is known by its hash.

    Attributes:
        name: the file's usual name.
        sha256: of the whole file, lower-case hexadecimal.
        variable: the environment variable that may name a copy, for messages.
        option: how it is named on the command line, for messages.
        url: where it can be downloaded, or None.
    """

    name: str
    sha256: str
    variable: str
    option: str
    url: str | None = None

    def find(self, *, cache: Path, given: Path | None = None) -> Path | None:
        """Return a verified copy on this machine, or None.

        Looked for, in order: `given`, torch hub's checkpoints, `cache`/weights. A wrong file is never passed over in
        silence: one that was named on purpose is an error, one in a usual place leaves the weights unavailable until it
        is removed.

        Raises:
            DataError: the named file is missing or has another hash.
            WeightsUnavailableError: a file in a usual place has another hash.
        """
        named = self.named(given)
        if named is not None:
            return named
        path = next((path for path in self._usual_places(cache) if path.is_file()), None)
        try:
            return None if path is None else self.verified(path)
        except DataError as error:
            raise WeightsUnavailableError(f"weights unavailable: {error}") from error

    def named(self, given: Path | None) -> Path | None:
        """Return the verified file that `given` names, or None where it names none.

        Raises:
            DataError: the named file is missing or has another hash.
        """
        if given is None:
            return None
        if not given.is_file():
            raise DataError(f"{given}: no such file of weights; correct {self.option} or ${self.variable}")
        return self.verified(given)

    def require(self, *, cache: Path, given: Path | None = None, offline: bool) -> Path:
        """Return a verified copy, downloaded into `cache`/weights where there is none and it may be.

        Raises:
            WeightsUnavailableError: there is no copy and it cannot be downloaded.
            DataError: a copy has another hash.
        """
        found = self.find(cache=cache, given=given)
        if found is not None:
            return found
        if self.url is None:
            raise WeightsUnavailableError(
                self._unavailable(f"{self.name} is not on this machine and has no public address")
            )
        if offline:
            raise WeightsUnavailableError(self._unavailable(f"{self.name} is not on this machine, which is offline"))
        return self._download(cache / "weights" / self.name)

    @property
    def fix(self) -> str:
        """How to get the file."""
        source = f" from {self.url}" if self.url else ""
        return f"get {self.name}{source} and name it with {self.option} or ${self.variable}"

    def verified(self, path: Path) -> Path:
        """Return `path` if its hash is right.

        Raises:
            DataError: it is not.
        """
        actual = sha256_of(path)
        if actual != self.sha256:
            raise DataError(
                f"{path}: SHA-256 {actual[:12]}… is not that of {self.name} ({self.sha256[:12]}…); remove or replace it"
            )
        return path

    def _usual_places(self, cache: Path) -> Iterator[Path]:
        home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        yield Path(os.environ.get("TORCH_HOME", home / "torch")) / "hub" / "checkpoints" / self.name
        yield cache / "weights" / self.name

    def _download(self, target: Path) -> Path:
        assert self.url is not None
        try:
            with atomic_path(target) as partial:
                # The address is a constant of this module (https), not the user's.
                with urllib.request.urlopen(self.url, timeout=_TIMEOUT_SECONDS) as response, partial.open("wb") as file:  # noqa: S310
                    while block := response.read(_BLOCK_BYTES):
                        file.write(block)
                self.verified(partial)
        except OSError as error:
            reason = f"{self.name} could not be downloaded ({error})"
            raise WeightsUnavailableError(self._unavailable(reason)) from error
        except DataError as error:
            reason = f"what {self.url} gave is not {self.name}: its hash is another"
            raise WeightsUnavailableError(self._unavailable(reason)) from error
        return target

    def _unavailable(self, what: str) -> str:
        return f"weights unavailable: {what}; {self.fix}"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


CANONICAL = WeightsFile(
    name="pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    variable="PETBENCH_FID_WEIGHTS",
    option="--fid-weights",
    url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)

FOLDED = WeightsFile(
    name="inception-2015-12-05_bnfolded_to-Mixed_6e.npz",
    sha256="8e06becfab6d2bcc01699c65cc7d89eb92947bf3cc68d443df0bc318bf55cc6c",
    variable="PETBENCH_FD768_WEIGHTS",
    option="--fid-weights",
)
