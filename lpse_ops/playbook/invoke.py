"""Carries out one evaluated task: on the controller, on its host, or on the one it delegates to."""

import shlex
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lpse_ops.agent.arguments import unknown
from lpse_ops.errors import PlaybookError
from lpse_ops.inventory.inventory import Inventory
from lpse_ops.marked import every_text
from lpse_ops.playbook.actions.context import ActionFailed, Folder
from lpse_ops.playbook.actions_table import INCLUDES
from lpse_ops.playbook.attempt import Sent
from lpse_ops.playbook.flags import as_flag, as_number, given
from lpse_ops.playbook.hostile import without_our_keys
from lpse_ops.playbook.links import Links
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.registry import find_action, find_module
from lpse_ops.playbook.results import Result
from lpse_ops.playbook.searchpath import find_file
from lpse_ops.playbook.targets import Defaults, TargetReader
from lpse_ops.playbook.variables import Variables
from lpse_ops.remote.content import Content
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.raw import RawResult, run_raw
from lpse_ops.remote.request import AsyncJob, RunOptions
from lpse_ops.remote.target import Target
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault

_POLL_SECONDS = 15.0
# They have a part on the controller only to say what goes to the host.
_MAY_BE_ASYNC = frozenset({"gather_facts"})


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


@dataclass(frozen=True)
class Invoker:
    """``Attempts`` calls it once for each try."""

    around: Surroundings

    def __call__(self, task: Task, args: Result, variables: Variables) -> Result:
        action = TaskAction(self.around, task, variables)
        if task.action in INCLUDES:
            return {"_include_args": args}
        run = find_action(task.action)
        if run is not None and action.is_async and task.action not in _MAY_BE_ASYNC:
            raise ActionFailed(f"This action ({task.action}) does not support async.")
        if run is not None:
            _refuse_unknown(task.action, args)
        result = action.run_module(task.action, args) if run is None else dict(run(args, action))
        if action.delegated_to:
            result["_delegated_to"] = action.delegated_to
        return result

    def can_begin(self, task: Task) -> bool:
        own = task.keywords
        is_module = task.action not in INCLUDES and find_action(task.action) is None
        return is_module and own.get("delegate_to") is None

    def begin(self, task: Task, args: Result, variables: Variables, after: Sent | None) -> Sent:
        return TaskAction(self.around, task, variables).begin_module(args, after)


class TaskAction:
    """The ``ActionContext`` of one try."""

    def __init__(self, around: Surroundings, task: Task, variables: Variables) -> None:
        self._around = around
        self._task = task
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
        self._target: Target | None = None

    def run_module(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        content: Content | None = None,
        save_to: BinaryIO | None = None,
    ) -> Result:
        limit = as_number("async", self._keyword("async"))
        job = AsyncJob(_job_name(), limit) if limit > 0 and name == self._task.action else None
        link = self._link()
        result = without_our_keys(
            link.run(name, args, options=self._options(job), content=content, save_to=save_to)
        )
        if job is not None and not result.get("failed"):
            return self._follow(link, result, limit)
        return result

    def run_raw(self, command: str) -> RawResult:
        target = self._where()
        environment = "".join(
            f"export {name}={shlex.quote(value)}; " for name, value in self._environment().items()
        )
        return run_raw(
            self._around.links.connection(target),
            target.name,
            environment + command,
            become=target.become,
            become_timeout_seconds=target.timeout_seconds,
            timeout_seconds=self._timeout_seconds(),
        )

    def begin_module(self, args: Mapping[str, Any], after: Sent | None) -> Sent:
        """Send the task's own module without waiting for its answer."""
        target, before = self._where(), None
        if after is not None and after.target == target:
            link, before = after.link, after.pending
        else:
            if after is not None:
                # Another account: it has to wait here, where both are known.
                after.pending.result()
            link = self._link()
        pending = link.submit(self._task.action, args, options=self._options(None), after=before)
        return Sent(pending, target, link)

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
        return as_number("async", self._keyword("async")) > 0

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

    def _read_target(self) -> Target:
        variables = self.variables
        if self.delegated_to:
            # The delegate's own connection, under the names and loops of this task.
            variables = self._around.variables_of(self.delegated_to)

        def read(name: str) -> Any:
            if name not in variables:
                return None
            return self._around.templating.evaluate(variables[name], variables)

        return TargetReader(
            self._reached, self._task, read, self._keyword, self._around.defaults
        ).target()

    def _options(self, job: AsyncJob | None) -> RunOptions:
        return RunOptions(
            check_mode=self.check_mode,
            diff_mode=self.diff_mode,
            no_log=self._flag("no_log", default=False),
            environment=self._environment(),
            timeout_seconds=self._timeout_seconds(),
            job=job,
        )

    def _timeout_seconds(self) -> float | None:
        own = as_number("timeout", self._keyword("timeout"))
        return own or self._around.task_timeout_seconds

    def _environment(self) -> dict[str, str]:
        """Outer ones first; inner ones win."""
        merged: dict[str, str] = {}
        for written in self._task.keywords.chain("environment"):
            for each in written if isinstance(written, list) else [written]:
                values = self._around.templating.evaluate(self._known_now(each), self.variables)
                if isinstance(values, Mapping):
                    merged |= {str(name): str(value) for name, value in values.items()}
        return merged

    def _known_now(self, written: Any) -> Any:
        """Without what the facts that are being gathered will say: ``ansible_env``."""
        if not (self._task.implicit and isinstance(written, Mapping)):
            return written
        return {name: each for name, each in written.items() if not _asks_env(each)}

    def _follow(self, link: AgentLink, started: Result, limit: float) -> Result:
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
                    f"async task did not complete within the requested time - {limit:g}s",
                    async_result=status,
                )

    def _ask_job(self, link: AgentLink, job: str, mode: str) -> Result:
        args = {"jid": job, "mode": mode}
        return without_our_keys(link.run("async_status", args, options=self._options(None)))

    def _keyword(self, name: str) -> Any:
        written = self._task.keywords.get(name)
        return given(self._around.templating.evaluate(written, self.variables))

    def _flag(self, name: str, *, default: bool) -> bool:
        return as_flag(name, self._keyword(name), default=default)


def _refuse_unknown(name: str, args: Result) -> None:
    """Arguments that only came to light when they were evaluated; modules refuse their own."""
    spec = find_module(name)
    if spec is None or spec.any_name:
        return
    named = {
        key: value for key, value in args.items() if key not in ("_raw_params", spec.free_form)
    }
    strange = unknown({key: dict(each) for key, each in spec.arguments.items()}, named)
    if strange:
        raise ActionFailed(f"Unsupported parameters for ({name}) module: {', '.join(strange)}")


def _asks_env(written: Any) -> bool:
    return any("ansible_env" in text for text in every_text(written))


def _job_name() -> str:
    return f"{uuid.uuid4().int % 10**12}"
