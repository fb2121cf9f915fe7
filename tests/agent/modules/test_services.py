"""What ``systemd_service`` and ``service`` decide; real units are in ``onhosts``."""

from typing import Any

import pytest

from lpse_ops.agent.arguments import ArgumentProblem, check
from lpse_ops.agent.commands import Finished
from lpse_ops.agent.context import Failed
from lpse_ops.agent.modules import systemd_service
from lpse_ops.agent.modules.service import choose
from lpse_ops.agent.modules.systemd_service import (
    Unit,
    check_name,
    check_unit,
    full_name,
    parse_show,
    plan_state,
    plan_verbs,
    read_enabled,
    read_unit,
    report,
)


def unit(active: str = "inactive", load: str = "loaded", enabled: bool | None = None) -> Unit:
    return Unit({"ActiveState": active, "LoadState": load}, enabled)


def wanted(**args: Any) -> dict[str, Any]:
    return {name: args.get(name) for name in ("state", "enabled", "masked")}


@pytest.mark.parametrize(
    ("state", "active", "verb"),
    [
        ("started", "inactive", "start"),
        ("started", "failed", "start"),
        ("started", "active", None),
        ("started", "activating", None),
        ("stopped", "active", "stop"),
        ("stopped", "deactivating", "stop"),
        ("stopped", "inactive", None),
        ("stopped", "failed", None),
        ("restarted", "active", "restart"),
        ("restarted", "inactive", "start"),
        ("reloaded", "active", "reload"),
        ("reloaded", "inactive", "start"),
        (None, "active", None),
    ],
)
def test_state(state, active, verb):
    assert plan_state(state, unit(active)) == verb


@pytest.mark.parametrize(
    ("args", "known", "verbs"),
    [
        ({"enabled": True}, unit(enabled=False), ["enable"]),
        ({"enabled": True}, unit(enabled=True), []),
        ({"enabled": False}, unit(enabled=True), ["disable"]),
        ({"masked": True}, unit(), ["mask"]),
        ({"masked": True}, unit(load="masked"), []),
        ({"masked": False}, unit(load="masked"), ["unmask"]),
        (
            {"masked": False, "enabled": True, "state": "started"},
            unit(load="masked", enabled=False),
            ["unmask", "enable", "start"],
        ),
    ],
)
def test_verbs_in_order(args, known, verbs):
    assert plan_verbs(known, wanted(**args)) == verbs


@pytest.mark.parametrize(
    ("rc", "said", "enabled"),
    [
        (0, "enabled\n", True),
        (0, "static\n", True),
        (0, "indirect\n", False),
        (0, "enabled-runtime\n  /run/systemd/system/a.wants/a.service\n", False),
        (0, "indirect\n  /etc/systemd/system/sockets.target.wants/a.socket\n", True),
        (0, "alias\n", False),
        (1, "disabled\n", False),
    ],
)
def test_enabled(rc, said, enabled):
    assert read_enabled(Finished(rc, said, "")) is enabled


def test_properties_may_go_on_in_the_next_line():
    text = "Id=a.service\nExecStart={ path=/bin/a ; argv[]=/bin/a\n--long ; }\nEmpty=\n"
    assert parse_show(text) == {
        "Id": "a.service",
        "ExecStart": "{ path=/bin/a ; argv[]=/bin/a\n--long ; }",
        "Empty": "",
    }


def test_a_report_says_what_was_asked_for():
    result = report("a", unit(), wanted(state="restarted", enabled=False), ["restart"])
    assert (result["state"], result["enabled"], result["changed"]) == ("started", False, True)


@pytest.mark.parametrize("name", ["a*", "a?", "[a]"])
def test_no_patterns(name):
    with pytest.raises(Failed, match="does not currently support using glob patterns"):
        check_name(name)


def test_a_unit_that_is_not_there():
    with pytest.raises(Failed, match="Could not find the requested service x: host"):
        check_unit("x", unit(load="not-found"), wanted(state="started"))
    check_unit("x", unit(load="not-found"), wanted(masked=True))


@pytest.mark.parametrize(
    ("listed", "is_known", "is_masked"),
    [
        ("ssh.service enabled enabled\n", True, False),
        ("ssh.service masked enabled\n", True, True),
        ("", False, False),
    ],
)
def test_in_a_chroot_only_files_are_known(listed, is_known, is_masked):
    def offline(*words: str) -> Finished:
        if words[0] == "show":
            return Finished(0, "", "Running in chroot, ignoring command 'show'\n")
        return Finished(0, listed if words[0] == "list-unit-files" else "enabled\n", "")

    known = read_unit("ssh", offline, asks_enabled=True)
    assert (known.is_known, known.is_masked, known.enabled) == (is_known, is_masked, True)
    asked = wanted(state="started", enabled=True)
    assert plan_verbs(known, asked) == []
    assert "Target is a chroot" in report("ssh", known, asked, [])["warnings"][0]


@pytest.mark.parametrize(
    ("name", "full"), [("a", "a.service"), ("a.timer", "a.timer"), ("org.a", "org.a.service")]
)
def test_a_unit_has_a_type(name, full):
    assert full_name(name) == full


def test_a_systemd_that_does_not_answer():
    def silent(*words: str) -> Finished:
        return Finished(1, "", "Failed to connect to bus\n")

    with pytest.raises(Failed, match="Failed to connect to bus") as failed:
        read_unit("x", silent, asks_enabled=False)
    assert failed.value.result["rc"] == 1


def test_a_unit_that_cannot_be_loaded():
    broken = Unit({"LoadState": "error", "LoadError": "bad line"}, None)
    with pytest.raises(Failed, match="Error loading unit file 'x': bad line"):
        check_unit("x", broken, wanted(state="started"))


def test_a_name_is_needed_where_something_is_asked_of_a_unit():
    with pytest.raises(ArgumentProblem, match=r"missing parameter.* required by 'state': name"):
        check(systemd_service.ARGUMENTS, systemd_service.RULES, {"state": "started"})


@pytest.mark.parametrize(
    ("use", "runs_systemd", "who"),
    [
        ("auto", True, "systemd"),
        ("auto", False, "sysvinit"),
        ("ansible.builtin.systemd", False, "systemd"),
        ("service", True, "sysvinit"),
        ("sysvinit", True, "sysvinit"),
    ],
)
def test_who_manages_services(use, runs_systemd, who):
    assert choose(use, runs_systemd=runs_systemd) == who
