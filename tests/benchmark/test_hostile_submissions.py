"""Submissions made to deceive or to harm: each is refused in one line, nothing is written, memory stays small."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pathlib
import pickle
import shutil
import sqlite3
import stat
import struct
import tempfile
import tracemalloc
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
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

Files = dict[str, bytes]


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


def files_of(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(
    path: Path, files: Files, *, hashes: bool = True, more: list[tuple[zipfile.ZipInfo, bytes]] | None = None
) -> Path:
    """Write a submission; with `hashes`, its manifest agrees with every file, as a careful forger would have it."""
    files = dict(files)
    if hashes:
        manifest = json.loads(files["manifest.json"])
        manifest["files"] = {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in [*files.items(), *((info.filename, content) for info, content in more or [])]
            if name != "manifest.json"
        }
        files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a name that is there twice; here that is the point
        for name, content in files.items():
            packed = zipfile.ZIP_DEFLATED if name.endswith(".log") else zipfile.ZIP_STORED
            archive.writestr(name, content, packed)
        for info, content in more or []:
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
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


def nifti(shape: tuple[int, ...], voxels: bytes, *, datatype: int = 16, bits: int = 32) -> bytes:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into(f"<{1 + len(shape)}h", head, 40, len(shape), *shape)
    struct.pack_into("<2h", head, 70, datatype, bits)
    struct.pack_into("<3f", head, 108, 352.0, 1.0, 0.0)
    head[344:348] = b"n+1\0"
    return gzip.compress(bytes(head) + voxels)


def edited(name: str, change: Callable[[Any], Any]) -> Callable[[Files], Files]:
    def edit(files: Files) -> Files:
        value = json.loads(files[name])
        changed = change(value)
        return files | {name: json.dumps(value if changed is None else changed).encode()}

    return edit


def better_by_a_tenth(scores: list[dict[str, Any]]) -> None:
    for score in scores:
        if score["metric"] == "psnr_body_suv20" and score["participant"] == "sub-03":
            score["value"] += 0.1


def swapped(files: Files) -> Files:
    one, two = (f"runs/0/predictions/sub-0{number}.nii.gz" for number in (3, 4))
    return files | {one: files[two], two: files[one]}


def copied(files: Files) -> Files:
    one, two = (f"runs/0/predictions/sub-0{number}.nii.gz" for number in (3, 4))
    return files | {two: files[one]}


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {key: content for key, content in files.items() if key != name}


def with_file(name: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {name: content}


def not_numbers(files: Files) -> Files:
    head = gzip.decompress(files[PREDICTION])[:352]
    return files | {PREDICTION: gzip.compress(head + np.full(20 * 32 * 32, np.nan, dtype="<f4").tobytes())}


def identity_of_another_plan(files: Files) -> Files:
    return edited("runs/0/plan.json", lambda plan: plan | {"seed": 7})(files)


def the_truth(files: Files) -> Files:
    from petbench_datasets.images.nifti_writer import write_image

    dataset = open_dataset(DATASET[0])
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for number in (3, 4):
            pair, path = dataset.pair(f"sub-0{number}"), pathlib.Path(folder) / "truth.nii.gz"
            write_image(path, pair.delayed, pair.grid)
            found[f"runs/0/predictions/sub-0{number}.nii.gz"] = path.read_bytes()
    return files | found | {SCORES: b"[]"}


def flattened(files: Files) -> Files:
    head = bytearray(gzip.decompress(files[PREDICTION]))
    struct.pack_into("<4f", head, 280, 1e30, 0.0, 0.0, 0.0)
    return files | {PREDICTION: gzip.compress(bytes(head))}


DATASET: list[Path] = []
"""Where the organizer's images are, for the forger who has them too."""
PREDICTION = "runs/0/predictions/sub-03.nii.gz"
PLAN, RUN, SCORES = (f"runs/0/{name}.json" for name in ("plan", "run", "scores"))

FORGERIES: dict[str, tuple[Callable[[Files], Files], str]] = {
    "a path upwards": (with_file("../evil.json", b"{}"), "points outside"),
    "a path upwards in the middle": (with_file("runs/0/../../evil.json", b"{}"), "points outside"),
    "an absolute path": (with_file("/etc/cron.d/evil", b"x"), "points outside"),
    "a path of Windows": (with_file("C:\\evil.json", b"x"), "points outside"),
    "a backslash": (with_file("runs\\..\\..\\evil", b"x"), "points outside"),
    "a folder": (with_file("runs/0/predictions/", b""), "is a link, folder or device"),
    "a pickle": (with_file("runs/0/model.pkl", pickle.dumps({"a": 1})), "none that a submission holds"),
    "code": (with_file("runs/0/setup.py", b"import os"), "none that a submission holds"),
    "another case": (with_file("runs/0/predictions/SUB-03.nii.gz", b"x"), "none that a submission holds"),
    "two participants by case": (with_file("runs/0/predictions/sub-AB.nii.gz", b"x"), "test participant"),
    "a bomb": (
        lambda files: files | {f"runs/{run}/run.log": bytes(30 * 2**20) for run in range(20)},
        "times its size",
    ),
    "a log too long": (with_file("runs/0/run.log", os.urandom(33 * 2**20)), "at most"),
    "scores better by 0.1 dB": (edited(SCORES, better_by_a_tenth), "psnr_body_suv20 (body) of sub-03"),
    "scores that nobody can recompute": (
        edited(SCORES, lambda scores: [score | {"metric": f"my_{score['metric']}"} for score in scores]),
        "no score that can be rescored",
    ),
    "a score twice": (edited(SCORES, lambda scores: scores + scores[:1]), "given twice"),
    "a score that is text": (edited(SCORES, lambda scores: [scores[0] | {"value": "40"}]), "valid number"),
    "swapped participants": (swapped, "computed here"),
    "one participant for both": (copied, "hold the same voxels"),
    "a participant fewer": (without(PREDICTION), "is missing"),
    "a participant more": (with_file("runs/0/predictions/sub-01.nii.gz", b"x"), "belongs to no test participant"),
    "a plan of another seed": (identity_of_another_plan, "identity"),
    "another protocol": (
        edited(PLAN, lambda plan: plan | {"protocol": 99}),
        "identity",
    ),
    "a plan with a field more": (edited(PLAN, lambda plan: plan | {"dataset_folder": "/etc"}), "missing or unknown"),
    "a dataset that is a path": (edited(PLAN, lambda plan: plan | {"dataset": "../../etc"}), "'dataset'"),
    "a method that is no slug": (edited(PLAN, lambda plan: plan | {"method": "my/method"}), "'method'"),
    "a name of a reference row": (
        edited(PLAN, lambda plan: plan | {"method": "repeat-scan"}),
        "petbench score --reference",
    ),
    "a privileged row": (edited(PLAN, lambda plan: plan | {"role": "privileged"}), "petbench score --reference"),
    "a repeat scan": (edited(PLAN, lambda plan: plan | {"role": "repeat-scan"}), "petbench score --reference"),
    "what can be predicted": (edited(PLAN, lambda plan: plan | {"role": "predictable"}), "petbench score --reference"),
    "the name that every gain is over": (
        edited(PLAN, lambda plan: plan | {"method": "identity"}),
        "identity is what every gain is over",
    ),
    "a role that there is not": (edited(PLAN, lambda plan: plan | {"role": "winner"}), "'role'"),
    "a supervision of 0.1.0": (edited(PLAN, lambda plan: plan | {"supervision": "oracle"}), "'supervision'"),
    "a run that failed": (edited(RUN, lambda run: run | {"status": "failed"}), "'status'"),
    "an endless number": (with_file(RUN, b'{"train_seconds": ' + b"9" * 5000 + b"}"), "no JSON"),
    "deep JSON": (with_file(RUN, b"[" * 200_000), "nested too deep"),
    "a terminal's orders": (with_file(RUN, b'{"device": "\\u001b]0;gone\\u0007"}'), "control character"),
    "a header that announces a terabyte": (
        with_file(PREDICTION, nifti((16384, 16384, 1024), b"")),
        "its header says 16384x16384x1024 voxels",
    ),
    "a volume bomb": (with_file(PREDICTION, nifti((32, 32, 20), bytes(64 * 2**20))), "unpacks to more than"),
    "a volume cut short": (with_file(PREDICTION, nifti((32, 32, 20), bytes(100))), "unpacks to 452 bytes"),
    "a volume of doubles": (with_file(PREDICTION, nifti((32, 32, 20), b"", datatype=64, bits=64)), "float32"),
    "a volume that is a pickle": (with_file(PREDICTION, pickle.dumps([1])), "no gzip file"),
    "two volumes in one file": (
        lambda files: files | {PREDICTION: files[PREDICTION] + files[PREDICTION]},
        "bytes after its image",
    ),
    "NaN voxels": (not_numbers, "NaN"),
    "an infinite parameter": (
        lambda files: files | {PLAN: files[PLAN].replace(b'"parameters": {', b'"parameters": {"x": 1e999, ', 1)},
        "larger than any number that is stored",
    ),
    "a precision that there is not": (edited(PLAN, lambda plan: plan | {"precision": "fp1000"}), "'precision'"),
    "a device that there is not": (edited(PLAN, lambda plan: plan | {"device": "tpu"}), "'device'"),
    "a time in the year 1": (
        edited(RUN, lambda run: run | {"started_at": "0001-01-01T00:00:00+14:00"}),
        "a time in the year 1",
    ),
    "a time in the year 9999": (
        edited(RUN, lambda run: run | {"created_at": "9999-12-31T23:59:59-14:00"}),
        "a time in the year 9999",
    ),
    "a text that turns around": (edited(PLAN, lambda plan: plan | {"preset": "a\u202eb"}), "\\u202e"),
    "a text that nobody sees": (edited(PLAN, lambda plan: plan | {"preset": "small\u200b"}), "\\u200b"),
    "text in a number": (edited(RUN, lambda run: run | {"train_seconds": "12"}), "'train_seconds'"),
    "an endless budget": (edited(PLAN, lambda plan: plan | {"budget": f"images={10**30}"}), "the budget"),
    "the real images as predictions": (the_truth, "is the real delayed image"),
    "an affine that cannot be inverted": (flattened, "mm; correct the NIfTI header"),
}


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
