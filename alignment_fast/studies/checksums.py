"""Digests of the rows of a store: of their content and of their place."""

from __future__ import annotations

import hashlib

__all__ = ["of_block", "of_group", "of_set_aside", "of_snapshot", "of_study"]


def _digest(head: str, content: bytes) -> bytes:
    return hashlib.blake2b(head.encode() + content, digest_size=16).digest()


def of_study(name: str, hash: str, spec: str, version: str, arithmetic: str) -> bytes:
    """Return the digest of the entry of a study."""
    lengths = " ".join(str(len(part)) for part in (name, hash, spec, version, arithmetic))
    return _digest(f"study {lengths} {name}{hash}{spec}{version}{arithmetic}", b"")


def of_block(hash: str, cell: int, number: int, replicates: int, payload: bytes) -> bytes:
    """Return the digest of a block of the study of that hash."""
    return _digest(f"{hash} {cell} {number} {replicates} ", bytes(payload))


def of_group(hash: str, cell: int, first: int, count: int, replicates: int, payload: bytes) -> bytes:
    """Return the digest of `count` blocks of a study that are kept together."""
    return _digest(f"group {hash} {cell} {first} {count} {replicates} ", bytes(payload))


def of_set_aside(hash: str, cell: int, number: int, traceback: str) -> bytes:
    """Return the digest of a block that could not be computed."""
    return _digest(f"aside {hash} {cell} {number} {traceback}", b"")


def of_snapshot(hash: str, cell: int, prefix: int, content: bytes) -> bytes:
    """Return the digest of the statistics of the first blocks of a cell."""
    return _digest(f"snapshot {hash} {cell} {prefix} ", content)
