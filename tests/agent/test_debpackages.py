"""What dpkg and apt say of packages, read from their own words."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.debpackages import (
    Offer,
    Spec,
    Status,
    find_statuses,
    is_name,
    parse_automatic,
    parse_policy,
    parse_providers,
    parse_spec,
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("nginx", Spec("nginx", "nginx", "", "")),
        ("nginx=1.2*", Spec("nginx=1.2*", "nginx", "=", "1.2*")),
        ("nginx>=1.2", Spec("nginx>=1.2", "nginx", ">=", "1.2")),
        ("libc6:i386", Spec("libc6:i386", "libc6:i386", "", "")),
    ],
)
def test_specs(text, spec):
    assert parse_spec(text) == spec


def test_one_version_is_enough():
    with pytest.raises(Failed, match="invalid package spec: a=1=2"):
        parse_spec("a=1=2")


@pytest.mark.parametrize("name", ["g++", "libc6:i386", "0ad", "python3.11-dev"])
def test_names(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["-y", "--purge", "a b", "a/bookworm", "", "a*", "a\n", "../a.deb"]
)
def test_what_is_no_name_never_gets_to_the_programs(name):
    assert not is_name(name)


QUERY = """\
dpkg\tamd64\tinstalled\t1.21.22
libc6\tamd64\tinstalled\t2.36-9
libc6\ti386\tconfig-files\t2.36-8
tzdata\tall\tinstalled\t2024a-0
wine32\ti386\tinstalled\t8.0
gone\t\tnot-installed\t
"""


def test_without_an_architecture_the_hosts_is_meant():
    names = ["libc6", "libc6:i386", "libc6:amd64", "tzdata", "wine32", "wine32:i386", "gone", "x"]
    assert find_statuses(names, QUERY) == {
        "libc6": Status("installed", "2.36-9", "amd64"),
        "libc6:amd64": Status("installed", "2.36-9", "amd64"),
        "libc6:i386": Status("config-files", "2.36-8", "i386"),
        "tzdata": Status("installed", "2024a-0", "all"),
        "wine32:i386": Status("installed", "8.0", "i386"),
        "gone": Status("not-installed", "", ""),
    }


POLICY = """\
nginx:
  Installed: 1.22.1-9
  Candidate: 1.22.1-9+deb12u1
  Package pin: 1.22.1-9+deb12u1
  Version table:
     1.26.0-1~bpo12+1 100
        100 http://archive.example/debian bookworm-backports/main amd64 Packages
     1.22.1-9+deb12u1 500 (phased 20%)
        500 http://security.example bookworm-security/main amd64 Packages
 *** 1.22.1-9 500
        500 http://archive.example/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
left:
  Installed: (none)
  Candidate: (none)
  Version table:
     1.0 -1
        100 /var/lib/dpkg/status
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_policy():
    versions = ["1.26.0-1~bpo12+1", "1.22.1-9+deb12u1", "1.22.1-9"]
    assert parse_policy(POLICY) == {
        "nginx": Offer("1.22.1-9+deb12u1", versions),
        "left": Offer(None, ["1.0"]),
        "virtual": Offer(None, []),
    }


def test_providers_each_once():
    text = (
        "Package: mta\nVersions: \n\nReverse Provides: \npostfix 3.7 (= )\nexim4 4 (= )\nexim4 3\n"
    )
    assert parse_providers(text) == ["postfix", "exim4"]
    assert parse_providers("Package: x\nReverse Provides: \n") == []


def test_what_came_along():
    text = (
        "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\n"
        "Package: b\nArchitecture: amd64\nAuto-Installed: 0\n\n"
    )
    assert parse_automatic(text) == {"a"}
