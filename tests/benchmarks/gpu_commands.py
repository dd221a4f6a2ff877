"""The parts of `make gpu-check` that use petbench as its users do: by its command line, in processes of their own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_A_TIME = 6
IMAGES = 64
"""Of each built-in method's training: enough to train, predict and be scored."""

WITHOUT_BUDGET = ("identity", "scale", "ridge", "kinetic")


@dataclass(frozen=True, slots=True)
class Command:
    """Runs `petbench`.

    Attributes:
        folder: holds a petbench home for each purpose.
        device: `cuda` or `cpu`.
    """

    folder: Path
    device: str

    def start(self, home: str, *arguments: str) -> subprocess.Popen[str]:
        """Start `petbench ARGUMENTS` with a home of that name; its output is piped."""
        environment = os.environ | {"PETBENCH_HOME": str(self.folder / home)}
        if self.device == "cpu":
            environment |= {"CUDA_VISIBLE_DEVICES": ""}
        return subprocess.Popen(
            [sys.executable, "-m", "petbench", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, home: str, *arguments: str) -> str:
        """Return what `petbench ARGUMENTS` prints.

        Raises:
            RuntimeError: it fails.
        """
        process = self.start(home, *arguments)
        output, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"petbench {' '.join(arguments)} ended with {process.returncode}: {errors[-800:]}")
        return output


def build_dataset(command: Command, dataset: str) -> dict[str, Any]:
    """Build `dataset` on the device, and by the CPU alone; a build that is not the published one fails.

    Returns:
        the seconds of both, and whether the device was found to compute the CPU's bits.
    """
    spent = {}
    for where in ("device", "cpu"):
        started = time.monotonic()
        alone = Command(command.folder, "cpu") if where == "cpu" else command
        heard = alone.start(f"built-{where}", "datasets", "build", dataset)
        output, errors = heard.communicate()
        if heard.returncode:
            raise RuntimeError(f"building {dataset} ended with {heard.returncode}: {errors[-800:]}")
        spent[where] = time.monotonic() - started
        said = output + errors
        if where == "device":
            used = f"simulating {dataset} on {command.device}" in said
    seconds = {"seconds": spent["device"], "cpu_seconds": spent["cpu"]}
    return {"dataset": dataset, "used": used, "cores": len(os.sched_getaffinity(0)), **seconds}


def resume_exactly(command: Command, dataset: str, preset: str, budgets: dict[str, int]) -> list[dict[str, Any]]:
    """Train methods whole, and stopped and resumed, and compare their predictions' bytes.

    Nothing here is timed, so all of it goes on at once.

    Args:
        command: to run petbench by.
        dataset: by name, or the folder of one.
        preset: of the methods.
        budgets: images to train on, by method.
    """
    folder = folder_of(command, dataset)
    with ThreadPoolExecutor(4) as pool:
        made = {}
        for method, budget in budgets.items():
            arguments = ["run", "--method", method, "--preset", preset, "--budget", f"images={budget}", "--json"]
            arguments += ["--dataset", folder, "--deterministic", "--device", command.device]
            whole = pool.submit(command.run, f"whole-{method}", *arguments)
            made[method] = whole, pool.submit(stop_and_resume, command, method, arguments, budget)
        results = []
        for method, (whole, stopped) in made.items():
            psnr, stopped_at = _psnr(whole.result()), stopped.result()
            files, resumed = (predictions(command.folder / f"{home}-{method}", method) for home in ("whole", "stopped"))
            results.append(
                {
                    "method": method, "images": budgets[method], "stopped_at": stopped_at, "files": len(files),
                    "same_bits": files == resumed, "psnr_body_db": psnr,
                }
            )  # fmt: skip
    return results


def stop_and_resume(command: Command, method: str, arguments: list[str], images: int) -> int:
    """Ask a training to stop once a third of its images are seen; resume it by the same command.

    Returns:
        how many images it had seen when it stopped.

    Raises:
        RuntimeError: it was through before it could be stopped, or a command fails.
    """
    home = f"stopped-{method}"
    process = command.start(home, *arguments)
    with ThreadPoolExecutor(1) as reader:
        ended = reader.submit(process.communicate)
        while not ended.done() and 3 * images_logged(command.folder / home, method) < images:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
    seen = images_logged(command.folder / home, method)
    if process.returncode == 0:
        raise RuntimeError(f"{method} was through before it could be stopped: give it more images")
    command.run(home, *arguments)
    return seen


def images_logged(home: Path, method: str) -> int:
    """Return the images of the newest line in the log of a method's training."""
    # In the folder of the job, beside the home, while it trains; in the run's afterwards.
    for log in home.parent.glob(f"{home.name}*/*/{method}-*/**/log.jsonl"):
        lines = log.read_text(encoding="utf-8").splitlines()
        if lines:
            return int(json.loads(lines[-1])["images"])
    return 0


def predictions(home: Path, method: str) -> dict[str, str]:
    """Return the SHA-256 of each prediction of a method's run."""
    (run,) = home.glob(f"runs/{method}-*")
    files = sorted((run / "predictions").rglob("*.nii*"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def folder_of(command: Command, dataset: str) -> str:
    """Return the folder of a dataset, which is built if need be."""
    if Path(dataset).is_dir():
        return dataset
    return command.run("datasets", "datasets", "build", dataset).partition(" participants in ")[2].splitlines()[0]


def run_methods(command: Command, dataset: str, chosen: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Have every method, or the chosen ones, train a little, predict and be scored; say how each ended."""
    listed = json.loads(command.run("methods", "methods", "--json"))
    folder = folder_of(command, dataset)

    def run(name: str) -> dict[str, Any]:
        budget = [] if name in WITHOUT_BUDGET else ["--budget", f"images={IMAGES}"]
        where = ["--dataset", folder, "--device", command.device, "--deterministic", "--json"]
        process = command.start("methods", "run", "--method", name, *where, *budget)
        output, errors = process.communicate()
        said = errors.strip().splitlines() or ["nothing said"]
        return {
            "method": name,
            "status": "ok" if process.returncode == 0 else said[-1][:300],
            "psnr_body_db": _psnr(output),
        }

    names = [name for plugin in listed for name in plugin["methods"]]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(run, [name for name in names if name in (chosen or names)]))


def _psnr(output: str) -> float | None:
    """Return the mean PSNR of the body in what `petbench run --json` printed, dB; None where it printed no scores."""
    try:
        scores = json.loads(output)["scores"]
    except (ValueError, KeyError):
        return None
    values = [score["value"] for score in scores if score["metric"] == "psnr_body_suv20"]
    return sum(values) / len(values) if values and None not in values else None
