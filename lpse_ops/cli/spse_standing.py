"""Where servers stand before a change of SPSE, and what must not be begun on them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from lpse_ops.cli.spse_hosts import Asked
from lpse_ops.errors import PolicyRefused
from lpse_ops.spse.releaseversion import is_older
from lpse_ops.spse.runnerstatus import UNFINISHED, local_time


def describe(asked: Asked) -> str:
    """Where a host stands, in a line."""
    status = asked.status
    if status is None:
        return asked.error.message if asked.error else ""
    uses = f"uses {status.current}; " if status.current else ""
    if status.phase == "none":
        return f"{uses}nothing was upgraded yet"
    at = f" at {status.step}" if status.step else ""
    return f"{uses}{status.old} -> {status.new}: {status.phase}{at}"


def warn_of_older(before: Mapping[str, Asked], hosts: Sequence[str], version: str) -> Iterator[str]:
    """A line for each host that uses a newer release than the one it is to get."""
    for name in hosts:
        status = before[name].status
        if status is not None and is_older(version, status.current):
            yield (
                f"{name}: DOWNGRADE: {version} is older than {status.current}, which it uses: the "
                "database of a newer SPSE may not suit an older one.  To take the last upgrade "
                f"back with its database: lpse-ops spse rollback --limit {name}"
            )


def refuse_unfinished(before: Mapping[str, Asked], hosts: Sequence[str], version: str) -> None:
    """Raise PolicyRefused where an upgrade is not over, unless just this one is at work."""
    for name in hosts:
        status = before[name].status
        if status is None or status.phase not in UNFINISHED:
            continue
        if status.phase == "running" and status.new == version:
            continue
        raise PolicyRefused(
            f"{name}: the upgrade from {status.old} to {status.new} is not over: "
            f"{status.phase} at {status.step}",
            hint=f"go on with it: lpse-ops spse upgrade --resume --limit {name}, or take it "
            f"back: lpse-ops spse rollback --limit {name}",
        )


def refuse_without_way_back(before: Mapping[str, Asked], hosts: Sequence[str]) -> None:
    """Raise PolicyRefused where nothing was ever upgraded."""
    for name in hosts:
        status = before[name].status
        if status is not None and status.phase == "none":
            raise PolicyRefused(
                f"{name}: nothing was ever upgraded there, so there is no way back",
                hint="choose others with --limit; lpse-ops spse status -i inventory shows them",
            )


def refuse_lost_writes(
    before: Mapping[str, Asked], hosts: Sequence[str], zone: tzinfo | None
) -> None:
    """Raise PolicyRefused where users were let in to what would be taken back."""
    for name in hosts:
        status = before[name].status
        if status is not None and status.phase == "done":
            raise PolicyRefused(
                f"{name}: users were let in to {status.new} at "
                f"{local_time(status.ended, zone)}: what they wrote since would not be in "
                f"{status.old}",
                hint="if that must be: --accept-lost-writes REASON; the database as it is now "
                "is kept beside",
            )
