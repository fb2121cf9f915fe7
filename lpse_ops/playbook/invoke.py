"""Carries out one evaluated task: on the controller, on its host, or on the one it delegates to."""

import shlex
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from lpse_ops.errors import HostUnreachable, PlaybookError, TemplateError
from lpse_ops.inventory.inventory import Inventory
from lpse_ops.marked import every_text
from lpse_ops.playbook.actions.context import ActionFailed, Folder
from lpse_ops.playbook.actions_table import INCLUDES, ModuleSpec
from lpse_ops.playbook.flags import as_flag, as_number, as_timeout, as_whole, inherited, of_keyword
from lpse_ops.playbook.hostile import without_our_keys
from lpse_ops.playbook.line import Line, Prepared, Sent, is_this_machine
from lpse_ops.playbook.links import Links
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.refusal import refuse_arguments
from lpse_ops.playbook.registry import find_action, find_module, find_plan, supports_async
from lpse_ops.playbook.results import Result
from lpse_ops.playbook.searchpath import find_file
from lpse_ops.playbook.targets import VARIABLES, Defaults, KnownTargets, TargetReader
from lpse_ops.playbook.unknowns import AnswerNeeded
from lpse_ops.playbook.variables import Variables
from lpse_ops.remote.content import Content
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.raw import RawResult, run_raw
from lpse_ops.remote.request import AsyncJob, RunOptions
from lpse_ops.remote.target import Target
from lpse_ops.templating.engine import Templating
from lpse_ops.templating.markers import OMIT, type_name
from lpse_ops.vault import Vault

_POLL_SECONDS = 15.0
# All of them happens here, and touches nothing.
_ALL_HERE = frozenset({"assert", "debug", "fail"})


@dataclass(frozen=True)
class Surroundings:
    """What all tasks of a run share.

    ``variables_of`` gives the variables of any host, for connections of ``delegate_to``.
    """

    inventory: Inventory
    templating: Templating
    vault: Vault | None
    links: Links
    defaults: Defaults
    variables_of: Callable[[str], Variables]
    load_yaml: Callable[[Path], Any]
    warn: Callable[[str], None]
    play_folder: Path
    check_mode: bool = False
    diff_mode: bool = False
    verbosity: int = 0
    task_timeout_seconds: float | None = None
    targets: KnownTargets = field(default_factory=KnownTargets)


@dataclass(frozen=True)
class Invoker:
    """``Attempts`` calls it once for each try."""

    around: Surroundings

    def __call__(self, task: Task, args: Result, variables: Variables) -> Result:
        action = TaskAction(self.around, task, variables)
        if task.action in INCLUDES:
            return {"_include_args": args}
        run = find_action(task.action)
        if action.is_async and not supports_async(task.action):
            raise ActionFailed(f"This action ({task.action}) does not support async.")
        if run is not None:
            refuse_arguments(task.action, find_module(task.action) or ModuleSpec(), args)
        result = action.run_module(task.action, args) if run is None else dict(run(args, action))
        if action.delegated_to:
            result["_delegated_to"] = action.delegated_to
        return result

    def can_begin(self, task: Task) -> bool:
        if task.action in INCLUDES or task.keywords.get("delegate_to") is not None:
            return False
        has_part_here = find_action(task.action) is not None
        return not has_part_here or find_plan(task.action) is not None or task.action in _ALL_HERE

    def prepare(
        self, task: Task, args: Result, variables: Variables, line: Line
    ) -> Prepared | Result:
        action = TaskAction(self.around, task, variables)
        run, plan = find_action(task.action), find_plan(task.action)
        if run is None:
            return action.prepared(task.action, args)
        refuse_arguments(task.action, find_module(task.action) or ModuleSpec(), args)
        if plan is None:
            return dict(run(args, action))
        if args.get("content") is None and action.is_here:
            # The files that it reads may be what a task in front of it writes.
            _wait_for(line)
        request = plan(args, action)
        if request is None:
            _wait_for(line)
            return dict(run(args, action))
        return action.prepared(request.module, request.args, request.content, request.finish)

    def submit(self, prepared: Prepared, line: Line) -> Sent:
        return prepared.submit(line, self.around.links)


class TaskAction:
    """The ``ActionContext`` of one try."""

    def __init__(self, around: Surroundings, task: Task, variables: Variables) -> None:
        self._around = around
        self._task = task
        self._seen = variables
        self.variables: Mapping[str, Any] = variables
        self.templating = around.templating.with_files(self._find)
        self.vault = around.vault
        self.inventory = around.inventory
        self.verbosity = around.verbosity
        self.host = str(variables["inventory_hostname"])
        delegate = str(self._keyword("delegate_to") or "")
        self.delegated_to = "" if delegate == self.host else delegate
        self.check_mode = self._flag("check_mode", default=around.check_mode)
        self.diff_mode = self._flag("diff", default=around.diff_mode)
        self._limit = as_timeout(self._keyword("timeout"), around.task_timeout_seconds)
        # From when on the time of the task is over; it begins with the first thing that is done.
        self._deadline: float | None = None
        self._target: Target | None = None

    def run_module(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        content: Content | None = None,
        save_to: BinaryIO | None = None,
    ) -> Result:
        limit = as_whole("async", self._keyword("async"))
        job = AsyncJob(_job_name(), limit) if limit > 0 and name == self._task.action else None
        link = self._link()
        result = without_our_keys(
            link.run(
                name,
                args,
                options=self._options(job, self._seconds_left()),
                content=content,
                save_to=save_to,
            )
        )
        if result.get("timedout") and self._limit is not None:
            # The host knows only how much of the time was left.
            raise timed_out(self._limit)
        if job is not None and not result.get("failed"):
            return self._follow(link, result, limit)
        return result

    def run_raw(self, command: str) -> RawResult:
        target = self._where()
        environment = "".join(
            f"export {name}={shlex.quote(value)}; " for name, value in self._environment().items()
        )
        left = self._seconds_left()
        try:
            return run_raw(
                self._around.links.connection(target),
                target.name,
                environment + command,
                become=target.become,
                become_timeout_seconds=target.timeout_seconds,
                timeout_seconds=left,
            )
        except HostUnreachable:
            # What ended is the task's time; the host may be well.
            self._seconds_left()
            raise

    def prepared(
        self,
        module: str,
        args: Mapping[str, Any],
        content: Content | None = None,
        finish: Callable[[Result], Result] = dict,
    ) -> Prepared:
        """A request of the task, ready to be sent."""
        options = self._options(None, self._limit)
        return Prepared(self._where(), module, args, options, content, finish)

    @property
    def is_here(self) -> bool:
        """Whether the task's host is this machine."""
        return is_this_machine(self._where())

    def sleep(self, seconds: float) -> None:
        left = self._seconds_left()
        time.sleep(max(0.0, seconds if left is None else min(left, seconds)))
        if left is not None and seconds >= left:
            raise timed_out(self._limit or 0)

    def disconnect(self) -> None:
        self._around.links.drop(self._reached)

    def load_yaml(self, path: Path) -> Any:
        return self._around.load_yaml(path)

    def warn(self, message: str) -> None:
        self._around.warn(message)

    def find_file(self, folder: Folder, name: str) -> Path:
        try:
            return self._find(folder, name)
        except PlaybookError as error:
            raise ActionFailed(error.message, hint=error.hint) from error

    @property
    def is_async(self) -> bool:
        return as_whole("async", self._keyword("async")) > 0

    @property
    def _reached(self) -> str:
        """The host that the connection goes to."""
        return self.delegated_to or self.host

    def _find(self, folder: str, name: str) -> Path:
        return find_file(self._task, self._around.play_folder, folder, name)

    def _link(self) -> AgentLink:
        return self._around.links.get(self._where())

    def _where(self) -> Target:
        if self._target is None:
            self._target = self._read_target()
        return self._target

    def host_target(self) -> Target:
        """How to reach the task's own host, also when the task is delegated."""
        return self._target_of("")

    def _read_target(self) -> Target:
        return self._target_of(self.delegated_to)

    def _target_of(self, delegate: str) -> Target:
        variables = self._seen
        name = delegate or self.host
        if delegate:
            # The delegate's own connection, under the names and loops of this task.
            variables = self._around.variables_of(delegate)

        known = variables.among(VARIABLES)

        def read(name: str) -> Any:
            return self._around.templating.evaluate(known.get(name), variables)

        reader = TargetReader(name, self._task, read, self._keyword, self._around.defaults)
        return self._around.targets.get(name, self._task, known, reader.target)

    def _options(self, job: AsyncJob | None, timeout_seconds: float | None) -> RunOptions:
        return RunOptions(
            check_mode=self.check_mode,
            diff_mode=self.diff_mode,
            no_log=self._flag("no_log", default=False),
            environment=self._environment(),
            timeout_seconds=timeout_seconds,
            job=job,
        )

    def _seconds_left(self) -> float | None:
        """How much of the task's time is left, or the ``ActionFailed`` that says: nothing."""
        if self._limit is None:
            return None
        if self._deadline is None:
            self._deadline = time.monotonic() + self._limit
            return self._limit
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise timed_out(self._limit)
        return left

    def _environment(self) -> dict[str, str]:
        """Outer ones first; inner ones win."""
        merged: dict[str, str] = {}
        for written in self._task.keywords.chain("environment"):
            for each in written if isinstance(written, list) else [written]:
                values = self._value("environment", self._known_now(each))
                if isinstance(values, Mapping):
                    merged |= {str(name): str(value) for name, value in values.items()}
                elif values and values is not OMIT:
                    kind = type_name(values)
                    self.warn(f"could not parse environment value, skipping: a {kind!r}")
        return merged

    def _known_now(self, written: Any) -> Any:
        """Without what the facts that are being gathered will say: ``ansible_env``."""
        if not (self._task.implicit and isinstance(written, Mapping)):
            return written
        return {name: each for name, each in written.items() if not _asks_env(each)}

    def _follow(self, link: AgentLink, started: Result, limit: int) -> Result:
        """Ask after a job until it has ended, unless ``poll`` is 0."""
        pause = as_number("poll", self._keyword("poll"), default=_POLL_SECONDS)
        job = str(started.get("ansible_job_id", ""))
        if pause <= 0 or not job:
            return {**started, "changed": True}
        deadline = time.monotonic() + limit
        while True:
            time.sleep(pause)
            status = self._ask_job(link, job, "status")
            if status.get("finished"):
                # Its result may hold what no_log hides.
                self._ask_job(link, job, "cleanup")
                return status
            if time.monotonic() > deadline:
                raise ActionFailed(
                    f"async task did not complete within the requested time - {limit}s",
                    async_result=status,
                )

    def _ask_job(self, link: AgentLink, job: str, mode: str) -> Result:
        args = {"jid": job, "mode": mode}
        options = self._options(None, None)
        return without_our_keys(link.run("async_status", args, options=options))

    def _keyword(self, name: str) -> Any:
        return inherited(lambda each: self._value(name, each), self._task.keywords, name)

    def _value(self, name: str, written: Any) -> Any:
        try:
            return self._around.templating.evaluate(written, self.variables)
        except TemplateError as error:
            raise of_keyword(name, error) from error

    def _flag(self, name: str, *, default: bool) -> bool:
        return as_flag(name, self._keyword(name), default=default)


def timed_out(seconds: float) -> ActionFailed:
    """What a task fails with whose time is over."""
    return ActionFailed(
        f"Task failed: Timed out after {seconds:.15g} second(s).", timedout={"period": seconds}
    )


def _wait_for(line: Line) -> None:
    """Wait until what is in front has been answered; ahead of other tasks nobody waits."""
    if line.is_ahead:
        raise AnswerNeeded
    if line.after is not None:
        line.after.pending.result()


def _asks_env(written: Any) -> bool:
    return any("ansible_env" in text for text in every_text(written))


def _job_name() -> str:
    """As Ansible names them: a j, a number, and the host adds one of its own."""
    return f"j{uuid.uuid4().int % 10**12}"
