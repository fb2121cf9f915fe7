"""The schedule on a real machine: systemd starts it, judges it, and tells when it fails."""

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import lpse_ops
from tests.cli.smtpsink import Sink, open_sink, text_of
from tests.lab.installing import install_program
from tests.lab.lab import Finished, Host, Lab
from tests.lab.protocol import LabError

pytestmark = pytest.mark.xdist_group("lab")

LEDGER = "/var/lib/lpse-ops/ledger/lpse-contoh/ledger.jsonl"
METRICS = "/var/lib/node-exporter/lpse-ops.prom"
SETTINGS = f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}}
backup:
  paths: [/home/file/file_prod]
  exclude_file: exclude
  password_file: backup.password
  destinations:
    - {{name: disk-a, location: /mnt/disk-a/repo}}
    - {{name: share, location: /srv/share/repo, kept_at: Diskominfo}}
  keep: {{last: 1}}
notify: {{urls_file: notify.urls, metrics_file: {METRICS}}}
"""
PREPARE = """\
set -eu
umask 077
mkdir -p /home/file/file_prod /mnt/disk-a /srv/share /var/lib/node-exporter /etc/lpse-ops
head -c 300000 /dev/urandom >/home/file/file_prod/1.rhs
# A document that only its account may read.
chown -R debian /home/file/file_prod
chmod 700 /home/file/file_prod
echo geheim >/etc/lpse-ops/backup.password
touch /etc/lpse-ops/exclude
lpse-ops --settings /etc/lpse-ops/lpse-ops.yml backup init --sheet /root/sheet.txt
lpse-ops --settings /etc/lpse-ops/lpse-ops.yml backup sync share
"""


@dataclass
class Machine:
    host: Host
    sink: Sink

    def lpse_ops(self, *words: str, check: bool = True) -> Finished:
        return self.host.run("lpse-ops", *words, check=check)

    def write(self, path: str, text: str) -> None:
        self.host.run("sh", "-c", 'mkdir -p "${1%/*}"; cat >"$1"', "sh", path, stdin=text)

    def records(self, kind: str) -> list[dict[str, Any]]:
        with contextlib.suppress(LabError):
            lines = self.host.run("cat", LEDGER).stdout.splitlines()
            return [each["facts"] for each in map(json.loads, lines) if each["kind"] == kind]
        return []

    def metric(self, name: str) -> float:
        text = self.host.run("cat", METRICS).stdout
        match = re.search(rf"^lpse_ops_backup_{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        assert match is not None
        return float(match[1])

    def state(self, unit: str) -> str:
        return self.host.run("systemctl", "is-active", unit, check=False).stdout.strip()


def wait_for(question: Callable[[], Any], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while True:
        with contextlib.suppress(LabError):
            if question():
                return
        assert time.monotonic() < give_up
        time.sleep(0.1)


@pytest.fixture(scope="module")
def machine(lab: Lab) -> Iterator[Machine]:
    """A machine with our program, documents, a repository, and the timer installed."""
    [host] = lab.up("timer")
    install_program(host)
    gateway = host.run("ip", "route", "show", "default").stdout.split()[2]
    with open_sink(gateway) as sink:
        made = Machine(host, sink)
        made.write("/etc/lpse-ops/lpse-ops.yml", SETTINGS)
        made.write("/etc/lpse-ops/notify.urls", sink.url)
        host.run("chmod", "600", "/etc/lpse-ops/notify.urls")
        host.run("sh", "-c", PREPARE)
        made.lpse_ops("backup", "schedule", "install", "--check", "weekly", "--drill", "monthly")
        yield made
    host.remove()


def test_systemd_finds_nothing_wrong_with_the_units(machine: Machine):
    units = machine.host.run("sh", "-c", "echo /etc/systemd/system/lpse-ops-*").stdout.split()
    assert len(units) == 9
    done = machine.host.run("systemd-analyze", "verify", *units, check=False)
    assert (done.status, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("unit", "most"), [("backup", 3.0), ("check", 3.0), ("status", 3.0), ("drill", 4.5)]
)
def test_the_services_are_fenced_in(machine: Machine, unit: str, most: float):
    argv = ["systemd-analyze", "security", "--no-pager", f"lpse-ops-{unit}.service"]
    said = machine.host.run(*argv, check=False).stdout
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert match is not None, said
    assert float(match[1]) < most, said


def test_the_timer_waits_for_the_hour_of_the_site(machine: Machine):
    shown = json.loads(machine.lpse_ops("backup", "schedule", "show", "--format", "json").stdout)
    timers = {each["name"]: each for each in shown["timers"]}
    assert set(timers) == {
        f"lpse-ops-{name}.timer" for name in ("backup", "status", "check", "drill")
    }
    assert all(each["is_active"] for each in timers.values())
    # Half past one in WITA, and up to five minutes later.
    assert re.search(r"T17:3[0-6]:.*\+00:00$", timers["lpse-ops-backup.timer"]["next_run"])
    assert {each["state"] for each in shown["files"]} == {"ours"}


def test_installing_again_changes_nothing(machine: Machine):
    words = ["backup", "schedule", "install", "--check", "weekly", "--drill", "monthly"]
    assert machine.lpse_ops(*words, "--dry-run").stdout == "nothing would change\n"
    again = machine.lpse_ops(*words, "--format", "json").stdout
    assert {each["change"] for each in json.loads(again)["files"]} == {"unchanged"}
    same = machine.lpse_ops("backup", "schedule", "install", "--dry-run").stdout
    assert same == "nothing would change\n"
    fewer = machine.lpse_ops(*words[:3], "--dry-run", "--drill", "none").stdout
    assert "-OnCalendar=Sat *-*-01..07 13:30:00 Asia/Makassar\n" in fewer


def test_a_unit_changed_by_hand_is_not_overwritten(machine: Machine):
    unit = "/etc/systemd/system/lpse-ops-status.timer"
    before = machine.host.run("cat", unit).stdout
    machine.write(unit, before + "# mine\n")
    for verb in ("install", "remove"):
        done = machine.lpse_ops("backup", "schedule", verb, check=False)
        assert done.status == 1
        assert f"will not touch {unit} (changed by hand)" in done.stderr
    machine.write(unit, before)


def test_the_service_backs_up_what_only_its_owner_may_read(machine: Machine):
    machine.host.run("systemctl", "start", "lpse-ops-backup.service")
    assert machine.records("backup")[-1]["status"] == "ok"
    # Its fence lets it remove what backup.keep does not keep, here and there.
    ends = [*machine.records("prune"), *machine.records("sync")[-1:]]
    assert [each["status"] for each in ends] == ["ok", "ok"]
    assert machine.metric("last_run_success") == 1
    assert machine.sink.mails == []
    shown = machine.lpse_ops("backup", "schedule", "show").stdout
    assert "success, exit code 0" in shown


@pytest.mark.parametrize("job", ["check", "drill"])
def test_checks_and_drills_have_all_they_need_inside_their_fence(machine: Machine, job: str):
    done = machine.host.run("systemctl", "start", f"lpse-ops-{job}.service", check=False)
    log = machine.host.run("journalctl", "--no-pager", "--unit", f"lpse-ops-{job}.service").stdout
    assert done.status == 0, log
    assert {facts["status"] for facts in machine.records(job)} == {"ok"}


def test_a_failing_run_is_seen_mailed_and_measured(machine: Machine):
    machine.sink.mails.clear()
    machine.host.run("rm", "/etc/lpse-ops/exclude")
    done = machine.host.run("systemctl", "start", "lpse-ops-backup.service", check=False)
    assert done.status != 0
    assert machine.state("lpse-ops-backup.service") == "failed"
    [mail] = machine.sink.mails
    assert mail["Subject"].startswith("[lpse-contoh] GENTING: pencadangan gagal")
    assert "cannot read the patterns" in text_of(mail)
    assert machine.metric("last_run_success") == 0
    # The unit that a failure starts has nothing to add.
    wait_for(lambda: machine.state("lpse-ops-failed@lpse-ops-backup.service") == "inactive")
    assert len(machine.sink.mails) == 1
    nagios = machine.lpse_ops("backup", "status", "--nagios", check=False)
    assert nagios.status == 2
    assert nagios.stdout.startswith("BACKUP CRITICAL - the run of ")
    machine.write("/etc/lpse-ops/exclude", "")
    machine.host.run("systemctl", "start", "lpse-ops-backup.service")
    assert machine.sink.mails[1]["Subject"] == "[lpse-contoh] PULIH: pencadangan berhasil lagi"


def test_a_run_that_is_killed_with_all_it_started_is_mailed(machine: Machine):
    machine.sink.mails.clear()
    machine.host.run("sh", "-c", "rm /etc/lpse-ops/exclude; mkfifo /etc/lpse-ops/exclude")
    machine.host.run("systemctl", "start", "--no-block", "lpse-ops-backup.service")
    wait_for(lambda: machine.host.run("test", "-s", "/var/lib/lpse-ops/run.lock").status == 0)
    machine.host.run("systemctl", "kill", "--signal=KILL", "lpse-ops-backup.service")
    wait_for(lambda: machine.sink.mails)
    assert "was killed or lost its power" in text_of(machine.sink.mails[0])
    assert machine.records("backup")[-1]["status"] == "failed"
    machine.host.run("sh", "-c", "rm /etc/lpse-ops/exclude; touch /etc/lpse-ops/exclude")


def test_the_timer_runs_by_itself_and_makes_up_for_what_was_missed(machine: Machine):
    """The machine was off at the hour: the run follows as soon as it is on again."""
    dropin = "[Timer]\nRandomizedDelaySec=0\nAccuracySec=1us\n"
    machine.write("/etc/systemd/system/lpse-ops-backup.timer.d/now.conf", dropin)
    before = len(machine.records("backup"))
    machine.host.off()
    stamp = "/var/lib/systemd/timers/stamp-lpse-ops-backup.timer"
    machine.host.on()
    machine.host.run("systemctl", "stop", "lpse-ops-backup.timer")
    machine.host.run("touch", "--date=3 days ago", stamp)
    machine.host.off()
    machine.host.on()
    wait_for(lambda: len(machine.records("backup")) > before)
    assert machine.records("backup")[-1]["status"] == "ok"
    machine.host.run("rm", "-r", "/etc/systemd/system/lpse-ops-backup.timer.d")
    machine.host.run("systemctl", "daemon-reload")


def test_a_dead_timer_is_noticed_here_and_from_elsewhere(machine: Machine, tmp_path: Path):
    machine.host.run("systemctl", "stop", "lpse-ops-backup.timer")
    shown = machine.lpse_ops("backup", "schedule", "show", check=False)
    assert shown.status == 1
    assert "lpse-ops-backup.timer  STOPPED" in shown.stdout
    # As another machine has it: the repository, the password, and nothing else.
    argv = machine.host.ssh_argv("tar", "--create", "--directory=/mnt/disk-a", "repo")
    packed = subprocess.run(argv, check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", f"--directory={tmp_path}"], check=True, input=packed)
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("geheim")
    look = ["backup", "status", "--repo", tmp_path / "repo", "-p", password, "--nagios"]
    env = {"LPSE_OPS_STATE": str(tmp_path / "state")}
    fresh = lpse_ops(*look, env=env)
    assert fresh.code == 0
    assert fresh.stdout.startswith("BACKUP OK - newest snapshot ")
    time.sleep(1.1)
    stale = lpse_ops(*look, "--alert-after", "1s", env=env)
    assert stale.code == 2
    assert stale.stdout.startswith("BACKUP CRITICAL - repository: newest snapshot ")
    assert not (tmp_path / "state").exists()
    machine.host.run("systemctl", "start", "lpse-ops-backup.timer")


def test_cron_takes_the_place_of_the_timer_and_runs_the_same(machine: Machine):
    machine.lpse_ops("backup", "schedule", "install", "--cron")
    left = machine.host.run("sh", "-c", "echo /etc/systemd/system/lpse-ops-*").stdout
    assert left == "/etc/systemd/system/lpse-ops-*\n"
    table = machine.host.run("cat", "/etc/cron.d/lpse-ops").stdout
    [line] = [each for each in table.splitlines() if each.startswith("30 17 * * * root ")]
    before = len(machine.records("backup"))
    machine.host.run("sh", "-c", line.partition(" root ")[2])
    assert len(machine.records("backup")) == before + 1
    assert machine.lpse_ops("backup", "schedule", "show").stdout.startswith("cron ")


def test_remove_takes_away_what_install_wrote_and_nothing_else(machine: Machine):
    machine.write("/etc/systemd/system/lpse-ops-mine.timer", "[Timer]\nOnCalendar=daily\n")
    machine.lpse_ops("backup", "schedule", "install")
    machine.lpse_ops("backup", "schedule", "remove")
    find = "find /etc -name '*lpse-ops*' ! -path '/etc/lpse-ops*'"
    left = machine.host.run("sh", "-c", find).stdout.split()
    assert left == ["/etc/systemd/system/lpse-ops-mine.timer"]
    done = machine.lpse_ops("backup", "schedule", "show", check=False)
    assert (done.status, done.stdout) == (
        1,
        "there is no schedule: lpse-ops backup schedule install\n",
    )
