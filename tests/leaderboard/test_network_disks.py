"""A leaderboard on a disk of another machine."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest
import sqlalchemy as sa

from petbench_leaderboard.database import Database
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.network_disks import network_disk
from petbench_leaderboard.schema import Run

if TYPE_CHECKING:
    from pathlib import Path


def mount(monkeypatch: pytest.MonkeyPatch, *mounts: tuple[Path | str, str]) -> None:
    found = [SimpleNamespace(mountpoint=str(place), fstype=kind) for place, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda *, all: found if all else [])  # noqa: A006 - psutil's name


@pytest.mark.parametrize("kind", ["nfs4", "nfs", "cifs", "smbfs", "fuse.sshfs", "lustre", "gpfs", "NFS"])
def test_a_leaderboard_on_a_network_disk_is_not_written(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount(monkeypatch, ("/", "ext4"), (tmp_path, kind))
    with (
        closing(Database(tmp_path / "home" / "runs.db")) as store,
        pytest.raises(LeaderboardError, match=rf"network file system \({kind.lower()}\).*PETBENCH_DB.*PostgreSQL"),
    ):
        store.make_ready()
    assert not (tmp_path / "home").exists()


def test_one_that_is_there_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Database(tmp_path / "runs.db")) as made:
        made.make_ready()
    mount(monkeypatch, ("/", "ext4"), (tmp_path, "nfs4"))
    with closing(Database(tmp_path / "runs.db")) as there, there.reading() as session:
        assert session.scalars(sa.select(Run.id)).all() == []


def test_the_disk_that_is_seen_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "scratch"
    inner.mkdir()
    mount(monkeypatch, ("/", "ext4"), (tmp_path, "nfs4"), (inner, "xfs"))
    assert network_disk(inner / "runs.db") is None
    assert network_disk(tmp_path / "runs.db") == "nfs4"
    assert network_disk(tmp_path / "scratchy" / "runs.db") == "nfs4"
    mount(monkeypatch, (tmp_path, "autofs"), (tmp_path, "nfs4"))  # mounted over the other
    assert network_disk(tmp_path / "runs.db") == "nfs4"
    (inner / "link").symlink_to("/")
    mount(monkeypatch, ("/", "ext4"), (tmp_path, "nfs4"))
    assert network_disk(inner / "link" / "runs.db") is None


def test_what_cannot_be_found_out_counts_as_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(psutil, "disk_partitions", refuse)
    assert network_disk(tmp_path / "runs.db") is None
    mount(monkeypatch)
    assert network_disk(tmp_path / "runs.db") is None
