"""Links to hosts, kept for the whole run: one connection a host, one agent there an account."""

import threading
from collections.abc import Callable
from dataclasses import replace

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.connect import HostLinks
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.target import Target
from lpse_ops.remote.transport import Connection


class Links:
    """Thread-safe; ``close`` ends every agent."""

    def __init__(self, make: Callable[[Target], HostLinks] = HostLinks) -> None:
        self._make = make
        self._hosts: dict[Target, HostLinks] = {}
        self._mutex = threading.Lock()
        self._ended = False

    def get(self, target: Target) -> AgentLink:
        """The link for a target, opened if there is none; raises ``HostUnreachable``."""
        return self._host(target).link(target.become, python=target.python)

    def connection(self, target: Target) -> Connection:
        """The connection itself, for a host without an agent; raises ``HostUnreachable``."""
        return self._host(target).connection(target.become)

    def _host(self, target: Target) -> HostLinks:
        place = replace(target, become=None, python="")
        # Connecting is outside: only tasks of the same host wait for each other there.
        with self._mutex:
            if self._ended:
                raise HostUnreachable(
                    f"{target.name}: the run was broken off", hint="run it again to go on"
                )
            if place not in self._hosts:
                self._hosts[place] = self._make(place)
            return self._hosts[place]

    def drop(self, name: str) -> None:
        """Close all links to a host: it was restarted, or its settings changed."""
        with self._mutex:
            dropped = [place for place in self._hosts if place.name == name]
            hosts = [self._hosts.pop(place) for place in dropped]
        for host in hosts:
            host.close()

    def end(self) -> None:
        """Close all links, and let whoever waits for a host or turns to one know it at once."""
        with self._mutex:
            self._ended = True
        self.close()

    def close(self) -> None:
        with self._mutex:
            hosts = list(self._hosts.values())
            self._hosts = {}
        closing = [threading.Thread(target=host.close) for host in hosts]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
