"""Reads packs from end to end: name, header and every blob are proved."""

import os
import random
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from lpse_ops.backup.check import CheckReport
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.packproof import PackProver
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.errors import UsageError

_FRACTION = re.compile(r"(\d+)/(\d+)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_SIZE = re.compile(r"(\d+)([bkmgt]?)", re.IGNORECASE)
_UNITS = {unit: 1 << 10 * power for power, unit in enumerate("bkmgt")}
_MAX_BUCKETS = 256

PackSizes = dict[bytes, int]
Choose = Callable[[PackSizes], set[bytes]]


def choose_all(packs: PackSizes) -> set[bytes]:
    return set(packs)


def parse_subset(text: str, chance: random.Random) -> Choose:
    """As restic: ``n/t`` (the n-th of t parts, by id), ``10%`` or ``5G`` (random packs)."""
    if match := _FRACTION.fullmatch(text):
        part, parts = int(match[1]), int(match[2])
        if 1 <= part <= parts <= _MAX_BUCKETS:
            return lambda packs: {each for each in packs if each[0] % parts == part - 1}
    elif match := _PERCENT.fullmatch(text):
        share = float(match[1]) / 100
        if 0 < share <= 1:
            return lambda packs: _random_part(packs, share, chance)
    elif match := _SIZE.fullmatch(text):
        size = int(match[1]) * _UNITS[match[2].lower() or "b"]
        if size:
            return lambda packs: _random_part(packs, _share(packs, size), chance)
    raise UsageError(
        f"{text!r} is not a part of the packs",
        hint="write 1/7 for the first of seven parts, 10% for a random tenth, or 5G for a size",
    )


def _share(packs: PackSizes, size: int) -> float:
    return size / max(size, sum(packs.values()))


def _random_part(packs: PackSizes, part: float, chance: random.Random) -> set[bytes]:
    count = max(1, int(len(packs) * part)) if packs else 0
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
    # Packs that no index lists hold nothing that anybody would ever read.
    known = {each: size for each, size in report.packs.items() if each in report.headers}
    with rare_collections():
        for pack_id, problems in _read(repository, report, sorted(choose(known)), threads):
            report.packs_read += 1
            report.bytes_read += report.packs[pack_id]
            progress.advance(report.packs[pack_id])
            for problem in problems:
                report.error(problem)


def _read(
    repository: Repository, report: CheckReport, packs: list[bytes], threads: int
) -> Iterator[tuple[bytes, list[str]]]:
    """Each pack's problems; a few packs at most are in memory."""
    prover = PackProver(repository)
    count = threads or len(os.sched_getaffinity(0))
    waiting: deque[tuple[bytes, Future[list[str]]]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for pack_id in packs:
                size, header = report.packs[pack_id], report.headers[pack_id]
                waiting.append((pack_id, pool.submit(prover.problems, pack_id, size, header)))
                if len(waiting) > count:
                    done, problems = waiting.popleft()
                    yield done, problems.result()
            while waiting:
                done, problems = waiting.popleft()
                yield done, problems.result()
        finally:
            pool.shutdown(cancel_futures=True)
