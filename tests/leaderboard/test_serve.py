from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.report.site.serve import make_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard


def test_the_served_page_follows_the_leaderboard_and_nothing_outside_the_site_is_served(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("a secret")
    written = []

    def write(**told: Any) -> None:
        written.append(write_site(leaderboard, ImagesAtHand(), tmp_path / "site", **told))

    server = make_server(tmp_path / "site", state=leaderboard.state, write=write)
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
