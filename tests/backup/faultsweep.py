"""Runs a command with a fault at every single operation, and judges what it leaves behind.

What is promised of a command, whatever the operation that is hit:

* The program ends before or after an operation (a crash): every snapshot that was there before
  and that the command is not meant to remove restores byte for byte, check finds no error, ours
  nor stock restic's; hints are waste.  The lock stays.  The next run ends as one without a fault.
* An operation fails (disk full for once or for good, I/O error, timeout; not done, or done after
  all): the same, and no lock stays but where the lock file itself could not be removed.  A command
  that reports success in spite of it has done all that it does without a fault.
* A save or remove arrives twice, soon or late: the same as without a fault.  Of the lock file, a
  late one stays until ``unlock``.
* A listing lags behind the changes of this very run: as for a failed operation.  One that hides
  what an earlier run stored breaks the contract of ``Backend``: prune takes it for gone.
* A save or remove is reported as done, but was not: what this run wrote may be missing, then it is
  not listed or check names it.  What was stored before it restores.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.fault import (
    READ_FAULTS,
    Fault,
    FaultBackend,
    LaggingBackend,
    Plan,
    Stopped,
    fault_at,
    full_from,
    no_fault,
)
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import PASSWORD
from tests.backup.statejudge import (
    Judge,
    State,
    Stored,
    backend_of,
    find_errors,
    open_state,
    opening,
    read_all,
    read_readable,
    without_locks,
)

_SHOWN_LENGTH = 200
STOPS = {Fault.STOP_BEFORE, Fault.STOP_AFTER}


@dataclass(frozen=True)
class Scenario:
    """``run`` is the command, with its lock; run again it must end in the same state.

    One of the ``passwords`` opens the repository at any time.  ``is_repair``: it begins with a
    damaged repository, and may leave one until it has ended.
    """

    name: str
    stored: State
    run: Callable[[Backend], object]
    passwords: tuple[str, ...] = (PASSWORD,)
    makes_repository: bool = False
    is_repair: bool = False


class Case(NamedTuple):
    """One run.  ``may_lock``: its lock file may be left."""

    label: str
    plan: Plan = no_fault
    looks: Plan = no_fault
    lag: int = 0
    stops: bool = False
    loses: bool = False
    may_lock: bool = False


@dataclass
class Tally:
    """What a sweep did: ``changes`` and ``looks`` are operations, each with all its faults."""

    changes: int = 0
    looks: int = 0
    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    swept: set[tuple[str, int]] = field(default_factory=set)


class Sweep:
    """``run`` goes through all cases of a scenario, then fails with the promises that broke."""

    def __init__(self, scenario: Scenario, judge: Judge) -> None:
        self._scenario = scenario
        self._judge = judge
        self.tally = Tally()
        self._before = self._look_at_start()
        inner = backend_of(scenario.stored)
        counting = FaultBackend(inner)
        scenario.run(counting)
        self._changes, self._looks = counting.operations, counting.looks
        self.tally.changes, self.tally.looks = len(self._changes), len(self._looks)
        assert without_locks(inner.contents) == inner.contents, "a lock stays"
        self._effect = self._effect_of(inner.contents)
        self._after = self._look(inner.contents)

    def run(self) -> Tally:
        broken: list[str] = []
        for case in self._cases():
            try:
                self._run_case(case)
            except (AssertionError, OpsError) as error:
                broken.append(f"{case.label}: {str(error)[:_SHOWN_LENGTH]}")
            self.tally.cases += 1
        assert len(self.tally.swept) == len(self._changes) + len(self._looks)
        assert not broken, f"{self._scenario.name}: {len(broken)} cases\n" + "\n".join(broken)
        return self.tally

    # -- the cases ---------------------------------------------------------------------------------

    def _cases(self) -> Iterator[Case]:
        for number, (operation, name) in enumerate(self._changes):
            self.tally.swept.add(("change", number))
            what = f"at change {number}, {operation} {name[:18]}"
            is_lock = name.startswith("locks/")
            for fault in Fault:
                yield Case(
                    f"{fault.name} {what}",
                    plan=fault_at(number, fault),
                    stops=fault in STOPS,
                    loses=fault is Fault.LOST,
                    may_lock=fault in STOPS or is_lock,
                )
            yield Case(f"full from change {number}", plan=full_from(number))
            yield Case(f"listings lag by {number + 1}", lag=number + 1)
        for number, (operation, name) in enumerate(self._looks):
            self.tally.swept.add(("look", number))
            for fault in READ_FAULTS:
                yield Case(
                    f"{fault.name} at look {number}, {operation} {name[:18]}",
                    looks=fault_at(number, fault),
                    stops=fault in STOPS,
                    may_lock=fault in STOPS,
                )

    def _run_case(self, case: Case) -> None:
        inner = backend_of(self._scenario.stored)
        backend: Backend = LaggingBackend(inner, case.lag)
        faulty = FaultBackend(backend, case.plan, case.looks)
        outcome = "done"
        try:
            self._scenario.run(faulty)
        except Stopped:
            outcome = "stopped"
        except OpsError:
            outcome = "failed"
        faulty.deliver_late()
        self.tally.outcomes[outcome] += 1
        left = without_locks(inner.contents)
        assert case.may_lock or left == inner.contents, "a lock stays"
        if case.loses:
            self._judge_lost(left)
            return
        self._judge_left(left, is_done=outcome == "done")
        if outcome == "done":
            assert self._effect_of(left) == self._effect, "reported as done, but it is not"
        next_run = backend_of(left)
        self._scenario.run(next_run)
        assert self._effect_of(next_run.contents) == self._effect, "the next run ends otherwise"
        self._judge_left(next_run.contents, is_done=True)

    # -- the judgement -----------------------------------------------------------------------------

    def _look_at_start(self) -> dict[str, Stored]:
        if self._scenario.makes_repository:
            return {}
        if self._scenario.is_repair:
            repository = open_state(self._scenario.stored, self._scenario.passwords)
            assert find_errors(repository), "nothing is to be repaired"
            return read_readable(repository)
        return self._look(self._scenario.stored)

    def _look(self, state: State) -> dict[str, Stored]:
        return self._judge.judge(state, self._scenario.passwords)

    def _effect_of(self, state: State) -> tuple[set[str], set[str]]:
        """What counts in the end: the contents of the snapshots, and the passwords."""
        passwords = self._scenario.passwords
        stored = read_all(open_state(state, passwords))
        return {each.digest for each in stored.values()}, opening(state, passwords)

    def _judge_left(self, state: State, *, is_done: bool) -> None:
        if self._scenario.makes_repository and "config" not in state:
            return
        if self._scenario.is_repair and not is_done:
            self._require_kept(read_readable(open_state(state, self._scenario.passwords)))
        else:
            self._require_kept(self._look(state))

    def _require_kept(self, found: dict[str, Stored]) -> None:
        """Each snapshot of before is there, or gone for good, or what replaces it is there."""
        successors = {each.snapshot.original: each.digest for each in self._after.values()}
        for snapshot_id, stored in self._before.items():
            if snapshot_id in found:
                assert found[snapshot_id].digest == stored.digest
            elif snapshot_id in successors:
                replaced = {each.snapshot.original: each.digest for each in found.values()}
                assert replaced.get(snapshot_id) == successors[snapshot_id], "a snapshot is lost"
            else:
                assert snapshot_id not in self._after, "a snapshot is lost"

    def _judge_lost(self, state: State) -> None:
        """Without what storage only pretended to do, the old is whole; check names the rest."""
        if self._scenario.makes_repository:
            return
        repository = open_state(state, self._scenario.passwords)
        try:
            self._require_kept(read_all(repository))
        except OpsError:
            assert find_errors(repository), "damage that check does not find"
            self._require_kept(read_readable(repository))
