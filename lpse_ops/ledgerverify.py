"""Two verdicts on a log: is what is there unchanged (integrity), and is all there (completeness)?

Integrity: the chain, and every checkpoint: its signature, and that the lines give its root.
Completeness: what checkpoints counted, and what ``ledgergaps`` misses.

A chain alone finds accidents; who can write the log and its key can make all of it anew.  That is
found only by a checkpoint, or a public key, that was kept elsewhere.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lpse_ops.errors import LedgerError, SignatureInvalid
from lpse_ops.ledger import Ledger, Record, find_break, parse_line
from lpse_ops.ledgercheckpoint import NAMESPACE, Checkpoint
from lpse_ops.ledgergaps import GapFinder
from lpse_ops.merkle import MerkleTree
from lpse_ops.sshsig import verify as verify_signature

_MAX_FINDINGS = 100


@dataclass(frozen=True)
class Witness:
    """A checkpoint that was kept elsewhere, and where it comes from."""

    name: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Verdict:
    """``signed`` and ``witnessed`` are the lines that good checkpoints and witnesses cover."""

    records: int
    root: bytes
    checkpoints: int
    signed: int
    witnessed: int
    integrity: tuple[str, ...]
    completeness: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        return not self.integrity and not self.completeness


def verify_ledger(
    ledger: Ledger,
    signers: Collection[str],
    witnesses: Sequence[Witness],
    now: datetime,
    since: datetime | None = None,
) -> Verdict:
    """Read the whole log once, in bounded memory; ``signers`` are the public keys that count.

    Gaps in time are told from ``since`` on.
    """
    check = _Check(ledger, GapFinder(now, since))
    check.expect_signed(signers)
    for witness in witnesses:
        check.expect_witness(witness)
    check.read_lines()
    return check.verdict()


class _Findings:
    """As many as somebody reads; the others are counted."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        if len(self._kept) < _MAX_FINDINGS:
            self._kept.append(text)
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        more = [f"and {self._more} more"] if self._more else []
        return (*self._kept, *more)


class _Expected:
    """A root that the first ``size`` lines must have."""

    def __init__(self, name: str, checkpoint: Checkpoint, *, is_witness: bool) -> None:
        self.name = name
        self.checkpoint = checkpoint
        self.is_witness = is_witness


class _Check:
    def __init__(self, ledger: Ledger, gaps: GapFinder) -> None:
        self._ledger = ledger
        self._integrity = _Findings()
        self._completeness = _Findings()
        self._expected: dict[int, list[_Expected]] = {}
        self._tree = MerkleTree()
        self._gaps = gaps
        self._checkpoints = 0
        self._covered = {False: 0, True: 0}

    # -- what the lines must give -----------------------------------------------------------

    def expect_signed(self, signers: Collection[str]) -> None:
        """Every checkpoint that lies beside the log, if its signature is good."""
        folder = self._ledger.checkpoints
        for size in folder.sizes():
            self._checkpoints += 1
            try:
                checkpoint, signature = folder.load(size), folder.signature(size)
            except (OSError, ValueError) as error:
                self._integrity.add(f"checkpoint {size} is damaged: {error}")
                continue
            if fault := _signature_fault(checkpoint, signature, signers):
                self._integrity.add(f"checkpoint {size}: {fault}")
            else:
                self._expect(_Expected(f"checkpoint {size}", checkpoint, is_witness=False))

    def expect_witness(self, witness: Witness) -> None:
        if witness.checkpoint.origin != self._ledger.origin:
            self._integrity.add(
                f"{witness.name} is a checkpoint of {witness.checkpoint.origin}, "
                f"this is the log of {self._ledger.origin}"
            )
        else:
            self._expect(_Expected(witness.name, witness.checkpoint, is_witness=True))

    def _expect(self, expected: _Expected) -> None:
        self._expected.setdefault(expected.checkpoint.size, []).append(expected)

    # -- reading ----------------------------------------------------------------------------

    def read_lines(self) -> None:
        before: Record | None = None
        for line in self._lines():
            self._tree.add(line)
            before = self._read_line(line, before)
            self._compare()
        if self._ledger.file.torn():
            self._completeness.add(
                "after the last line stands a part of another, cut off by a crash; "
                "the next record puts it aside"
            )
        if not self._tree.size:
            self._completeness.add("there is no record at all")
        for text in self._gaps.end():
            self._completeness.add(text)
        self._miss_lines()

    def _lines(self) -> Iterator[bytes]:
        try:
            yield from self._ledger.file.lines()
        except LedgerError as error:
            self._integrity.add(error.message)

    def _read_line(self, line: bytes, before: Record | None) -> Record | None:
        """Judge one line; the next is judged by what this one is, whatever it should be."""
        number = self._tree.size
        try:
            link = parse_line(line)
        except ValueError as error:
            self._integrity.add(f"line {number} is no record: {error}")
            return None
        if (before is not None or number == 1) and (fault := find_break(before, link)):
            self._integrity.add(f"line {number} {fault}")
        for text in self._gaps.add(link.record):
            self._completeness.add(text)
        return link.record

    def _compare(self) -> None:
        for expected in self._expected.pop(self._tree.size, ()):
            if expected.checkpoint.root != self._tree.root():
                self._integrity.add(
                    f"{expected.name} was made over other lines than the first {self._tree.size}: "
                    "one of them was changed since"
                )
            else:
                self._covered[expected.is_witness] = self._tree.size

    def _miss_lines(self) -> None:
        held = self._tree.size
        for size, expectations in sorted(self._expected.items()):
            for expected in expectations:
                self._completeness.add(
                    f"{expected.name} counted {size} lines, the log holds {held}: "
                    f"{size - held} at its end were cut off"
                )

    def verdict(self) -> Verdict:
        return Verdict(
            records=self._tree.size,
            root=self._tree.root(),
            checkpoints=self._checkpoints,
            signed=self._covered[False],
            witnessed=self._covered[True],
            integrity=self._integrity.all(),
            completeness=self._completeness.all(),
        )


def _signature_fault(checkpoint: Checkpoint, signature: str, signers: Collection[str]) -> str:
    if not signature:
        return "it is not signed"
    try:
        key = verify_signature(signature, checkpoint.text().encode(), NAMESPACE)
    except SignatureInvalid as error:
        return error.message
    if key not in signers:
        return f"it is signed by a key that is not known: {key}"
    return ""
