"""SPSE servers as they are asked from here: each over its agent, all at a time."""

import os
import posixpath
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from lpse_ops.cli.playbook_engine import Engine
from lpse_ops.errors import HostUnreachable, NothingFound, OpsError
from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from lpse_ops.remote.target import Target
from lpse_ops.spse.places import LINK, RELEASES, STEPRUNNER
from lpse_ops.spse.runnerstatus import RunnerStatus, parse_status

GROUP = "spse"
_STATUS = ("/usr/bin/python3", "-IB", str(STEPRUNNER), "--format", "json", "status")
_ENDINGS = (0, 1, 6, 11)
_AT_ONCE = 50
_PATIENCE = timedelta(minutes=2)
_LONGEST = 60
Answer = TypeVar("Answer")
# Gives the link to a host by its name.
Reach = Callable[[str], AgentLink]


@dataclass(frozen=True)
class Asked:
    """What a host answered, or what came instead; one of both is None."""

    status: RunnerStatus | None
    error: OpsError | None = None

    @property
    def is_unreachable(self) -> bool:
        return isinstance(self.error, HostUnreachable)


def find_hosts(engine: Engine) -> list[str]:
    """The servers of the group ``spse`` that ``--limit`` leaves; NothingFound if there is none."""
    found = [host.name for host in engine.inventory.match(GROUP, engine.flags.limit)]
    if not found:
        limit = f" that --limit {engine.flags.limit} leaves" if engine.flags.limit else ""
        raise NothingFound(
            f"there is no host in the group {GROUP!r}{limit}",
            hint="see which hosts there are: lpse-ops inventory graph, and name the inventory: "
            "-i inventory",
        )
    return found


def reach_by(engine: Engine) -> Reach:
    """Links of the engine's own, so that a play and we share them."""
    return lambda name: engine.links.get(engine.target(name))


def ask_all(names: Sequence[str], ask: Callable[[str], Answer]) -> list[Answer | OpsError]:
    """Ask all hosts at once; what went wrong with one stands in the place of its answer."""

    def ask_one(name: str) -> Answer | OpsError:
        try:
            return ask(name)
        except OpsError as error:
            return error

    with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(names)))) as executor:
        return list(executor.map(ask_one, names))


def ask_status(engine: Engine, names: Sequence[str]) -> dict[str, Asked]:
    """Where the last upgrade of each host stands."""
    reach = reach_by(engine)

    def ask(name: str) -> RunnerStatus:
        link = engine.variable(name, "spse_link") or LINK
        releases = engine.variable(name, "spse_releases") or RELEASES
        return read_status(reach(name), link=str(link), releases=str(releases))

    answers = ask_all(names, ask)
    return {
        name: Asked(None, answer) if isinstance(answer, OpsError) else Asked(answer)
        for name, answer in zip(names, answers, strict=True)
    }


def ask_status_here() -> Asked:
    """The same of this machine."""
    try:
        target = Target(os.uname().nodename, "local")
        with closing(open_link(target)) as link:
            return Asked(read_status(link))
    except OpsError as error:
        return Asked(None, error)


def read_status(
    agent: AgentLink, *, link: str = str(LINK), releases: str = str(RELEASES)
) -> RunnerStatus:
    """Ask the step runner of a host, and which release its ``link`` leads to.

    OpsError if it has no step runner, or that does not answer sensibly.
    """
    looked = agent.submit("stat", {"path": link, "get_checksum": False, "get_mime": False})
    status = _read_runner(agent)
    found = looked.result().get("stat")
    target = str(found.get("lnk_target", "")) if isinstance(found, dict) else ""
    inside = target.startswith(f"{releases}/")
    return replace(status, linked=posixpath.basename(target)[:_LONGEST] if inside else "")


def _read_runner(link: AgentLink) -> RunnerStatus:
    done = run_command(link, _STATUS)
    said = str(done.get("stdout", ""))
    told = str(done.get("stderr") or done.get("msg") or "")
    if done.get("rc") not in _ENDINGS or not said:
        if "can't open file" in told or "can't find '__main__'" in told:
            raise OpsError(
                f"{link.name}: there is no step runner at {STEPRUNNER}",
                hint="is it an SPSE server that lpse-ops set up?  lpse-ops spse install does that",
            )
        raise OpsError(
            f"{link.name}: the step runner does not say where it stands: {told[:300]}",
            hint=f"ask it there, as root: python3 {STEPRUNNER} status",
        )
    try:
        return parse_status(said)
    except ValueError as error:
        raise OpsError(
            f"{link.name}: the answer of the step runner cannot be understood: {error}",
            hint=f"ask it there, as root: python3 {STEPRUNNER} status",
        ) from error


def run_command(
    link: AgentLink, argv: Sequence[str], *, patience: timedelta = _PATIENCE
) -> dict[str, Any]:
    """The result of a program there, as the module ``command`` gives it.

    One that hangs is ended: a sick server must not hide how all others stand.
    """
    options = RunOptions(timeout_seconds=patience.total_seconds())
    arguments = {"argv": list(argv), "expand_argument_vars": False}
    return link.run("command", arguments, options=options)
