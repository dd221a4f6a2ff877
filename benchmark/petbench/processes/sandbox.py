"""Where a process of a stranger's code is started: as the user's own, or shut in by bubblewrap.

Without bubblewrap the process is handed nothing that leads elsewhere, and can still open whatever the user can.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.records import Status
    from petbench_leaderboard.run_changes import RunChanges

PROGRAM = "bwrap"
NOT_ISOLATED = "not isolated"
ISOLATED = "bubblewrap"

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
GPU = ("/sys/bus/pci", "/sys/devices", "/sys/module/nvidia", "/sys/class/drm")
KEPT_VARIABLES = (
    "CUDA_",
    "CUBLAS_",
    "GOMP_",
    "KMP_",
    "LC_",
    "MKL_",
    "NVIDIA_",
    "OMP_",
    "OPENBLAS_",
    "PYTORCH_",
    "TORCH_",
)
KEPT_NAMES = frozenset({"LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "PETBENCH_INHERITED_PATH", "TZ"})
INSIDE = {"HOME": "/tmp", "USER": "petbench", "LOGNAME": "petbench"}  # noqa: S108 - one of its own, in memory


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process with all that it starts may use.

    Attributes:
        memory_bytes: resident, and in each of its temporary folders.
        disk_bytes: in its folder, and in one file.
    """

    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Starts one Python process.

    Attributes:
        python: the interpreter.
        environment: its variables; shut in, it is given those alone that compute and find packages.
        isolated: whether it is shut in.
        readable: folders that it may read when it is shut in: packages and interpreters.
        hidden: folders that stay empty to it, should they lie within readable ones.
        limits: what it may use; None for no limits.
        devices: files of an accelerator that it may use when it is shut in.
    """

    python: str
    environment: Mapping[str, str]
    isolated: bool = False
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    limits: Limits | None = None
    devices: tuple[Path, ...] = field(default=())

    @property
    def parent(self) -> str:
        """The number by which the process knows its parent; 0 where numbers differ inside."""
        return "0" if self.isolated else str(os.getpid())

    @property
    def name(self) -> str:
        """What a row says of it."""
        return ISOLATED if self.isolated else NOT_ISOLATED

    def start(
        self, arguments: Sequence[str], *, folder: Path, descriptors: Sequence[int], output: int
    ) -> subprocess.Popen[bytes]:
        """Start Python with these arguments.

        Args:
            arguments: after the interpreter.
            folder: that it works in, the only one that it may write to.
            descriptors: open files that it keeps.
            output: where it prints to.
        """
        command, environment = self.call(arguments, folder)
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=tuple(descriptors),
        )

    def call(self, arguments: Sequence[str], folder: Path | None = None) -> tuple[list[str], dict[str, str]]:
        """Return the whole command that runs Python with these arguments, and its environment variables.

        Nothing is imported only because it lies in the folder that the process works in.
        """
        command = [self.python, "-P", *arguments]
        if not self.isolated:
            return command, dict(self.environment)
        return [*self.arguments(folder), "--", *command], inside(self.environment)

    def arguments(self, folder: Path | None, *, writable: Sequence[Path] = (), network: bool = False) -> list[str]:
        """Return the call of bubblewrap, up to the command.

        Args:
            folder: that the process works in, the only one that it may write to; None for none.
            writable: further folders that it may write to.
            network: whether it may use the network.
        """
        size = ["--size", str(self.limits.memory_bytes)] if self.limits else []
        call = [
            *(PROGRAM, "--unshare-all", *(["--share-net"] if network else [])),
            *("--die-with-parent", "--new-session", "--hostname", "petbench"),
            *("--cap-drop", "ALL"),
            *("--proc", "/proc", "--dev", "/dev", *size, "--tmpfs", "/dev/shm", *size, "--tmpfs", "/tmp"),  # noqa: S108
        ]
        call += _system()
        for path in SYSTEM_FILES:
            call += ["--ro-bind-try", path, path]
        for device in self.devices:
            call += ["--dev-bind-try", str(device), str(device)]
        for path in GPU if self.devices else ():
            call += ["--ro-bind-try", path, path]
        for readable in outermost(self.readable):
            call += ["--ro-bind-try", str(readable), str(readable)]
        for hidden in self.hidden:
            if any(hidden.is_relative_to(readable) for readable in self.readable):
                call += ["--tmpfs", str(hidden)]
        for readable in sorted(set(self.readable)):
            if any(readable.is_relative_to(hidden) for hidden in self.hidden):
                call += ["--ro-bind-try", str(readable), str(readable)]
        for place in (*writable, *([folder] if folder else [])):
            call += ["--bind", str(place), str(place)]
        return [*call, "--chdir", str(folder or "/")]

    def excess(self, pid: int, folder: Path) -> RunChanges | None:
        """Return what it makes of a run that its process uses more than it may; None where it does not.

        Args:
            pid: of the process.
            folder: that it works in.
        """
        if self.limits is None:
            return None
        memory, disk = resident_bytes(pid), folder_bytes(folder)
        if memory > self.limits.memory_bytes:
            said = f"it used {_gb(memory)} of memory, and may use {_gb(self.limits.memory_bytes)}"
            return _stopped("out-of-memory", "MemoryLimit", said)
        if disk > self.limits.disk_bytes:
            said = f"it wrote {_gb(disk)}, and may write {_gb(self.limits.disk_bytes)}"
            return _stopped("failed", "DiskLimit", said)
        return None


def _stopped(status: Status, limit: str, said: str) -> RunChanges:
    return {"status": status, "error_class": limit, "error_message": f"stopped: {said}", "fault": "method"}


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


@functools.cache
def why_not_isolated() -> str | None:
    """Return why nothing can be shut in here; None where it can."""
    if shutil.which(PROGRAM) is None:
        return f"there is no bubblewrap here ({PROGRAM})"
    call = Sandbox("true", {}).arguments(None)
    tried = subprocess.run([*call, "--", "/bin/sh", "-c", "exit 0"], capture_output=True, text=True)
    if tried.returncode != 0:
        lines = tried.stderr.strip().splitlines() or ["no reason given"]
        return f"bubblewrap does not work here: {lines[-1][:200]}"
    return None


def inside(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process that is shut in: no keys, no tokens, no name of a user, no proxies."""
    kept = {name: value for name, value in environment.items() if name in KEPT_NAMES or name.startswith(KEPT_VARIABLES)}
    return kept | INSIDE


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Return paths in order, without those that lie in another one or that the system's folders hold."""
    covered = [Path(folder) for folder in SYSTEM]
    found: list[Path] = []
    for path in sorted(set(paths), key=lambda each: len(each.parts)):
        if not any(path.is_relative_to(other) for other in (*covered, *found)):
            found.append(path)
    return found


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def folder_bytes(folder: Path) -> int:
    """Return the bytes on disk of all files in a folder."""
    total, waiting = 0, [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # it is removed while it is looked at
            continue
    return total


def _system() -> list[str]:
    call: list[str] = []
    for folder in SYSTEM:
        if Path(folder).is_symlink():
            call += ["--symlink", str(Path(folder).readlink()), folder]
        else:
            call += ["--ro-bind-try", folder, folder]
    return call
