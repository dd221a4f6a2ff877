"""Submissions made to deceive or to harm, and how they are forged from an honest one."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pathlib
import pickle
import struct
import tempfile
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.dataset.reader import open_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


Files = dict[str, bytes]


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
