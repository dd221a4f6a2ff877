"""`petbench scores export`: to a file, wholly or not at all, or to standard output."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from petbench import terminal
from petbench.cli.main import cli
from petbench_leaderboard import score_rows
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two scores of one run."""
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        record = RunRecord(
            identity="i", method="pix2pix", plugin="gan", distribution="petbench", version="1", source_hash="a" * 64,
            supervision="paired", preset="small", parameters={}, dataset="d", fingerprint="f" * 64, split="s",
            split_digest="5" * 64, fold=0, seed=0, precision="fp32", budget="images=1", protocol=1,
        )  # fmt: skip
        run_id = store.plan(record)
        scores = [
            ScoreRecord(
                participant=who, region="body", metric="m", convention_id="m@1", value=30.0, unit="",
                higher_is_better=True,
            )
            for who in ("sub-01", "sub-02")
        ]  # fmt: skip
        store.record_scores(run_id, scores)
        store.update(run_id, status="ok")
    return tmp_path


def export(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["scores", "export", *arguments])


def test_it_prints_csv_or_json_and_nothing_else(home: Path) -> None:
    assert [row["participant"] for row in csv.DictReader(io.StringIO(export().stdout))] == ["sub-01", "sub-02"]
    as_json = export("--json")
    assert [row["participant"] for row in json.loads(as_json.stdout)] == ["sub-01", "sub-02"]
    assert as_json.stderr == ""


@pytest.mark.parametrize(("name", "options"), [("s.csv", ()), ("s.JSON", ()), ("s", ("--json",)), ("s", ())])
def test_a_file_has_the_form_that_its_name_or_the_option_says(home: Path, name: str, options: tuple[str, ...]) -> None:
    path = home / "new" / name
    result = export("-o", str(path), *options)
    assert result.stdout.strip() == f"2 scores written to {path}"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("[" if options or name.endswith("JSON") else "run,uid,")
    assert export("-o", str(path), "--where", "seed=0 and method=pix2pix", *options).exit_code == 0
    assert path.read_text(encoding="utf-8") == text


def test_a_file_that_cannot_be_written_to_its_end_stays_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "scores.csv"
    path.write_text("before", encoding="utf-8")

    def broken(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(score_rows, "write_csv", broken)
    result = export("-o", str(path))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert path.read_text(encoding="utf-8") == "before"
    assert [found.name for found in home.iterdir() if "partial" in found.name] == []


def test_progress_is_told_on_standard_error_and_only_of_what_takes_long(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export().stderr == ""
    monkeypatch.setattr(terminal, "_LATE_SECONDS", -1.0)
    result = export()
    assert result.stderr == "exporting scores: done\n"
    assert "exporting" not in result.stdout


def test_where_nothing_fits_the_header_alone_is_printed_and_said_beside(home: Path) -> None:
    result = export("--where", "seed=5")
    assert (result.exit_code, result.stdout.count("\n"), result.stderr) == (0, 1, "0 scores\n")
