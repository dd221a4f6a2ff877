"""The page of what was measured keeps what was not measured again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from tests.benchmarks.page import main

if TYPE_CHECKING:
    from pathlib import Path


def measured(folder: Path, day: str, cpu: str = "a CPU", **benchmarks: dict[str, Any]) -> Path:
    content = {
        "datetime": f"{day}T10:00:00",
        "machine_info": {"cpu": {"brand_raw": cpu}, "processor": "", "python_version": "3.12"},
        "benchmarks": [
            {"stats": {"median": 1.0}, "extra_info": {"what": what, **told}} for what, told in benchmarks.items()
        ],
    }
    path = folder / "benchmarks.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def rows(page: Path) -> dict[str, list[str]]:
    table = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]
    return {cells[0]: cells[1:] for cells in ([cell.strip() for cell in line[1:-1].split(" | ")] for line in table)}


def test_a_part_that_is_measured_again_leaves_the_other_rows_with_their_day(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    main(measured(tmp_path, "2026-01-01", one={"seconds": 2.0, "wanted_seconds": 3.0}, two={"seconds": 5.0}), page)
    main(measured(tmp_path, "2026-02-02", two={"seconds": 4.0, "floor": "none"}, three={"seconds": 1.0}), page)
    found = rows(page)
    assert list(found) == ["one", "two", "three"]
    assert (found["one"][0], found["one"][4]) == ("2 s", "under 3 s, met")
    assert found["one"][-1] == f"2026-01-01, Python 3.12, torch {torch.__version__}"
    assert (found["two"][0], found["two"][5], found["two"][-1][:10]) == ("4 s", "none", "2026-02-02")
    assert "2026-01-01" in page.read_text(encoding="utf-8")


def test_rows_of_another_processor_do_not_stay(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    main(measured(tmp_path, "2026-01-01", one={"seconds": 2.0}), page)
    main(measured(tmp_path, "2026-02-02", cpu="another", two={"seconds": 4.0}), page)
    assert list(rows(page)) == ["two"]


def test_what_was_measured_on_a_cuda_device_stays(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("## On a CUDA device\n\n| a | b |\n", encoding="utf-8")
    main(measured(tmp_path, "2026-01-01", one={"seconds": 2.0}), page)
    assert page.read_text(encoding="utf-8").endswith("\n## On a CUDA device\n\n| a | b |\n")
