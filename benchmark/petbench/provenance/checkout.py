"""The checkouts that a run's code came from: their commits, and what differed from them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN_PACKAGES = ("petbench", "petbench_datasets", "petbench_leaderboard")
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Checkout:
    """One checkout and the packages of a run that lie in it.

    Attributes:
        root: of the checkout; never recorded, for it says where somebody keeps files.
        commit: that is checked out.
        paths: files and folders of the packages.
        own: whether petbench itself is among them.
    """

    root: Path
    commit: str
    paths: tuple[Path, ...]
    own: bool


def find_checkouts(*plugins: str) -> list[Checkout]:
    """Return the checkouts of petbench and of plugins' top-level modules; of what was installed there are none."""
    found: dict[tuple[Path, str], list[Path]] = {}
    own: set[Path] = set()
    for name in dict.fromkeys((*OWN_PACKAGES, *plugins)):
        path = _path_of(name)
        where = _checkout_of(path) if path else None
        if path and where:
            found.setdefault(where, []).append(path)
            if name in OWN_PACKAGES:
                own.add(where[0])
    return [Checkout(root, commit, tuple(paths), root in own) for (root, commit), paths in found.items()]


def describe(checkouts: Iterable[Checkout]) -> dict[str, Any]:
    """Return commits and changed files as JSON values: petbench's own, and those of a plugin kept elsewhere."""
    facts: dict[str, Any] = {}
    for checkout in checkouts:
        listed = _git(checkout.root, "status", "--porcelain", "--untracked-files=all", "--", *map(str, checkout.paths))
        state = {"commit": checkout.commit, "modified_files": [line[3:] for line in (listed or "").splitlines()]}
        facts |= state if checkout.own else {"plugin": state}
    return facts


def read_diff(checkouts: Iterable[Checkout], *, most_bytes: int = 100_000) -> str:
    """Return how the packages differ from their commits, as `git diff` says it, cut off after so many bytes."""
    texts = []
    for checkout in checkouts:
        command = _command(checkout.root, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD", "--")
        with subprocess.Popen(
            [*command, *map(str, checkout.paths)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        ) as process:
            assert process.stdout is not None
            text = process.stdout.read(most_bytes + 1)
            process.kill()  # whatever is left would not be kept
        if text:
            texts.append(text[:most_bytes].decode("utf-8", errors="replace"))
            if len(text) > most_bytes:
                texts.append(f"\n… the diff is longer than {most_bytes:,} bytes\n")
    return "".join(texts)


def _path_of(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).resolve()
    return file.parent if spec.submodule_search_locations else file


def _checkout_of(path: Path) -> tuple[Path, str] | None:
    """Return root and commit where a checkout keeps `path`; an environment inside somebody's checkout is not kept."""
    folder = path if path.is_dir() else path.parent
    if not _git(folder, "ls-files", "--", str(path)):
        return None
    root, commit = _git(folder, "rev-parse", "--show-toplevel"), _git(folder, "rev-parse", "HEAD")
    return (Path(root), commit) if root and commit else None


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says without its last line's end, None where there is no git, no checkout or no answer."""
    command = _command(folder, *arguments)
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_SECONDS, env=_environment()
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return found.stdout.rstrip("\n")


def _command(folder: Path, *arguments: str) -> list[str]:
    # A checkout may name a program to be started by git; looking at it starts none.
    return ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]


def _environment() -> dict[str, str]:
    return os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # leave the index of a checkout that is worked in alone
