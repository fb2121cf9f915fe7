"""Joins backup and remote: a host's files as a source of backups, read through its agent."""

from collections.abc import Mapping
from typing import BinaryIO, cast

from lpse_ops.backup.hostsource import HostSource
from lpse_ops.backup.hosttalk import Taker
from lpse_ops.remote.content import content_of_bytes
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.pending import Pending

_MODULE = "_backup_source"


class LinkAgent:
    """A ``SourceAgent`` over the link to a host; the files are read as who the agent is."""

    def __init__(self, link: AgentLink) -> None:
        self._link = link
        self.name = link.name

    def ask(self, what: str, request: bytes, taker: Taker, limits: Mapping[str, int]) -> Pending:
        return self._link.submit(
            _MODULE,
            {"_what": what, **limits},
            content=content_of_bytes(request),
            # All that a link does with it is to write.
            save_to=cast(BinaryIO, taker),
        )


def open_source(link: AgentLink) -> HostSource:
    """The files of the host at the other end; the link is closed by whoever opened it."""
    return HostSource(LinkAgent(link))
