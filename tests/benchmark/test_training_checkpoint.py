"""Checkpoints are whole or not there, and never run code."""

from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING

import pytest
import torch

from petbench.errors import CheckpointError
from petbench.training.checkpoint import CheckpointFolder, read_checkpoint, snapshot, write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


def save(folder: CheckpointFolder, *numbers: int) -> None:
    for images in numbers:
        folder.save(images, {"images": images, "weights": torch.full((3,), float(images))})
    folder.wait()


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    save(CheckpointFolder(tmp_path), 5, 10, 200)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "images-000000000010.checkpoint",
        "images-000000000200.checkpoint",
    ]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_newest_falls_back_to_the_one_before(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = CheckpointFolder(tmp_path)
    save(folder, 1, 2)
    newest = tmp_path / "images-000000000002.checkpoint"
    content = bytearray(newest.read_bytes())
    content[-40] ^= 1
    newest.write_bytes(
        {"cut": bytes(content[:-7]), "flipped": bytes(content), "empty": b"", "foreign": b"x" * 99}[damage]
    )
    with caplog.at_level(logging.WARNING):
        state = folder.newest()
    assert state is not None
    assert state["images"] == 1
    assert "images-000000000002.checkpoint: damaged" in caplog.text


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path / "nowhere").newest() is None


def test_a_state_is_saved_as_it_was_when_it_was_handed_over(tmp_path: Path) -> None:
    weights, folder = torch.zeros(1000), CheckpointFolder(tmp_path)
    folder.save(1, {"weights": weights})
    weights.add_(1)
    folder.wait()
    state = folder.newest()
    assert state is not None
    assert not state["weights"].any()


def test_what_goes_wrong_while_writing_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = CheckpointFolder(tmp_path / "file")
    folder.save(1, {})
    with pytest.raises(OSError, match="file"):
        folder.wait()


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code from a checkpoint was run",)


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "images-1.checkpoint"
    write_checkpoint(path, {"value": Malicious()})
    with pytest.raises(pickle.UnpicklingError):
        read_checkpoint(path)
    assert "code from a checkpoint" not in capsys.readouterr().out


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.checkpoint"):
        read_checkpoint(tmp_path / "gone.checkpoint")


def test_a_snapshot_shares_nothing_with_what_it_was_taken_of() -> None:
    tensor = torch.zeros(2)
    taken = snapshot({"a": [tensor, (1, "two", None)], "b": {"c": tensor}})
    tensor.add_(1)
    assert not taken["a"][0].any()
    assert not taken["b"]["c"].any()
    assert taken["a"][1] == (1, "two", None)
