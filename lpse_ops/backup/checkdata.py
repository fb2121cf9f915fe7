"""Reads packs from end to end: name, header and every blob are proved."""

import hashlib
import os
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from lpse_ops.backup.check import CheckReport, read_index_packs
from lpse_ops.backup.crypto import OVERHEAD, Buffer
from lpse_ops.backup.indexfile import PackList
from lpse_ops.backup.pack import (
    LENGTH_BYTES,
    PackEntry,
    damaged_pack,
    parse_entries,
    parse_header_length,
)
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, OpsError, UsageError

_FRACTION = re.compile(r"(\d+)/(\d+)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_MAX_BUCKETS = 256
# restic writes at most 128 MiB; a larger pack is not read into memory.
_MAX_PACK_BYTES = 1 << 30

PackSizes = dict[bytes, int]
Choose = Callable[[PackSizes], set[bytes]]


def choose_all(packs: PackSizes) -> set[bytes]:
    return set(packs)


def parse_subset(text: str, chance: random.Random) -> Choose:
    """``n/t`` (the n-th of t parts, by id), ``10%`` (a random part) of the packs, as restic."""
    if match := _FRACTION.fullmatch(text):
        part, parts = int(match[1]), int(match[2])
        if 1 <= part <= parts <= _MAX_BUCKETS:
            return lambda packs: {each for each in packs if each[0] % parts == part - 1}
    elif (match := _PERCENT.fullmatch(text)) and 0 < float(match[1]) <= 100:
        return lambda packs: _random_part(packs, float(match[1]) / 100, chance)
    raise UsageError(
        f"{text!r} is not a part of the packs",
        hint="write 1/7 for the first of seven parts, or 10% for a random tenth",
    )


def _random_part(packs: PackSizes, part: float, chance: random.Random) -> set[bytes]:
    count = max(1, round(len(packs) * part)) if packs else 0
    return set(chance.sample(sorted(packs), count))


def read_packs(
    repository: Repository,
    report: CheckReport,
    choose: Choose,
    progress: Progress,
    *,
    threads: int = 0,
) -> None:
    """Read the chosen packs; findings go to the report that ``check_structure`` made."""
    wanted = choose(report.packs)
    reader = _Reader(repository)
    for pack_id, problems in reader.read(_chosen_packs(repository, report, wanted), threads):
        size = report.packs[pack_id]
        report.packs_read += 1
        report.bytes_read += size
        progress.advance(size)
        for problem in problems:
            report.error(problem)


def _chosen_packs(
    repository: Repository, report: CheckReport, wanted: set[bytes]
) -> Iterator[PackList]:
    # Broken indexes are in the report already.
    for pack_id, entries in read_index_packs(repository, CheckReport()):
        if pack_id in wanted:
            wanted.discard(pack_id)
            if report.packs[pack_id] <= _MAX_PACK_BYTES:
                yield pack_id, entries
            else:
                report.error(f"pack {pack_id.hex()[:10]} is too large to be one")


@dataclass
class _Scratch:
    """A thread's buffer; taking a new one for each blob would cost more than the AES."""

    buffer: bytearray

    def view(self, size: int) -> memoryview:
        if len(self.buffer) < size:
            self.buffer = bytearray(size)
        return memoryview(self.buffer)


class _Reader:
    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._local = threading.local()

    def read(
        self, packs: Iterator[PackList], threads: int
    ) -> Iterator[tuple[bytes, Sequence[str]]]:
        """Each pack's problems; a few packs at most are in memory."""
        count = threads or os.cpu_count() or 1
        waiting: deque[tuple[bytes, Future[list[str]]]] = deque()
        with ThreadPoolExecutor(count) as pool:
            for pack_id, entries in packs:
                waiting.append((pack_id, pool.submit(self._problems, pack_id, entries)))
                if len(waiting) > count:
                    done, problems = waiting.popleft()
                    yield done, problems.result()
            for done, problems in waiting:
                yield done, problems.result()

    def _problems(self, pack_id: bytes, entries: list[PackEntry]) -> list[str]:
        name = pack_id.hex()
        try:
            content = memoryview(self._repository.backend.load(file_name(FileKind.PACK, name)))
        except OpsError as error:
            return [f"pack {name[:10]}: {error.message}"]
        problems = []
        if hashlib.sha256(content).digest() != pack_id:
            problems.append(f"pack {name[:10]}: its content does not match its name")
        in_order = sorted(entries, key=lambda entry: entry.offset)
        try:
            self._check_header(content, in_order, name)
        except DamagedRepository as error:
            problems.append(error.message)
        for entry in in_order:
            try:
                self._check_blob(content[entry.offset : entry.offset + entry.length], entry, name)
            except DamagedRepository as error:
                problems.append(f"pack {name[:10]}: {error.message}")
        return problems

    def _check_header(self, content: memoryview, entries: list[PackEntry], name: str) -> None:
        length = parse_header_length(bytes(content[-LENGTH_BYTES:]), len(content), name)
        sealed = content[-LENGTH_BYTES - length : -LENGTH_BYTES]
        header = self._repository.crypter.open(sealed, f"the header of pack {name[:10]}")
        if parse_entries(header, name) != entries:
            raise damaged_pack(name, "its header and the index differ")

    def _check_blob(self, envelope: memoryview, entry: PackEntry, name: str) -> None:
        what = f"blob {entry.id.hex()[:10]}"
        scratch = self._scratch().view(entry.length)
        size = self._repository.crypter.open_into(scratch, envelope, what)
        plaintext: Buffer = scratch[:size]
        if entry.uncompressed_length:
            plaintext = self._repository.compressor.decompress(
                plaintext, entry.uncompressed_length, what
            )
        if hashlib.sha256(plaintext).digest() != entry.id:
            raise damaged_pack(name, f"{what} does not match its id")

    def _scratch(self) -> _Scratch:
        if not hasattr(self._local, "scratch"):
            self._local.scratch = _Scratch(bytearray(OVERHEAD))
        scratch: _Scratch = self._local.scratch
        return scratch
