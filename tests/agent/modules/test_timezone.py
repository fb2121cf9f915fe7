"""What is read of a host's zone and clock."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.modules.timezone import (
    check_zone,
    parse_adjtime,
    parse_status,
    plan_files,
    zone_of_link,
)

NEW = """\
                Time zone: Asia/Makassar (WITA, +0800)
System clock synchronized: no
          RTC in local TZ: no
"""
# systemd 204, of Ubuntu 14.04.
OLD = "        Timezone: Asia/Jakarta (WIB, +0700)\n RTC in local TZ: yes\n"


@pytest.mark.parametrize(
    ("text", "zone", "clock"),
    [(NEW, "Asia/Makassar", "UTC"), (OLD, "Asia/Jakarta", "local"), ("", "n/a", "n/a")],
)
def test_timedatectl(text, zone, clock):
    assert parse_status(text) == {"name": zone, "hwclock": clock}


@pytest.mark.parametrize(
    ("text", "clock"),
    [("", "UTC"), ("0.0 0 0.0\n0\nLOCAL\n", "local"), ("0.0 0 0.0\n0\nUTC", "UTC")],
)
def test_adjtime(text, clock):
    assert parse_adjtime(text) == clock


@pytest.mark.parametrize(
    ("target", "zone"),
    [
        ("/usr/share/zoneinfo/Asia/Jayapura", "Asia/Jayapura"),
        ("../usr/share/zoneinfo/UTC", "UTC"),
        ("/etc/zone", None),
    ],
)
def test_link(target, zone):
    assert zone_of_link(target) == zone


@pytest.mark.parametrize("name", ["Asia/Nihil", "../../../etc/passwd", "/etc/passwd", "Asia", ""])
def test_a_zone_that_the_host_does_not_have(name):
    with pytest.raises(Failed, match="is not available"):
        check_zone(name)


def test_files_that_name_the_zone_too():
    [(path, text)] = plan_files("Asia/Jakarta", lambda path: path == "/etc/timezone")
    assert (path, text("UTC")) == ("/etc/timezone", "Asia/Jakarta\n")
    [(path, text)] = plan_files("Asia/Jakarta", lambda path: path == "/etc/sysconfig/clock")
    assert text('ZONE="UTC"\nUTC=true') == 'UTC=true\nZONE="Asia/Jakarta"\n'
