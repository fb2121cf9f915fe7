"""What a step has at hand, and what a step is."""

from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from spse_steps import processes
from spse_steps.commands import Finished, find_account, run_command
from spse_steps.databases import Databases
from spse_steps.durable import Trace
from spse_steps.errors import StepFailed
from spse_steps.plan import Command, Plan, Release, expand
from spse_steps.psql import Psql
from spse_steps.rollbackpoint import RollbackPoint
from spse_steps.state import State


class Context(NamedTuple):
    """``folder``: where the state file lies.  ``save_notes`` adds to the step's notes, durably.

    ``tell`` keeps a line for the record, ``tell_rc`` the exit status of the last program.
    ``clock`` is monotonic, in seconds.
    """

    plan: Plan
    folder: str
    step: str
    state: Callable[[], State]
    save_notes: Callable[[Dict[str, Any]], None]
    tell: Callable[[str], None]
    tell_rc: Callable[[int], None]
    trace: Trace
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    @property
    def mark(self) -> str:
        """What the processes that this step starts carry in their environment."""
        return f"{self.plan.id}/{self.step}"

    def run(self, command: Command, release: Release, snapshot: str = "") -> Finished:
        """Run a command of the plan; StepFailed unless it ends with 0."""
        values = {"link": self.plan.link, "release": release.folder, "snapshot": snapshot}
        expanded = expand(command, values)
        ended = run_command(
            expanded.argv,
            account=expanded.account,
            seconds=expanded.seconds,
            mark=self.mark,
            environment=dict(expanded.environment),
        )
        self.tell(ended.output)
        self.tell_rc(ended.rc)
        if ended.rc:
            shown = " ".join(expanded.argv)
            by_hand = f"runuser -u {expanded.account} -- {shown}"
            raise StepFailed(
                f"{shown} ended with {ended.rc}",
                hint=f"its output is in the state file; try it by hand: {by_hand}",
            )
        return ended

    def databases(self) -> Databases:
        def run(argv: Any, **options: Any) -> Finished:
            return run_command(argv, mark=self.mark, **options)

        # A name of a session has room for 63 bytes.
        psql = Psql(self.plan.database, run, f"lpse-ops {self.plan.id}"[:63])
        return Databases(psql, sleep=self.sleep)

    def rollback_point(self) -> RollbackPoint:
        return RollbackPoint(self.databases(), self.state().stamp, self.trace)

    @property
    def notes(self) -> Dict[str, Any]:
        """Those of this step."""
        return self.note_of(self.step)

    def note_of(self, step: str) -> Dict[str, Any]:
        """The notes of another step."""
        return self.state().record(step).notes

    def end_leftovers(self) -> None:
        """End what this step started before its runner was killed."""
        accounts = {self.plan.application.account, self.plan.database.account, "root"}
        uids = [find_account(name).pw_uid for name in sorted(accounts)]
        left = processes.end_processes(processes.find_marked(self.mark, uids), 10)
        if left:
            numbers = " ".join(str(each.pid) for each in left)
            raise StepFailed(
                f"what an earlier runner started does not end: {numbers}",
                hint=f"see what it waits for: ps -o pid,stat,wchan,args -p {numbers}",
            )


class Step(NamedTuple):
    """One step of an upgrade.

    ``describe`` says what it will do.  ``run`` does it; ``is_repeatable``: it may be run again
    after it was cut off anywhere.  ``probe`` finds out if it was done: one of decision's answers.
    ``undo`` takes it back however far it came, and may itself be cut off and called again;
    then the steps in ``resets`` are to be run again with it.
    ``keeps_running``: what it starts is to outlive it.  ``is_way_out``: users come in by it.
    ``is_after``: it fails without turning back.
    ``is_undone``: whether what taking it back started is still there, after a reboot.
    """

    name: str
    describe: Callable[[Plan], str]
    run: Callable[[Context], None]
    probe: Callable[[Context], str]
    undo: Callable[[Context], None]
    is_repeatable: bool = True
    resets: Tuple[str, ...] = ()
    keeps_running: bool = False
    is_way_out: bool = False
    is_after: bool = False
    is_undone: Optional[Callable[[Context], bool]] = None


def nothing_to_undo(_context: Context) -> None:
    """What was done changed nothing."""
