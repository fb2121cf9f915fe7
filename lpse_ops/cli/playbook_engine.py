"""Our engine as commands use it: reads what a command line names, runs it, reaches its hosts."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.playbook_site import SiteReader, ask_for
from lpse_ops.cli.playbook_talk import Talk
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError
from lpse_ops.marked import Map, Origin
from lpse_ops.masking import Masker
from lpse_ops.playbook.config import load_config
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.magic import host_variables
from lpse_ops.playbook.model import Keywords, Playbook, Task
from lpse_ops.playbook.options import RunOptions
from lpse_ops.playbook.reserved import warn_of_reserved_in
from lpse_ops.playbook.targets import VARIABLES, TargetReader
from lpse_ops.playbook.variables import Variables
from lpse_ops.remote.target import Target

if TYPE_CHECKING:
    from lpse_ops.playbook.links import Links
    from lpse_ops.playbook.run import Run
    from lpse_ops.playbook.stepper import Stepper

# By the name that each was asked for by.
Loaded = Sequence[tuple[str, Playbook]]


class Engine:
    """One command's; ``close`` ends all links, and what is live on the screen.

    ``said`` are extra variables that are no templates.  ``roles`` is a folder to look in first.
    """

    def __init__(
        self,
        app: App,
        flags: PlaybookFlags,
        *,
        said: Mapping[str, Any] | None = None,
        roles: Path | None = None,
    ) -> None:
        self.talk = Talk(app.stderr)
        app.stderr = self.talk.errors
        config = load_config(app.environment, Path.cwd(), self.talk.warn)
        self.talk.settle(config, app.environment)
        if roles is not None:
            config = replace(config, roles_path=(roles, *config.roles_path))
        self.config = config
        self.flags = flags
        self._environment = app.environment
        self.reader = SiteReader(app, flags, config, self.talk.warn)
        self.talk.warn.mask = Masker(lambda: self.reader.vault.revealed)
        self.extra: Map = self.reader.extra_vars()
        self.extra.update(said or {})
        self.inventory = self.reader.inventory(self.extra)
        self._playbook = Path("playbook.yml")
        self._limit = flags.limit

    def limit_to(self, hosts: Sequence[str]) -> None:
        """Run on these hosts alone, instead of what ``--limit`` says."""
        self._limit = ",".join(hosts)

    def load(self, playbooks: Sequence[Path]) -> Loaded:
        """Read playbooks with all that they import; ``PlaybookError`` tells of every fault."""
        self._playbook = playbooks[0]
        self.inventory.use_playbook_folder(self._playbook.parent)
        return self.reader.playbooks(playbooks, self.inventory, self.extra)

    @cached_property
    def options(self) -> RunOptions:
        """What the run is asked for; passwords are asked for here, once."""
        return self.reader.options(self.extra)

    def require_hosts(self) -> None:
        """Raise an error if ``--limit`` leaves none."""
        limit = self.flags.limit
        if limit and self.inventory.hosts and not self.inventory.match("all", limit):
            raise OpsError(
                "Specified inventory, host pattern and/or --limit leaves us with no hosts to "
                "target.",
                hint=f"see which hosts there are: lpse-ops inventory list; --limit was {limit}",
            )

    @cached_property
    def links(self) -> "Links":
        """The ways to the hosts; nothing is connected before it is used."""
        # Only a run needs them.
        from lpse_ops.playbook.links import Links
        from lpse_ops.remote.connect import HostLinks
        from lpse_ops.remote.connections import Connections

        make = functools.partial(
            HostLinks,
            connect=Connections().open,
            conceal=self.reader.vault.conceal,
            tell=self.talk.tell_of_links(self.options.verbosity),
            allow_same_user=self.config.become_allow_same_user,
        )
        return Links(make)

    def run(
        self,
        loaded: Loaded,
        display: Display,
        *,
        check_mode: bool | None = None,
        step: "Stepper | None" = None,
    ) -> "Run":
        """Run playbooks to their end; the run knows its exit status and how each host fared."""
        from lpse_ops.playbook.run import Run, Site

        options = replace(self.options, limit=self._limit)
        if check_mode is not None:
            options = replace(options, check_mode=check_mode)
        for play in (play for _, playbook in loaded for play in playbook.plays):
            warn_of_reserved_in(play, self.talk.warn)
        site = Site(
            self.inventory,
            self.reader.templating,
            self.reader.vault,
            self.reader.context(self._playbook, self.inventory, self.extra),
            self.links,
            display,
            functools.partial(ask_for, warn=self.talk.warn),
            options,
            self.reader.facts(self.inventory),
            step,
        )
        run = Run(site)
        run.run([playbook for _, playbook in loaded])
        return run

    def target(self, name: str) -> Target:
        """How a host of the inventory is reached outside of any play."""
        seen = self._seen_by(name)
        own = seen.among(VARIABLES)

        def read(variable: str) -> Any:
            return self.reader.templating.evaluate(own.get(variable), seen)

        place = Origin(f"host {name}")
        task = Task(Keywords(Map()), None, "command", "command", Map(), place, ())
        return TargetReader(name, task, read, lambda _: None, self.options.defaults).target()

    def variable(self, host: str, name: str) -> Any:
        """What inventory and command line say of a host; None if they say nothing."""
        seen = self._seen_by(host)
        return self.reader.templating.evaluate(seen[name], seen) if name in seen else None

    def _seen_by(self, host: str) -> Variables:
        inventory = self.inventory
        known = [self.extra, host_variables(inventory, host), inventory.variables(host)]
        return Variables(known)

    def close(self) -> None:
        """May be called twice."""
        self.talk.close()
        if "links" in self.__dict__:
            self.links.close()
