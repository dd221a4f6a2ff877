"""Start a method's program for one stage of a job, wait for it, and read how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING

from petbench.errors import PluginError
from petbench.methods.program import protocol, venv
from petbench.processes.output import Output
from petbench.terminal import say
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench.contract import MethodSpec
    from petbench.methods.program.protocol import Job, Status

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
"""For what is still to be read of its output, should something that it started hold that open."""


def _never() -> bool:
    return False


def run_stage(
    spec: MethodSpec,
    package: Path | None,
    job: Job,
    folder: Path,
    environments: Path,
    stopped: Callable[[], bool] = _never,
    validation: IO[bytes] | None = None,
) -> Status:
    """Run one stage of a job with the method's program and return its status.

    Args:
        spec: of the method.
        package: folder of the plugin's code, for programs and requirements that ship with it.
        job: what to do.
        folder: of the job; its volumes are there.
        environments: folder of methods' virtual environments.
        stopped: whether somebody asked the run to end; the program is then interrupted, once.
        validation: standard input of petbench's own runner; None for a program of the method's author.

    Raises:
        PluginError: the program cannot be started, fails, or leaves no status that the contract knows.
        MemoryError: the program ran out of memory.
    """
    from petbench.errors import Diverged

    command = _command(spec, package, folder, environments)
    (folder / protocol.STATUS_NAME).unlink(missing_ok=True)
    write_text(folder / protocol.JOB_NAME, job.model_dump_json(indent=1) + "\n")
    inherits = spec.sees_installed if spec.environment == "venv" else True
    read, write = os.pipe()
    # What it prints this process prints, line by line, and no more of it than of a method in Python.
    output = Output(read, say)
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=venv.variables(inherits=inherits),
            stdin=validation or subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise PluginError(f"the program {command[0]!r} of {spec.name} cannot be started: {error.strerror}") from None
    finally:
        os.close(write)
    code = _wait(process, stopped)
    output.finish(_PATIENCE_SECONDS)
    last = output.last[:300] or "it printed nothing"
    status = protocol.read_status(folder)
    if status is None:
        raise PluginError(f"the program of {spec.name} ended with code {code} and left no status: {last}")
    if status.state == "out-of-memory":
        raise MemoryError(status.message or "the program ran out of memory")
    if status.state == "diverged":
        raise Diverged(status.message or "the program's training diverged")
    if status.state == "failed":
        raise PluginError(f"the program of {spec.name} failed: {status.message or last}")
    return status


def _command(spec: MethodSpec, package: Path | None, folder: Path, environments: Path) -> list[str]:
    """Return what to start: the spec's own command, or petbench's runner, which builds the method and calls it."""
    python = sys.executable
    if spec.environment == "venv":
        needed = [text.replace("{package}", str(package)) for text in spec.requirements]
        python = str(venv.make_environment(needed, environments, inherits=spec.sees_installed))
    command = spec.command or ("{python}", "-m", "petbench.methods.program.runner", "{job}")
    filled = {"{python}": python, "{package}": str(package), "{job}": str(folder)}
    return [_fill(part, filled) for part in command]


def _fill(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _wait(process: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> int:
    asked = False
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=_LOOK_SECONDS)
        if stopped() and not asked:
            asked = True
            process.send_signal(signal.SIGINT)
