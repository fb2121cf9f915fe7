"""Restores a batch of small files: in a worker process, or in the main one that has time.

``restoresmall`` makes the batches.  No file is ever half there; one that cannot be restored is
told, and left to the caller.
"""

import os
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec

from lpse_ops.backup.metadata import Rights, apply_to_descriptor
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import PackEntry
from lpse_ops.backup.readblobs import BlobReader
from lpse_ops.backup.readworker import Handler
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restoredirect import write_all
from lpse_ops.backup.restoreplan import GAP_BYTES, RANGE_BYTES
from lpse_ops.backup.restoretarget import (
    OpenFolder,
    create_file,
    discard,
    name_file,
)
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import OpsError


class SmallFile(NamedTuple):
    """A file to make in a folder of the batch; each blob lies in a pack of the batch."""

    folder: int
    temporary: bytes
    node: Node
    blobs: list[tuple[int, PackEntry]]


class Batch(NamedTuple):
    """``gives_acls`` has one entry for each folder, whose descriptors travel beside."""

    owners: bool
    is_root: bool
    unnamed: bool
    gives_acls: list[bool]
    packs: list[bytes]
    files: list[SmallFile]


class Outcome(NamedTuple):
    """Numbers of files: those not restored, and what could not be set of others."""

    again: list[int]
    problems: list[tuple[int, str]]


def restoring_handler(repository: Repository) -> Handler:
    """Restores the files of each batch; answers with one ``Outcome``."""
    restorer = _BatchRestorer(repository)
    decode = msgspec.msgpack.Decoder(Batch).decode

    def handle(message: bytes, descriptors: list[int]) -> Iterator[bytes]:
        yield msgspec.msgpack.encode(restorer.restore(decode(message), descriptors))

    return handle


def decode_outcome(answer: bytes) -> Outcome:
    return msgspec.msgpack.decode(answer, type=Outcome)


class _BatchRestorer:
    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._reader = BlobReader(repository)

    def restore(self, batch: Batch, descriptors: list[int]) -> Outcome:
        """Each file is there with its metadata, or nothing of it is."""
        folders = [
            OpenFolder(descriptor, is_new=False, gives_acls=gives)
            for descriptor, gives in zip(descriptors, batch.gives_acls, strict=True)
        ]
        rights = Rights(batch.is_root, batch.owners)
        blobs = self._read_blobs(batch)
        again: list[int] = []
        problems: list[tuple[int, str]] = []
        for number, file in enumerate(batch.files):
            parts = [blobs.get((pack, entry.offset)) for pack, entry in file.blobs]
            try:
                content = parts[0] if len(parts) == 1 else b"".join(parts)  # type: ignore[arg-type]
                if content is None:
                    raise TypeError
                found = _restore_file(
                    folders[file.folder], file, content, rights, unnamed=batch.unnamed
                )
            except (OSError, ValueError, TypeError):
                again.append(number)
            else:
                problems += [(number, each) for each in found]
        return Outcome(again, problems)

    def _read_blobs(self, batch: Batch) -> dict[tuple[int, int], bytes]:
        """Plaintexts by pack and offset; those that are damaged are left out."""
        wanted = {(pack, entry.offset): entry for file in batch.files for pack, entry in file.blobs}
        found: dict[tuple[int, int], bytes] = {}
        for pack, entries in _runs(sorted(wanted.items(), key=itemgetter(0))):
            start, last = entries[0].offset, entries[-1]
            name = file_name(FileKind.PACK, batch.packs[pack].hex())
            try:
                content = self._repository.backend.load(
                    name, start, last.offset + last.length - start
                )
                opened = self._reader.open_each(memoryview(content), start, entries)
                for entry, (plaintext, _) in zip(entries, opened, strict=True):
                    if plaintext is not None:
                        found[pack, entry.offset] = bytes(plaintext)
            except OpsError:
                continue
        return found


def _restore_file(
    folder: OpenFolder, file: SmallFile, content: bytes, rights: Rights, *, unnamed: bool
) -> list[str]:
    descriptor, is_named = create_file(folder, file.temporary, unnamed=unnamed)
    try:
        write_all(descriptor, content, 0)
        problems = apply_to_descriptor(descriptor, file.node, rights, drops_acls=folder.gives_acls)
    except BaseException:
        if is_named:
            discard(folder, file.temporary)
        raise
    else:
        name_file(folder, descriptor, file.temporary, file.node.name, is_named=is_named)
    finally:
        os.close(descriptor)
    return problems


def _runs(
    wanted: Sequence[tuple[tuple[int, int], PackEntry]],
) -> Iterator[tuple[int, list[PackEntry]]]:
    """Blobs in order, cut into what is worth one read: a pack, and blobs that lie together."""
    run: list[PackEntry] = []
    current = begin = end = 0
    for (pack, offset), entry in wanted:
        is_near = pack == current and offset <= end + GAP_BYTES
        if run and not (is_near and offset + entry.length - begin <= RANGE_BYTES):
            yield current, run
            run = []
        if not run:
            current, begin = pack, offset
        run.append(entry)
        end = offset + entry.length
    if run:
        yield current, run
