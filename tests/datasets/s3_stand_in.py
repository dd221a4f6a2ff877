"""A local host that speaks as much of S3 as s5cmd asks of the Imaging Data Commons' buckets.

Faithful: path-style addresses, the region of a bucket, `ListObjectsV2` by prefix with sizes and dates, `HEAD` and `GET`
with ranges, unsigned.
Not faithful: no TLS, no paging of lists (a real one has 1000 entries a page), one bucket region, no throttling.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATE = "2020-01-01T00:00:00.000Z"


@dataclass
class Bucket:
    """What the host has and how it fails.

    Attributes:
        files: by `bucket/series/file`, their content.
        missing: keys that are listed and answered with 404.
        asked: keys that were downloaded.
    """

    files: dict[str, bytes]
    missing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serving(bucket: Bucket) -> Iterator[Bucket]:
    """Serve it at a local port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bucket))
    server.daemon_threads = True
    bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()


def _handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            key, query = unquote(parts.path).strip("/"), parse_qs(parts.query)
            if "/" not in key and "list-type" not in query:
                self._send(200, b"", {"x-amz-bucket-region": "us-east-1"})
            elif "list-type" in query:
                self._list(key, query.get("prefix", [""])[0])
            elif key in bucket.missing or key not in bucket.files:
                self._send(404, b"<Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>", {})
            else:
                self._object(key)

        def _list(self, name: str, prefix: str) -> None:
            found = [key for key in sorted(bucket.files) if key.startswith(f"{name}/{prefix}")]
            contents = "".join(
                f"<Contents><Key>{escape(key.removeprefix(f'{name}/'))}</Key><LastModified>{_DATE}</LastModified>"
                f"<ETag>&quot;0&quot;</ETag><Size>{len(bucket.files[key])}</Size>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
                for key in found
            )
            body = (
                '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult '
                f'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{name}</Name><Prefix>{escape(prefix)}</Prefix>'
                f"<KeyCount>{len(found)}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{contents}"
                "</ListBucketResult>"
            )
            self._send(200, body.encode(), {"Content-Type": "application/xml"})

        def _object(self, key: str) -> None:
            data, headers = bucket.files[key], {"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT", "ETag": '"0"'}
            if self.command == "GET":
                bucket.asked.append(key)
            if wanted := self.headers.get("Range"):
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                end = min(len(data), int(last) + 1 if last else len(data))
                headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
                self._send(206, data[int(first) : end], headers)
            else:
                self._send(200, data, headers)

        def _send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    return Handler
