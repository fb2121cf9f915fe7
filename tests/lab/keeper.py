"""The process that a lab lives in: its end is the end of every host, mount and network of it.

``open_lab`` starts it as first process of its own PID and mount namespaces.  On a machine with
cgroup v1 beside v2 it sees pure v2 as well, because it mounts the v2 hierarchy for itself.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.lab import aptproxy
from tests.lab.base import base_in_use, cache_folder
from tests.lab.disk import Disk
from tests.lab.leftovers import (
    CGROUPS,
    cgroup_of,
    hold_lock,
    remove_cgroup,
    remove_dead_cgroups,
    remove_dead_labs,
)
from tests.lab.machine import Machine, Place
from tests.lab.network import Network, open_network
from tests.lab.protocol import LabError, Server
from tests.lab.sshd import make_key
from tests.lab.template import copy_layer, hold_template, layers_of
from tests.lab.trouble import raise_limits
from tests.lab.wire import Settings

_HOSTS = Path("/run/hosts")


class Keeper:
    """All hosts of one lab.  Each public method is a call of the protocol."""

    def __init__(self, folder: Path, base: Path, network: Network) -> None:
        self._folder = folder
        self._base = base
        self._network = network
        self._cgroup = cgroup_of(network.number)
        remove_dead_cgroups(self._cgroup)
        self._machines: dict[str, Machine] = {}
        # With the open files that keep them from being removed.
        self._templates: dict[Path, int] = {}
        self._lock = threading.Lock()
        self._has_proxy = False

    def calls(self) -> dict[str, Callable[..., Any]]:
        return {
            "up": self.up,
            "list": self.show,
            "off": self.off,
            "kill": self.kill,
            "keep": self.keep,
            "reset": self.reset,
            "remove": self.remove,
            "wire": self.wire,
            "unwire": self.unwire,
            "boot_id": self.boot_id,
            "execute": self.execute,
            "proxy": self.proxy,
            "end": self.end,
        }

    def up(self, names: list[str], disk_mb: int = 0, template: str = "") -> list[dict[str, Any]]:
        """Make the hosts that there are not, start those that are off, wait for all of them."""
        with self._lock:
            new = [name for name in dict.fromkeys(names) if name not in self._machines]
            for name in new:
                self._add(name, disk_mb, Path(template) if template else None)
            # What a test has written into a host's files stays, unless there is news.
            if new:
                self._tell_names()
        machines = [self._machine(name) for name in names]
        with ThreadPoolExecutor(max(1, len(machines))) as pool:
            list(pool.map(_power_on, machines))
        return [_describe(machine) for machine in machines]

    def show(self) -> list[dict[str, Any]]:
        return [_describe(machine) for machine in list(self._machines.values())]

    def off(self, name: str) -> None:
        machine = self._machine(name)
        with machine.lock:
            machine.shut_down()

    def kill(self, name: str) -> None:
        machine = self._machine(name)
        with machine.lock:
            machine.cut_power()

    def keep(self, name: str, layer: str, below: str = "") -> None:
        """Copy what a host that is off has written to a new folder, for others to begin with."""
        machine = self._machine(name)
        with machine.lock:
            if machine.is_on:
                raise LabError(f"{name} is on: shut it down first")
            copy_layer(machine.place.disk.upper, Path(layer), Path(below) if below else None)

    def reset(self, name: str) -> dict[str, Any]:
        """Throw the disk away and boot from a fresh one, which has host keys of its own."""
        machine = self._machine(name)
        with self._lock, machine.lock:
            machine.cut_power()
            machine.place.disk.throw_away()
            machine.place.disk.make(name, self._public_key())
            self._tell_names()
        return self.up([name])[0]

    def remove(self, name: str) -> None:
        machine = self._machine(name)
        with self._lock, machine.lock:
            machine.cut_power()
            machine.place.disk.throw_away()
            self._network.detach(machine.port)
            del self._machines[name]
            self._tell_names()

    def wire(self, name: str, settings: dict[str, Any]) -> None:
        """Put a slow line to a host, or change the one there is."""
        machine = self._machine(name)
        file = self._folder / f"wire-{name}.json"
        with machine.lock:
            _replace(file, json.dumps(asdict(Settings(**settings))))
            cable = self._network.cable(machine.port)
            if cable is None:
                self._network.insert_cable(machine.port, file)
            else:
                cable.send_signal(signal.SIGHUP)

    def unwire(self, name: str) -> None:
        machine = self._machine(name)
        with machine.lock:
            self._network.remove_cable(machine.port)

    def boot_id(self, name: str) -> str:
        return self._machine(name).boot_id()

    def execute(
        self, name: str, argv: list[str], stdin: str = "", timeout_seconds: float | None = None
    ) -> tuple[int, str, str]:
        return self._machine(name).execute(argv, stdin, timeout_seconds)

    def proxy(self) -> str:
        """Have the proxy for Debian's packages running; return its address."""
        with self._lock:
            if not self._has_proxy:
                start_proxy(self._network.gateway)
                self._has_proxy = True
        return f"http://{self._network.gateway}:{aptproxy.PORT}"

    def end(self) -> None:
        """Cut the power of all hosts; the keeper ends after its answer."""
        for machine in self._machines.values():
            machine.cut_power()
        remove_cgroup(self._cgroup)

    def _machine(self, name: str) -> Machine:
        if name not in self._machines:
            raise LabError(f"there is no host {name}; there are: {' '.join(self._machines)}")
        return self._machines[name]

    def _add(self, name: str, disk_mb: int, template: Path | None) -> None:
        layers = tuple(layers_of(template)) if template else ()
        for layer in layers:
            if layer not in self._templates:
                self._templates[layer] = hold_template(layer)
        taken = {machine.port for machine in self._machines.values()}
        port = next(number for number in range(len(taken) + 1) if number not in taken)
        self._network.attach(port)
        disk = Disk(self._base, _HOSTS / name, disk_mb, layers)
        disk.make(name, self._public_key())
        console = self._folder / f"console-{name}.log"
        place = Place(disk, self._cgroup / name, self._network.namespace_file(port), console)
        self._machines[name] = Machine(name, port, self._network.address(port), place)

    def _public_key(self) -> str:
        return (self._folder / "client_key.pub").read_text()

    def _tell_names(self) -> None:
        """Let the hosts know each other, and ssh know the hosts."""
        machines = list(self._machines.values())
        fixed = ["127.0.0.1 localhost", "::1 localhost", f"{self._network.gateway} control"]
        names = [f"{machine.address} {machine.name}" for machine in machines]
        for machine in machines:
            machine.place.disk.write_names([*fixed, *names])
        keys = [f"{m.name},{m.address} {m.place.disk.host_key()}\n" for m in machines]
        _replace(self._folder / "known_hosts", "".join(keys))
        _replace(self._folder / "ssh_config", render_ssh_config(self._folder, machines))


def render_ssh_config(folder: Path, machines: list[Machine]) -> str:
    hosts = [
        f"Host {m.name} {m.address}\n  HostName {m.address}\n  HostKeyAlias {m.name}"
        for m in machines
    ]
    return "\n".join(
        [
            *hosts,
            "Host *",
            "  User root",
            f"  IdentityFile {folder}/client_key",
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
            f"  UserKnownHostsFile {folder}/known_hosts",
            "  GlobalKnownHostsFile /dev/null",
            "  StrictHostKeyChecking yes",
            "  BatchMode yes",
            "  LogLevel ERROR",
            "",
        ]
    )


def start_proxy(address: str) -> None:
    cache = str(cache_folder() / "apt")
    argv = [sys.executable, "-I", "-S", aptproxy.__file__, address, cache]
    proxy = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert proxy.stdout is not None
    if proxy.stdout.readline().decode().strip() != aptproxy.UP:
        raise LabError("the proxy did not start: see keeper.log")


def _power_on(machine: Machine) -> None:
    with machine.lock:
        machine.bring_up()


def _replace(file: Path, text: str) -> None:
    """Whoever reads it meanwhile reads the old text or the new one."""
    young = file.with_name(file.name + ".new")
    young.write_text(text)
    young.rename(file)


def _describe(machine: Machine) -> dict[str, Any]:
    return {"name": machine.name, "address": machine.address, "is_on": machine.is_on}


def _make_room() -> None:
    """Mounts that only we see: a /run of our own, and cgroup v2 wherever the machine has it."""
    resolver = Path("/etc/resolv.conf").resolve()
    text = resolver.read_bytes() if resolver.is_file() else b""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    if not resolver.exists():
        resolver.parent.mkdir(parents=True)
        resolver.write_bytes(text)
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", CGROUPS], check=True)


def main(folder: Path, base: Path) -> None:
    _make_room()
    raise_limits()
    if not hold_lock(folder):
        raise LabError(f"a lab lives in {folder} already")
    remove_dead_labs(folder.parent)
    make_key(folder / "client_key")
    with base_in_use(base):
        keeper = Keeper(folder, base, open_network())
        Server(folder / "socket", keeper.calls(), last="end").serve()
    # Threads and hosts that are left end with the first process of a PID namespace.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
