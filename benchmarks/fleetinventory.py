"""Inventories of a whole fleet of LPSE: sound ones of any number of hosts, as YAML and as INI.

Half of the hosts are SPSE servers; each LPSE is a group with variables of its own, every host has
some in the inventory and every twentieth a file in ``host_vars``.
"""

from collections.abc import Iterator
from pathlib import Path

HOSTS_OF_AN_LPSE = 4
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYmTi9f2Mf8TbZyvO2GYjVPuPyXzTTUtQcq4aHPwXnC"
_ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")
_FLEET = """\
ssh_port: 22
ansible_user: deploy
lkpp_addresses: [103.55.160.0/28]
backup_root: /mnt/backup
backup_destinations:
  - {location: '{{ backup_root }}/{{ lpse_slug }}', kept_at: Brankas Setda}
  - {location: 's3:https://s3.example.id/lpse'}
spse_paths: ['{{ spse_home }}/conf', '{{ spse_home }}/logs']
spse_home: /home/appserv/spse
"""


def write_fleet(folder: Path, hosts: int, *, as_ini: bool) -> Path:
    """Write an inventory folder and return it."""
    (folder / "group_vars").mkdir(parents=True)
    (folder / "host_vars").mkdir()
    lines = _ini(hosts) if as_ini else _yaml(hosts)
    path = folder / ("hosts.ini" if as_ini else "hosts.yml")
    path.write_text("".join(f"{line}\n" for line in lines))
    (folder / "group_vars/spse.yml").write_text(_FLEET)
    for number in range(hosts // HOSTS_OF_AN_LPSE):
        zone = _ZONES[number % len(_ZONES)]
        values = f"lpse_slug: lpse-{number}\ntime_zone: {zone}\ncontact: lpse{number}@example.id\n"
        (folder / f"group_vars/lpse_{number}.yml").write_text(values)
    for number in range(0, hosts, 20):
        (folder / f"host_vars/{_name(number)}.yml").write_text(
            "rack: 'B{{ 1 + 1 }}'\nunits: [3, 4]\n"
        )
    return folder


def _name(number: int) -> str:
    kind = "spse" if number % 2 == 0 else "db"
    return f"{kind}-{number}"


def _variables(number: int) -> dict[str, str]:
    values = {"ansible_host": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
    if number % 2 == 0:
        values |= {
            "spse_public_address": f"36.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
            "spse_domain": f"spse-{number}.contohkab.go.id",
            "ansible_ssh_host_key": _KEY,
            "ups": f"ups-{number}",
            "warranty_until": "2039-03-31",
        }
    return values


def _groups(hosts: int) -> Iterator[tuple[str, list[int]]]:
    yield "spse", list(range(0, hosts, 2))
    yield "database", list(range(1, hosts, 2))
    for number in range(hosts // HOSTS_OF_AN_LPSE):
        first = number * HOSTS_OF_AN_LPSE
        yield f"lpse_{number}", list(range(first, first + HOSTS_OF_AN_LPSE))


def _yaml(hosts: int) -> Iterator[str]:
    yield "all:"
    yield "  hosts:"
    for number in range(hosts):
        yield f"    {_name(number)}:"
        yield from (f"      {name}: {value}" for name, value in _variables(number).items())
    yield "  children:"
    for group, members in _groups(hosts):
        yield f"    {group}:"
        yield "      hosts:"
        yield from (f"        {_name(number)}:" for number in members)


def _ini(hosts: int) -> Iterator[str]:
    for number in range(hosts):
        values = (f"{name}='{value}'" for name, value in _variables(number).items())
        yield f"{_name(number)} {' '.join(values)}"
    for group, members in _groups(hosts):
        yield f"[{group}]"
        yield from map(_name, members)
