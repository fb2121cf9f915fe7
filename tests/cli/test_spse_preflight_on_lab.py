"""Preflight and health of a real server: Debian, PostgreSQL, Apache httpd, chrony, the stand-in."""

import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import lpse_ops
from tests.cli.preflight_machine import NAME, bring_up, write
from tests.lab.accounts import DEBIAN, VISITOR
from tests.lab.lab import Host, Lab
from tests.lab.waiting import wait_until
from tests.standin.toolchain import say_missing_java

pytestmark = pytest.mark.xdist_group("preflight")

LOGIN = "/eproc4/login"
# Programs that answer nonsense, hang, and never stop.
HOSTILE = {
    "chronyc": "printf '\\377\\0,,,,\\033[2J'",
    "timedatectl": "head -c 3000000 /dev/zero",
    "pgrep": "sleep 1000",
    "psql": "yes",
    "systemctl": "echo 'ActiveState=\\033'; kill -9 $$",
    "lpse-ops": 'echo \'{"destinations": {"a": [\'',
}


@pytest.fixture(scope="module")
def server(lab: Lab) -> Iterator[Host]:
    if reason := say_missing_java():
        pytest.skip(reason)
    host = bring_up(lab, "preflight")
    wait_until_well(host)
    yield host
    host.remove()


def wait_until_well(host: Host) -> None:
    health = ("lpse-ops", "spse", "health")
    assert wait_until(lambda: host.run(*health, check=False).status == 0)


def preflight(host: Host, *words: str) -> tuple[int, dict[str, str], list[Any]]:
    """Exit status, the gravest level of each check, and the checks."""
    argv = ("lpse-ops", "spse", "preflight", "--format", "json", *words)
    done = host.run(*argv, check=False)
    assert done.status in (0, 1), done.stderr
    [told] = json.loads(done.stdout)["hosts"]
    order = ["SKIPPED", "OK", "WARNING", "UNKNOWN", "CRITICAL"]
    levels: dict[str, str] = {}
    for each in told["checks"]:
        worst = max(levels.get(each["id"], "SKIPPED"), each["level"], key=order.index)
        levels[each["id"]] = worst
    return done.status, levels, told["checks"]


def ask_login_page(host: Host) -> None:
    """From here, as a user does."""
    trusting = ssl._create_unverified_context()
    with urllib.request.urlopen(f"https://{host.address}{LOGIN}", context=trusting) as page:
        assert b"Sistem Pengadaan" in page.read()


def test_what_is_there_is_seen_and_what_is_wrong_is_named(server: Host):
    ask_login_page(server)
    write(server, "/etc/rc.local", "#!/bin/sh\n/home/appserv/spse/spse4 start\n", "755")
    write(server, "/run/reboot-required", "")
    server.run("sh", "-c", "systemd-run --quiet --unit=broken false; sleep 0.1", check=False)
    server.run("systemctl", "stop", "chrony")
    code, levels, checks = preflight(server)
    values = {each["id"]: each["value"] for each in checks}
    assert code == 1
    assert {each for each, level in levels.items() if level == "CRITICAL"} == {
        "backup",
        # As in the field.
        "database-password",
    }
    warned = {"boot", "clock", "confinement", "port-9090", "reboot", "tls", "units", "visitors"}
    assert {each for each, level in levels.items() if level == "WARNING"} >= warned
    assert "UNKNOWN" not in levels.values(), values
    assert values["boot"].startswith("/etc/rc.local:2 ")
    assert "broken.service" in values["units"]
    assert values["release"].startswith("4.4")
    assert values["java"].endswith("by process)")
    assert values["postgresql"].startswith("version 15.")
    assert values["visitors"].startswith("1 addresses asked 1 times")
    assert "java listens on all addresses" in values["port-9090"]
    assert values["rollback-point"].endswith("MiB") or "clone" in values["rollback-point"]
    assert "19 days" in values["tls"]
    assert "of SPSE, no others" in values["database-sessions"]


def test_what_was_put_right_is_well(server: Host):
    server.run("rm", "-f", "/etc/rc.local", "/run/reboot-required")
    server.run("systemctl", "reset-failed")
    line = "lpse-ops backup init --sheet /root/sheet.txt && lpse-ops backup run"
    server.run("sh", "-c", f"{line} && lpse-ops backup check", timeout_seconds=120)
    psql = ("runuser", "-u", "postgres", "--", "psql", "-Xqc")
    server.run(*psql, "ALTER ROLE epns PASSWORD 'sandi-lab-1'")
    code, levels, checks = preflight(server)
    assert code == 0, [each for each in checks if each["level"] == "CRITICAL"]
    for each in ("backup", "backup-proof", "boot", "database-password", "reboot", "units"):
        assert levels.get(each, "OK") == "OK", each
    # Also as older servers keep it.
    default = "ALTER ROLE epns PASSWORD 'epns'"
    server.run(*psql, f"SET password_encryption = md5; {default}")
    assert preflight(server)[1]["database-password"] == "CRITICAL"
    server.run(*psql, default)


def test_nothing_secret_is_told_and_nothing_is_left_running(server: Host):
    text = server.run("lpse-ops", "spse", "preflight", check=False).stdout
    assert "SCRAM" not in text
    assert "md5" not in text
    log = server.run("sh", "-c", "cat /var/log/postgresql/*.log").stdout
    assert "password authentication failed" not in log


def test_hostile_programs_cost_their_own_checks_and_no_time(server: Host):
    for name, script in HOSTILE.items():
        write(server, f"/opt/hostile/{name}", f"#!/bin/sh\n{script}\n", "755")
    begun = time.monotonic()
    argv = ("env", "PATH=/opt/hostile:/usr/sbin:/usr/bin:/sbin:/bin")
    program = ("python3", "-P", "/usr/bin/lpse-ops", "spse", "preflight", "--patience", "5s")
    done = server.run(*argv, *program, "--format", "json", check=False)
    assert time.monotonic() - begun < 12
    assert done.status == 1, done.stderr
    [told] = json.loads(done.stdout)["hosts"]
    levels = {each["id"]: each["level"] for each in told["checks"]}
    assert levels["postgresql"] == "CRITICAL"
    assert levels["backup"] == "CRITICAL"
    assert (levels["units"], levels["clock"]) == ("UNKNOWN", "WARNING")
    assert (levels["system"], levels["port-443"], levels["release"]) == ("OK", "OK", "OK")
    assert "\x1b" not in done.stdout
    for pattern in ("sleep 1000", "^yes"):
        assert server.run("pgrep", "-f", pattern, check=False).status == 1


def test_health_is_the_step_runners_own_proof(server: Host):
    well = server.run("lpse-ops", "spse", "health")
    assert f"https://{NAME}{LOGIN} answers 200" in well.stdout
    server.run("systemctl", "stop", "spse")
    done = server.run("lpse-ops", "spse", "health", "--format", "json", check=False)
    nagios = server.run("lpse-ops", "spse", "health", "--nagios", check=False)
    server.run("systemctl", "start", "spse")
    wait_until_well(server)
    assert nagios.status == 2
    assert nagios.stdout.startswith("SPSE CRITICAL - preflight: port: ")
    nobody = server.run("lpse-ops", "spse", "health", "--nagios", "--site=/none", check=False)
    assert nobody.status == 3
    assert nobody.stdout.startswith("SPSE UNKNOWN - there is no /none")
    assert done.status == 1
    [told] = json.loads(done.stdout)["hosts"]
    faults = {each["name"] for each in told["checks"] if not each["ok"]}
    assert {"port", "page proxy"} <= faults
    assert "database" not in faults
    assert (told["release"], told["is_healthy"]) == ("4.4", False)


def write_inventory(folder: Path, server: Host) -> Path:
    """Two names of the server, one of them with sudo; one that is nowhere, one that refuses."""
    known = server.ansible_variables(user=DEBIAN.name)
    nowhere = {**known, "ansible_host": "10.99.250.250", "ansible_timeout": 1}
    plain = {**server.ansible_variables(user=VISITOR.name)}
    hosts = {"lpse-a": known | {"spse_server_name": NAME}, "lpse-b": server.ansible_variables()}
    groups = {"spse": {"hosts": {**hosts, "lpse-jauh": nowhere, "lpse-tanpa-sudo": plain}}}
    file = folder / "hosts.json"
    file.write_text(json.dumps({"all": {"children": groups}}))
    return file


def test_several_servers_are_asked_at_once_each_with_a_recap(server: Host, tmp_path: Path):
    inventory = write_inventory(tmp_path, server)
    words = ("spse", "preflight", "-i", inventory)
    ended = lpse_ops(*words)
    assert ended.code == 4, ended.stderr
    recap = {line.split()[0]: line.split()[1:] for line in ended.stdout.splitlines()[-4:]}
    assert recap["lpse-jauh"] == ["UNREACHABLE", "-", "-", "-", "-"]
    assert recap["lpse-tanpa-sudo"][0] == "FAILED"
    assert recap["lpse-a"][0] == recap["lpse-b"][0] == "CRITICAL"
    assert ended.stdout.count("clock-beside") == 2
    assert "rights" not in ended.stdout
    ended = lpse_ops(*words, "--limit", "lpse-a", "--format", "json")
    assert ended.code == 1
    [told] = ended.json()["hosts"]
    assert {each["id"]: each["level"] for each in told["checks"]}["tls"] == "WARNING"
    assert lpse_ops(*words, "--limit", "lpse-c").code == 5


def test_the_health_of_several_servers(server: Host, tmp_path: Path):
    inventory = write_inventory(tmp_path, server)
    words = ("spse", "health", "-i", inventory)
    well = lpse_ops(*words, "--limit", "lpse-a:lpse-b")
    assert well.code == 0, well.stderr
    assert well.stdout.count("SPSE 4.4: healthy") == 2
    ended = lpse_ops(*words, "--format", "json")
    assert ended.code == 4
    found = {each["host"]: each for each in ended.json()["hosts"]}
    assert found["lpse-a"]["is_healthy"]
    assert not found["lpse-jauh"]["reachable"]
    assert found["lpse-tanpa-sudo"]["trouble"]
    assert lpse_ops("spse", "health", "--limit", "lpse-a").code == 2
