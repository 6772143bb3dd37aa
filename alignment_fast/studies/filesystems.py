"""Which file systems a store must not be on: SQLite's log needs memory that is shared, and locks that hold."""

from __future__ import annotations

from pathlib import Path

__all__ = ["network_of"]

# As Linux calls them.
NETWORK = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "pvfs2", "smb3", "smbfs"),
        *("fuse.beegfs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.sshfs"),
    }
)
MOUNTS = Path("/proc/self/mountinfo")


def network_of(path: Path) -> str | None:
    """Return the kind of the network file system that a path is on, None if it is on none, or it is not known."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    place, best, kind = path.absolute(), -1, None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if len(fields) < 5 or not rest[0]:
            continue
        mount = Path(fields[4].replace("\\040", " "))
        if place.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), rest[0]
    return kind if kind in NETWORK else None
