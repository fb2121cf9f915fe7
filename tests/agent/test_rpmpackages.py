"""Names and versions of rpm's packages."""

import pytest

from lpse_ops.agent.rpmpackages import (
    Rpm,
    compare_rpms,
    compare_versions,
    difference,
    is_installed,
    is_newer_installed,
    matching,
    name_candidates,
    parse_rpms,
    parse_wanted,
)

NGINX = Rpm("nginx", "1", "1.20.1", "14.el9", "x86_64")
BASH = Rpm("bash-completion", "0", "2.11", "5.el9", "noarch")
HERE = [NGINX, BASH]


# The order of rpm's own test suite, tests/rpmvercmp.at.
@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("1.0", "1.0", 0),
        ("1.0", "2.0", -1),
        ("2.0.1", "2.0", 1),
        ("2.0.1a", "2.0.1", 1),
        ("5.5p1", "5.5p2", -1),
        ("5.5p10", "5.5p1", 1),
        ("10xyz", "10.1xyz", -1),
        ("xyz10", "xyz10.1", -1),
        ("xyz.4", "8", -1),
        ("5.5p2", "5.6p1", -1),
        ("6.0.rc1", "6.0", 1),
        ("10b2", "10a1", 1),
        ("10.0001", "10.1", 0),
        ("4.999.9", "5.0", -1),
        ("2_0", "2.0", 0),
        ("a+", "a_", 0),
        ("1.0~rc1", "1.0", -1),
        ("1.0~rc1", "1.0~rc2", -1),
        ("1.0~rc1~git123", "1.0~rc1", -1),
        ("1.0^", "1.0", 1),
        ("1.0^git1", "1.0^git2", -1),
        ("1.0^git1", "1.01", -1),
        ("1.0^20160101", "1.0.1", -1),
        ("1.0~rc1^git1", "1.0~rc1", 1),
        ("1.0^git1~pre", "1.0^git1", -1),
    ],
)
def test_versions(first, second, order):
    assert compare_versions(first, second) == order
    assert compare_versions(second, first) == -order


def test_epochs_come_first():
    assert compare_rpms(NGINX, NGINX._replace(epoch="0", version="9")) == 1
    assert compare_rpms(NGINX, NGINX) == 0


@pytest.mark.parametrize(
    "text",
    [
        "nginx",
        "nginx.x86_64",
        "nginx-1.20.1",
        "nginx-1.20.1-14.el9",
        "nginx-1:1.20.1-14.el9.x86_64",
        "bash-completion-2.11",
        "nginx >= 1.20",
        "nginx >= 1:1.20",
        "nginx = 1.20.1",
        "nginx < 1.21",
        "nginx <= 1.20.1-14.el9",
    ],
)
def test_what_is_here(text):
    assert is_installed(parse_wanted(text), HERE)


@pytest.mark.parametrize(
    "text",
    [
        "nginx.i686",
        "nginx-1.18",
        "bash",
        "completion",
        "nginx > 1.20.1",
        "nginx >= 2:1.0",
        "nginx < 1.20.1",
        "nginx = 1.20.1-15",
    ],
)
def test_what_is_not(text):
    assert not is_installed(parse_wanted(text), HERE)


def test_a_provider_does_where_no_version_is_asked_for():
    assert is_installed(parse_wanted("webserver"), HERE, [NGINX])
    assert not is_installed(parse_wanted("webserver >= 1"), HERE, [NGINX])


@pytest.mark.parametrize(
    ("text", "newer"),
    [
        ("nginx-1.18", True),
        ("nginx-1.20.1-13.el9", True),
        ("nginx-1.20.1-13.el9.x86_64", True),
        ("nginx-1.20.1", False),
        ("nginx-1.22", False),
        ("nginx", False),
        ("bash-completion-2.1", True),
        ("other-1.0", False),
    ],
)
def test_a_newer_one_is_here(text, newer):
    assert is_newer_installed(parse_wanted(text), HERE) is newer


def test_names_with_dashes():
    assert name_candidates("a-b-1.0-2") == [("a-b-1.0", "2"), ("a-b", "1.0-2")]
    assert name_candidates("bash-completion") == []
    assert name_candidates("0ad") == []


def test_wildcards():
    assert matching("bash-*", HERE) == [BASH]
    assert matching("*.x86_64", HERE) == [NGINX]


def test_groups():
    assert parse_wanted("@postgresql:15/client").is_group
    assert parse_wanted("postgresql/client").for_dnf == "@postgresql/client"
    assert not parse_wanted("/usr/bin/vi").is_group


def test_lines_and_what_changed():
    text = "nginx\t1\t1.20.1\t14.el9\tx86_64\npackage no is not installed\n"
    assert parse_rpms(text) == [NGINX]
    assert difference([NGINX], [BASH]) == {
        "Installed": ["bash-completion-2.11-5.el9.noarch"],
        "Removed": ["nginx-1:1.20.1-14.el9.x86_64"],
    }
