"""Which way of keeping its name a host has, and the files of those without systemd."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.modules.hostname import FILES, check_name, decide_use


@pytest.mark.parametrize(
    ("asked", "manager", "family", "use"),
    [
        (None, "systemd", "RedHat", "systemd"),
        (None, "openrc", "Alpine", "alpine"),
        (None, "sysvinit", "Debian", "debian"),
        ("debian", "systemd", "Debian", "systemd"),
        ("debian", "sysvinit", "NixOS", "debian"),
        ("redhat", "systemd", "RedHat", "redhat"),
    ],
)
def test_use(asked, manager, family, use):
    assert decide_use(asked, manager, family) == use


def test_a_family_that_nobody_knows():
    with pytest.raises(Failed, match="say how by use: debian"):
        decide_use(None, "runit", "Void")


@pytest.mark.parametrize(
    ("use", "before", "name", "after"),
    [
        ("debian", "old\n", "old", "new\n"),
        ("debian", "", "", "new\n"),
        ("redhat", "A=b\nHOSTNAME=old\nC=d\n", "old", "A=b\nHOSTNAME=new\nC=d\n"),
        ("redhat", 'HOSTNAME="old"\n', "old", "HOSTNAME=new\n"),
        ("openrc", '# it\nhostname="old"\n', "old", '# it\nhostname="new"\n'),
    ],
)
def test_files(use, before, name, after):
    file = FILES[use]
    assert file.find(before) == name
    assert file.render(before, "new") == after
    assert file.find(after) == "new"


def test_a_file_that_has_no_place_for_it():
    with pytest.raises(Failed, match="Unable to locate HOSTNAME entry in /etc/sysconfig/network"):
        FILES["redhat"].find("A=b\n")


@pytest.mark.parametrize("name", ["", "-F", "a b", "a\nb", "../a"])
def test_no_name(name):
    with pytest.raises(Failed, match="no host name"):
        check_name(name, "debian")


def test_a_name_that_is_too_long_for_systemd():
    check_name("a" * 64, "systemd")
    with pytest.raises(Failed, match="64 characters"):
        check_name("a" * 65, "systemd")
