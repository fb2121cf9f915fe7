import pytest

from lpse_ops.agent.facts.system import (
    decide_package_manager,
    decide_service_manager,
    parse_command_line,
    parse_lsb,
    parse_systemd,
    read_selinux,
)


@pytest.mark.parametrize(
    ("first", "there", "manager"),
    [
        ("systemd", [], "systemd"),
        ("init", ["/run/systemd/system/"], "systemd"),
        ("init", ["/sbin/initctl", "/etc/init/"], "upstart"),
        ("init", ["/sbin/openrc"], "openrc"),
        ("runit-init", [], "runit"),
        ("bash", ["/run/systemd/system/"], "systemd"),
    ],
)
def test_service_manager(first, there, manager):
    assert decide_service_manager(first, lambda path: path in there) == manager


@pytest.mark.parametrize(
    ("family", "there", "manager"),
    [
        ("Debian", ["/usr/bin/apt-get", "/usr/bin/dnf"], "apt"),
        ("RedHat", ["/usr/bin/apt-get", "/usr/bin/dnf", "/usr/bin/yum"], "dnf"),
        ("RedHat", ["/usr/bin/dnf5", "/usr/bin/dnf"], "dnf5"),
        ("RedHat", ["/usr/bin/yum"], "yum"),
        ("Alpine", ["/sbin/apk"], "apk"),
        ("Linux", [], "unknown"),
    ],
)
def test_package_manager(family, there, manager):
    assert decide_package_manager(family, lambda path: path in there) == manager


def test_command_line():
    facts = parse_command_line('console=tty0 quiet console=ttyS0 a="b c"')
    assert facts["cmdline"] == {"console": "ttyS0", "quiet": True, "a": '"b c"'}
    assert facts["proc_cmdline"]["console"] == ["tty0", "ttyS0"]


def test_selinux(tmp_path):
    (tmp_path / "enforce").write_text("1")
    (tmp_path / "policyvers").write_text("33")
    facts = read_selinux(f"{tmp_path}/")["selinux"]
    assert (facts["status"], facts["mode"], facts["policyvers"]) == ("enabled", "enforcing", 33)
    assert read_selinux("/nowhere/")["selinux"] == {"status": "disabled"}


def test_lsb():
    text = "Distributor ID:\tDebian\nDescription:\tDebian GNU/Linux 12: x\nRelease:\t12\n"
    assert parse_lsb(text) == {
        "id": "Debian",
        "description": "Debian GNU/Linux 12: x",
        "release": "12",
        "codename": None,
    }


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("systemd 252 (252.38)\n+PAM -X\n", {"systemd": {"version": 252, "features": "+PAM -X"}}),
        ("bash: systemctl: not found", {}),
        ("", {}),
    ],
)
def test_systemd(text, facts):
    assert parse_systemd(text) == facts
