"""Reads a sample of restored files again and holds them against what they were made from.

All of the sample is compared with the ids of its blobs, which are hashes.  What the source still
has unchanged, by size and time, is compared with the source's own bytes as well: that would show
a fault of the whole way, chunking and encryption included.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.drill import Finding, SampleProof
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.restoreverify import has_content
from lpse_ops.backup.treewalk import Entry

_PIECE_BYTES = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True)
class SampleCheck:
    proof: SampleProof
    findings: list[Finding]


def check_sample(
    index: BlobIndex, sample: Sequence[Entry], root: bytes, *, seed: int, source: bytes | None = b""
) -> SampleCheck:
    """Compare the files below ``root`` with the repository and the source.

    ``source`` stands before their paths, empty for ``/``; None where the source is elsewhere.
    """
    findings: list[Finding] = []
    against_source = 0
    for path, node in sample:
        if not _is_as_stored(index, node, root + path):
            findings.append(_finding(path, "what the repository holds", "other bytes or none"))
            continue
        if source is None:
            continue
        is_equal = _equals_source(node, root + path, source + path)
        against_source += is_equal is True
        if is_equal is False:
            findings.append(
                _finding(path, "the bytes of the source", "other bytes, with equal size and time")
            )
    proof = SampleProof(len(sample), len(findings), seed, against_source)
    return SampleCheck(proof, findings)


def _finding(path: bytes, expected: str, found: str) -> Finding:
    return Finding("sample", os.fsdecode(path), expected, found)


def _is_as_stored(index: BlobIndex, node: Node, restored: bytes) -> bool:
    places = []
    for blob_id in node.content:
        place = next(index.locations(BlobType.DATA, blob_id), None)
        if place is None:
            return False
        places.append(place)
    try:
        descriptor = os.open(restored, _READ)
    except OSError:
        return False
    try:
        return has_content(descriptor, places)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _equals_source(node: Node, restored: bytes, source: bytes) -> bool | None:
    """None where the source is gone, was changed since, or changes while it is read."""
    try:
        descriptor = os.open(source, _READ)
    except OSError:
        return None
    try:
        if not _is_unchanged(node, descriptor):
            return None
        digest = _hash(descriptor)
        if not _is_unchanged(node, descriptor):
            return None
    except OSError:
        return None
    finally:
        os.close(descriptor)
    with open(restored, "rb", buffering=0) as file:
        return _hash(file.fileno()) == digest


def _is_unchanged(node: Node, descriptor: int) -> bool:
    status = os.fstat(descriptor)
    is_file = stat.S_ISREG(status.st_mode)
    return is_file and (status.st_size, status.st_mtime_ns) == (node.size, node.mtime_ns)


def _hash(descriptor: int) -> bytes:
    digest = hashlib.sha256()
    while piece := os.read(descriptor, _PIECE_BYTES):
        digest.update(piece)
    return digest.digest()
