"""The lab's own network: a bridge in a network namespace, one cable to each host, one to us.

Everything but the end of our own cable is in namespaces that die with the keeper, and that end
goes with the other one: nothing is ever left behind.  Hosts reach this machine and each other,
nothing else.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab import wire
from tests.lab.protocol import LabError

_SWITCH = "switch"
_BRIDGE = "lab"
_FIRST_HOST = 11
_LAST_HOST = 254


@dataclass
class Network:
    """10.99.NUMBER.0/24; this machine is its first address.  Ports count from 0, one a host."""

    number: int
    _cables: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def gateway(self) -> str:
        return f"10.99.{self.number}.1"

    def address(self, port: int) -> str:
        if port > _LAST_HOST - _FIRST_HOST:
            raise LabError("too many hosts for one lab")
        return f"10.99.{self.number}.{_FIRST_HOST + port}"

    def namespace_file(self, port: int) -> Path:
        return Path("/run/netns") / _namespace(port)

    def attach(self, port: int) -> None:
        """Make the network namespace of a host, plugged in and with its address."""
        space = _namespace(port)
        _ip("netns", "add", space)
        _ip_batch(
            _SWITCH,
            f"link add port{port} type veth peer name host0 netns {space}",
            f"link set port{port} master {_BRIDGE} up",
        )
        _ip_batch(
            space,
            # The same with each host that gets this address: neighbours remember for a minute.
            f"link set host0 address 02:00:00:00:{self.number:02x}:{port:02x}",
            f"addr add {self.address(port)}/24 dev host0",
            "link set lo up",
            "link set host0 up",
            f"route add default via {self.gateway}",
        )

    def detach(self, port: int) -> None:
        self.remove_cable(port)
        _ip("-n", _SWITCH, "link", "del", f"port{port}")
        _ip("netns", "del", _namespace(port))

    def insert_cable(self, port: int, file: Path) -> None:
        """Let the host's frames pass through ``wire.py``: port - bend - near = far - bridge."""
        argv = ["nsenter", f"--net=/run/netns/{_SWITCH}", sys.executable, "-I", "-S", wire.__file__]
        cable = subprocess.Popen(
            [*argv, f"near{port}", f"far{port}", file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert cable.stdout is not None
        if cable.stdout.readline().decode().strip() != wire.UP:
            raise LabError("the cable did not start: see keeper.log")
        self._cables[port] = cable
        _ip_batch(
            _SWITCH,
            f"link add bend{port} type bridge",
            f"link set bend{port} up",
            f"link set near{port} master bend{port} up",
            f"link set far{port} master {_BRIDGE} up",
            f"link set port{port} master bend{port}",
        )

    def cable(self, port: int) -> "subprocess.Popen[bytes] | None":
        """The process that carries the host's frames, if there is one."""
        return self._cables.get(port)

    def remove_cable(self, port: int) -> None:
        cable = self._cables.pop(port, None)
        if cable is None:
            return
        _ip("-n", _SWITCH, "link", "set", f"port{port}", "master", _BRIDGE)
        cable.kill()
        cable.communicate()
        _ip("-n", _SWITCH, "link", "del", f"bend{port}")


def open_network() -> Network:
    """Make bridge and cable to us, with the first number that nobody has."""
    _ip("netns", "add", _SWITCH)
    _ip_batch(_SWITCH, f"link add {_BRIDGE} type bridge", f"link set {_BRIDGE} up")
    for number in range(256):
        if not _is_routed(number) and _plug_in(number):
            return Network(number)
    raise LabError("all networks from 10.99.0.0/24 to 10.99.255.0/24 are taken")


def parse_is_routed(routes: list[Mapping[str, Any]]) -> bool:
    """Whether ``ip -j route show root NETWORK`` tells of the network or a part of it."""
    return any(route.get("dst") != "default" for route in routes)


def _is_routed(number: int) -> bool:
    return parse_is_routed(json.loads(_ip("-j", "route", "show", "root", f"10.99.{number}.0/24")))


def _plug_in(number: int) -> bool:
    """Put our end of the cable in place; ``False`` if another lab was quicker."""
    end = f"lpselab{number}"
    argv = ["ip", "link", "add", end, "type", "veth", "peer", "name", "uplink", "netns", _SWITCH]
    if subprocess.run(argv, capture_output=True).returncode != 0:
        return False
    _ip_batch(_SWITCH, f"link set uplink master {_BRIDGE} up")
    _ip("addr", "add", f"10.99.{number}.1/24", "dev", end)
    _ip("link", "set", end, "up")
    # This machine may be a router for others; not for the lab.
    Path(f"/proc/sys/net/ipv4/conf/{end}/forwarding").write_text("0")
    return True


def _namespace(port: int) -> str:
    return f"host{port}"


def _ip(*words: str, commands: str = "") -> str:
    argv = ["ip", *words]
    done = subprocess.run(argv, input=commands, capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip()} {commands}")
    return done.stdout


def _ip_batch(namespace: str, *commands: str) -> None:
    _ip("-n", namespace, "-batch", "-", commands="\n".join(commands) + "\n")
