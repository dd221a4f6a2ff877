"""Files of runs with random damage: refused in one line and nothing stored, or stored and shown by every output."""

from __future__ import annotations

import hashlib
import json
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.mutations import CASES, damaged_bytes, damaged_json

from petbench_datasets.errors import PetbenchError
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEED = 20_261


def record(method: str, role: str) -> RunRecord:
    return RunRecord(
        method=method, plugin="baselines", distribution="petbench", version="1", source_hash="a" * 64,
        supervision="paired", role=role, preset="small", parameters={"width": 8}, dataset="bodies",  # type: ignore[arg-type]
        fingerprint="f" * 64, split="holdout", split_digest="5" * 64, fold=0, seed=0, precision="fp32",
        budget="images=32", protocol=2, test_participants=("sub-04", "sub-05"),
        split_participants=("sub-04", "sub-05"), device="cpu", identity=hashlib.sha256(method.encode()).hexdigest(),
    )  # fmt: skip


def fill(leaderboard: Leaderboard, *methods: tuple[str, str, float]) -> None:
    for method, role, value in methods:
        run_id = leaderboard.plan(record(method, role))
        leaderboard.update(run_id, status="ok", train_seconds=3.5)
        leaderboard.record_phase(run_id, "train", 3.5)
        facts = {"region": "body", "metric": "psnr_body_suv20", "convention_id": "psnr/body/suv20@1", "unit": "dB"}
        leaderboard.record_scores(
            run_id,
            [ScoreRecord(participant=who, value=value, higher_is_better=True, **facts) for who in ("sub-04", "sub-05")],  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of an honest file."""
    path = tmp_path_factory.mktemp("author") / "rows.jsonl"
    with Leaderboard.open("sqlite://") as author:
        fill(author, ("winner", "competitor", 30.0))
        export_runs(author, path)
    return path.read_bytes().splitlines(keepends=True)


def test_a_damaged_file_of_runs_is_refused_or_shown_and_moves_no_row_of_ones_own(
    exported: list[bytes], tmp_path: Path
) -> None:
    generator = Random(SEED)
    path, taken = tmp_path / "rows.jsonl", 0
    run, said = json.loads(exported[1]), list[str]()
    with Leaderboard.open("sqlite://") as leaderboard:
        fill(leaderboard, ("identity", "reference", 20.0), ("mine", "competitor", 25.0))
        before = own(leaderboard)
        for case in range(CASES):
            line = damaged_json(run, generator) if case % 4 else damaged_bytes(exported[1], generator)
            path.write_bytes(exported[0] + line + b"\n")
            count = len(leaderboard.runs())
            try:
                import_runs(leaderboard, path, trusted=False)
            except PetbenchError as error:
                said.append(str(error))
                assert len(leaderboard.runs()) == count, case
                continue
            taken += 1
            for row in leaderboard.runs():
                if row.verification != "own":
                    assert row.verification == "self-reported"
            assert own(leaderboard) == before, case
            if taken % 8 == 0:  # what was taken in is shown by all outputs
                boards = rank(leaderboard)
                for write in (to_json, to_csv, to_markdown, to_latex):
                    write(boards).encode()
            for row in leaderboard.runs():
                if row.verification != "own":
                    leaderboard.delete(row.id)
    assert taken
    assert not any("\n" in line for line in said)


def own(leaderboard: Leaderboard) -> Sequence[object]:
    """Return what one's own rows show: mean, gain and coverage, whatever else is on their board."""
    boards = [board for board in rank(leaderboard) if board.dataset == "bodies" and board.fingerprint == "f" * 64]
    rows = [row for board in boards if board.protocol == 2 for row in board.rows if row.is_own]
    return sorted(
        (row.run.method, str(row.coverage), [(c.metric, cell.mean, cell.gain) for c, cell in row.cells.items()])
        for row in rows
    )
