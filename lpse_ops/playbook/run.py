"""A whole run: play after play, batch after batch, until all is done or too much has failed."""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.inventory.inventory import Inventory
from lpse_ops.marked import Map, Text
from lpse_ops.playbook.attempt import Attempts
from lpse_ops.playbook.batch import Batch, Services
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.flags import as_flag, given
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.imports import load_included_role, load_tasks
from lpse_ops.playbook.includes import find_tasks_file
from lpse_ops.playbook.invoke import Invoker, Surroundings
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.layers import PlayLayers
from lpse_ops.playbook.links import Links
from lpse_ops.playbook.magic import (
    HostVars,
    PlayFacts,
    host_variables,
    play_variables,
    run_variables,
    task_variables,
)
from lpse_ops.playbook.model import Keywords, Node, Play, Playbook, Prompt, Task
from lpse_ops.playbook.options import RunOptions
from lpse_ops.playbook.results import Include
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.searchpath import search_folders
from lpse_ops.playbook.serial import cut, ordered
from lpse_ops.playbook.tags import selected, tags_of
from lpse_ops.playbook.taskrun import TaskRun
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.variables import Variables
from lpse_ops.playbook.varsfiles import VarsFiles
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault

OK, FAILED, UNREACHABLE = 0, 2, 4
_GATHERING = "Gathering Facts"


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
            for playbook in playbooks:
                for play in playbook.plays:
                    if not self._over:
                        _PlayRun(self._site, self, play, executor).run()
        self._site.display.recap(self.states)
        return self.status

    @property
    def status(self) -> int:
        states = self.states.values()
        if any(state.unreachable for state in states):
            return UNREACHABLE
        return FAILED if any(state.failed for state in states) else OK

    def state(self, name: str) -> HostState:
        return self.states.setdefault(name, HostState(name))

    def end(self) -> None:
        """No more plays."""
        self._over = True

    def has_started(self, task: Task) -> bool:
        """Whether ``--start-at-task`` lets a task run; the named one is the first."""
        wanted = self._options.start_at_task
        if not self._started and wanted in (str(task.name), task.label):
            self._started = True
        return self._started

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
        self._templatings = Templatings(site.templating, play.folder)
        self._tags: dict[int, bool] = {}
        self._kept: list[Task] = []
        self._layers = PlayLayers(
            play,
            extra=self._options.extra_vars,
            prompted={},
        )
        self._files = VarsFiles(play, site.context.load_yaml, site.templating)
        self._facts = PlayFacts(play, "", (), (), ())

    def run(self) -> None:
        site, play = self._site, self._play
        site.inventory.use_playbook_folder(play.folder)
        patterns = [str(each) for each in values_of(self._evaluate(play.hosts))]
        found = site.inventory.match(patterns, self._options.limit)
        order = str(self._evaluate(play.keywords.get("order")) or "inventory")
        names = [host.name for host in found]
        names = ordered(names, order, random.sample(names, len(names)))
        title = str(self._evaluate(play.name)) if play.name else ",".join(patterns)
        self._facts = PlayFacts(play, title, names, names, names)
        left = [name for name in names if not self._run.state(name).is_out] if names else []
        if not names or not left:
            site.display.play(play, title, names)
        if not names:
            return
        if not left:
            return
        self._layers = PlayLayers(
            play,
            extra=self._options.extra_vars,
            prompted=self._prompted(),
        )
        strategy = str(self._evaluate(play.keywords.get("strategy")) or "linear")
        if strategy.removeprefix("ansible.builtin.") != "linear":
            site.display.warning(
                f"strategy {strategy}: the hosts are kept side by side all the same"
            )
        for batch in cut(left, self._evaluate(play.keywords.get("serial"))):
            if not self._run_batch(batch):
                return

    def _run_batch(self, names: Sequence[str]) -> bool:
        """False if the play must not go on."""
        states = {name: self._run.state(name) for name in names}
        for state in states.values():
            state.roles_done.clear()
            state.roles_begun.clear()
        self._facts.batch = names
        self._hosts_changed()
        self._site.display.play(self._play, self._facts.name, names)
        batch = Batch(self._play, states, self._services(), self._first())
        batch.run()
        self._hosts_changed()
        if batch.play_ended:
            if any(state.is_out for state in states.values()):
                self._run.end()
            return False
        if not batch.current and any(state.is_out for state in states.values()):
            # As in Ansible, a batch of which nothing is left ends the whole run.
            self._run.end()
            return False
        return True

    def _hosts_changed(self) -> None:
        everyone = self._facts.every_host
        self._facts.current = [each for each in everyone if not self._run.state(each).is_out]

    def _services(self) -> Services:
        site, options = self._site, self._options
        around = Surroundings(
            inventory=site.inventory,
            templating=site.templating,
            vault=site.vault,
            links=site.links,
            defaults=options.defaults,
            variables_of=lambda name: self._variables(None, self._run.state(name)),
            load_yaml=site.context.load_yaml,
            warn=site.display.warning,
            play_folder=self._play.folder,
            check_mode=options.check_mode,
            diff_mode=options.diff_mode,
            verbosity=options.verbosity,
            task_timeout_seconds=options.task_timeout_seconds,
        )
        attempts = Attempts(self._templatings, Invoker(around))
        return Services(
            templating=site.templating,
            runner=TaskRun(self._templatings, attempts, site.display, options.diff_mode),
            display=site.display,
            executor=self._executor,
            variables=self._variables,
            is_selected=self._is_selected,
            load_include=self._load_include,
            refresh_inventory=site.inventory.refresh,
            disconnect=site.links.drop,
            state_of=self._run.state,
            hosts_changed=self._hosts_changed,
            force_handlers=options.force_handlers,
            missing_handler_fails=options.missing_handler_fails,
        )

    # -- variables ---------------------------------------------------------------------------

    def _variables(self, task: Task | None, state: HostState) -> Variables:
        site = self._site
        magic = {
            **self._run.variables,
            **play_variables(self._facts),
            **host_variables(site.inventory, state.name),
            **(task_variables(task) if task is not None else {}),
            "ansible_search_path": [str(each) for each in search_folders(task, self._play.folder)],
            "hostvars": self._hostvars(),
            "ansible_facts": state.facts,
        }
        inventory = site.inventory.variables(state.name)
        found = self._layers.variables(task, state, inventory=inventory, magic=magic)
        if not self._play.vars_files:
            return found
        files = self._files.layers(found)
        return self._layers.variables(task, state, inventory=inventory, magic=magic, files=files)

    def _hostvars(self) -> HostVars:
        def resolve(name: str) -> Mapping[str, Any]:
            return self._templatings.of(None).lazily(self._variables(None, self._run.state(name)))

        return HostVars(self._site.inventory, resolve)

    def _evaluate(self, value: Any) -> Any:
        """A keyword of the play itself: no host is known yet."""
        known = Variables(
            [
                self._options.extra_vars,
                self._play.vars,
                {"groups": self._site.inventory.groups_magic(), **self._run.variables},
            ]
        )
        return given(self._site.templating.evaluate(value, known))

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

    def _first(self) -> list[Node]:
        """Facts are gathered first, unless the play or the settings say otherwise."""
        keywords = self._play.keywords
        wanted = self._evaluate(keywords.get("gather_facts"))
        if wanted is None:
            wanted = self._options.gathering != "explicit"
        if not as_flag("gather_facts", wanted):
            return []
        args = Map(
            {
                Text("gather_subset"): keywords.get("gather_subset")
                or list(self._options.gather_subset)
            }
        )
        args[Text("gather_timeout")] = (
            keywords.get("gather_timeout") or self._options.gather_timeout
        )
        if keywords.get("fact_path"):
            args[Text("fact_path")] = keywords.get("fact_path")
        own = Map(
            {Text("when"): Text("not ansible_facts")} if self._options.gathering == "smart" else {}
        )
        gather = Task(
            keywords=Keywords(own, keywords, "task"),
            name=Text(_GATHERING, self._play.origin),
            action="setup",
            written_action="ansible.builtin.setup",
            args=args,
            origin=self._play.origin,
            position=(-1,),
            implicit=True,
        )
        return [gather]

    def _load_include(
        self, task: Task, include: Include, number: int
    ) -> tuple[str, Sequence[Node]]:
        """The name to show, and the tasks; what a role brings for all joins the play."""
        context, play = self._site.context, self._play
        if task.action == "include_role":
            shown = include.name
            loaded = load_included_role(
                task, include.args, play, context, variables=include.variables, number=number
            )
        else:
            path = find_tasks_file(task, include.name, play.folder).absolute()
            shown = str(path)
            loaded = load_tasks(
                path, task, play, context, variables=include.variables, number=number
            )
        play.handlers.extend(loaded.handlers)
        play.roles.extend(each for each in loaded.roles if each.public)
        return shown, loaded.nodes
