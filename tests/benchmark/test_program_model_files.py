"""What a program leaves as its model is read back whole, or refused by its size before any of it is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from petbench.errors import PluginError
from petbench.methods.program import model_files
from petbench.methods.program.model_files import read_files, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _sparse(folder: Path) -> None:
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(2**40)  # a terabyte of holes, no block on disk


def _many_large(folder: Path) -> None:
    for number in range(5):
        with (folder / f"{number}.bin").open("wb") as file:
            file.truncate(2 * 2**30)


def _deep(folder: Path) -> None:
    for number in range(101):
        (folder / f"d{number}").mkdir()
        for other in range(100):
            (folder / f"d{number}" / f"{other}").touch()


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    files = {"a.bin": b"\0\1", "sub/folder/b": b"", "ü.txt": "ü".encode()}
    write_files(tmp_path / "model", files)
    assert read_files(tmp_path / "model", "it") == files


@pytest.mark.parametrize(
    ("left", "message"),
    [
        (_sparse, "more than 8 GiB, of which weights.bin"),
        (_many_large, "more than 8 GiB"),
        (_deep, "more than 10,000 files"),
    ],
)
def test_more_than_a_model_may_have_is_refused_before_a_byte_is_read(
    left: Callable[[Path], None], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> bytes:
        raise AssertionError("it was read")

    left(tmp_path)
    monkeypatch.setattr(model_files, "_read", read)
    with pytest.raises(PluginError, match=message) as caught:
        read_files(tmp_path, "the program of x")
    assert "\n" not in str(caught.value)


def test_links_pipes_and_folders_are_no_part_of_a_model_and_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "model" / "file").symlink_to(tmp_path / "secret")
    (tmp_path / "model" / "zero").symlink_to("/dev/zero")
    (tmp_path / "model" / "round").symlink_to(tmp_path / "model")
    os.mkfifo(tmp_path / "model" / "pipe")
    (tmp_path / "model" / "real").write_bytes(b"weights")
    assert read_files(tmp_path / "model", "it") == {"real": b"weights"}


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside"])
def test_a_stored_model_writes_nothing_outside_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(PluginError, match="outside its folder"):
        write_files(tmp_path / "model", {name: b"x"})
    assert not (tmp_path / "outside").exists()
