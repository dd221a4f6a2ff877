"""Whether a file lies on a disk of another machine, where SQLite's locks cannot be trusted.

SQLite, How To Corrupt An SQLite Database File, section 2: locks of network file systems are broken often enough that
two writers destroy the file; and with write-ahead logging all of them have to be on one machine, which nothing checks.
"""

from __future__ import annotations

from pathlib import Path

import psutil

KINDS = frozenset({
    "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.glusterfs", "fuse.gcsfuse", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "pvfs2", "smb3", "smbfs", "webdav",
})  # fmt: skip
"""Names that Linux and macOS give to file systems of other machines."""


def network_disk(path: Path) -> str | None:
    """Return the kind of network file system that a file lies or would lie on, such as `nfs4`; None for a local disk.

    What cannot be found out counts as local: petbench has no reason to refuse it.
    """
    try:
        where = path.resolve()
        mounts = [(Path(each.mountpoint), each.fstype.lower()) for each in psutil.disk_partitions(all=True)]
    except (OSError, RuntimeError):
        return None
    above = [(len(point.parts), kind) for point, kind in mounts if where.is_relative_to(point)]
    # The one mounted last at the deepest place is the one that is seen.
    kind = max(enumerate(above), key=lambda one: (one[1][0], one[0]))[1][1] if above else ""
    return kind if kind in KINDS else None
