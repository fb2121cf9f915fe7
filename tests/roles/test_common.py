"""Time zone, locales and accounts on a real machine."""

import subprocess
from pathlib import Path

import pytest

from tests.lab.sshd import make_key
from tests.roles.running import RoleRunner

pytestmark = pytest.mark.xdist_group("roles")

LOOK = "date +%Z; cat /etc/timezone; locale -a; cat /etc/default/locale"


def test_a_person_gets_in_and_the_clock_is_that_of_the_place(roles: RoleRunner, tmp_path: Path):
    host = roles.host
    make_key(tmp_path / "key")
    sari = {"name": "sari", "key": (tmp_path / "key.pub").read_text(), "sudo": True}
    variables = {"common_time_zone": "WITA", "common_users": [sari, {"name": "budi"}]}
    roles.prove("common", variables)
    told = host.run("sh", "-c", LOOK).stdout.splitlines()
    assert {"WITA", "Asia/Makassar", "id_ID.utf8", "LANG=C.UTF-8"} <= set(told)
    argv = [
        "ssh",
        "-i",
        tmp_path / "key",
        *host.ssh_argv("sudo", "-n", "id", "-un", user="sari")[1:],
    ]
    assert subprocess.check_output(argv, text=True) == "root\n"
    assert host.run("sudo", "-n", "-l", "-U", "budi", check=False).stdout.endswith("on roles.\n")

    # A key of somebody else's stays, and who leaves loses the way to root with the account.
    host.run("sh", "-c", "echo '# kept' >>/home/sari/.ssh/authorized_keys")
    gone = {**variables, "common_users": [{**sari, "key": ""}, {"name": "budi", "state": "absent"}]}
    assert roles.run("common", variables=gone).status == 0
    assert host.run("cat", "/home/sari/.ssh/authorized_keys").stdout == "# kept\n"
    assert host.run("id", "budi", check=False).status != 0
    gone["common_users"] = [{**sari, "state": "absent"}]
    # An inventory that says nothing of the time zone leaves a clock by which tenders close.
    del gone["common_time_zone"]
    ran = roles.run("common", variables={**gone, "time_zone": None})
    assert (ran.status, host.run("date", "+%Z").stdout) == (0, "WITA\n"), ran.text
    assert host.run("ls", "/etc/sudoers.d").stdout.count("sari") == 0
    assert host.run("test", "-d", "/home/sari/.ssh").status == 0


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"common_time_zone": "Asia/Tokyo"}, "Asia/Jayapura"),
        ({"common_users": [{"name": "sari ALL"}]}, "sari ALL is no name of an account"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    roles: RoleRunner, variables: dict[str, object], told: str
):
    ran = roles.run("common", variables=variables)
    assert ran.status == 2
    assert told in ran.text
