"""Reads packs from end to end: name, header and every blob are proved.

From a local disk in worker processes, while this one looks through the folders; from elsewhere in
threads, which wait for the line together.
"""

import os
import random
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from lpse_ops.backup.check import CheckReport
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.packproof import (
    PackFacts,
    PackProver,
    Proof,
    decode_answer,
    encode_request,
)
from lpse_ops.backup.progress import SILENT, ExpectingProgress, Progress
from lpse_ops.backup.readpool import Answered, ReadPool
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
    with rare_collections():
        for pack_id, proof in _read(repository, report, choose_known(report, choose), threads):
            _note(report, pack_id, proof, progress)


def choose_known(report: CheckReport, choose: Choose) -> list[bytes]:
    """The chosen packs in order; what no index lists holds nothing that anybody would read."""
    known = {each: size for each, size in report.packs.items() if each in report.headers}
    return sorted(choose(known))


def _note(report: CheckReport, pack_id: bytes, proof: Proof, progress: Progress) -> None:
    report.packs_read += 1
    report.bytes_read += report.packs[pack_id]
    progress.advance(report.packs[pack_id])
    for problem in proof.against(pack_id, report.headers[pack_id]):
        report.error(problem)


def _read(
    repository: Repository, report: CheckReport, packs: list[bytes], threads: int
) -> Iterator[tuple[bytes, Proof]]:
    """Each pack's proof; a few packs at most are in memory."""
    prover = PackProver(repository)
    count = threads or len(os.sched_getaffinity(0))
    waiting: deque[tuple[bytes, Future[Proof]]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for pack_id in packs:
                facts = PackFacts(pack_id, report.packs[pack_id])
                waiting.append((pack_id, pool.submit(prover.prove, facts)))
                if len(waiting) > count:
                    done, proof = waiting.popleft()
                    yield done, proof.result()
            while waiting:
                done, proof = waiting.popleft()
                yield done, proof.result()
        finally:
            pool.shutdown(cancel_futures=True)


class PackReader:
    """The same in worker processes: what ``check_structure`` keeps going while it does its part.

    ``pool`` has the repository open and handles requests with ``proving_handler``; without one,
    ``finish`` reads in threads.  ``named`` are packs whose names ``prove_names`` has just proved.
    """

    def __init__(
        self,
        repository: Repository,
        pool: ReadPool | None,
        choose: Choose,
        progress: ExpectingProgress,
        named: Collection[bytes] = (),
    ) -> None:
        self._repository = repository
        self._named = named
        self._prover = PackProver(repository)
        self._pool = pool
        self._choose = choose
        self._progress = progress
        self._report = CheckReport()
        self._chosen: list[bytes] = []
        self._waiting: deque[bytes] = deque()
        # By token.
        self._begun: list[bytes] = []
        self._proofs: dict[bytes, Proof] = {}

    def start(self, report: CheckReport) -> None:
        """The packs are known: if all are wanted, begin.  What no index lists turns out later."""
        self._report = report
        if self._choose is choose_all:
            self._waiting.extend(sorted(report.packs))
            self.pump()

    def listed(self) -> None:
        """Go on with what is wanted, now that this is known."""
        self._chosen = choose_known(self._report, self._choose)
        begun = set(self._begun)
        self._waiting = deque([each for each in self._chosen if each not in begun])
        sizes = self._report.packs
        self._progress.expect(sum([sizes[each] for each in begun.union(self._chosen)]))
        self.pump()

    def pump(self) -> None:
        """Keep the workers busy; returns at once."""
        if self._pool is None:
            return
        for answered in self._pool.collect(block=False):
            self._take(answered)
        while self._waiting:
            request = encode_request(self._facts(self._waiting[0]))
            if not self._pool.submit(len(self._begun), request):
                return
            self._begun.append(self._waiting.popleft())

    def finish(self, between_packs: Callable[[], None] = lambda: None) -> None:
        """Help the workers until all is read; then findings go to the report, pack by pack."""
        with rare_collections():
            if self._pool is None:
                for pack_id, proof in _read(self._repository, self._report, self._chosen, 0):
                    self._done(pack_id, proof)
                    between_packs()
            else:
                self._help(self._pool, between_packs)
        for pack_id in self._chosen:
            _note(self._report, pack_id, self._proofs[pack_id], SILENT)

    def _help(self, pool: ReadPool, between_packs: Callable[[], None]) -> None:
        while self._waiting:
            pack_id = self._waiting.popleft()
            self._done(pack_id, self._prover.prove(self._facts(pack_id)))
            self.pump()
            between_packs()
        while not pool.is_idle:
            for answered in pool.collect(block=True):
                self._take(answered)

    def _facts(self, pack_id: bytes) -> PackFacts:
        return PackFacts(pack_id, self._report.packs[pack_id], pack_id in self._named)

    def _take(self, answered: Answered) -> None:
        self._done(self._begun[answered.token], decode_answer(answered.answers))

    def _done(self, pack_id: bytes, proof: Proof) -> None:
        self._progress.advance(self._report.packs[pack_id])
        self._proofs[pack_id] = proof
