"""A local host that speaks the Hugging Face Hub's protocol, as huggingface_hub 2.4 asks for it.

Faithful: the addresses, the JSON of a data set and of its tree page by page, LFS and Git hashes, `HEAD` of a file with
`X-Repo-Commit`, `X-Linked-Etag` and `X-Linked-Size`, the redirect of large files to another host whose address is
signed and which must get no token, ranges, and the refusals of a gated data set with `X-Error-Code`. Not faithful:
nothing of Xet is announced (the Hub serves the same bytes without it), no TLS, no rate limits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_stand_in"
_LFS_BYTES = 4096
_PAGE = 50


@dataclass
class Hub:
    """What the host has and how it fails.

    Attributes:
        files: by path, their content.
        gated: whether a token is asked for.
        accepted: whether the token's owner has accepted the terms.
        corrupt: by path, how many answers from now on carry a wrong byte.
        cut: by path, after how many bytes the next answer breaks off.
        stall: by path, after how many bytes an answer waits for `go_on`.
        ranges: whether the host knows ranges.
        away: whether it answers 503.
        asked: `(path, first byte)` of every download.
        leaked: whether the token was sent to the second host.
    """

    files: dict[str, bytes]
    gated: bool = True
    accepted: bool = True
    corrupt: Counter[str] = field(default_factory=Counter)
    cut: dict[str, int] = field(default_factory=dict)
    stall: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    away: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)
    leaked: bool = False
    url: str = ""
    cdn: str = ""
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables that lead the client here, with a home of its own."""
        return {"HF_ENDPOINT": self.url, "HF_TOKEN": TOKEN, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder as the host has them."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def serving(hub: Hub, name: str) -> Iterator[Hub]:
    """Serve a data set called `name` at two local ports: the Hub, and the host of its large files."""
    servers = []
    for place in ("url", "cdn"):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub, name, is_cdn=place == "cdn"))
        server.daemon_threads = True
        setattr(hub, place, f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    try:
        yield hub
    finally:
        hub.go_on.set()
        for server in servers:
            server.shutdown()
            server.server_close()


def _handler(hub: Hub, name: str, *, is_cdn: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer takes as long as the client waits to acknowledge

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle()

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            path, query = unquote(parts.path), parse_qs(parts.query)
            if hub.away:
                self._refuse(503, "", "The host is away")
            elif is_cdn:
                hub.leaked = hub.leaked or "Authorization" in self.headers
                self._bytes(path.removeprefix("/lfs/"), {})
            elif path in (f"/api/datasets/{name}", f"/api/datasets/{name}/revision/{REVISION}"):
                self._json({"_id": "1", "id": name, "sha": REVISION, "gated": "auto" if hub.gated else False})
            elif path == f"/api/datasets/{name}/auth-check":
                if not self._refuse_strangers():
                    self._json({})
            elif path.startswith(f"/api/datasets/{name}/tree/{REVISION}"):
                self._tree(path.removeprefix(f"/api/datasets/{name}/tree/{REVISION}").strip("/"), query)
            elif path.startswith(f"/datasets/{name}/resolve/{REVISION}/"):
                if not self._refuse_strangers():
                    self._resolve(path.removeprefix(f"/datasets/{name}/resolve/{REVISION}/"))
            else:
                self._refuse(404, "RepoNotFound", "Repository not found")

        def _refuse_strangers(self) -> bool:
            if not hub.gated:
                return False
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._refuse(401, "GatedRepo", f"Access to dataset {name} is restricted. You must be authenticated.")
                return True
            if not hub.accepted:
                self._refuse(403, "GatedRepo", f"Access to dataset {name} is restricted; you are not in the list.")
                return True
            return False

        def _tree(self, folder: str, query: dict[str, list[str]]) -> None:
            below = {path: data for path, data in hub.files.items() if not folder or path.startswith(f"{folder}/")}
            if not below:
                self._refuse(404, "EntryNotFound", f"{folder} does not exist")
                return
            entries = [_entry(path, data) for path, data in sorted(below.items())]
            if query.get("recursive", ["False"])[0].lower() != "true":
                depth = folder.count("/") + 1 if folder else 0
                near = [one for one in entries if one["path"].count("/") == depth]
                far = {"/".join(p.split("/")[: depth + 1]) for p in below if p.count("/") > depth}
                entries = near + [{"type": "directory", "oid": "0" * 40, "size": 0, "path": p} for p in sorted(far)]
            start = int(query.get("cursor", ["0"])[0])
            more = {}
            if len(entries) > start + _PAGE:
                address = (
                    f"{hub.url}/api/datasets/{name}/tree/{REVISION}/{folder}?recursive=True&cursor={start + _PAGE}"
                )
                more = {"Link": f'<{address}>; rel="next"'}
            self._json(entries[start : start + _PAGE], more)

        def _resolve(self, path: str) -> None:
            if path not in hub.files:
                self._refuse(404, "EntryNotFound", f"{path} does not exist")
                return
            data, entry = hub.files[path], _entry(path, hub.files[path])
            headers = {"X-Repo-Commit": REVISION}
            if "lfs" not in entry:
                self._bytes(path, {**headers, "ETag": f'"{entry["oid"]}"'})
                return
            headers |= {"X-Linked-Etag": f'"{entry["lfs"]["oid"]}"', "X-Linked-Size": str(len(data))}
            self._send(302, b"", {**headers, "Location": f"{hub.cdn}/lfs/{path}?X-Amz-Signature=abc"})

        def _bytes(self, path: str, headers: dict[str, str]) -> None:
            data, start = hub.files[path], 0
            if hub.ranges and (wanted := self.headers.get("Range")):
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            if self.command == "GET":
                hub.asked.append((path, start))
                if hub.corrupt[path] > 0:
                    hub.corrupt[path] -= 1
                    data = data[:-1] + bytes([data[-1] ^ 1])
            self._send(206 if "Content-Range" in headers else 200, data[start:], headers, path)

        def _json(self, content: Any, headers: dict[str, str] | None = None) -> None:
            self._send(200, json.dumps(content).encode(), {**(headers or {}), "Content-Type": "application/json"})

        def _refuse(self, code: int, error: str, message: str) -> None:
            self._send(code, message.encode(), {"X-Error-Code": error, "X-Error-Message": message})

        def _send(self, code: int, body: bytes, headers: dict[str, str], path: str = "") -> None:
            self.send_response(code)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                if value:
                    self.send_header(key, value)
            self.end_headers()
            if self.command != "GET":
                return
            if path in hub.cut:
                self.wfile.write(body[: hub.cut.pop(path)])
                self.close_connection = True
                return
            if path in hub.stall:
                first = hub.stall.pop(path)
                self.wfile.write(body[:first])
                self.wfile.flush()
                hub.stalled.set()
                hub.go_on.wait()
                body = body[first:]
            self.wfile.write(body)

    return Handler


def _entry(path: str, data: bytes) -> dict[str, Any]:
    git = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"type": "file", "oid": git, "size": len(data), "path": path}
    if len(data) >= _LFS_BYTES:
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return entry
