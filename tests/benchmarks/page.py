"""Write docs/performance.md from what `make bench` measured.

`python -m tests.benchmarks.page BENCH.json PAGE.md`, and after it what a reader should know of that run, if anything.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from tests.benchmarks.gpu_page import section_of

HEAD = """\
# Performance

Made by `make bench`, which runs `tests/benchmarks/` and writes this page. Each ratio is measured side by side: a plain
way and petbench's are timed in turn in one process, so that whatever else the machine does meets both, and their
medians are compared. The ratio of CPU time is given beside that of time: where other programs ran meanwhile, it is
the steadier of the two. Seconds and images a second belong to the machine below; ratios carry over better. The plain
training loop is a DataLoader over numpy slices, eager float32, `torch.optim.Adam` as it comes and losses read at every
step, with the same networks and batch. `PETBENCH_BENCH_DEVICE=cuda make bench` measures on a CUDA device, and
`make gpu-check` tries and measures what belongs to one alone.
"""

TARGET_MET = {True: "met", False: "**missed**"}


def main(measured: Path, page: Path, note: str = "") -> None:
    """Turn pytest-benchmark's JSON into a page."""
    content = json.loads(measured.read_text(encoding="utf-8"))
    rows = [_row(bench) for bench in content["benchmarks"] if "what" in bench["extra_info"]]
    lines = [
        HEAD,
        "## Machine",
        "",
        *_machine(content, rows),
        *([f"- note: {note}"] if note else []),
        "",
        "## Measured",
        "",
    ]
    head = ("what", "petbench", "plain", "times faster", "in CPU time", "wanted", "floor")
    lines += ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head))]
    lines += ["| " + " | ".join(row["cells"]) + " |" for row in rows]
    shares = [(row["what"], row["peak"]) for row in rows if row["peak"] is not None]
    if shares:
        lines += [
            "",
            "Share of the arithmetic that a large matrix product reaches here in the same precision, measured beside "
            "each training: "
            + ", ".join(f"{what.removeprefix('training ')} {share:.0%}" for what, share in shares)
            + ".",
        ]
    on_cuda = section_of(page)  # of `make gpu-check`, on another machine
    page.write_text("\n".join(lines) + "\n" + (f"\n{on_cuda}" if on_cuda else ""), encoding="utf-8")


def _row(bench: dict[str, Any]) -> dict[str, Any]:
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
    cells = (
        what,
        _spent(ours, told.get("images_per_second")),
        "" if plain is None else f"{_spent(plain, told.get('plain_images_per_second'))}, {told['against']}",
        speed,
        "" if told.get("ratio_of_processor_time") is None else f"{told['ratio_of_processor_time']:.2f}",
        aim,
        str(told.get("floor", "")),
    )
    return {"what": told["what"], "cells": cells, "peak": told.get("peak_share"), "device": told.get("device", "cpu")}


def _spent(seconds: float, images_per_second: float | None) -> str:
    shown = f"{seconds:.3g} s" if seconds >= 0.1 else f"{seconds * 1000:.3g} ms"
    return shown if images_per_second is None else f"{shown}, {images_per_second:.3g} images/s"


def _machine(content: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    machine = content["machine_info"]
    devices = sorted({row["device"] for row in rows})
    on_cuda = any(device.startswith("cuda") for device in devices)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {
        "processor": f"{machine['cpu'].get('brand_raw', machine['processor'])}, {cores} cores used by "
        f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}",
        "CUDA device": torch.cuda.get_device_name() if on_cuda else "not used here",
        "software": f"Python {machine['python_version']}, torch {torch.__version__}",
        "measured": str(content["datetime"])[:10],
    }
    return [f"- {name}: {value}" for name, value in facts.items()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), " ".join(sys.argv[3:]))
