"""Facts for a preflight: of this machine in this process, of another one over its agent."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from lpse_ops.errors import ProcessFailed

if TYPE_CHECKING:
    from lpse_ops.remote.link import AgentLink

_MODULE = "_spse_facts"
# What comes on top when everything is late.
_SPARE_SECONDS = 30


class Told(NamedTuple):
    """``clock_between``: see ``spse.preflightcheck.Asked``."""

    facts: Mapping[str, Any]
    clock_between: tuple[datetime, datetime] | None


def module_arguments(
    names: Sequence[str], said: Mapping[str, Any], site: str, path: str, patience: timedelta
) -> dict[str, Any]:
    """Arguments of the agent's module; ``said`` are fields of its ``Site``."""
    return {
        "_names": list(names),
        "_said": dict(said),
        "_site": site,
        "_path": path,
        "_seconds": max(int(patience.total_seconds()), 1),
    }


def read_here(arguments: Mapping[str, Any]) -> Told:
    """The facts of this machine, by the same module that is sent to others."""
    from lpse_ops.agent.context import Context
    from lpse_ops.agent.dispatcher import load_module, perform

    return Told(_facts_of(perform(load_module(_MODULE), dict(arguments), Context())), None)


def read_there(link: "AgentLink", arguments: Mapping[str, Any]) -> Told:
    """The facts of the host at the other end; ``HostUnreachable`` if the link breaks."""
    from lpse_ops.remote.request import RunOptions

    options = RunOptions(timeout_seconds=arguments["_seconds"] + _SPARE_SECONDS)
    # The clocks are compared by the time at which the answer was made, which is in between.
    before = datetime.now(UTC)
    result = link.run(_MODULE, arguments, options=options)
    return Told(_facts_of(result), (before, datetime.now(UTC)))


def _facts_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    facts = result.get("facts")
    if not isinstance(facts, Mapping):
        raise ProcessFailed(
            f"the host could not be looked at: {str(result.get('msg', ''))[:300]}",
            hint="log in there and run it by hand: sudo lpse-ops spse preflight",
        )
    return facts
