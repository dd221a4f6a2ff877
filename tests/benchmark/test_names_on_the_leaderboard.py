"""A name that nothing on the leaderboard has ends in one line and exit code 2, never in an empty answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("PETBENCH_DB", raising=False)
    return tmp_path


@pytest.fixture
def filled(home: Path) -> Path:
    """A home whose leaderboard has one run with a score that ranks and one that orders nothing."""
    with Leaderboard.open(home / "leaderboard.db") as store:
        record = RunRecord(
            identity="i", method="pix2pix", plugin="gan", distribution="petbench", version="1", source_hash="a" * 64,
            supervision="paired", preset="small", parameters={}, dataset="fdg-phantom-mini", fingerprint="f" * 64,
            split="holdout", split_digest="5" * 64, fold=0, seed=0, precision="fp32", budget="images=1", protocol=1,
            test_participants=("sub-01",),
        )  # fmt: skip
        run_id = store.plan(record)
        scores = [
            ScoreRecord(
                participant="sub-01", region="body", metric=metric, convention_id=f"{metric}@1", value=30.0, unit="",
                higher_is_better=better, facts=MetricFacts(),
            )
            for metric, better in (("psnr_body_suv20", True), ("orderless", None))
        ]  # fmt: skip
        store.record_scores(run_id, scores)
        store.update(run_id, status="ok")
    return home


def petbench(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


UNKNOWN = [
    (("leaderboard", "--metric", "psnr_body"), "did you mean 'psnr_body_suv20'"),
    (("leaderboard", "--metric", "nonsense", "--json"), "no metric of these rows is called 'nonsense'"),
    (("leaderboard", "--metric", "orderless"), "'orderless' has neither a direction nor a best value"),
    (("leaderboard", "--dataset", "fdg-phantom-mni"), "did you mean 'fdg-phantom-mini'"),
    (("leaderboard", "--split", "holdouts", "--csv"), "did you mean 'holdout'"),
    (("leaderboard", "--where", "methd=pix2pix"), "did you mean 'method'"),
    (("leaderboard", "--where", "method=("), "the condition"),
    (("leaderboard", "export", "rows.jsonl", "--where", "nonsense=1"), "no column, metric or parameter"),
    (("runs", "list", "--status", "okay"), "no status is called 'okay'"),
    (("runs", "list", "--status", "fialed"), "did you mean 'failed'"),
    (("runs", "list", "--method", "pix2px"), "did you mean 'pix2pix'"),
    (("runs", "list", "--where", "status=fialed"), "did you mean 'failed'"),
    (("report", "-o", "site", "--dataset", "fdg-phantom-mni"), "did you mean 'fdg-phantom-mini'"),
    (("report", "-o", "site", "--split", "cv6"), "no split on this leaderboard is called 'cv6'"),
    (("report", "-o", "site", "--where", "sed=1"), "did you mean 'seed'"),
    (("report", "-o", "site", "--where", "seed=7"), "a site of it would be empty"),
    (("report", "--serve", "--dataset", "nonsense"), "no dataset on this leaderboard is called 'nonsense'"),
    (("report", "--table", "1", "-o", "t.md", "--dataset", "nonsense"), "no dataset on this leaderboard"),
    (("scores", "export", "--metric", "psnr"), "no metric of this leaderboard is called 'psnr'"),
    (("scores", "export", "--dataset", "nonsense"), "no dataset on this leaderboard is called 'nonsense'"),
    (("scores", "export", "--split", "holdouts"), "did you mean 'holdout'"),
    (("scores", "export", "--protocol", "9"), "no protocol here is called '9'"),
    (("scores", "export", "--where", "sed=1"), "did you mean 'seed'"),
]


@pytest.mark.parametrize(("arguments", "message"), UNKNOWN, ids=[" ".join(arguments) for arguments, _ in UNKNOWN])
def test_an_unknown_name_is_a_usage_error_of_one_line_and_nothing_is_written(
    filled: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(filled)
    before = sorted(filled.rglob("*"))
    result = petbench(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path for path in sorted(filled.rglob("*")) if path not in before and ".db" not in path.name] == []


@pytest.mark.parametrize("arguments", [("leaderboard", "-d", "x"), ("report", "-o", "site", "-d", "x")])
def test_on_an_empty_leaderboard_a_name_is_unknown_too(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(home)
    result = petbench(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no dataset on this leaderboard is called 'x'; There: none." in result.stderr


def test_an_answer_that_is_empty_for_another_reason_says_so_and_is_no_error(filled: Path) -> None:
    for arguments, said in (
        (("leaderboard", "--where", "seed=7"), "no row fulfils --where 'seed=7'"),
        (("runs", "list", "--status", "failed"), "no such run"),
        (("runs", "list", "--method", "scale"), "no such run"),  # installed, and not run yet
    ):
        result = petbench(*arguments)
        assert (result.exit_code, result.stdout.strip()) == (0, said)


def test_an_empty_leaderboard_says_how_to_begin(home: Path) -> None:
    for arguments in (("leaderboard",), ("runs", "list")):
        result = petbench(*arguments)
        assert result.exit_code == 0
        assert "petbench run --method pix2pix" in result.stdout
