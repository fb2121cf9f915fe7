"""The command line: ``python3 steprunner plan|health|run|resume|rollback|status``.

Exit status: 0 done, 1 stuck or cut off, 2 a wrong plan or call, 6 rolled back, 7 refused without a
reason, 11 another runner is at work, 70 our bug, 130 interrupted.  Data goes to standard output,
talk to standard error.
"""

import argparse
import contextlib
import hashlib
import json
import os
import pwd
import signal
import sys
import traceback
from datetime import datetime, timezone
from typing import IO, Any, Dict, List, Optional

from spse_steps import errors, health, journal, precheck, status
from spse_steps.arguments import FOLDER, parse_arguments
from spse_steps.commands import run_command
from spse_steps.decision import is_open_again
from spse_steps.durable import Trace, ignore, read_trusted
from spse_steps.errors import PlanError, Refused, StateError, StepsError
from spse_steps.lock import Holder, find_holder, hold_lock
from spse_steps.masking import make_mask, shorten
from spse_steps.plan import Plan, parse_plan, plan_of
from spse_steps.psql import Psql
from spse_steps.runner import Runner
from spse_steps.secretwords import read_secrets
from spse_steps.state import BACK, FINISHED, ROLLED_BACK, Record, State
from spse_steps.steps.catalog import NAMES, STEPS, WAY_OUT

_LARGEST_PLAN_BYTES = 1 << 20


def main(argv: Optional[List[str]] = None, *, trace: Trace = ignore) -> int:
    """Run one command; ``trace`` hears of every moment at which the power could go."""
    options = parse_arguments(argv)
    # The proxy must see the maintenance page; what is secret has a mode of its own.
    os.umask(0o022)
    # A terminal that goes away must not take the upgrade along.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        return _COMMANDS[options.command](_Call(options, trace))
    except StepsError as error:
        _say(f"steprunner: error: {error.message}")
        _say(f"steprunner: hint: {error.hint}")
        return error.code
    except KeyboardInterrupt:
        _say("steprunner: interrupted; the command status says where, resume goes on")
        return errors.INTERRUPTED
    except Exception as error:
        _say("".join(traceback.format_exc()))
        _say(f"steprunner: bug: {type(error).__name__}; the command status says what is safe now")
        return errors.BUG


class _Call:
    """One call of the program: its options, and what the commands share."""

    def __init__(self, options: argparse.Namespace, trace: Trace) -> None:
        self.options = options
        self.trace = trace
        prefix = options.prefix or ""
        self.prefix = os.path.normpath(prefix) if prefix else ""
        self.folder: str = options.folder or self.prefix + FOLDER

    def lock(self) -> "contextlib.AbstractContextManager[Optional[Holder]]":
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        holder = Holder(os.getpid(), now(), self.options.command)
        return hold_lock(journal.lock_path(self.folder), holder)

    def read_plan(self, *, may_be_given: bool = False) -> str:
        """The text of the plan; ``may_be_given``: ``-`` is standard input."""
        path = self.options.plan
        try:
            if may_be_given and path == "-":
                return _read_given(sys.stdin.buffer)
            return read_trusted(path, _LARGEST_PLAN_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise PlanError(
                f"cannot read the plan {path}: {error}", hint=f"ls -l {path}; run this as root"
            ) from error

    def state_to_go_on(self) -> State:
        """The state of the last upgrade; raises StateError if there is none."""
        state = journal.load_state(self.folder)
        if state is None:
            raise StateError(
                f"no upgrade was begun in {self.folder}",
                hint="begin one: steprunner run PLAN, or lpse-ops spse upgrade",
            )
        return state

    def runner(self, book: journal.Journal, plan: Plan) -> Runner:
        mask = make_mask(read_secrets(plan))
        return Runner(book, plan, mask=mask, now=now, say=_say, trace=self.trace)

    def answer(self, code: int, state: State, *, changed: bool) -> int:
        """Show what became of it."""
        judged = status.judge(state, None)
        fields = {**status.render_json(state, judged), "changed": changed, "code": code}
        self.show(fields, status.render_text(state, judged))
        return code

    def show(self, fields: Dict[str, Any], text: str) -> None:
        is_json = self.options.format == "json"
        shown = json.dumps(fields, indent=1, ensure_ascii=False) if is_json else text
        with contextlib.suppress(OSError):
            sys.stdout.write(shown + "\n")
            sys.stdout.flush()


def _show_plan(call: _Call) -> int:
    plan = parse_plan(call.read_plan(may_be_given=True), call.prefix)
    steps = [{"name": step.name, "what": step.describe(plan)} for step in STEPS]
    text = "\n".join(f"{step['name']:<15} {step['what']}" for step in steps)
    call.show({"id": plan.id, "steps": steps}, text)
    return errors.DONE


def _show_health(call: _Call) -> int:
    """Look at the plan's new release as it is now; takes no lock and needs no state."""
    plan = parse_plan(call.read_plan(may_be_given=True), call.prefix, is_upgrade=False)
    mask = make_mask(read_secrets(plan))
    found = [each._replace(detail=shorten(mask(each.detail))) for each in health.look_once(plan)]
    is_well = all(each.ok for each in found)
    lines = [f"{'ok' if each.ok else 'FAULT':<6} {each.name:<15} {each.detail}" for each in found]
    checks = [dict(each._asdict()) for each in found]
    call.show({"healthy": is_well, "checks": checks}, "\n".join(lines))
    return errors.DONE if is_well else errors.STUCK


def _run(call: _Call) -> int:
    text = call.read_plan()
    plan = parse_plan(text, call.prefix)
    with call.lock():
        before = journal.load_state(call.folder)
        if before is not None and (not before.is_over or before.plan["id"] == plan.id):
            return _answer_for(call, before, json.loads(text))
        precheck.check(plan)
        if before is not None:
            journal.archive(call.folder, before)
        book = journal.Journal(call.folder, _begin(call, plan, json.loads(text)), call.trace)
        book.save(book.state)
        code = call.runner(book, plan).go()
        return call.answer(code, book.state, changed=True)


def _answer_for(call: _Call, before: State, plan: Dict[str, Any]) -> int:
    """What is said to a plan that was run already, or that comes while another is not over."""
    if before.plan == plan and before.outcome == FINISHED:
        return call.answer(errors.DONE, before, changed=False)
    if before.plan == plan and before.outcome == ROLLED_BACK:
        _say("steprunner: this plan was rolled back; to try again, give it another id")
        return call.answer(errors.ROLLED_BACK, before, changed=False)
    if before.is_over:
        raise PlanError(
            f"another plan with the id {plan['id']} was run already", hint="give it another id"
        )
    raise StateError(
        f"the upgrade {before.plan['id']} is not over",
        hint="steprunner resume goes on with it, steprunner rollback takes it back",
    )


def _begin(call: _Call, plan: Plan, given: Dict[str, Any]) -> State:
    moment = datetime.now(timezone.utc)
    mark = hashlib.sha256(plan.id.encode()).hexdigest()[:4]
    records = tuple(Record(name) for name in NAMES)
    stamp = f"{moment:%Y%m%dT%H%M%SZ}_{mark}"
    return State(stamp, given, call.prefix, now(), records, calls=(_name_caller(call),))


def _resume(call: _Call) -> int:
    with call.lock():
        state = call.state_to_go_on()
        if state.is_over:
            code = errors.DONE if state.outcome == FINISHED else errors.ROLLED_BACK
            return call.answer(code, state, changed=False)
        return _go_on(call, state, "")


def _roll_back(call: _Call) -> int:
    with call.lock():
        state = call.state_to_go_on()
        if state.outcome == ROLLED_BACK:
            return call.answer(errors.DONE, state, changed=False)
        reason = (call.options.accept_lost_writes or "").strip()
        if state.direction != BACK and is_open_again(state, WAY_OUT) and not reason:
            raise Refused(
                "users may have been let in since: what they wrote would be lost to them",
                hint='rollback --accept-lost-writes "REASON"; the database as it is now is kept',
            )
        why = reason or state.reason or "asked for"
        code = _go_on(call, state, why)
        # It did what it was asked for.
        return errors.DONE if code == errors.ROLLED_BACK else code


def _go_on(call: _Call, state: State, back_because: str) -> int:
    plan = plan_of(state.plan, state.prefix)
    # Else a server that the boot has not started yet would be a reason to go back.
    Psql(plan.database, run_command, "lpse-ops").wait_until_up()
    book = journal.Journal(call.folder, state, call.trace)
    book.save(state._replace(outcome=None, calls=(*state.calls[-50:], _name_caller(call))))
    runner = call.runner(book, plan)
    if back_because and book.state.direction != BACK:
        runner.turn_back(back_because)
    code = runner.go()
    return call.answer(code, book.state, changed=True)


def _show_status(call: _Call) -> int:
    state = journal.load_state(call.folder)
    judged = status.judge(state, find_holder(journal.lock_path(call.folder)))
    fields = {**status.render_json(state, judged), "history": journal.list_history(call.folder)}
    call.show(fields, status.render_text(state, judged))
    return judged.code


_COMMANDS = {
    "plan": _show_plan,
    "health": _show_health,
    "run": _run,
    "resume": _resume,
    "rollback": _roll_back,
    "status": _show_status,
}


def _read_given(stream: IO[bytes]) -> str:
    content = stream.read(_LARGEST_PLAN_BYTES + 1)
    if len(content) > _LARGEST_PLAN_BYTES:
        raise OSError(f"it is larger than {_LARGEST_PLAN_BYTES} bytes")
    return content.decode()


def _name_caller(call: _Call) -> Dict[str, Any]:
    by = os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name
    return {"command": call.options.command, "at": now(), "by": by[:64], "pid": os.getpid()}


def now() -> str:
    """The time in UTC, as ISO 8601 writes it."""
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _interrupt(_number: int, _frame: Any) -> None:
    # Once is enough: a second one would cut off the ending of what still runs.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(line: str) -> None:
    # The terminal may be gone; the work goes on.
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
