"""Decisions of the preflight: what a well server is told, what each trouble changes, and lies."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lpse_ops.spse.preflight import CHECKS, judge
from lpse_ops.spse.preflightcheck import Level, Package, gravest
from tests.spse.preflightsamples import (
    GIB,
    INSTALL,
    NAME,
    NOW,
    UPGRADE,
    WELL,
    certificate,
    changed,
    checks,
    levels,
    room,
)

LISTENING = WELL["ports"]["listening"]
JAVA = {"port": 9090, "address": "::", "program": "java"}
MISSING_JAVA = {"from": "site.json", "path": "/opt/java/bin/java", "is_there": False}


def test_a_well_server_is_fit_and_nothing_is_advised():
    found = checks({})
    assert {each.level for each in found} == {Level.OK}
    assert not any(each.advice for each in found)


# What is changed about a well server -> the one check that says so, and how grave it is.
UPGRADE_CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"system.id": "centos", "system.version": "7"}, "system", "WARNING"),
    ({"system.id": "centos", "system.version": "6.10"}, "system", "WARNING"),
    ({"system.id": "almalinux", "system.version": "9.4"}, "system", "OK"),
    ({"system.id": "centos", "system.version": "8", "system.is_stream": True}, "system", "WARNING"),
    ({"system.id": "hannahmontana"}, "system", "UNKNOWN"),
    ({"system.machine": "i686"}, "machine", "WARNING"),
    ({"system.is_root": False}, "rights", "WARNING"),
    ({"memory.available_bytes": 3 * GIB}, "memory", "WARNING"),
    ({"memory.available_bytes": GIB}, "memory", "CRITICAL"),
    ({"memory.out_of_memory_kills": 2}, "memory-out", "WARNING"),
    # Twelve are left when SPSE, which holds one, is stopped.
    ({"java.heap_bytes": 7 * GIB}, "memory-java", "OK"),
    ({"java.heap_bytes": 8 * GIB}, "memory-java", "WARNING"),
    ({"java.heap_bytes": 17 * GIB}, "memory-java", "CRITICAL"),
    ({"reboot.is_required": True}, "reboot", "WARNING"),
    ({"reboot.newest_kernel": "6.1.0-20-amd64"}, "reboot", "WARNING"),
    ({"reboot.needs_restarting": True}, "reboot", "WARNING"),
    ({"units.failed": ["postgresql.service"]}, "units", "WARNING"),
    ({"confinement.apparmor": False}, "confinement", "WARNING"),
    ({"confinement.selinux": "enforcing"}, "confinement", "OK"),
    ({"confinement.selinux": "permissive"}, "confinement", "WARNING"),
    ({"confinement.selinux_configured": "disabled"}, "confinement", "WARNING"),
    ({"confinement": {"selinux": "enforcing", "may_httpd_connect": False}}, "confinement",
     "WARNING"),
    ({"clock.offset_seconds": 0.98}, "clock", "WARNING"),
    ({"clock.offset_seconds": 5.5}, "clock", "CRITICAL"),
    ({"clock.error_seconds": 60}, "clock", "WARNING"),
    ({"clock.is_synchronised": False}, "clock", "WARNING"),
    ({"clock.source": ""}, "clock", "WARNING"),
    ({"clock.source": "systemd", "clock.offset_seconds": None}, "clock", "OK"),
    ({"names.found": [{"name": NAME, "trouble": "Name or service not known"}]}, "dns", "WARNING"),
    ({"names.found": [{"name": NAME, "addresses": ["::1"], "seconds": 5}]}, "dns", "WARNING"),
    ({"ports.listening": []}, "port-9090", "WARNING"),
    ({"ports.listening": []}, "port-443", "WARNING"),
    ({"ports.listening": [JAVA, *LISTENING]}, "port-9090", "WARNING"),
    ({"ports.listening": [{"port": 5432, "address": "0.0.0.0"}, *LISTENING]}, "port-5432",
     "WARNING"),
    ({"certificates.found": []}, "tls", "UNKNOWN"),
    ({"visitors.addresses": 3, "visitors.requests": 40}, "visitors", "WARNING"),
    ({"ports.connected_peers": 1}, "visitors", "WARNING"),
    ({"visitors.read": 0}, "visitors", "UNKNOWN"),
    ({"java.found": []}, "java", "CRITICAL"),
    ({"java.found": [MISSING_JAVA, *WELL["java"]["found"]]}, "java", "CRITICAL"),
    ({"java.found": [{"is_there": True, "version": "1.7.0_80"}]}, "java", "CRITICAL"),
    ({"java.found": [{"is_there": True, "version": "1.8.0_60"}]}, "java", "OK"),
    ({"java.found": [{"is_there": True, "version": ""}]}, "java", "UNKNOWN"),
    ({"release.state": "none"}, "release", "CRITICAL"),
    ({"release.state": "folder"}, "release", "CRITICAL"),
    ({"release.state": "dangling"}, "release", "CRITICAL"),
    ({"release.state": "elsewhere"}, "release", "CRITICAL"),
    ({"release.site_trouble": "it is no JSON"}, "site", "CRITICAL"),
    ({"units.spse.LoadState": "not-found"}, "service", "CRITICAL"),
    ({"units.spse.ActiveState": "failed"}, "service", "WARNING"),
    ({"units.spse.ActiveState": "inactive"}, "service", "WARNING"),
    ({"units.spse.UnitFileState": "disabled"}, "service", "WARNING"),
    ({"units.rc_local": ["/etc/rc.local:3"]}, "boot", "WARNING"),
    ({"upgrade.phase": "done"}, "upgrade", "OK"),
    ({"upgrade.phase": "running"}, "upgrade", "CRITICAL"),
    ({"upgrade.phase": "stuck"}, "upgrade", "CRITICAL"),
    ({"upgrade.phase": "stopped"}, "upgrade", "CRITICAL"),
    ({"upgrade.phase": "unknown"}, "upgrade", "UNKNOWN"),
    ({"backups": {"is_installed": False, "trouble": "lpse-ops is not there"}}, "backup",
     "CRITICAL"),
    ({"backups.destinations": []}, "backup", "CRITICAL"),
    ({"backups.destinations": [{"age_seconds": 24 * 3600 + 60}]}, "backup", "CRITICAL"),
    ({"backups.destinations": [{"age_seconds": 9e99}]}, "backup", "CRITICAL"),
    ({"backups.destinations": [{"age_seconds": 60}]}, "backup-proof", "CRITICAL"),
    ({"backups.destinations": [{"name": "disk", "free_bytes": GIB}]}, "backup-room", "WARNING"),
    ({"backups.destinations": [{"name": "disk", "free_bytes": 5 * GIB}]}, "backup-room", "OK"),
    ({"backups.destinations": [], "site.accepted_risk": "trial"}, "backup", "WARNING"),
    ({"database.version_number": 100023}, "postgresql", "CRITICAL"),
    ({"database.version_number": 90600}, "postgresql", "CRITICAL"),
    ({"database.version_number": 130003}, "postgresql", "WARNING"),
    ({"database": {"version_number": 80420, "version": "8.4.20"}}, "postgresql", "CRITICAL"),
    ({"database": {"trouble": "no server"}}, "postgresql", "CRITICAL"),
    ({"database.used_connections": 80}, "connections", "WARNING"),
    ({"database.used_connections": 93}, "connections", "CRITICAL"),
    ({"database.default_password": True}, "database-password", "CRITICAL"),
    ({"database.default_password": None}, "database-password", "UNKNOWN"),
    ({"database.is_superuser": True}, "database-rights", "WARNING"),
    ({"database.trusts": 2}, "pg-hba", "WARNING"),
    ({"database.is_standby": True}, "postgresql-standby", "CRITICAL"),
    ({"database.database": None}, "database", "CRITICAL"),
    ({"database.inside_trouble": "FATAL: no"}, "database", "CRITICAL"),
    ({"database.placed_elsewhere": 4}, "tablespace", "WARNING"),
    ({"database.database.tablespace": "besar"}, "tablespace", "WARNING"),
    ({"database.prepared": 1}, "prepared", "CRITICAL"),
    ({"database.sessions": [{"program": "sip", "is_spse": False, "count": 2}]},
     "database-sessions", "WARNING"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "check", "level"), UPGRADE_CASES)
def test_a_trouble_is_said_with_what_to_do(changes: dict[str, Any], check: str, level: str):
    assert levels(changes)[check] == level
    if level in ("WARNING", "CRITICAL"):
        assert all(
            each.advice
            for each in checks(changes)
            if each.id == check and each.level.value == level
        )


CERTIFICATES: list[tuple[dict[str, Any], bool, str]] = [
    ({"der": certificate(NAME, days_left=29)}, True, "WARNING"),
    ({"der": certificate(NAME, days_left=31)}, True, "OK"),
    ({"der": certificate(NAME, days_left=-1)}, False, "CRITICAL"),
    ({"der": certificate(NAME, begun_days_ago=-1)}, False, "CRITICAL"),
    ({"der": certificate("*.contoh.go.id")}, True, "OK"),
    ({"der": certificate("*.go.id")}, True, "CRITICAL"),
    ({"der": certificate("lain.go.id")}, False, "WARNING"),
    ({"der": certificate(NAME), "refused": "self-signed certificate"}, False, "WARNING"),
    ({"der": certificate(NAME), "refused": "self-signed certificate"}, True, "CRITICAL"),
    ({"der": "bm8gY2VydGlmaWNhdGU="}, False, "WARNING"),
    ({"der": "%"}, False, "WARNING"),
    ({"trouble": "Connection refused"}, True, "CRITICAL"),
    ({"trouble": "Connection refused"}, False, "WARNING"),
]


@pytest.mark.parametrize(("shown", "is_proved", "level"), CERTIFICATES)
def test_what_the_health_proof_would_refuse_is_critical(
    shown: dict[str, Any], is_proved: bool, level: str
):
    changes = {
        "certificates.found": [{"name": NAME, **shown}],
        "site.pages": [NAME] if is_proved else [],
    }
    assert levels(changes)["tls"] == level


BARE: dict[str, Any] = {
    "release.state": "none",
    "release.site_trouble": "it is not there",
    "units.spse": {"LoadState": "not-found"},
    "java": {"found": [], "running": 0},
    "backups": {"is_installed": False, "trouble": "lpse-ops is not there"},
    "database": {"trouble": "psql is not there", "is_installed": False},
    "ports.listening": [],
    "clock.source": "",
    "certificates.found": [],
    "visitors": {"logs": 0, "read": 0, "addresses": 0, "requests": 0},
}


def test_a_bare_machine_is_fit_for_an_installation_and_what_is_not_there_is_skipped():
    found = levels(BARE, INSTALL)
    assert set(found.values()) == {"OK", "SKIPPED"}
    skipped = {check for check, level in found.items() if level == "SKIPPED"}
    assert skipped == {
        *("rollback-point", "clock", "tls", "visitors", "java", "service", "backup", "postgresql")
    }


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"system.id": "centos", "system.version": "7"}, "system", "CRITICAL"),
        ({"ports.listening": [{"port": 9090, "program": "python3"}]}, "port-9090", "CRITICAL"),
        ({"ports.listening": [{"port": 443, "program": "haproxy"}]}, "port-443", "CRITICAL"),
        ({"ports.listening": [{"port": 443, "program": "nginx"}]}, "port-443", "OK"),
        ({"release.state": "folder"}, "release", "WARNING"),
        ({"database": {"trouble": "no server", "is_installed": True}}, "postgresql", "UNKNOWN"),
    ],
)
def test_an_installation_is_judged_by_what_would_be_in_its_way(
    changes: dict[str, Any], check: str, level: str
):
    assert levels({**BARE, **changes}, INSTALL)[check] == level


def test_what_runs_already_is_fit_for_a_second_installation():
    assert gravest(checks({}, INSTALL)) is Level.OK


# Database 4 GiB: a clone takes 1.1 times that and 1 GiB.
ROOMS: list[tuple[list[dict[str, Any]], Package | None, str, str]] = [
    ([room("database", total_bytes=20 * GIB, free_bytes=8 * GIB)], None, "OK", "OK"),
    ([room("database", free_bytes=6 * GIB)], None, "OK", "WARNING"),
    ([room("database", free_bytes=5 * GIB), room("dumps", "2")], None, "WARNING", "WARNING"),
    ([room("database", free_bytes=3 * GIB), room("dumps", "2", free_bytes=3 * GIB)], None,
     "CRITICAL", "WARNING"),
    # A gibibyte and twice as much unpacked on the same disk: no room for the clone any more.
    ([room("database", free_bytes=8 * GIB), room("releases"), room("dumps", "2")],
     Package(GIB, 2 * GIB), "WARNING", "WARNING"),
    ([room("database"), room("releases", "2", free_bytes=2 * GIB)], Package(GIB, 2 * GIB), "OK",
     "OK"),
]  # fmt: skip


@pytest.mark.parametrize(("rooms", "package", "point", "disk"), ROOMS)
def test_room_is_added_up_for_each_disk(
    rooms: list[dict[str, Any]], package: Package | None, point: str, disk: str
):
    found = levels({"rooms.found": rooms}, replace(UPGRADE, package=package))
    assert (found["rollback-point"], found["disk-database"]) == (point, disk)
    if package and rooms[1]["device"] == "2":
        assert found["disk-releases"] == "CRITICAL"


@pytest.mark.parametrize(
    ("values", "check", "level"),
    [
        ({"is_read_only": True}, "disk-documents", "CRITICAL"),
        ({"free_bytes": GIB // 2}, "disk-documents", "CRITICAL"),
        ({"total_bytes": 1000 * GIB}, "disk-documents", "WARNING"),
        ({"free_inodes": 50}, "inodes-documents", "WARNING"),
        ({"free_inodes": 0}, "inodes-documents", "CRITICAL"),
        ({"inodes": 0, "free_inodes": 0}, "disk-documents", "OK"),
        ({"trouble": "Stale file handle"}, "disk-documents", "UNKNOWN"),
        ({"free_bytes": None}, "disk-documents", "UNKNOWN"),
    ],
)
def test_a_disk_that_is_full_or_read_only(values: dict[str, Any], check: str, level: str):
    rooms = [room("database"), room("documents", "2", **values)]
    assert levels({"rooms.found": rooms})[check] == level


def test_who_accepts_the_risk_needs_no_backup():
    changes = {"backups.destinations": []}
    found = levels(changes, replace(UPGRADE, accepted_risk="pindah server"))
    assert found["backup"] == "WARNING"
    assert "backup-proof" not in found


def test_clocks_are_compared_only_between_machines():
    assert "clock-beside" not in levels({})
    between = (NOW + timedelta(seconds=2), NOW + timedelta(seconds=3))
    assert levels({}, replace(UPGRADE, clock_between=between))["clock-beside"] == "OK"
    later = (NOW + timedelta(seconds=7), NOW + timedelta(seconds=8))
    assert levels({}, replace(UPGRADE, clock_between=later))["clock-beside"] == "WARNING"
    told = levels({"clock.now": 1e200}, replace(UPGRADE, clock_between=between))
    assert told["clock-beside"] == "WARNING"


def test_a_host_that_tells_nothing_is_not_fit_and_no_check_is_missing():
    for facts in ({}, {name: {"trouble": "late"} for name in WELL}):
        found = judge(facts, UPGRADE)
        assert len(found) >= len(CHECKS)
        assert Level.OK not in {each.level for each in found if each.id != "upgrade"}
        assert gravest(found) is Level.CRITICAL


def test_whatever_a_host_tells_is_judged_without_an_error():
    odd: list[Any] = [None, "\x1b[2J", -1, 1e308, True, [], {}, [None], [[]], "9" * 5000, [1, {}]]
    dice = random.Random(20261122)
    paths = [f"{side}.{key}" for side, values in WELL.items() for key in values]
    for _ in range(600):
        changes = {path: dice.choice(odd) for path in dice.sample(paths, 12)}
        for asked in (UPGRADE, INSTALL):
            found = judge(changed(WELL, changes), asked)
            assert all(isinstance(each.value, str) and each.value for each in found)
    for value in odd:
        judge(dict.fromkeys(WELL, value), UPGRADE)
    # Python's reader takes numbers that JSON does not know.
    judge(json.loads('{"clock": {"now": NaN, "source": "x", "offset_seconds": Infinity}}'), UPGRADE)
