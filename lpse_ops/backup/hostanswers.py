"""What a host tells of its files, taken apart and doubted.

A host may only ever speak of what it was asked: paths are never taken from an answer, only names,
and a folder is told of by the number of its entry.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lpse_ops.backup.hostreader import AnswerReader, Entry, HostAnswerError, Owners, os_error
from lpse_ops.backup.node import XAttrs

_NO_BLOCK = 0xFFFFFFFF
# What the kernel opens; a folder below a longer path tells nothing.
_LONGEST_PATH = 4095


@dataclass
class Block:
    """A folder: all its names in order; ``entries`` are its first ones, or those asked for.

    ``device`` is None where it is not known.
    """

    path: bytes
    device: int | None
    error: OSError | None = None
    names: list[bytes] = field(default_factory=list)
    entries: dict[bytes, Entry] = field(default_factory=dict)


def parse_walk(
    content: memoryview, paths: Sequence[bytes], limit: int
) -> tuple[list[Block], Owners]:
    """Folders in the order of a walk, from the answer to a question for some paths.

    A folder counts as one entry at least; of more than ``limit`` nobody may tell.
    """
    reader = AnswerReader(content)
    blocks: list[Block] = []
    told: set[tuple[int, int]] = set()
    while reader.byte() == b"D":
        above, number, error, names, entries = reader.block()
        if (above, number) in told or entries > names:
            raise HostAnswerError("a folder told of twice, or wrong")
        told.add((above, number))
        limit -= max(1, entries)
        if limit < 0:
            raise HostAnswerError("more entries than it was asked for")
        block = _begin_block(blocks, paths, above, number)
        if error:
            block.error = os_error(error, block.path)
        _read_entries(reader, block, entries)
        block.names = list(block.entries) + [reader.name() for _ in range(names - entries)]
        if any(map(_is_after, block.names, block.names[1:])):
            raise HostAnswerError("names that are not in order")
        blocks.append(block)
    owners = reader.owners()
    if not blocks or blocks[0].path != paths[0]:
        raise HostAnswerError("nothing of what it was asked for")
    return blocks, owners


def parse_look(
    content: memoryview, folder: bytes, names: Sequence[bytes]
) -> tuple[Mapping[bytes, Entry], Owners]:
    """The entries that were asked for, and only those."""
    reader = AnswerReader(content)
    if reader.byte() != b"D":
        raise HostAnswerError("no folder")
    _, _, error, _, entries = reader.block()
    block = Block(folder, None)
    if error or entries != len(names):
        raise HostAnswerError("as many entries as nobody asked for")
    _read_entries(reader, block, entries)
    if list(block.entries) != list(names) or reader.byte() != b"E":
        raise HostAnswerError("entries that nobody asked for")
    return block.entries, reader.owners()


def parse_stat(content: memoryview, path: bytes) -> tuple[Entry, Owners]:
    """One status, and what belongs to it."""
    reader = AnswerReader(content)
    entry = reader.entry(path)
    if reader.byte() != b"E":
        raise HostAnswerError("more than one status")
    return entry, reader.owners()


def parse_open(
    content: memoryview, path: bytes
) -> tuple[os.stat_result, XAttrs | OSError | None, Owners]:
    """The same of an open file."""
    entry, owners = parse_stat(content, path)
    if isinstance(entry.status, OSError) or not stat.S_ISREG(entry.status.st_mode):
        raise HostAnswerError("a file that is none")
    return entry.status, entry.xattrs, owners


def parse_status(content: bytes) -> os.stat_result:
    reader = AnswerReader(memoryview(content))
    status = reader.status()
    reader.end()
    return status


def parse_batch_xattrs(content: bytes, paths: Sequence[bytes]) -> dict[bytes, XAttrs | OSError]:
    """Attributes of some files of a batch, by path."""
    reader = AnswerReader(memoryview(content))
    found: dict[bytes, XAttrs | OSError] = {}
    while not reader.is_at_end:
        number = reader.short()
        if number >= len(paths):
            raise HostAnswerError("attributes of a file that nobody asked for")
        xattrs = reader.xattrs(paths[number])
        if xattrs is not None:
            found[paths[number]] = xattrs
    return found


def _begin_block(blocks: list[Block], paths: Sequence[bytes], above: int, number: int) -> Block:
    """A folder that was asked for, or the entry of one told of before; nothing else."""
    if above == _NO_BLOCK:
        if number >= len(paths):
            raise HostAnswerError("a folder that nobody asked for")
        return Block(paths[number], None)
    if above >= len(blocks) or number >= len(blocks[above].entries):
        raise HostAnswerError("a folder in a place that there is not")
    parent = blocks[above]
    name = parent.names[number]
    status = parent.entries[name].status
    if isinstance(status, OSError) or not stat.S_ISDIR(status.st_mode):
        raise HostAnswerError("a folder that is none")
    return Block(os.path.join(parent.path, name), status.st_dev)


def _read_entries(reader: AnswerReader, block: Block, count: int) -> None:
    prefix = os.path.join(block.path, b"")
    entries = block.entries
    if count and len(block.path) > _LONGEST_PATH:
        raise HostAnswerError("entries of a folder that nobody can open")
    for _ in range(count):
        name = reader.name()
        entries[name] = reader.entry(prefix + name)
    if len(entries) != count:
        raise HostAnswerError("two entries of one name")


def _is_after(name: bytes, other: bytes) -> bool:
    return name >= other
