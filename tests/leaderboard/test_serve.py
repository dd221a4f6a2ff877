from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.report.site.build import SiteOptions, write_site
from petbench_leaderboard.report.site.live import LiveSite
from petbench_leaderboard.report.site.serve import make_server
from petbench_leaderboard.report.site.sources import ExamplePicture, RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeImages

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import ParticipantImages
    from petbench_leaderboard.store import Leaderboard


def test_the_served_page_follows_the_leaderboard_and_nothing_outside_the_site_is_served(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("a secret")
    written = []

    def write(**told: Any) -> None:
        written.append(write_site(leaderboard, ImagesAtHand(), tmp_path / "site", **told))

    site = LiveSite(leaderboard, ImagesAtHand(), tmp_path / "site", SiteOptions())
    server = make_server(
        tmp_path / "site", state=leaderboard.state, write=write, write_page=site.write_page, patience_seconds=60
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}"

        def read(path: str) -> str:
            with urllib.request.urlopen(address + path, timeout=30) as answer:
                return str(answer.read().decode())

        assert "no run on this leaderboard yet" in read("/")
        add_run("pix2pix", {"sub-01": 30.0})
        assert "pix2pix" in read("/index.html")
        assert "pix2pix" in read("/runs/1.html")
        assert len(written) == 2
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/runs/", "/missing"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                read(path)
            caught.value.close()
            assert caught.value.code == 404
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["127.0.0.1:{port}"], 200),
        (["localhost:{port}"], 200),
        (["evil.example:{port}"], 421),
        (["evil.example"], 421),
        (["127.0.0.1"], 421),
        (["127.0.0.1:1"], 421),
        (["127.0.0.1:{port}.evil.example"], 421),
        (["evil.example@127.0.0.1:{port}"], 421),
        (["127.0.0.1:{port}", "evil.example"], 421),
        ([""], 421),
        ([], 421),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_only_who_asks_for_this_machine_by_name_is_answered(
    hosts: list[str], status: int, method: str, tmp_path: Path
) -> None:
    for name in ("index.html", "page.html"):
        (tmp_path / name).write_text("a secret")
    server = make_server(tmp_path, state=lambda: 1, write=lambda **_: None)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        for path in ("/", "/page.html", "/missing"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.putrequest(method, path, skip_host=True)
            for host in hosts:
                connection.putheader("Host", host.format(port=port))
            connection.endheaders()
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            assert answer.status == (404 if status == 200 and path == "/missing" else status)
            assert status == 200 or b"secret" not in content
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Counting(ImagesAtHand):
    """Notes whose run folders and which boards' participants are asked for."""

    def __init__(self, *images: ParticipantImages) -> None:
        super().__init__(*images)
        self.runs: list[int] = []
        self.drawn = 0

    def run_files(self, run: RunRow) -> RunFiles:
        self.runs.append(run.id)
        picture = ExamplePicture(png=b"a picture", width=3, height=1, description="One axial slice.")
        step = {"event": "step", "images": 10 * len(self.runs), "losses": {"l1": 0.5}}
        return RunFiles(events=[step], example=picture if run.status == "running" else None)

    def people(self, board: Board) -> Sequence[PartFacts]:
        return ()

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        self.drawn += 1
        return super().participants(boards)


def test_a_hundred_runs_keep_nobody_waiting_since_a_runs_page_is_written_when_it_is_asked_for(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    for seed in range(100):
        add_run("pix2pix", {"sub-01": 30.0 + 0.01 * seed}, seed=seed)
    sources = Counting()
    site = LiveSite(leaderboard, sources, tmp_path, SiteOptions())
    site.write()
    assert sources.runs == []
    assert not site.write_page("/runs/7.html")
    assert not site.write_page("/runs/7.html")
    assert sources.runs == [7]
    assert "pix2pix" in (tmp_path / "runs" / "7.html").read_text(encoding="utf-8")
    for path in ("/runs/1000.html", "/runs/x.html", "/runs/../7.html", "/index.html", "/runs/7.html.txt"):
        assert not site.write_page(path)
    assert sources.runs == [7]
    leaderboard.update(7, status="failed", error_message="it broke")
    site.write_page("/runs/7.html")
    assert "it broke" in (tmp_path / "runs" / "7.html").read_text(encoding="utf-8")


def test_a_run_in_progress_is_listed_and_its_page_has_curves_and_an_image_and_is_always_new(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    number = add_run("unet", {}, status="running", planned=("sub-01",))
    sources = Counting()
    site = LiveSite(leaderboard, sources, tmp_path, SiteOptions())
    site.write()
    first = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f'<a href="runs/{number}.html">run {number}: unet</a>' in first
    assert "run 1: pix2pix" not in first
    assert site.write_page(f"/runs/{number}.html")
    page = (tmp_path / "runs" / f"{number}.html").read_text(encoding="utf-8")
    assert 'class="chart step"' in page
    assert "data:image/png;base64,YSBwaWN0dXJl" in page
    assert site.write_page(f"/runs/{number}.html")
    assert sources.runs == [number, number]
    leaderboard.update(number, status="ok")
    assert not site.write_page(f"/runs/{number}.html")
    assert "data:image/png" not in (tmp_path / "runs" / f"{number}.html").read_text(encoding="utf-8")
    site.write()
    assert "In progress" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_participants_are_drawn_after_the_first_page_and_again_only_where_a_board_has_changed(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path
) -> None:
    add_run("pix2pix", {"sub-06": 30.0})
    sources = Counting(make_images())
    site = LiveSite(leaderboard, sources, tmp_path, SiteOptions())
    site.write()
    assert "participants/" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert list(site.draw()) == [None]
    assert list(site.draw()) == []
    assert sources.drawn == 1
    add_run("unet", {}, status="running", planned=("sub-06",))
    site.write()
    assert "participants/" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert list(site.draw()) == []
    add_run("unet", {"sub-06": 31.0})
    site.write()
    assert list(site.draw()) == [None]
    assert sources.drawn == 2


def test_who_asks_while_the_site_is_written_is_answered_at_once_and_what_cannot_be_written_is_said(
    tmp_path: Path,
) -> None:
    may_write = threading.Event()
    broken = threading.Event()

    def write() -> None:
        assert may_write.wait(60)
        if broken.is_set():
            raise LeaderboardError("the disk is full")
        (tmp_path / "index.html").write_text(f"state {len(changes)}")

    changes = ["first"]
    server = make_server(tmp_path, state=lambda: tuple(changes), write=write, patience_seconds=0.01)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"is being written" in answer.read()
            assert answer.headers["Refresh"]
        may_write.set()
        _until(lambda: _read(address) == "state 1")
        changes.append("second")
        _until(lambda: _read(address) == "state 2")
        broken.set()
        changes.append("third")
        _until(lambda: "the disk is full" in _read(address))
    finally:
        may_write.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _read(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def _until(holds: Callable[[], bool]) -> None:
    """Ask again and again; the time limit of the test ends it where that never holds."""
    while not holds():
        pass
