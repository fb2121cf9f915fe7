"""Tasks on their way to a host, one behind the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.playbook.links import Links
from lpse_ops.playbook.results import Result
from lpse_ops.playbook.targets import LOCALHOST
from lpse_ops.remote.content import Content
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.pending import Pending
from lpse_ops.remote.request import INLINE_BYTES, RunOptions
from lpse_ops.remote.target import Target


def is_this_machine(target: Target) -> bool:
    """Whether files of a target are those of the controller."""
    return target.connection == "local" or target.address in LOCALHOST


def _as_it_is(answer: Result) -> Result:
    return answer


@dataclass(frozen=True)
class Sent:
    """What is on its way to a host, over which link; ``finish`` makes the result of the answer."""

    pending: Pending
    target: Target
    link: AgentLink
    finish: Callable[[Result], Result] = _as_it_is
    size_bytes: int = 0

    @property
    def is_here(self) -> bool:
        """Whether it goes to this machine."""
        return is_this_machine(self.target)


@dataclass(frozen=True)
class Line:
    """Where a task stands: it runs when ``after`` was answered, and if all of ``needs`` went well.

    ``is_ahead``: nothing may wait for an answer; ``AnswerNeeded`` is raised instead.
    """

    after: Sent | None = None
    needs: tuple[Pending, ...] = ()
    is_ahead: bool = False


@dataclass(frozen=True)
class Prepared:
    """A task of which everything is evaluated; arguments and content may be secret."""

    target: Target
    module: str
    args: Mapping[str, Any] = field(repr=False)
    options: RunOptions
    content: Content | None = field(default=None, repr=False)
    finish: Callable[[Result], Result] = _as_it_is

    @property
    def is_small(self) -> bool:
        """Whether all of it goes along with the request."""
        return self.content is None or self.content.size_bytes <= INLINE_BYTES

    def submit(self, line: Line, links: Links) -> Sent:
        """Send it without waiting for its answer; ``HostUnreachable``: nothing was sent.

        The way to the host stays that of ``after``: what was lost is not made anew.
        """
        after, before = line.after, None
        if after is not None and after.target == self.target:
            link, before = after.link, after.pending
        else:
            if after is not None:
                # Another account: it has to wait here, where both are known.
                after.pending.result()
            link = links.get(self.target)
        pending = link.submit(
            self.module, self.args, options=self.options, content=self.content,
            after=before, needs=line.needs,
        )  # fmt: skip
        size = len(str(self.args)) + (self.content.size_bytes if self.content else 0)
        return Sent(pending, self.target, link, self.finish, size)
