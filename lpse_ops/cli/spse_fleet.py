"""Carries a change of SPSE out on the servers of an inventory: look, run the playbook, look again.

What runs on a host is the playbook's and the step runner's; whoever types ansible-playbook instead
does the same (docs/fleet.md).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.playbook_both import BothDisplays
from lpse_ops.cli.playbook_engine import Engine
from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.spse_hosts import Asked, Reach, ask_status, find_hosts, reach_by, read_status
from lpse_ops.cli.spse_play import HostEnds, find_differing, find_playbook
from lpse_ops.cli.spse_standing import (
    describe,
    refuse_lost_writes,
    refuse_unfinished,
    refuse_without_way_back,
    warn_of_older,
)
from lpse_ops.cli.spse_step_watch import StepWatch
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.playbook.line import is_this_machine
from lpse_ops.spse.change import Package
from lpse_ops.spse.fleetresult import (
    Action,
    HostResult,
    Played,
    find_exit_code,
    judge_check,
    judge_install,
    judge_upgrade,
)
from lpse_ops.spse.runnerstatus import UNFINISHED
from lpse_ops.version import VERSION

_PLAYBOOKS: dict[Action, str] = {
    "install": "install.yml",
    "upgrade": "upgrade.yml",
    "resume": "upgrade.yml",
    "rollback": "rollback.yml",
}
_VERBS: dict[Action, str] = {
    "install": "Install SPSE {} on",
    "upgrade": "Upgrade to SPSE {} on",
    "resume": "Go on with the upgrade of",
    "rollback": "Go back to the release before on",
}


@dataclass(frozen=True)
class Order:
    """What was asked for; ``said`` are the extra variables of the playbook, no templates."""

    action: Action
    version: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    yes: bool = False
    playbook: Path | None = None
    # The request that it answers, on record here; and what goes in.
    change_id: str | None = None
    package: Package | None = None


class Fleet:
    """One command's; ``close`` it."""

    def __init__(self, app: App, flags: PlaybookFlags, order: Order) -> None:
        self._app = app
        self._order = order
        self._may_ask = sys.stdin.isatty()
        if not (order.yes or flags.check or self._may_ask):
            raise UsageError(
                "nobody is at a terminal to agree to it",
                hint="look first with --check, then say --yes",
            )
        self.playbook = find_playbook(app, _PLAYBOOKS[order.action], order.playbook)
        roles = self.playbook.absolute().parent.parent / "roles"
        # What is asked of hosts outside of the play is root's.
        flags = replace(flags, become=True)
        self._engine = Engine(app, flags, said=order.said, roles=roles)
        self._engine.talk.screen = app.stderr
        self._reach: Reach = reach_by(self._engine)
        self._ends = HostEnds()
        self._check = flags.check
        settings = app.settings_unless_empty
        self._zone = settings.site.time_zone if settings else None
        self.before: dict[str, Asked] = {}
        self.after: dict[str, Asked] = {}
        self._changed: list[str] = []

    def close(self) -> None:
        self._engine.close()

    @property
    def reach(self) -> Reach:
        return self._reach

    @property
    def changed(self) -> list[str]:
        """The hosts on which the step runner, or an installation, did something."""
        return list(self._changed)

    def carry_out(self) -> list[HostResult]:
        """Look, ask, run, and look again; the results in the inventory's order."""
        order = self._order
        # First: a fault in the playbook is told before any host is asked.
        self._engine.load([self.playbook])
        hosts = find_hosts(self._engine)
        self._hand_over_request(hosts)
        self._require_reason(hosts)
        if order.action != "install":
            self.before = ask_status(self._engine, hosts)
        chosen = self._choose(hosts)
        self._introduce(hosts)
        if not chosen:
            return [self._judge(host, Played("ok")) for host in hosts]
        if self._check:
            return self._look_only(hosts, chosen)
        if not order.yes:
            looked = self._look_only(hosts, chosen)
            if find_exit_code(looked):
                self._app.console.warn(
                    "nothing was begun: mend what stands in the way, or leave servers out with "
                    "--limit"
                )
                return looked
            self._ask(chosen)
        states = self._run(chosen, check_mode=False)
        self.after = ask_status(self._engine, hosts)
        results = []
        for host in hosts:
            played = self._ends.played(host, states) if host in chosen else Played("ok")
            result = self._judge(host, played)
            results.append(result)
            if self._is_changed(result):
                self._changed.append(host)
        return results

    # -- before ------------------------------------------------------------------------------

    def _hand_over_request(self, hosts: Sequence[str]) -> None:
        """The id of a request is of one ledger: another machine may know another one by it."""
        request = self._order.change_id
        if request and all(is_this_machine(self._engine.target(host)) for host in hosts):
            self._engine.extra["spse_change_id"] = request

    def _choose(self, hosts: Sequence[str]) -> list[str]:
        """Who has something to do; raises an error where it must not be begun."""
        action = self._order.action
        if action == "install":
            return list(hosts)
        if action == "upgrade":
            refuse_unfinished(self.before, hosts, self._order.version)
            return list(hosts)
        known = {name: each.status for name, each in self.before.items()}
        if action == "resume":
            return [name for name in hosts if (s := known[name]) is None or s.phase in UNFINISHED]
        chosen = [name for name in hosts if (s := known[name]) is None or s.phase != "rolled-back"]
        refuse_without_way_back(self.before, chosen)
        if not self._order.said.get("spse_accept_lost_writes"):
            refuse_lost_writes(self.before, chosen, self._zone)
        return chosen

    def _require_reason(self, hosts: Sequence[str]) -> None:
        """What is done without a reason cannot be answered for later."""
        if self._check or self._order.action == "resume":
            return
        for host in hosts:
            if not str(self._engine.variable(host, "spse_reason") or "").strip():
                raise UsageError(
                    "nobody said why, which belongs on record",
                    hint="say it with --reason TEXT, or record the request first: lpse-ops spse "
                    f"change request {self._order.action} --reason TEXT",
                )

    def told(self, host: str) -> tuple[str, tuple[str, ...]]:
        """Why, and who does it, as command line or inventory say."""
        people = self._engine.variable(host, "spse_performed_by")
        names = people if isinstance(people, list) else []
        return str(self._engine.variable(host, "spse_reason") or ""), tuple(map(str, names))

    def _introduce(self, hosts: Sequence[str]) -> None:
        print_line = self._app.console.print
        print_line(f"playbook   {self.playbook}")
        if self._order.playbook is None and (other := find_differing(self.playbook)):
            print_line(
                f"           {len(other)} files of roles and playbooks are not those of lpse-ops "
                f"{VERSION}, first {other[0]}; lpse-ops init DIR lays those out"
            )
        for host in hosts:
            asked = self.before.get(host)
            print_line(f"host       {host}{f': {describe(asked)}' if asked else ''}")
        if self._order.action == "upgrade":
            for line in warn_of_older(self.before, hosts, self._order.version):
                self._app.console.warn(line)

    # -- run ---------------------------------------------------------------------------------

    def _look_only(self, hosts: Sequence[str], chosen: Sequence[str]) -> list[HostResult]:
        states = self._run(chosen, check_mode=True)
        order, results = self._order, []
        for host in hosts:
            asked = self.before.get(host)
            status = asked.status if asked else None
            if host in chosen:
                played = self._ends.played(host, states)
                results.append(judge_check(host, order.action, played, status, order.version))
            else:
                results.append(self._judge(host, Played("ok")))
        return results

    def _ask(self, chosen: Sequence[str]) -> None:
        """Who does not agree ends the command."""
        verb = _VERBS[self._order.action].format(self._order.version)
        click.confirm(f"{verb} {', '.join(chosen)} now?", default=False, err=True, abort=True)

    def _run(self, chosen: Sequence[str], *, check_mode: bool) -> Mapping[str, Any]:
        engine = self._engine
        engine.limit_to(chosen)
        loaded = engine.load([self.playbook])
        watch = StepWatch(lambda name: read_status(self._reach(name)))
        # Who is asked to agree must have seen what to.
        is_quiet = self._app.quiet and (self._order.yes or self._check)
        display = engine.talk.display(
            engine.config,
            engine.options.verbosity,
            self._app.environment,
            watch.remark,
            quiet=is_quiet,
        )
        self._ends = HostEnds(engine.talk.warn.mask)
        watch.start()
        try:
            return engine.run(
                loaded, BothDisplays(display, self._ends), check_mode=check_mode
            ).states
        except KeyboardInterrupt:
            engine.talk.close()
            if not check_mode:
                self._say_what_goes_on()
            raise
        finally:
            watch.end()
            engine.talk.close()

    def _say_what_goes_on(self) -> None:
        where = "".join(f" -i {source}" for source in self._engine.flags.inventory)
        if self._order.action == "install":
            self._app.console.warn(
                "broken off; give the same command again, it goes on where it stopped"
            )
            return
        self._app.console.warn(
            "only this side was broken off: an upgrade that has begun on a host goes on there.  "
            f"See it: lpse-ops spse status{where}; take it up again: lpse-ops spse upgrade "
            f"--resume{where}"
        )

    # -- after -------------------------------------------------------------------------------

    def _judge(self, host: str, played: Played) -> HostResult:
        action = self._order.action
        if action == "install":
            asked = self.after.get(host)
            current = asked.status.current if asked and asked.status else ""
            return judge_install(host, played, self._order.version, current)
        before = self.before[host]
        after = self.after.get(host, before)
        problem = after.error or before.error
        if problem is not None and not played.problem:
            played = replace(played, problem=problem.message)
        return judge_upgrade(host, action, played, before.status, after.status)

    def _is_changed(self, result: HostResult) -> bool:
        if self._order.action == "install":
            return result.result == "done"
        before, after = self.before[result.host].status, self.after[result.host].status
        if after is None or after.phase in ("none", "running"):
            return False
        return before is None or after.is_another_than(before)
