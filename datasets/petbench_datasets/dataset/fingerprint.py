"""What a pair's images contain, as hashes: the same content gives the same hash wherever and however it is kept.

Hashed are the stored voxels of the frames that take part (as little-endian float32 in the order Left, Posterior,
Superior), and all that turns them into SUV. File bytes, folders and compression do not matter. SUV itself is not
hashed: its last bit may depend on a machine's mathematics library.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.dataset.quantities import require_possible
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from petbench_datasets.dataset.framing import FrameUse, WindowFrames
    from petbench_datasets.images.grid import Grid

CACHE_NAME = ".petbench-fingerprints.json"
_CACHE_VERSION = 1


@dataclass(frozen=True, slots=True)
class PairDigest:
    """The hashes of one participant's pair.

    Attributes:
        content: of everything that decides the two SUV images.
        pixels: of the early and of the delayed voxels alone: equal for a copy under another name or weight.
    """

    content: str
    pixels: tuple[str, str]


def digest_pair(participant: str, early: WindowFrames, delayed: WindowFrames) -> PairDigest:
    """Read the frames of a pair and hash them.

    Raises:
        DataError: a voxel that is no finite number, an image of one value alone, or two windows that hold the same
            voxels.
    """
    grid = early.uses[0].scan.grid
    early_frames = [_frame(use) for use in early.uses]
    delayed_frames = [_frame(use) for use in delayed.uses]
    pixels = (_sha([frame["voxels"] for frame in early_frames]), _sha([frame["voxels"] for frame in delayed_frames]))
    if pixels[0] == pixels[1]:
        raise DataError(
            f"{delayed.uses[0].scan.path}: the delayed image of {participant} is a copy of the early one; "
            "replace it with the delayed scan"
        )
    described = {"grid": _describe_grid(grid), "early": early_frames, "delayed": delayed_frames}
    return PairDigest(_sha(described), pixels)


def digest_window(window: WindowFrames) -> str:
    """Read the frames of one window and return the hash of their voxels, as `PairDigest.pixels` holds it."""
    return _sha([_frame(use)["voxels"] for use in window.uses])


def dataset_fingerprint(digests: Mapping[str, PairDigest]) -> str:
    """Return the hash of a dataset: its participants' names with the content of their pairs."""
    return _sha([[name, digests[name].content] for name in sorted(digests)])


class DigestCache:
    """Digests kept beside the images, so that an unchanged dataset opens without reading a voxel.

    A digest is used again only while every file that it depends on has the path, size and time of change it had.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / CACHE_NAME
        self._entries: dict[str, dict[str, Any]] = {}
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            if stored["version"] == _CACHE_VERSION:
                self._entries = dict(stored["participants"])
        except (OSError, ValueError, KeyError, TypeError):
            self._entries = {}
        self._changed = False

    def key(self, plans: Iterable[WindowFrames]) -> str:
        """Return what a pair's digest depends on without its voxels being read."""
        uses = [use for plan in plans for use in plan.uses]
        files = []
        for path in sorted({use.scan.path for use in uses}):
            state = path.stat()
            name = str(path.relative_to(self._root)) if path.is_relative_to(self._root) else str(path)
            files.append([name, state.st_size, state.st_mtime_ns])
        return _sha([files, [[use.seconds, *_describe_use(use).values()] for use in uses]])

    def get(self, participant: str, key: str) -> PairDigest | None:
        """Return the digest kept for a participant, if it was made for `key`."""
        entry = self._entries.get(participant)
        if not isinstance(entry, dict) or entry.get("key") != key:
            return None
        try:
            return PairDigest(str(entry["content"]), (str(entry["pixels"][0]), str(entry["pixels"][1])))
        except (KeyError, IndexError, TypeError):
            return None

    def put(self, participant: str, key: str, digest: PairDigest) -> None:
        """Keep a digest; `save` writes it."""
        self._entries[participant] = {"key": key, "content": digest.content, "pixels": list(digest.pixels)}
        self._changed = True

    def save(self) -> None:
        """Write what is new; a folder that cannot be written to goes without a cache."""
        if self._changed:
            try:
                write_text(self._path, json.dumps({"version": _CACHE_VERSION, "participants": self._entries}) + "\n")
            except OSError:
                return
            self._changed = False


def _frame(use: FrameUse) -> dict[str, Any]:
    voxels = use.scan.activity(use.index)
    if float(voxels.max()) == float(voxels.min()):
        raise DataError(
            f"{use.scan.path}: every voxel of frame {use.index} is {float(voxels.flat[0]):g}; "
            "reconstruct or export the image again"
        )
    require_possible(use.scan, use.index, voxels)
    return {"voxels": hashlib.sha256(voxels.astype("<f4", copy=False).tobytes()).hexdigest(), **_describe_use(use)}


def _describe_use(use: FrameUse) -> dict[str, Any]:
    """Return all that decides a frame's SUV but its voxels, rounded where text and binary sources differ."""
    calibration = use.scan.calibration
    facts = {} if calibration is None else {key: _round(value) for key, value in asdict(calibration).items()}
    return {"start": _round(use.frame.start_seconds), "duration": _round(use.frame.duration_seconds), "suv": facts}


def _describe_grid(grid: Grid) -> list[Any]:
    # A thousandth of a millimetre: NIfTI keeps float32.
    affine = np.round(grid.affine[:3], 3) + 0.0
    return [list(grid.shape), affine.tolist()]


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.7g}")


def _sha(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
