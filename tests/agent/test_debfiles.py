"""Files of packages: what they say of themselves, and the name one from the web is saved by."""

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.debfiles import DebFile, parse_file, plan_files
from lpse_ops.agent.fetching import safe_stem
from lpse_ops.agent.modules.apt import ARGUMENTS

FIELDS = "Package: a\nVersion: 1:2.0\nArchitecture: {}\n{}"


def test_a_file_for_one_architecture_has_it_in_its_name():
    assert parse_file("/a.deb", FIELDS.format("all", "")) == DebFile("/a.deb", "a", "1:2.0", False)
    replaces = FIELDS.format("amd64", "Replaces: b\n")
    assert parse_file("/a.deb", replaces) == DebFile("/a.deb", "a:amd64", "1:2.0", True)


def test_a_file_that_does_not_say_what_it_is():
    with pytest.raises(Failed, match=r"/a\.deb has no field"):
        parse_file("/a.deb", "Package: a\nArchitecture: all\n")


@pytest.mark.parametrize(
    ("may_replace", "given", "keeps"),
    [
        (False, {}, True),
        (True, {}, False),
        (True, {"fail_on_autoremove": True}, True),
        (False, {"force": True}, False),
    ],
)
def test_nothing_is_removed_that_no_file_replaces(may_replace, given, keeps):
    args = {name: spec.get("default") for name, spec in ARGUMENTS.items()} | given
    argv = plan_files([DebFile("/a.deb", "a", "1", may_replace)], args, check_mode=False)
    assert ("--no-remove" in argv) is keeps
    assert "APT::Install-Recommends=no" in argv


@pytest.mark.parametrize(
    ("url", "stem"),
    [
        ("https://example.org/pool/a_1.0+b~c_all.deb?token=x", "a_1.0+b~c_all.deb"),
        ("https://example.org/", "file"),
        ("https://example.org/..%2f..%2fetc%2fpasswd", "passwd"),
        ("https://example.org/-oDebug=1%20x", "oDebug1x"),
        ("https://example.org/..", "file"),
    ],
)
def test_a_name_from_the_web_is_a_plain_one(url, stem):
    assert safe_stem(url) == stem
