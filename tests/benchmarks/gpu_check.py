"""What petbench does on an accelerator, checked and measured in under ten minutes: `make gpu-check`.

It builds a simulated dataset there and compares its fingerprint with the published one; times the training of pix2pix
and CycleGAN against a plain loop, compiled and not, replayed as a CUDA graph and not; stops a deterministic training
and resumes it, to the bit; and has every built-in method train, predict and be scored. What was measured goes into a
file of JSON and into the section of docs/performance.md that belongs to it. It runs on a CPU too, where it is tested.
"""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click
import torch
from tests.benchmarks.gpu_commands import Command, build_dataset, resume_exactly, run_methods
from tests.benchmarks.gpu_page import PARTS, write_section
from tests.benchmarks.test_bench_training import engine_step, plain_loop

from petbench.engine_settings import EngineSettings
from petbench.training.network_execution import NetworkExecution

if TYPE_CHECKING:
    from collections.abc import Callable

VARIANTS = {
    "as written": (False, False),
    "CUDA graph": (False, True),
    "compiled": (True, False),
    "compiled, CUDA graph": (True, True),
}
"""Whether the networks are compiled, and whether steps are replayed."""

BLOCKS = 5


@dataclass(frozen=True, slots=True)
class Trained:
    """Images a second of one method and batch.

    Attributes:
        method: name.
        batch: images of a step.
        plain: of the plain loop.
        variants: of the engine, by variant; what was not tried for want of time is not there.
        first_seconds: what the first steps of a variant took, compilation and recording included.
    """

    method: str
    batch: int
    plain: float
    variants: dict[str, float] = field(default_factory=dict)
    first_seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the check must be through."""

    at: float

    def allows(self, seconds: float) -> bool:
        """Return whether so many seconds are left."""
        return time.monotonic() + seconds < self.at


def main() -> None:
    """Run the check; see `--help`."""
    check()


@click.command()
@click.argument("measured", type=click.Path(path_type=Path))
@click.argument("page", type=click.Path(path_type=Path))
@click.option("--device", default="cuda", show_default=True)
@click.option("--minutes", default=9.0, show_default=True, help="What does not fit is left out, and the page says so.")
@click.option("--width", default=64, show_default=True, help="Of the networks that are timed; 64 is the published one.")
@click.option("--batches", default="1,16", show_default=True, help="Batch sizes that are timed.")
@click.option("--dataset", default="fdg-phantom-mini", show_default=True, help="That is built and run.")
@click.option("--images", default=40_000, show_default=True, help="Of the training that is stopped and resumed.")
@click.option("--preset", default="paper", show_default=True, help="Of that training.")
@click.option("--method", "methods", multiple=True, help="Of those two parts; default: all there are.")
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)))
def check(measured: Path, page: Path, device: str, minutes: float, parts: tuple[str, ...], **asked: Any) -> None:
    """Check petbench on an accelerator; write MEASURED (JSON) and the section of PAGE."""
    if device == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("no CUDA device here; --device cpu tries the check itself")
    deadline = Deadline(time.monotonic() + 60 * minutes)
    chosen = parts or tuple(PARTS)
    facts: dict[str, Any] = {"machine": machine(device), "failed": []}
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        command = Command(Path(folder), device)

        def part(name: str, work: Callable[[], Any]) -> None:
            if name not in chosen:
                return
            started = time.monotonic()
            try:
                facts[name] = work()
            except Exception as error:
                facts["failed"].append(f"{name}: {type(error).__name__}: {error}")
            click.echo(f"{name}: {time.monotonic() - started:.0f} s")
            measured.parent.mkdir(parents=True, exist_ok=True)
            measured.write_text(json.dumps(facts, indent=1), encoding="utf-8")

        # An image costs CycleGAN four times as much.
        budgets = {"pix2pix": asked["images"], "cyclegan": asked["images"] // 4}
        budgets = {method: images for method, images in budgets.items() if method in (asked["methods"] or budgets)}
        part("build", lambda: build_dataset(command, asked["dataset"]))
        part("methods", lambda: run_methods(command, asked["dataset"], asked["methods"]))
        part("resume", lambda: resume_exactly(command, asked["dataset"], asked["preset"], budgets))
        sizes = [int(size) for size in asked["batches"].split(",")]
        part("train", lambda: [asdict(row) for row in train_all(sizes, asked["width"], torch.device(device), deadline)])
    write_section(facts, page)
    for line in facts["failed"]:
        click.echo(line, err=True)
    sys.exit(1 if facts["failed"] else 0)


def machine(device: str) -> dict[str, str]:
    """Return what the figures belong to."""
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return {
        "device": name,
        "software": f"Python {platform.python_version()}, torch {torch.__version__}",
        "measured": time.strftime("%Y-%m-%d"),
    }


def train_all(sizes: list[int], width: int, device: torch.device, deadline: Deadline) -> list[Trained]:
    """Time every method and batch, what compiles longest last."""
    rows = []
    for batch in sizes:
        for name in ("pix2pix", "cyclegan"):
            rows.append(time_training(name, batch, width, device, deadline))
            click.echo(json.dumps(asdict(rows[-1])))
    return rows


def time_training(name: str, batch: int, width: int, device: torch.device, deadline: Deadline) -> Trained:
    """Time the plain loop and each variant in turn, block by block, so that whatever else goes on meets all."""
    _, plain = plain_loop(name, batch, device, width)
    sides: dict[str, Callable[[], object]] = {"plain": plain}
    row = Trained(name, batch, 0.0)
    with contextlib.ExitStack() as stack:
        for variant, (compiled, captured) in VARIANTS.items():
            if (captured and device.type != "cuda") or (compiled and not deadline.allows(120)):
                continue
            method, step = engine_step(name, batch, device, width=width, captured=captured)
            stack.enter_context(NetworkExecution(method, EngineSettings(), device, compiled=compiled).training())
            started = time.monotonic()
            for _ in range(5):
                step()
            synchronize(device)
            row.first_seconds[variant] = time.monotonic() - started
            sides[variant] = step
        rates: dict[str, list[float]] = {side: [] for side in sides}
        plain()
        steps = {side: steps_for(step, device) for side, step in sides.items()}
        for _ in range(BLOCKS):
            for side, step in sides.items():
                rates[side].append(batch / seconds_a_step(step, steps[side], device))
    row.variants.update({side: median(found) for side, found in rates.items() if side != "plain"})
    return Trained(name, batch, median(rates["plain"]), row.variants, row.first_seconds)


def steps_for(step: Callable[[], object], device: torch.device, seconds: float = 0.4) -> int:
    """Return how many steps take about so many seconds."""
    return max(1, int(seconds / seconds_a_step(step, 3, device)))


def seconds_a_step(step: Callable[[], object], count: int, device: torch.device) -> float:
    """Return the mean seconds of a step over a block that is waited for once, as a training does."""
    synchronize(device)
    started = time.perf_counter()
    for _ in range(count):
        step()
    synchronize(device)
    return (time.perf_counter() - started) / count


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
