"""The script that Slurm is given: one array element for each run."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from petbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.engine_spec import Resources, Work

STOP_SECONDS = 60
"""How long before its time limit a job is asked to write a checkpoint."""
SETUP = "setup"
"""The one option that is none of sbatch's: a line of shell before the run, such as `module load cuda`."""
_OWN = {
    "array": "--at-once says how many run at one time",
    "chdir": "runs work in folders of petbench",
    "cpus-per-task": "use --cpus",
    "error": "each run's folder has its node.log",
    "gpus": "use --gpus",
    "gpus-per-task": "use --gpus",
    "mem": "use --memory",
    "open-mode": "petbench needs append",
    "output": "each run's folder has its node.log",
    "requeue": "petbench needs it",
    "no-requeue": "petbench needs requeue",
    "signal": "petbench needs it for checkpoints",
    "time": "use --minutes",
    "wrap": "petbench writes the script",
    "wait": "petbench watches by itself; see --detach",
}
_KEY = re.compile(r"[a-z][a-z0-9-]*")


def check_options(options: Mapping[str, str]) -> None:
    """Make sure that each option can be written into a script.

    Raises:
        UsageError: one cannot, or is petbench's own to say.
    """
    for key, value in options.items():
        if not _KEY.fullmatch(key):
            raise UsageError(
                f"--engine-option {key} is no option of sbatch; write it as sbatch does, such as partition=gpu"
            )
        if key in _OWN:
            raise UsageError(f"--engine-option {key} cannot be given: {_OWN[key]}")
        if not value.isprintable():
            raise UsageError(f"--engine-option {key} has a value of more than one line")


def script(work: Work, options: Mapping[str, str], folder: Path, count: int) -> str:
    """Return a script for an array of runs.

    Args:
        work: what is submitted; the folders stand in the file `folders.txt`.
        options: of sbatch, and `setup`.
        folder: of the script.
        count: of the array's elements.
    """
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in _options(work.resources, options, folder, count))]
    if setup := options.get(SETUP):
        lines.append(setup)
    command = " ".join(shlex.quote(word) for word in work.command)
    lines += [
        f'folder=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(str(folder / "folders.txt"))})',
        "# Slurm signals steps before it ends a job, and not this script: so the run is a step.",
        'exec srun --ntasks=1 --open-mode=append --output="$folder/node.log" \\',
        f'    {command} {work.when_stopped} "scontrol requeue $SLURM_JOB_ID" "$folder"',
    ]
    return "\n".join(lines) + "\n"


def _options(resources: Resources, options: Mapping[str, str], folder: Path, count: int) -> list[str]:
    at_once = "" if resources.at_once is None else f"%{resources.at_once}"
    found = ["--job-name=petbench"] if "job-name" not in options else []
    found += [
        f"--array=0-{count - 1}{at_once}",
        "--ntasks=1",
        f"--cpus-per-task={resources.cpus}",
        "--requeue",
        "--open-mode=append",
        f"--signal=TERM@{STOP_SECONDS}",
        f"--output={folder}/%a.log",
    ]
    if resources.gpus:
        found.append(f"--gres=gpu:{resources.gpus}")
    if resources.memory_gib is not None:
        found.append(f"--mem={round(resources.memory_gib * 1024)}M")
    if resources.minutes is not None:
        found.append(f"--time={resources.minutes}")
    found += [f"--{key}={value}" if value else f"--{key}" for key, value in options.items() if key != SETUP]
    return found
