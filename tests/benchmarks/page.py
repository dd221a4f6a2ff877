"""Write what `make bench` measured into docs/performance.md: `python -m tests.benchmarks.page BENCH.json PAGE.md`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tests.benchmarks.gpu_page import section_of

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("what", "petbench", "plain", "times faster", "in CPU time", "wanted", "floor", "measured")
HEAD = """\
# Performance

Made by `make bench`, which runs `tests/benchmarks/` and writes this page. Each ratio is measured side by side: a plain
way and petbench's are timed in turn in one process, so that whatever else the machine does meets both, and their
medians are compared. The ratio of CPU time is given beside that of time: where other programs ran meanwhile, it is
the steadier of the two. Seconds and images a second belong to the machine below; ratios carry over better. The plain
training loop is a DataLoader over numpy slices, eager float32, `torch.optim.Adam` as it comes and losses read at every
step, with the same networks and batch. `PETBENCH_BENCH_DEVICE=cuda make bench` measures on a CUDA device, and
`make gpu-check` tries and measures what belongs to one alone. `make bench OF=tests/benchmarks/test_bench_engines.py`
measures some of it again: the other rows stay, each with its day and what it was measured with. A matrix product's rate
is what a large one reaches here in the same precision, measured beside each training.
"""

TARGET_MET = {True: "met", False: "**missed**"}


def main(measured: Path, page: Path) -> None:
    """Turn pytest-benchmark's JSON into a page; rows of what was not measured this time stay, of the same machine."""
    content = json.loads(measured.read_text(encoding="utf-8"))
    new = {cells[0]: cells for cells in map(_row_of(content), _told(content))}
    machine = _machine(content)
    rows = _rows_of(page, machine[0]) | new
    lines = [HEAD, "## Machine", "", *machine, "", "## Measured", ""]
    lines += ["| " + " | ".join(row) + " |" for row in (COLUMNS, ("---",) * len(COLUMNS), *rows.values())]
    on_cuda = section_of(page)  # of `make gpu-check`, on another machine
    page.write_text("\n".join(lines) + "\n" + (f"\n{on_cuda}" if on_cuda else ""), encoding="utf-8")


def _told(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [bench for bench in content["benchmarks"] if "what" in bench["extra_info"]]


def _rows_of(page: Path, processor: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of a page by what they are of; none of a page of another processor."""
    text = page.read_text(encoding="utf-8").removesuffix(section_of(page)) if page.exists() else ""
    if processor not in text:
        return {}
    table = [line for line in text.splitlines() if line.startswith("| ")][2:]
    rows = (tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in table)
    return {row[0]: row for row in rows if len(row) == len(COLUMNS)}


def _row_of(content: dict[str, Any]) -> Callable[[dict[str, Any]], tuple[str, ...]]:
    """Return what makes a row of a benchmark that was measured with the others of `content`."""
    software = f"Python {content['machine_info']['python_version']}, torch {torch.__version__}"
    return lambda bench: (*_cells(bench), f"{str(content['datetime'])[:10]}, {software}")


def _cells(bench: dict[str, Any]) -> tuple[str, ...]:
    told = bench["extra_info"]
    ours, plain = float(told.get("seconds", bench["stats"]["median"])), told.get("plain_seconds")
    ratio, wanted = told.get("ratio"), told.get("wanted")
    aim = ""
    if isinstance(wanted, float):
        aim = f"{wanted:g}, {TARGET_MET[ratio >= wanted]}"
    elif "wanted_seconds" in told:
        aim = f"under {told['wanted_seconds']:g} s, {TARGET_MET[ours < told['wanted_seconds']]}"
    elif "wanted_overhead" in told:
        most = told["wanted_overhead"]
        aim = f"overhead < {most:.0%}, {TARGET_MET[told['overhead'] < most]}".replace("%", " %")
    speed = f"{told['overhead']:+.1%} of a step" if "overhead" in told else "" if ratio is None else f"{ratio:.2f}"
    what = told["what"] + (f" ({told['settings']})" if "settings" in told else "")
    share = "" if told.get("peak_share") is None else f"; {told['peak_share']:.0%} of a matrix product's rate"
    device = told.get("device", "cpu")
    return (
        what if device == "cpu" else f"{what} on {device}",
        _spent(ours, told.get("images_per_second")),
        "" if plain is None else f"{_spent(plain, told.get('plain_images_per_second'))}, {told['against']}",
        speed,
        "" if told.get("ratio_of_processor_time") is None else f"{told['ratio_of_processor_time']:.2f}",
        aim,
        f"{told.get('floor', '')}{share}",
    )


def _spent(seconds: float, images_per_second: float | None) -> str:
    shown = f"{seconds:.3g} s" if seconds >= 0.1 else f"{seconds * 1000:.3g} ms"
    return shown if images_per_second is None else f"{shown}, {images_per_second:.3g} images/s"


def _machine(content: dict[str, Any]) -> list[str]:
    machine = content["machine_info"]
    devices = {str(bench["extra_info"].get("device", "cpu")) for bench in _told(content)}
    on_cuda = any(device.startswith("cuda") for device in devices)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {
        "processor": f"{machine['cpu'].get('brand_raw', machine['processor'])}, {cores} cores used by "
        f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}",
        "CUDA device": torch.cuda.get_device_name() if on_cuda else "not used here",
    }
    return [f"- {name}: {value}" for name, value in facts.items()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
