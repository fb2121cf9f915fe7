"""The second set of plays (packages, the system, data) and what it needs beside a machine.

The machines share one PostgreSQL, which each of them has as a socket of its own; what a machine
makes there begins with a word of its own.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lab.lab import Host
from tests.playbook.onmachines.runs import HERE
from tests.postgres.servers import Server

PLAYS = ("packages.yml", "system.yml", "data.yml")
GOLDEN = HERE / "golden" / "check-more.json"
SOCKET = "/run/basis/.s.PGSQL.5432"
_SECONDS_TO_START = 20
# Task -> what only one of the two says, or says in a way of its own.
_OTHERWISE = {
    **dict.fromkeys(("apt", "package"), ("cache_update_time",)),
    "apt, no such package": ("cache_updated",),
    # Where Ansible shows no diff; or where it does, and it was another kind of one.
    "deb822_repository": ("diff",),
    "unarchive": ("diff", "extract_results"),
    "mount, only written down": ("warnings",),
    # Equal members, packed in another order.
    "archive": ("size",),
    # Ansible also asks what has no influence.
    "ufw": ("commands",),
    "uri": ("date",),
    "postgresql_query": ("execution_time_ms",),
}
# What Ansible skips in check mode, and we foretell.
_FORETOLD = ("unarchive",)
_LOOK_AT_THE_END = r"""
cd /; exec 2>/dev/null
find srv/data etc/cron.d etc/sysctl.d etc/apt/sources.list.d -not -path '*/.git/*' \
    -not -path '*/.git' \( -type d -printf '%p %y %m %U:%G\n' -o -printf '%p %y %m %U:%G %l\n' \)
find srv/data etc/cron.d etc/sysctl.d etc/apt/sources.list.d -type f -not -path '*/.git/*' \
    -not -name '*~' -not -name '*.tgz' -not -name '*.zip' -exec sha1sum {} +
dpkg-query -W -f '${Package} ${Version} ${Status}\n' 'lab-*'
crontab -l; crontab -u daemon -l; cat /etc/fstab /etc/hostname /etc/timezone; hostname
readlink /etc/localtime; findmnt -rno TARGET,OPTIONS -t tmpfs | grep /srv
debconf-show tzdata; cat /etc/ufw/user.rules /etc/default/ufw
tar -tf srv/data/satu.tgz | sort; unzip -Z1 srv/data/dua.zip | sort
git -C srv/data/satu log --format=%H; git -C srv/data/dua log --format=%H
"""
_LOOK_INTO_THE_DATABASE = """
SELECT rolname || ' ' || rolcreatedb || ' ' || (rolpassword LIKE 'SCRAM%%') || ' '
    || coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_authid WHERE rolname LIKE '{0}_%'
UNION ALL SELECT datname || ' ' || coalesce(shobj_description(oid, 'pg_database'), '')
    FROM pg_database WHERE datname LIKE '{0}%'
"""
_LOOK_INTO_THE_TABLE = """
SELECT relname || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relname = 'paket'
UNION ALL SELECT defaclobjtype::text || ' ' || defaclacl::text FROM pg_default_acl
UNION ALL SELECT nama || ' ' || nilai FROM paket
"""


def prepare_more(host: Host, server: Server, word: str) -> None:
    """What the plays expect to find, on the machine and in the database."""
    host.reach_debian()
    host.run("sh", stdin=(HERE / "prepare-more.sh").read_text(), timeout_seconds=120)
    server.execute(f"CREATE DATABASE {word}")
    server.execute(f"CREATE DATABASE {word}_lama")
    server.execute(f"CREATE ROLE {word}_lama; CREATE ROLE {word}_operator")
    server.execute(
        "CREATE TABLE paket (nama text, nilai int); "
        "INSERT INTO paket VALUES ('aspal', 1), ('batu', NULL)",
        name=word,
    )


def without_known_differences(
    told: list[list[Any]], *, in_check_mode: bool = False
) -> list[list[Any]]:
    """What was told, less what is another's by intention."""
    if in_check_mode:
        told = [each for each in told if each[0] not in _FORETOLD]
    for task, _, _, result in told:
        for name in (task, task.partition(",")[0]):
            for key in _OTHERWISE.get(name, ()):
                result.pop(key, None)
        # The older driver that Debian has ends a message with a line end.
        if "msg" in result:
            result["msg"] = str(result["msg"]).replace("\n, query list", ", query list")
        for item in result.get("results", ()):
            item.pop("failed", None)
    return told


@contextmanager
def socket_in(host: Host, server: Server) -> Iterator[None]:
    """The server's socket in a machine, as long as the block lasts."""
    here = f"{server.socket_folder}/.s.PGSQL.{server.tcp_port}"
    argv = host.ssh_argv()
    options = ["-N", "-o", "ExitOnForwardFailure=yes", "-R", f"{SOCKET}:{here}"]
    forward = subprocess.Popen([*argv[:-1], *options, argv[-1]], stdin=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + _SECONDS_TO_START
        while host.run("test", "-S", SOCKET, check=False).status and time.monotonic() < give_up:
            time.sleep(0.1)
        # Anybody on the machine may be the one who the plays become.
        host.run("chmod", "0777", SOCKET)
        yield
    finally:
        forward.terminate()
        forward.wait()


def look_at_the_end(host: Host, server: Server, word: str) -> list[str]:
    """What the plays were about."""
    text = host.run("sh", "-c", _LOOK_AT_THE_END, check=False).stdout
    lines = [line for line in text.splitlines() if "~ f " not in line]
    return sorted(lines) + look_into_the_database(server, word)


def look_into_the_database(server: Server, word: str) -> list[str]:
    """What a machine has in the database, without its own word."""
    rows = server.execute(_LOOK_INTO_THE_DATABASE.format(word))
    rows += server.execute(_LOOK_INTO_THE_TABLE, name=word)
    return sorted(str(row[0]).replace(word, "AWALAN") for row in rows)
