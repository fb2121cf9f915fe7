"""Units, the table of cron, and whose a file is: values to text."""

import shlex
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.cli.backup_schedule_show import parse_timers
from lpse_ops.cli.schedule_cron import render_cron
from lpse_ops.cli.schedule_files import (
    State,
    Verb,
    apply_changes,
    mark,
    plan_changes,
    read_files,
    state_of,
)
from lpse_ops.cli.schedule_plan import choose_every, find_program
from lpse_ops.cli.schedule_units import Plan, render_units, timers
from lpse_ops.errors import OpsError
from tests.cli.commands import lpse_ops

PLAN = Plan(
    program=("/opt/lpse-ops/bin/lpse-ops",),
    settings=Path("/etc/lpse-ops/lpse-ops.yml"),
    state=Path("/var/lib/lpse-ops"),
    zone="Asia/Makassar",
    at=time(1, 30),
    written=(Path("/mnt/disk-a/repo"), Path("/var/lib/node exporter/100%")),
    touched=(Path("/home/file"),),
)
UTC = datetime(2026, 11, 22, 4, 0, tzinfo=ZoneInfo("UTC"))


def lines_of(plan: Plan, unit: str) -> list[str]:
    return render_units(plan)[f"lpse-ops-{unit}"].splitlines()


def test_the_timer_goes_by_the_clock_of_the_site_and_makes_up_for_missed_runs():
    lines = lines_of(PLAN, "backup.timer")
    assert "OnCalendar=*-*-* 01:30:00 Asia/Makassar" in lines
    assert "Persistent=true" in lines


def test_the_service_may_write_only_where_a_backup_writes():
    lines = lines_of(PLAN, "backup.service")
    assert [line for line in lines if line.startswith("ReadWritePaths")] == [
        "ReadWritePaths=-/var/lib/lpse-ops",
        "ReadWritePaths=-/mnt/disk-a/repo",
        'ReadWritePaths="-/var/lib/node exporter/100%%"',
    ]
    assert {"ProtectSystem=strict", "NoNewPrivileges=yes", "PrivateTmp=yes"} <= set(lines)
    assert "OnFailure=lpse-ops-failed@%n.service" in lines


def test_what_lies_in_a_temporary_folder_is_not_hidden():
    plan = replace(PLAN, touched=(Path("/var/tmp/docs"),))
    lines = lines_of(plan, "backup.service")
    assert {"PrivateTmp=no", "ReadWritePaths=-/var/tmp"} <= set(lines)


def test_portable_disks_need_the_names_of_devices():
    lines = lines_of(replace(PLAN, has_disks=True), "backup.service")
    assert {"PrivateDevices=no", "DevicePolicy=closed"} <= set(lines)


def test_a_program_and_a_file_of_any_name_are_quoted():
    plan = replace(PLAN, program=("/opt/my $HOME/lpse-ops",), settings=Path('/etc/a"b %n.yml'))
    [line] = [each for each in lines_of(plan, "backup.service") if each.startswith("ExecStart")]
    assert line == (
        'ExecStart="/opt/my $$HOME/lpse-ops" backup schedule run backup --settings '
        '"/etc/a\\"b %%n.yml"'
    )


def test_checks_and_drills_have_timers_of_their_own():
    assert timers(PLAN) == ["lpse-ops-backup.timer", "lpse-ops-status.timer"]
    plan = replace(PLAN, check="weekly", drill="monthly")
    assert len(timers(plan)) == 4
    assert "OnCalendar=Sun *-*-* 13:30:00 Asia/Makassar" in lines_of(plan, "check.timer")
    assert "OnCalendar=Sat *-*-01..07 13:30:00 Asia/Makassar" in lines_of(plan, "drill.timer")
    drill = lines_of(plan, "drill.service")
    assert any("CAP_CHOWN" in line for line in drill)
    assert not any("CAP_CHOWN" in line for line in lines_of(plan, "backup.service"))


def test_timers_stay_as_they_were_installed_unless_named():
    for check, drill in (("weekly", "monthly"), ("monthly", None), (None, "weekly")):
        plan = replace(PLAN, check=check, drill=drill)
        for units, table in ((render_units(plan), None), ({}, render_cron(plan, UTC))):
            assert choose_every(None, "check", units, table) == check
            assert choose_every(None, "drill", units, table) == drill
            assert choose_every("none", "check", units, table) is None
            assert choose_every("weekly", "drill", units, table) == "weekly"


def test_our_own_program_is_beside_python(tmp_path: Path):
    python = tmp_path / "python3"
    assert find_program(str(python))[0] == str(python)
    (tmp_path / "lpse-ops").touch()
    assert find_program(str(python)) == (str(tmp_path / "lpse-ops"),)


# -- cron -----------------------------------------------------------------------------------------


def entries(plan: Plan, now: datetime) -> list[str]:
    return [line for line in render_cron(plan, now).splitlines() if " root " in line]


@pytest.mark.parametrize(
    ("zone", "when"),
    [
        ("UTC", "30 17 * * *"),
        ("Asia/Makassar", "30 1 * * *"),
        ("Asia/Jakarta", "30 0 * * *"),
        ("Asia/Jayapura", "30 2 * * *"),
    ],
)
def test_cron_runs_at_the_same_moment_in_any_zone_of_the_machine(zone, when):
    assert entries(PLAN, UTC.astimezone(ZoneInfo(zone)))[0].startswith(f"{when} root ")


def test_cron_makes_up_for_what_was_missed_and_runs_the_watch():
    lines = entries(replace(PLAN, check="weekly", drill="monthly"), UTC)
    assert [line.partition(" root ")[0] for line in lines] == [
        "30 17 * * *",
        "@reboot",
        "15 */6 * * *",
        "30 5 * * 0",
        "30 5 7 * *",
    ]
    assert "--if-missed" in lines[1]
    assert "backup status --notify" in lines[2]


def test_cron_is_not_stopped_by_a_percent_sign():
    plan = replace(PLAN, settings=Path("/etc/a b%n.yml"))
    command = entries(plan, UTC)[0].partition(" root ")[2].replace("\\%", "%")
    inside = command.removesuffix(" >/dev/null 2>&1")[1:-1]
    assert shlex.split(inside)[-1] == "/etc/a b%n.yml"


# -- whose a file is ------------------------------------------------------------------------------


def test_a_change_by_hand_is_seen():
    ours = mark("[Timer]\n")
    assert state_of(ours) is State.OURS
    assert state_of(ours + "# mine\n") is State.CHANGED
    assert state_of("[Timer]\n") is State.FOREIGN
    assert state_of(None) is State.MISSING


@pytest.mark.parametrize(
    ("found", "wanted", "force", "verb"),
    [
        (None, "new\n", False, Verb.WRITE),
        (mark("new\n"), "new\n", False, Verb.KEEP),
        (mark("old\n"), "new\n", False, Verb.WRITE),
        (mark("old\n"), None, False, Verb.REMOVE),
        (None, None, False, Verb.KEEP),
        (mark("old\n") + "mine", "new\n", True, Verb.WRITE),
        (mark("old\n") + "mine", None, True, Verb.REMOVE),
    ],
)
def test_files_become_what_is_wanted(tmp_path: Path, found, wanted, force, verb):
    wanted_files = {} if wanted is None else {"a": wanted}
    if found is not None:
        (tmp_path / "a").write_text(found)
    changes = plan_changes(tmp_path, wanted_files, read_files(tmp_path, ["a"]), force=force)
    assert [each.verb for each in changes] == [verb]
    apply_changes(changes)
    after = read_files(tmp_path, ["a"])["a"]
    assert after == (None if wanted is None else mark(wanted))
    if after is not None:
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644 or verb is Verb.KEEP


@pytest.mark.parametrize(
    ("found", "force"), [("theirs\n", False), ("theirs\n", True), (mark("a\n") + "b", False)]
)
def test_what_is_not_ours_is_never_touched(tmp_path: Path, found, force):
    with pytest.raises(OpsError, match="will not touch"):
        plan_changes(tmp_path, {"a": "new\n"}, {"a": found}, force=force)


def test_a_diff_shows_what_would_be_written(tmp_path: Path):
    [change] = plan_changes(tmp_path, {"a": "new\n"}, {"a": mark("old\n")})
    lines = change.diff().splitlines()
    assert {"-old", "+new"} <= set(lines)
    assert lines[0] == f"--- {tmp_path}/a"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "no snapshot is ever removed"),
        (", keep: {daily: 7}", "weekly, after a good run, snapshots are removed"),
        (", keep: {daily: 7}, schedule: {prune: never}", "no snapshot is ever removed"),
    ],
)
def test_who_installs_a_timer_that_removes_snapshots_is_told(
    tmp_path: Path, settings: str, said: str
):
    file = tmp_path / "lpse-ops.yml"
    file.write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
        "backup: {password_file: p, destinations: [{name: disk-a, location: /mnt/disk-a/repo}]"
        f"{settings}}}\n"
    )
    env = {"LPSE_OPS_STATE": str(tmp_path / "state")}
    shown = lpse_ops("backup", "schedule", "install", "-n", "--settings", file, env=env)
    assert shown.code == 0, shown.stderr
    assert said in shown.stderr


# -- systemctl show -------------------------------------------------------------------------------

SHOWN = """\
NextElapseUSecRealtime=Sun 2026-11-22 17:32:10 UTC
LastTriggerUSec=Sat 2026-11-21 17:31:00 UTC
Result=success
Id=lpse-ops-backup.timer
ActiveState=active

Result=exit-code
ExecMainExitTimestamp=Sat 2026-11-21 17:45:00 UTC
ExecMainStatus=3
Id=lpse-ops-backup.service
ActiveState=failed

NextElapseUSecRealtime=
LastTriggerUSec=n/a
Id=lpse-ops-status.timer
ActiveState=inactive

Result=success
ExecMainExitTimestamp=
ExecMainStatus=0
Id=lpse-ops-status.service
ActiveState=activating
"""


def test_what_systemctl_says_is_read():
    backup, status, gone = parse_timers(
        SHOWN, ["lpse-ops-backup.timer", "lpse-ops-status.timer", "lpse-ops-drill.timer"]
    )
    assert backup.next_run == datetime(2026, 11, 22, 17, 32, 10, tzinfo=ZoneInfo("UTC"))
    assert (backup.is_active, backup.result, backup.exit_code) == (True, "exit-code", 3)
    assert (status.is_active, status.last_run, status.exit_code) == (False, None, None)
    assert status.running
    assert (gone.is_active, gone.next_run) == (False, None)


@pytest.mark.parametrize(("notify", "is_told"), [("", False), ("notify: {urls_file: u}", True)])
def test_a_schedule_of_which_nobody_would_be_told_is_warned_of(
    tmp_path: Path, notify: str, is_told: bool
):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
        "backup: {password_file: p, destinations: [{name: disk-a, location: /mnt/disk-a/repo}]}\n"
        + notify
    )
    env = {"LPSE_OPS_STATE": str(tmp_path / "state")}
    install = ("backup", "schedule", "install", "--dry-run", "--settings", settings)
    shown = lpse_ops(*install, env=env)
    assert shown.code == 0, shown.stderr
    assert ("nobody will be told" in shown.stderr) is not is_told
