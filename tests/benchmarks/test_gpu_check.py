"""`make gpu-check` tried on a CPU: the parts run, and the page says what they found and what was left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.benchmarks.gpu_check import check
from tests.benchmarks.gpu_page import section_of, write_section

from petbench.registry import load_plugins
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = {"device": "a device", "software": "torch", "measured": "2026-11-26"}


@pytest.mark.slow
def test_the_check_trains_stops_and_resumes_and_writes_its_section(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Performance\n\nmade elsewhere\n", encoding="utf-8")
    folder = tmp_path / "mini"
    load_plugins().datasets()["fdg-phantom-mini"].build(folder, silent)
    options = ["--device", "cpu", "--dataset", str(folder), "--preset", "mini", "--images", "1200", "--minutes", "1"]
    options += ["--width", "4", "--batches", "1", "--method", "pix2pix"]
    options += ["--part", "resume", "--part", "train", "--part", "methods"]
    result = CliRunner().invoke(check, [str(tmp_path / "measured.json"), str(page), *options])
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))
    (resumed,) = facts["resume"]
    assert resumed["same_bits"]
    assert 0 < resumed["stopped_at"] < 1200
    assert [row["status"] for row in facts["methods"]] == ["ok"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Performance\n\nmade elsewhere\n\n## On a CUDA device\n")
    assert "| pix2pix, batch 1 |" in text
    assert "not tried this time: the build of a dataset." in text


def test_a_section_takes_the_place_of_the_older_one_and_says_what_failed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Performance\n", encoding="utf-8")
    build = {"dataset": "fdg-phantom-mini", "seconds": 3.0, "cpu_seconds": 4.0, "cores": 2, "used": False}
    write_section({"machine": MACHINE, "failed": []}, page)
    write_section({"machine": MACHINE, "failed": ["resume: it broke"], "build": build}, page)
    text = section_of(page)
    assert text.count("## On a CUDA device") == page.read_text(encoding="utf-8").count("## On a CUDA device") == 1
    assert "by the CPU: the device's bits differ" in text
    assert "- **failed**: resume: it broke" in text
