"""Serve the site to this machine alone, and keep it up to date whenever the leaderboard has changed."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import PetbenchError
from petbench_leaderboard.report.site.staging import INDEX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
REFRESH_SECONDS = 4
"""After which a browser asks again for a page that changes."""
LOOK_SECONDS = 1.0
"""Between two looks at the leaderboard where nobody asks for a page."""
PATIENCE_SECONDS = 1.0
"""That who asks for the first page waits for a newer one than is there."""

_WAIT = b"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>petbench</title></head>
<body><p>The site is being written.</p></body></html>
"""


def make_server(
    folder: Path,
    *,
    state: Callable[[], object],
    write: Callable[[], object],
    draw: Callable[[], Iterable[None]] = tuple,
    write_page: Callable[[str], bool] = lambda _path: False,
    port: int = 0,
    patience_seconds: float = PATIENCE_SECONDS,
) -> SiteServer:
    """Return a server of the site on this machine's own address; `serve_forever` and `shutdown` are the caller's.

    Args:
        folder: where the site is.
        state: returns what differs when the first page would: `LiveSite.state`.
        write: writes the first page into `folder`.
        draw: goes on, a piece at a time, with what may come later than the first page.
        write_page: writes the page at a path, if it is one that is written when it is asked for; returns whether it
            will soon be another.
        port: 0 means any that is free; `server_address` has it.
        patience_seconds: that who asks for the first page waits for a newer one than is there.
    """
    live = _Live(state, write, draw, patience_seconds)
    handler = partial(_Handler, live=live, write_page=write_page, directory=str(folder))
    return SiteServer((HOST, port), handler, live)


class SiteServer(ThreadingHTTPServer):
    """A server whose site is kept up to date in a thread of its own, from when it is made until it is closed."""

    def __init__(self, address: tuple[str, int], handler: Any, live: _Live) -> None:
        super().__init__(address, handler)
        self._live = live
        live.start()

    def server_close(self) -> None:
        """Close the server, and end the thread that writes."""
        super().server_close()
        self._live.stop()


class _Live:
    """Writes the first page when the leaderboard has changed, and draws in between; all in one thread."""

    def __init__(
        self,
        state: Callable[[], object],
        write: Callable[[], object],
        draw: Callable[[], Iterable[None]],
        patience_seconds: float,
    ) -> None:
        self._state, self._write, self._draw = state, write, draw
        self._patience_seconds = patience_seconds
        self._changed = threading.Condition()
        self._looks = self._asked = 0
        self._error: PetbenchError | None = None
        self._ending = self._looking = False
        self._thread = threading.Thread(target=self._work, name="site", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()

    def refresh(self) -> None:
        """Have the page looked at, and wait a while for that.

        Raises:
            PetbenchError: it could not be written.
        """
        with self._changed:
            self._asked = wanted = self._looks + 1 + self._looking
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._looks >= wanted or self._ending, self._patience_seconds)
            if self._error is not None:
                raise self._error

    def _work(self) -> None:
        seen: object = None
        drawing: Iterator[None] = iter(())
        while True:
            with self._changed:
                if self._ending:
                    return
                self._looking = True
            error = None
            try:
                now = self._state()
                if now != seen:
                    self._write()
                    seen, drawing = now, iter(self._draw())
            except PetbenchError as raised:
                error = raised
            with self._changed:
                self._looking, self._error = False, error
                self._looks += 1
                self._changed.notify_all()
            if error is None and self._go_on(drawing):
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._ending or self._asked > self._looks, LOOK_SECONDS)

    @staticmethod
    def _go_on(drawing: Iterator[None]) -> bool:
        """Draw one piece and return whether there may be more; what cannot be drawn costs no page."""
        try:
            next(drawing)
        except (StopIteration, PetbenchError):
            return False
        return True


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, live: _Live, write_page: Callable[[str], bool], **settings: Any) -> None:
        self._live, self._write_page = live, write_page
        self._refreshes = False
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
        path = self.path.split("?")[0]
        try:
            if path in ("/", f"/{INDEX}"):
                self._live.refresh()
                self._refreshes = True
                if not (Path(self.directory) / INDEX).exists():
                    self._say_that_it_is_written()
                    return
            else:
                self._refreshes = self._write_page(path)
        except PetbenchError as error:
            self.send_error(503, explain=str(error))
            return
        super().do_GET()

    def _say_that_it_is_written(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_WAIT)))
        self.end_headers()
        self.wfile.write(_WAIT)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self._refreshes:
            self.send_header("Refresh", str(REFRESH_SECONDS))
        super().end_headers()

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - no folder is listed
        self.send_error(404)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's names
        """Say nothing: the terminal belongs to the progress of runs."""
