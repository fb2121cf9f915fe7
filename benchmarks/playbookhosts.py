"""The managed hosts: a real sshd on loopback, near or at the end of a slow line."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.relay import Relay, open_relay
from tests.lab.delayproxy import open_delay_proxy
from tests.lab.sshd import Sshd, open_sshd

ROUND_TRIP_SECONDS = 0.04
# sshd listens at 16 places at most.
ADDRESSES = tuple(f"127.0.0.{number}" for number in range(1, 11))
_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class Hosts:
    """``places`` are the address and port of each name; the files say so to every tool."""

    folder: Path
    sshd: Sshd
    places: Mapping[str, tuple[str, int]]

    @property
    def inventory(self) -> Path:
        return self.folder / "hosts.json"

    @property
    def pyinfra_inventory(self) -> Path:
        return self.folder / "inventory.py"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"


@dataclass(frozen=True)
class Lines:
    """The same sshd as one near host, one far host, ten hosts and two hundred names."""

    near: Hosts
    far: Hosts
    counted: Hosts
    ten: Hosts
    many: Hosts
    relay: Relay


@contextlib.contextmanager
def open_lines(folder: Path, *, names: int) -> Iterator[Lines]:
    listening = "\nListenAddress ".join(ADDRESSES)
    one_way_ms = ROUND_TRIP_SECONDS * 1000 / 2
    with (
        open_sshd(folder / "sshd", settings={"ListenAddress": listening}) as sshd,
        open_delay_proxy(sshd.host, sshd.port, delay_ms=one_way_ms) as proxy,
        open_relay(proxy.port) as relay,
    ):
        here = (sshd.host, sshd.port)
        ten = {f"h{n}": (each, sshd.port) for n, each in enumerate(ADDRESSES)}
        yield Lines(
            near=_write(folder / "near", sshd, {"near": here}),
            far=_write(folder / "far", sshd, {"far": (proxy.host, proxy.port)}),
            counted=_write(folder / "counted", sshd, {"counted": ("127.0.0.1", relay.port)}),
            ten=_write(folder / "ten", sshd, ten),
            many=_write(folder / "many", sshd, {f"h{n}": here for n in range(names)}),
            relay=relay,
        )


def _write(folder: Path, sshd: Sshd, places: Mapping[str, tuple[str, int]]) -> Hosts:
    folder.mkdir()
    hosts = Hosts(folder, sshd, places)
    (folder / "ansible.cfg").touch()
    known = folder / "known_hosts"
    known.write_text("".join(f"[{at}]:{port} {sshd.host_key}\n" for at, port in places.values()))
    hosts.ssh_config.write_text(
        f"Host *\n  IdentityFile {sshd.key_file}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n"
        "  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
    )
    described = {name: _describe(hosts, *place) for name, place in places.items()}
    hosts.inventory.write_text(json.dumps({"all": {"hosts": described}}))
    for_pyinfra = [(name, _describe_to_pyinfra(hosts, known, *places[name])) for name in places]
    hosts.pyinfra_inventory.write_text(f"hosts = {for_pyinfra!r}\n")
    return hosts


def _describe(hosts: Hosts, address: str, port: int) -> dict[str, str | int]:
    return {
        "ansible_host": address,
        "ansible_port": port,
        "ansible_user": hosts.sshd.user,
        "ansible_ssh_private_key_file": str(hosts.sshd.key_file),
        "ansible_ssh_common_args": f"-F {hosts.ssh_config}",
        "ansible_python_interpreter": _PYTHON,
    }


def _describe_to_pyinfra(
    hosts: Hosts, known_hosts: Path, address: str, port: int
) -> dict[str, str | int | bool]:
    return {
        "ssh_hostname": address,
        "ssh_port": port,
        "ssh_user": hosts.sshd.user,
        "ssh_key": str(hosts.sshd.key_file),
        "ssh_known_hosts_file": str(known_hosts),
        "ssh_config_file": str(hosts.ssh_config),
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
    }
