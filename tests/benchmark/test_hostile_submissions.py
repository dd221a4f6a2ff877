"""Submissions made to deceive or to harm: each is refused in one line, nothing is written, memory stays small."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import stat
import struct
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.benchmark.forgeries import DATASET, FORGERIES, PLAN, RUN, SCORES, edited, files_of, write
from tests.command import Petbench

from petbench.cli.main import PetbenchGroup
from petbench.cli.submit import submit
from petbench.cli.verify import accept, verify
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

COMMAND = PetbenchGroup("petbench", commands={"submit": submit, "verify": verify, "accept": accept})
PEAK_BYTES = 32 * 2**20


@pytest.fixture(scope="module")
def dataset(body_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose split tests two participants, so that they can be swapped."""
    root = shutil.copytree(body_dataset, tmp_path_factory.mktemp("two") / "bodies")
    fold = Fold(("sub-01",), ("sub-02",), ("sub-03", "sub-04"))
    write_split(root, Split("holdout", open_dataset(root).fingerprint, (fold,)))
    DATASET[:] = [root]
    return root


@pytest.fixture(scope="module")
def honest(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission as an honest author makes it."""
    author = Petbench(tmp_path_factory.mktemp("author"))
    author("run", "-m", "scale", "-d", dataset)
    path = author.home / "honest.petbench.zip"
    author("submit", "1", "-o", path)
    # Once here, so that no forgery is charged with the modules that the first verification imports.
    author("verify", path, "-d", dataset)
    return path


def refused(path: Path, dataset: Path, organizer: Path) -> str:
    """Accept a submission, insist that it is refused in one line and that nothing is left behind; return the line."""
    database = organizer / "leaderboard.db"
    result = CliRunner(env={"PETBENCH_HOME": str(organizer), "PETBENCH_OFFLINE": "1"}).invoke(
        COMMAND, ["accept", str(path), "-d", str(dataset)]
    )
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    lines = [line for line in result.stderr.splitlines() if not line.endswith(": done")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert not [
        path
        for path in organizer.rglob("*")
        if path.is_file() and path.parent != organizer and "cache" not in path.parts
    ]
    with sqlite3.connect(database) as connection:
        assert connection.execute("select count(*) from runs").fetchone() == (0,)
    connection.close()
    return lines[0]


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forged_submission_is_refused_in_one_line_and_nothing_is_written(
    case: str, honest: Path, dataset: Path, tmp_path: Path
) -> None:
    forge, message = FORGERIES[case]
    path = write(tmp_path / "forged.petbench.zip", forge(files_of(honest)))
    tracemalloc.start()
    try:
        said = refused(path, dataset, tmp_path / "organizer")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message in said, said
    assert peak < PEAK_BYTES, f"{peak / 2**20:.0f} MiB"


def test_another_protocol_is_refused_even_with_an_identity_that_fits(
    honest: Path, dataset: Path, tmp_path: Path
) -> None:
    from petbench.submissions.contents import parse_plan

    files = edited(PLAN, lambda plan: plan | {"protocol": 99})(files_of(honest))
    identity = parse_plan(json.loads(files[PLAN]), PLAN).identity
    files = edited(RUN, lambda run: run | {"identity": identity})(files)
    assert "protocol 99" in refused(write(tmp_path / "x.petbench.zip", files), dataset, tmp_path / "organizer")


def test_a_file_that_is_not_what_was_hashed_is_refused(honest: Path, dataset: Path, tmp_path: Path) -> None:
    files = files_of(honest)
    changed = files | {"runs/0/environment.txt": files["runs/0/environment.txt"][::-1]}
    said = refused(write(tmp_path / "x.petbench.zip", changed, hashes=False), dataset, tmp_path / "organizer")
    assert "runs/0/environment.txt is not what was submitted" in said


def test_a_name_that_is_there_twice_is_refused(honest: Path, dataset: Path, tmp_path: Path) -> None:
    info = zipfile.ZipInfo(SCORES)
    path = write(tmp_path / "x.petbench.zip", files_of(honest), more=[(info, b"[]")])
    assert "there twice" in refused(path, dataset, tmp_path / "organizer")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_a_link_or_device_is_refused(kind: int, honest: Path, dataset: Path, tmp_path: Path) -> None:
    info = zipfile.ZipInfo("runs/0/log.jsonl")
    info.external_attr = (kind | 0o777) << 16
    path = write(tmp_path / "x.petbench.zip", files_of(honest), more=[(info, b"/etc/passwd")])
    assert "is a link" in refused(path, dataset, tmp_path / "organizer")


def test_names_that_differ_by_case_alone_are_refused(honest: Path, dataset: Path, tmp_path: Path) -> None:
    more = [(zipfile.ZipInfo(f"runs/0/predictions/sub-{name}.nii.gz"), b"x") for name in ("ab", "AB")]
    path = write(tmp_path / "x.petbench.zip", files_of(honest), more=more)
    assert "by case alone" in refused(path, dataset, tmp_path / "organizer")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[: len(content) // 2], "cut short"),
        (lambda content: content + b"PK\x05\x06", "cut short"),
        (lambda content: b"MZ" + content, "belong to no file"),
        (lambda _: b"", "cut short"),
        (
            lambda content: content[:-22] + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 1, 1, 0),
            "announced",
        ),
        (lambda content: content[:200] + bytes(50) + content[250:], "damaged"),
    ],
    ids=["cut", "something after", "something before", "empty", "many entries", "damaged"],
)
def test_an_archive_that_is_no_whole_submission_is_refused(
    change: Callable[[bytes], bytes], message: str, honest: Path, dataset: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.petbench.zip"
    path.write_bytes(change(honest.read_bytes()))
    assert message in refused(path, dataset, tmp_path / "organizer")


def test_files_that_share_their_bytes_are_refused(honest: Path, dataset: Path, tmp_path: Path) -> None:
    content = bytearray(honest.read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        largest = max(archive.infolist(), key=lambda info: info.compress_size)
    # Every entry of the directory claims the packed size of the largest file.
    position = content.rfind(b"PK\x01\x02")
    while position > 0:
        struct.pack_into("<I", content, position + 20, largest.compress_size)
        position = content.rfind(b"PK\x01\x02", 0, position)
    path = tmp_path / "x.petbench.zip"
    path.write_bytes(content)
    assert "overlap" in refused(path, dataset, tmp_path / "organizer")


def test_the_honest_submission_is_accepted_from_the_same_hands(honest: Path, dataset: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.petbench.zip", files_of(honest))
    result = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "organizer"), "PETBENCH_OFFLINE": "1"}).invoke(
        COMMAND, ["accept", str(path), "-d", str(dataset)]
    )
    assert result.exit_code == 0, result.output
