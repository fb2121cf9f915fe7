"""Proves one pack: its name, its header against the index, and each blob against its id.

Runs in worker processes, or in several threads of one; there packs of many small blobs take their
turn: nearly all their time is spent in Python, where threads only hinder each other.
"""

import hashlib
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from lpse_ops.backup.pack import (
    LENGTH_BYTES,
    PackEntry,
    parse_entries,
    parse_header_length,
)
from lpse_ops.backup.readblobs import BlobReader
from lpse_ops.backup.readworker import Handler
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import Backend, FileKind, file_name
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.errors import DamagedRepository, OpsError

_SMALL_BLOB_BYTES = 32 * 1024
# From a disk, pieces that a core's caches can hold; over a line, the whole pack in one request.
_LOCAL_PIECE_BYTES = 2 * 1024 * 1024
_REMOTE_PIECE_BYTES = 64 * 1024 * 1024
_REQUEST = struct.Struct("<32sQ?")


class PackFacts(NamedTuple):
    """A pack to prove: raw id, size in bytes.

    ``is_named`` says that its content was proved to match its name a moment ago.
    """

    id: bytes
    size_bytes: int
    is_named: bool = False


class Proof(NamedTuple):
    """What is wrong with a pack by itself, and the SHA-256 of its header; empty if unreadable."""

    header_digest: bytes
    problems: list[str]

    def against(self, pack_id: bytes, header_digest: bytes) -> list[str]:
        """All that is wrong, if an index asks for a header of this SHA-256."""
        if self.header_digest in (b"", header_digest):
            return self.problems
        return [f"pack {pack_id.hex()[:10]}: its header and the index differ", *self.problems]


class PackProver:
    """``prove`` may be called from several threads; memory is bounded by piece and blob."""

    def __init__(self, repository: Repository, piece_bytes: int = 0) -> None:
        is_local = isinstance(repository.backend, LocalBackend)
        self._repository = repository
        self._piece_bytes = piece_bytes or (_LOCAL_PIECE_BYTES if is_local else _REMOTE_PIECE_BYTES)
        self._reader = BlobReader(repository)
        self._small = threading.Lock()

    def prove(self, facts: PackFacts) -> Proof:
        """Read all of a pack."""
        try:
            pack = _StoredPack(self._repository.backend, facts.id, facts.size_bytes)
            return self._prove(pack, facts)
        except OpsError as error:
            return Proof(b"", [f"pack {facts.id.hex()[:10]}: {error.message}"])

    def _prove(self, pack: "_StoredPack", facts: PackFacts) -> Proof:
        if pack.size_bytes <= self._piece_bytes:
            pack.keep_all()
        digest = hashlib.sha256()
        header, entries, problems = self._read_header(pack)
        end = 0
        for piece in _pieces(entries, self._piece_bytes):
            content = pack.read(end, sum([entry.length for entry in piece]))
            if not facts.is_named:
                digest.update(content)
            problems += self._blob_problems(content, end, piece, pack.name)
            end += len(content)
        if not facts.is_named and not pack.finishes(digest, end, self._piece_bytes):
            problems.insert(0, f"{pack.name} is damaged: its content does not match its name")
        return Proof(hashlib.sha256(header).digest() if header else b"", problems)

    def _read_header(self, pack: "_StoredPack") -> tuple[bytes, list[PackEntry], list[str]]:
        """The header if it can be read, then its entries, or else what is wrong."""
        try:
            header = self._open_header(pack)
            entries = parse_entries(header, pack.id.hex())
        except DamagedRepository as error:
            return b"", [], [error.message]
        if entries and entries[-1].offset + entries[-1].length > pack.size_bytes:
            return b"", [], [f"{pack.name} is damaged: its header lists more than it holds"]
        return header, entries, []

    def _open_header(self, pack: "_StoredPack") -> bytes:
        size, pack_id = pack.size_bytes, pack.id.hex()
        tail = pack.read(max(0, size - LENGTH_BYTES), min(size, LENGTH_BYTES))
        length = parse_header_length(bytes(tail), size, pack_id)
        sealed = pack.read(size - LENGTH_BYTES - length, length)
        return self._repository.crypter.open(sealed, f"the header of pack {pack_id[:10]}")

    def _blob_problems(
        self, content: memoryview, start: int, entries: list[PackEntry], name: str
    ) -> list[str]:
        if len(content) >= _SMALL_BLOB_BYTES * len(entries):
            return list(self._damages(content, start, entries, name))
        with self._small:
            return list(self._damages(content, start, entries, name))

    def _damages(
        self, content: memoryview, start: int, entries: list[PackEntry], name: str
    ) -> Iterator[str]:
        for number, (_, problem) in enumerate(self._reader.open_each(content, start, entries)):
            if problem:
                yield f"blob {entries[number].id.hex()[:10]} in {name} is damaged: {problem}"


class _StoredPack:
    """A pack in its place, read part by part unless it is kept."""

    def __init__(self, backend: Backend, pack_id: bytes, size_bytes: int) -> None:
        self.id = pack_id
        self.name = f"pack {pack_id.hex()[:10]}"
        self.size_bytes = size_bytes
        self._backend = backend
        self._path = file_name(FileKind.PACK, pack_id.hex())
        self._content: memoryview | None = None

    def keep_all(self) -> None:
        """Read it in one go, whatever size it was said to have."""
        self._content = memoryview(self._backend.load(self._path))
        self.size_bytes = len(self._content)

    def read(self, offset: int, length: int) -> memoryview:
        if self._content is not None:
            return self._content[offset : offset + length]
        return memoryview(self._backend.load(self._path, offset, length))

    def finishes(self, digest: "hashlib._Hash", start: int, piece_bytes: int) -> bool:
        """Whether a digest of all before ``start``, with the rest, is the pack's name."""
        for offset in range(start, self.size_bytes, piece_bytes):
            digest.update(self.read(offset, min(piece_bytes, self.size_bytes - offset)))
        return digest.digest() == self.id


def prove_names(
    backend: Backend, goes_on: Callable[[], bool], piece_bytes: int = _LOCAL_PIECE_BYTES
) -> set[bytes]:
    """Packs whose content matches their names, as many as could be read while ``goes_on``.

    Needs no key: it fills the time in which the key is worked out.
    """
    named: set[bytes] = set()
    for file in backend.files(FileKind.PACK):
        pack = _StoredPack(backend, bytes.fromhex(file.id), file.size_bytes)
        digest = hashlib.sha256()
        try:
            for offset in range(0, file.size_bytes, piece_bytes):
                if not goes_on():
                    return named
                digest.update(pack.read(offset, min(piece_bytes, file.size_bytes - offset)))
        except OpsError:  # said later, with what it means
            continue
        if digest.digest() == pack.id:
            named.add(pack.id)
    return named


def _pieces(entries: list[PackEntry], piece_bytes: int) -> Iterator[list[PackEntry]]:
    """Runs of blobs that together are about as large as a piece, or one that is larger."""
    piece: list[PackEntry] = []
    begin = 0
    for entry in entries:
        if piece and entry.offset + entry.length - begin > piece_bytes:
            yield piece
            piece, begin = [], entry.offset
        piece.append(entry)
    if piece:
        yield piece


# -- in a worker process -------------------------------------------------------------------------


def encode_request(facts: PackFacts) -> bytes:
    return _REQUEST.pack(*facts)


def proving_handler(repository: Repository) -> Handler:
    """Answers each request with the digest of the pack's header and each of its problems."""
    prover = PackProver(repository)

    def handle(message: bytes, _descriptors: list[int]) -> Iterator[bytes]:
        proof = prover.prove(PackFacts(*_REQUEST.unpack(message)))
        yield proof.header_digest
        for problem in proof.problems:
            yield problem.encode()

    return handle


def decode_answer(answers: Sequence[bytes]) -> Proof:
    """What ``proving_handler`` said of one pack."""
    header_digest, *problems = answers
    return Proof(header_digest, [each.decode() for each in problems])
