"""A whole run: play after play, batch after batch, until all is done or too much has failed."""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from lpse_ops.errors import PlaybookError
from lpse_ops.inventory.inventory import Inventory
from lpse_ops.marked import Text, every_text
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.attempt import Attempts
from lpse_ops.playbook.batch import Batch
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.factcache import FactCache, new_state
from lpse_ops.playbook.flags import as_number
from lpse_ops.playbook.freebatch import FreeBatch
from lpse_ops.playbook.freedisplay import FreeDisplay
from lpse_ops.playbook.gathering import gathering_of
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.included import load_include
from lpse_ops.playbook.invoke import Invoker, Surroundings
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.links import Links
from lpse_ops.playbook.magic import run_variables
from lpse_ops.playbook.model import Play, Playbook, Prompt, Task, every_task
from lpse_ops.playbook.options import RunOptions
from lpse_ops.playbook.playvariables import PlayVariables
from lpse_ops.playbook.reserved import warn_of_reserved
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.serial import cut, ordered
from lpse_ops.playbook.services import Services
from lpse_ops.playbook.stage import Stage
from lpse_ops.playbook.stepper import Stepper
from lpse_ops.playbook.tags import selected, tags_of
from lpse_ops.playbook.taskrun import TaskRun
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault

OK, FAILED, UNREACHABLE = 0, 2, 4
# Strategies under which hosts do not wait for each other.
FREE = frozenset({"free", "host_pinned"})


@dataclass(frozen=True)
class Site:
    """Everything that is there before a run: inventory, secrets, ways to hosts and to people."""

    inventory: Inventory
    templating: Templating
    vault: Vault | None
    context: LoadContext
    links: Links
    display: Display
    ask: Callable[[Prompt], str]
    options: RunOptions = field(default_factory=RunOptions)
    facts: FactCache | None = None
    step: Stepper | None = None


class Run:
    """Plays share hosts' facts and failures; one ``Run`` is one command."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._options = site.options
        self.states: dict[str, HostState] = {}
        self._over = False
        self._started = site.options.start_at_task is None
        options = site.options
        self._run_variables = run_variables(
            check_mode=options.check_mode,
            diff_mode=options.diff_mode,
            forks=options.forks,
            verbosity=options.verbosity,
            tags=options.tags,
            skip_tags=options.skip_tags,
            limit=options.limit,
            sources=site.inventory.sources,
            python=sys.executable,
        )

    def run(self, playbooks: Sequence[Playbook]) -> int:
        """Run all plays; return Ansible's exit status."""
        with ThreadPoolExecutor(max(1, self._options.forks)) as executor:
            try:
                self._run(playbooks, executor)
            except BaseException:
                # Else the executor waits until all hosts have answered, which may take hours.
                self._site.links.end()
                raise
        self._site.display.recap(self.states)
        if not self._started:
            self._site.display.warning(
                f'No matching task "{self._options.start_at_task}" found. Note: --start-at-task '
                "can only follow static includes. See the names: --list-tasks"
            )
        return self.status

    def _run(self, playbooks: Sequence[Playbook], executor: ThreadPoolExecutor) -> None:
        for playbook in playbooks:
            if not self._over:
                self._site.display.playbook(playbook.name, len(playbook.plays))
            for play in playbook.plays:
                if not self._over:
                    _PlayRun(self._site, self, play, executor).run()

    @property
    def status(self) -> int:
        states = self.states.values()
        if any(state.unreachable for state in states):
            return UNREACHABLE
        return FAILED if any(state.failed for state in states) else OK

    def state(self, name: str) -> HostState:
        known = self.states.get(name)
        if known is None:
            variables = self._site.inventory.variables(name)
            warn_of_reserved(variables, self._site.display.warning)
            known = self.states.setdefault(name, new_state(name, self._site.facts))
            known.merges = self._options.merge_hashes
        return known

    def end(self) -> None:
        """No more plays."""
        self._over = True

    def has_started(self, task: Task) -> bool:
        """Whether ``--start-at-task`` lets a task run; the named one is the first."""
        self._started = self._started or self._begins(task)
        return self._started

    def runs_any(self, play: Play) -> bool:
        """Whether ``--start-at-task`` leaves anything of a play."""
        tasks = (task for section in play.sections() for task in every_task(section))
        return self._started or any(map(self._begins, tasks))

    def _begins(self, task: Task) -> bool:
        wanted = self._options.start_at_task or ""
        return any(fnmatchcase(name, wanted) for name in (str(task.name or ""), task.label))

    @property
    def variables(self) -> Mapping[str, Any]:
        return self._run_variables


class _PlayRun:
    def __init__(self, site: Site, run: Run, play: Play, executor: ThreadPoolExecutor) -> None:
        self._site = site
        self._run = run
        self._play = play
        self._executor = executor
        self._options = site.options
        self._tags: dict[int, bool] = {}
        self._kept: list[Task] = []
        self._variables = PlayVariables(
            play,
            inventory=site.inventory,
            templating=site.templating,
            load_yaml=site.context.load_yaml,
            state_of=run.state,
            run=run.variables,
            extra=site.options.extra_vars,
            merge_hashes=site.options.merge_hashes,
        )
        self._evaluate = self._variables.evaluate
        self._strategy = "linear"
        self._display: Display = site.display

    def run(self) -> None:
        site, play = self._site, self._play
        site.inventory.use_playbook_folder(play.folder)
        patterns = [str(each) for each in values_of(self._evaluate(play.hosts))]
        found = site.inventory.match(patterns, self._options.limit)
        order = str(self._evaluate(play.keywords.get("order")) or "inventory")
        names = [host.name for host in found]
        names = ordered(names, order, random.sample(names, len(names)))
        title = str(self._evaluate(play.name)) if play.name else ",".join(patterns)
        self._variables.begin(title, names)
        left = [name for name in names if not self._run.state(name).is_out] if names else []
        if not names or not left:
            site.display.play(play, title, names)
        if not names:
            return
        if not left:
            return
        self._variables.add_prompted(self._prompted())
        self._strategy = self._read_strategy()
        if self._strategy in FREE:
            self._display = FreeDisplay(site.display)
        for batch in cut(left, self._evaluate(play.keywords.get("serial"))):
            if not self._run_batch(batch):
                return

    def _run_batch(self, names: Sequence[str]) -> bool:
        """False if the play must not go on."""
        states = {name: self._run.state(name) for name in names}
        for state in states.values():
            state.roles_done.clear()
            state.roles_begun.clear()
        self._variables.begin_batch(names)
        self._site.display.play(self._play, self._variables.play_name, names)
        first: list[Task] = []
        if self._run.runs_any(self._play):
            first = gathering_of(self._play, self._options, self._evaluate)
        stage = Stage(self._play, states, self._services(), first)
        if self._strategy in FREE:
            is_pinned = self._strategy == "host_pinned"
            FreeBatch(stage, is_pinned=is_pinned, slots=self._options.forks).run()
        else:
            Batch(stage).run()
        self._variables.hosts_changed()
        if stage.play_ended:
            if any(state.is_out for state in states.values()):
                self._run.end()
            return False
        if not stage.current and any(state.is_out for state in states.values()):
            # As in Ansible, a batch of which nothing is left ends the whole run.
            self._run.end()
            return False
        return True

    def _services(self) -> Services:
        site, options = self._site, self._options
        around = Surroundings(
            inventory=site.inventory,
            templating=site.templating,
            vault=site.vault,
            links=site.links,
            defaults=options.defaults,
            variables_of=lambda name: self._variables.of(None, self._run.state(name)),
            load_yaml=site.context.load_yaml,
            warn=site.display.warning,
            play_folder=self._play.folder,
            check_mode=options.check_mode,
            diff_mode=options.diff_mode,
            verbosity=options.verbosity,
            task_timeout_seconds=options.task_timeout_seconds,
        )
        templatings = self._variables.templatings
        attempts = Attempts(templatings, Invoker(around))
        return Services(
            templating=site.templating,
            runner=TaskRun(templatings, attempts, self._display, options.diff_mode),
            display=self._display,
            executor=self._executor,
            variables=self._variables.of,
            is_selected=self._is_selected,
            load_include=partial(load_include, self._play, site.context),
            refresh_inventory=site.inventory.refresh,
            disconnect=site.links.drop,
            state_of=self._run.state,
            hosts_changed=self._variables.hosts_changed,
            step=site.step,
            tasks_ahead=self._tasks_ahead(),
            force_handlers=options.force_handlers,
            missing_handler_fails=options.missing_handler_fails,
            gathers_once=options.gathering == "smart",
            most_failed=self._most_failed(),
        )

    def _most_failed(self) -> float | None:
        name = "max_fail_percentage"
        value = self._evaluate(self._play.keywords.get(name))
        return None if value is None else as_number(name, str(value).removesuffix("%"))

    def _read_strategy(self) -> str:
        written = self._evaluate(self._play.keywords.get("strategy"))
        name = str(written or self._options.strategy).removeprefix("ansible.builtin.")
        if name == "debug":
            self._site.display.warning("strategy debug: there is no debugger here")
            return "linear"
        if name not in ("linear", *FREE):
            raise PlaybookError(
                f"Invalid play strategy specified: {name}",
                hint=f"write strategy: linear, {' or '.join(sorted(FREE))}",
            )
        return name

    def _tasks_ahead(self) -> int:
        """How many tasks of a host may be on their way: one where what is next is not certain."""
        options = self._options
        files = (text for each in self._play.vars_files for text in every_text(each))
        if options.start_at_task or self._site.step or options.task_timeout_seconds:
            return 1
        if any(map(is_template, files)):
            return 1
        return options.tasks_ahead

    def _prompted(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for prompt in self._play.vars_prompt:
            if prompt.name not in self._options.extra_vars:
                said = self._site.ask(prompt)
                values[str(prompt.name)] = said if prompt.unsafe else Text(said, prompt.origin)
        return values

    # -- tasks -------------------------------------------------------------------------------

    def _is_selected(self, task: Task) -> bool:
        key = id(task)
        if key not in self._tags:
            self._kept.append(task)
            tags = tags_of(task.keywords, self._evaluate)
            self._tags[key] = selected(tags, self._options.tags, self._options.skip_tags)
        return self._tags[key] and self._run.has_started(task)
