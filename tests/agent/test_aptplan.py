"""What apt-get is told, decided without one."""

import pytest

from lpse_ops.agent.aptplan import (
    Package,
    needs_offer,
    plan_install,
    plan_remove,
    plan_target,
    plan_upgrade,
    prepared,
)
from lpse_ops.agent.context import Failed
from lpse_ops.agent.debpackages import Offer, Status, parse_spec
from lpse_ops.agent.modules.apt import ARGUMENTS

HERE = Status("installed", "1.0", "all")
LEFT = Status("config-files", "1.0", "all")
OFFER = Offer("1.2", ["2.0", "1.2", "1.1", "1.0"])


def compare(version: str, relation: str, other: str) -> bool:
    assert relation == "ge"
    return [int(part) for part in version.split(".")] >= [int(part) for part in other.split(".")]


@pytest.mark.parametrize(
    ("spec", "status", "upgrade", "only_upgrade", "target"),
    [
        ("a", None, False, False, "a=1.2"),
        ("a", LEFT, False, False, "a=1.2"),
        ("a", HERE, False, False, None),
        ("a", HERE, True, False, "a=1.2"),
        ("a", None, True, True, None),
        ("a", HERE, True, True, "a=1.2"),
        ("a=1.0", HERE, False, False, None),
        ("a=1.1", HERE, False, False, "a=1.1"),
        ("a=2.0", None, False, False, "a=2.0"),
        ("a=1.*", None, False, False, "a=1.2"),
        ("a=1.*", HERE, False, False, "a=1.*"),
        ("a=1.0*", HERE, False, False, None),
        ("a>=1.0", HERE, False, False, None),
        ("a>=1.1", HERE, False, False, "a=1.2"),
        ("a>=1.0", HERE, True, False, "a=1.2"),
    ],
)
def test_targets(spec, status, upgrade, only_upgrade, target):
    package = Package(status, OFFER)
    wanted = {"upgrade": upgrade, "only_upgrade": only_upgrade}
    assert plan_target(parse_spec(spec), package, compare, **wanted) == target


@pytest.mark.parametrize("spec", ["a=3.0", "a=3.*", "a>=1.3", "b"])
def test_what_there_is_not(spec):
    offer = Offer(None, ["1.0"]) if spec == "b" else OFFER
    for status in (None, HERE) if spec != "b" else (LEFT,):
        with pytest.raises(Failed, match="no available installation candidate") as failed:
            plan_target(
                parse_spec(spec), Package(status, offer), compare, upgrade=False, only_upgrade=False
            )
        assert str(failed.value).endswith(spec)


def test_a_virtual_one_is_left_to_apt():
    package = Package(None, None, is_provided=True)
    target = plan_target(parse_spec("mta"), package, compare, upgrade=False, only_upgrade=False)
    assert target == "mta"


@pytest.mark.parametrize(
    ("spec", "status", "upgrade", "needed"),
    [
        ("a", HERE, False, False),
        ("a=1.0", HERE, False, False),
        ("a>=0.5", HERE, False, False),
        ("a=1.*", HERE, False, True),
        ("a=1.1", HERE, False, True),
        ("a", LEFT, False, True),
        ("a", None, False, True),
        ("a", HERE, True, True),
    ],
)
def test_apt_is_asked_only_where_it_matters(spec, status, upgrade, needed):
    assert needs_offer(parse_spec(spec), status, compare, upgrade=upgrade) is needed


def arguments(**given):
    return {name: spec.get("default") for name, spec in ARGUMENTS.items()} | given


def test_the_usual_command_line():
    assert plan_install(arguments(), ["a=1.2"], check_mode=False) == [
        "apt-get",
        "-y",
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "DPkg::Lock::Timeout=60",
        "install",
        "a=1.2",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"install_recommends": False}, ["-o", "APT::Install-Recommends=no"]),
        ({"install_recommends": True}, ["-o", "APT::Install-Recommends=yes"]),
        ({"default_release": "sid"}, ["-t", "sid"]),
        ({"allow_unauthenticated": True}, ["--allow-unauthenticated"]),
        ({"allow_downgrade": True}, ["--allow-downgrades"]),
        ({"allow_change_held_packages": True}, ["--allow-change-held-packages"]),
        ({"fail_on_autoremove": True}, ["--no-remove"]),
        ({"autoremove": True}, ["--auto-remove"]),
        ({"only_upgrade": True}, ["--only-upgrade"]),
        ({"state": "fixed"}, ["--fix-broken"]),
        ({"dpkg_options": "force-confnew"}, ["-o", "Dpkg::Options::=--force-confnew"]),
        ({"lock_timeout": 5}, ["-o", "DPkg::Lock::Timeout=5"]),
        ({"force": True}, ["--allow-downgrades", "--allow-remove-essential"]),
    ],
)
def test_options_of_an_installation(given, words):
    argv = plan_install(arguments(**given), ["a"], check_mode=False)
    places = [place for place in range(len(argv)) if argv[place : place + len(words)] == words]
    assert len(places) == 1
    assert "--simulate" not in argv


def test_check_mode_simulates():
    for argv in (
        plan_install(arguments(), ["a"], check_mode=True),
        plan_remove(arguments(), ["a"], check_mode=True),
        plan_upgrade(arguments(), "dist", check_mode=True),
    ):
        assert "--simulate" in argv


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("dist", ["dist-upgrade"]),
        ("full", ["dist-upgrade"]),
        ("safe", ["upgrade", "--with-new-pkgs"]),
        ("yes", ["upgrade", "--with-new-pkgs"]),
    ],
)
def test_upgrades(mode, words):
    argv = plan_upgrade(arguments(), mode, check_mode=False)
    assert argv[-len(words) :] == words


OUTPUT = """Reading package lists...
Reading state information...
The following NEW packages will be installed:
  a
0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
Inst a (1.2)
"""


def test_the_diff_is_what_apt_prepared():
    lines = OUTPUT.splitlines()
    assert prepared(OUTPUT) == {"prepared": "\n".join(lines[2:5])}
    assert prepared("other words\n") == {"prepared": "other words"}
