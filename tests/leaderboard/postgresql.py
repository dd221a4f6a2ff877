"""A PostgreSQL server of the tests' own: a new cluster that listens on a socket alone and ends with the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEBIAN = Path("/usr/lib/postgresql")


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest where there are several; None without any."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted((path.parent for path in _DEBIAN.glob("*/bin/initdb")), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


@contextlib.contextmanager
def server() -> Iterator[sa.URL]:
    """Give the URL of a server: the one that `PETBENCH_TEST_DB` names, or one that is started for the block."""
    given = os.environ.get("PETBENCH_TEST_DB")
    if given:
        yield sa.make_url(given)
        return
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`, or name a server in PETBENCH_TEST_DB")
    user = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="petbench-pg-") as name:  # short: a socket's path is at most 107 bytes
        folder, data = Path(name), Path(name) / "data"
        if user:
            os.chown(folder, user["user"], user["group"])

        def call(program: str, *arguments: str | Path) -> None:
            # Its output goes to a file: the server would hold a pipe open and never let its reader go.
            with (folder / "log").open("a") as log:
                command = [programs / program, "-D", data, *arguments]
                subprocess.run(command, check=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", **user)

        # Nothing here outlives the tests, so nothing needs to survive a power cut.
        settings = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=200"
        call("initdb", "--auth=trust", "--username=petbench", "--no-sync", "--encoding=UTF8", "--locale=C")
        call("pg_ctl", "start", "-w", "-t", "120", "-o", settings)
        try:
            yield sa.URL.create("postgresql", "petbench", database="postgres", query={"host": name})
        finally:
            call("pg_ctl", "stop", "-w", "-t", "120", "-m", "immediate")


def _unprivileged() -> dict[str, Any]:
    """Return whom to be, since PostgreSQL refuses to be root's; nothing where this process is not root's."""
    if os.geteuid() != 0:
        return {}
    with contextlib.suppress(KeyError):
        found = pwd.getpwnam("postgres")
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
