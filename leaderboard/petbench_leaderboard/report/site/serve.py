"""Serve the site to this machine alone, and write it again whenever the leaderboard has changed."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import PetbenchError
from petbench_leaderboard.report.site.live import LiveSite
from petbench_leaderboard.report.site.staging import INDEX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_leaderboard.report.site.live import WriteSite

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
REFRESH_SECONDS = 15


def make_server(folder: Path, *, state: Callable[[], object], write: WriteSite, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of the site on this machine's own address; `serve_forever` and `shutdown` are the caller's.

    A large site is written while its first page, or the site before it, is read. Closing the server ends that.

    Args:
        folder: where the site is.
        state: returns what differs when the leaderboard has changed: `Leaderboard.state`.
        write: writes the site into `folder`.
        port: 0 means any that is free; `server_address` has it.
    """
    live = LiveSite(state, write)
    handler = partial(_Handler, live=live, directory=str(folder))
    return _Server((HOST, port), handler, live)


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], handler: Callable[..., Any], live: LiveSite) -> None:
        self._live = live
        super().__init__(address, handler)

    def server_close(self) -> None:
        self._live.close()
        super().server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, live: LiveSite, **settings: Any) -> None:
        self._live = live
        super().__init__(*arguments, **settings)

    def parse_request(self) -> bool:
        """Answer only who asks for this machine by name.

        A page on the Internet whose name is made to stand for this machine's address (DNS rebinding) would else read
        the site through its visitor's browser, which sends that page's name.
        """
        if not super().parse_request():
            return False
        assert isinstance(self.server, ThreadingHTTPServer)
        port = self.server.server_port
        if self.headers.get_all("Host") not in [[f"{name}:{port}"] for name in _NAMES]:
            self.send_error(421, explain=f"this site is for http://{HOST}:{port}/ alone")
            return False
        return True

    def do_GET(self) -> None:
        if self.path.split("?")[0] in ("/", f"/{INDEX}"):
            try:
                self._live.refresh()
            except PetbenchError as error:
                self.send_error(503, explain=str(error))
                return
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.path.split("?")[0] in ("/", f"/{INDEX}"):
            self.send_header("Refresh", str(REFRESH_SECONDS))
        super().end_headers()

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - no folder is listed
        self.send_error(404)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's names
        """Say nothing: the terminal belongs to the progress of runs."""
