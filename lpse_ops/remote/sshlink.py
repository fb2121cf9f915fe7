"""One machine's part of a connection over SSH: paramiko's client, or that of Fabric.

Fabric joins the machines of a route.  To import it takes as long as all of paramiko, so a host that
is reached straight does without.
"""

from typing import Any, Protocol

from paramiko.client import SSHClient

from lpse_ops.remote.sshconfig import SshSettings


class Link(Protocol):
    """``transport`` is there once it is open; ``options`` are those of ``SSHClient.connect``."""

    client: SSHClient
    transport: Any
    connect_kwargs: dict[str, Any]

    def open(self) -> Any:
        """Connect, check the host key and log in."""
        ...


class StraightLink:
    """To a host without others on the way; see ``Link``."""

    def __init__(self, settings: SshSettings, timeout: int, options: dict[str, Any]) -> None:
        self._settings = settings
        self._timeout = timeout
        self.client = SSHClient()
        self.transport: Any = None
        self.connect_kwargs = options

    def open(self) -> None:
        settings = self._settings
        self.client.connect(
            settings.host,
            settings.port,
            settings.user,
            timeout=self._timeout,
            **self.connect_kwargs,
        )
        self.transport = self.client.get_transport()


def make_link(
    settings: SshSettings,
    timeout: int,
    options: dict[str, Any],
    *,
    gateway: Link | None,
    is_alone: bool,
) -> Link:
    """A link that is not open yet; ``gateway`` is the machine before it on the route, if any."""
    if is_alone:
        return StraightLink(settings, timeout, options)
    import fabric
    from paramiko.config import SSHConfig

    link: Link = fabric.Connection(
        settings.host,
        user=settings.user,
        port=settings.port,
        # Everything is decided already.
        config=fabric.Config(lazy=True, ssh_config=SSHConfig()),
        gateway=gateway or False,
        connect_timeout=timeout,
        connect_kwargs=options,
    )
    return link
