"""Opens the connections of one run, whatever their kind; what they share is kept here."""

import threading
from typing import TYPE_CHECKING

from lpse_ops.remote.connect import open_connection
from lpse_ops.remote.target import Target
from lpse_ops.remote.transport import Connection

if TYPE_CHECKING:
    from lpse_ops.remote.ssh import SshConnector

_SSH_KINDS = ("ssh", "paramiko", "paramiko_ssh")


class Connections:
    """``open`` is what ``HostLinks`` takes as ``connect``; any thread may call it.

    The configuration of SSH is read once, and handshakes at a jump host wait for each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connector: SshConnector | None = None

    def open(self, target: Target) -> Connection:
        """Connect to a host; ``HostUnreachable`` when that fails."""
        if target.connection not in _SSH_KINDS:
            return open_connection(target)
        # Imported when used, as paramiko takes its time.
        from lpse_ops.remote.ssh import SshConnector, Surroundings, open_ssh

        with self._lock:
            self._connector = self._connector or SshConnector(Surroundings.of_process())
        return open_ssh(target, self._connector)
