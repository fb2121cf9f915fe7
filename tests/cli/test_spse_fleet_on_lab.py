"""``spse upgrade``, ``rollback`` and ``status`` on several real machines, reached by an account
with sudo."""

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.cli.spsefleet import (
    PLAYBOOK,
    STATE,
    prepare,
    put_state,
    rolled_back,
    rows,
    upgrade_state,
    write_inventory,
)
from tests.lab.lab import Host, Lab
from tests.spse_steps.values import state_up_to
from tests.standin.build import find_packages

pytestmark = pytest.mark.xdist_group("fleet")

BEFORE = upgrade_state("4.3", "4.4", "20261101T021500Z_ab12")
STAMP = "20261122T021500Z_ab12"
DONE = {"upgrade": upgrade_state("4.4", "4.5", STAMP)}
FAILED = {"upgrade": rolled_back("4.4", "4.5", STAMP, "prove: login page: status 504")}
STUCK = upgrade_state("4.4", "4.5", STAMP, state=state_up_to("migrate", "begun"))
SETTINGS = """
site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}
"""
NAMES = ("spse-1", "spse-2", "spse-3")


@pytest.fixture(scope="module")
def machines(lab: Lab) -> Iterator[list[Host]]:
    hosts = lab.up(*NAMES)
    prepare(hosts, BEFORE)
    yield hosts
    for host in hosts:
        host.remove()


class Site:
    """A controller's own folder, and how the upgrade of each machine is to end."""

    def __init__(self, folder: Path, hosts: list[Host]) -> None:
        self.folder = folder
        self.hosts = hosts
        self.environment = {"LPSE_OPS_STATE": str(folder / "state")}
        (folder / "lpse-ops.yml").write_text(SETTINGS)
        (folder / "play.yml").write_text(PLAYBOOK)
        self.end_as()

    def end_as(self, **of_host: dict[str, Any]) -> None:
        ends = {name.replace("-", "_"): {"ends": DONE} for name in NAMES} | of_host
        named = {name.replace("_", "-"): each for name, each in ends.items()}
        self.inventory = write_inventory(self.folder, self.hosts, **named)
        for host in self.hosts:
            put_state(host, BEFORE)

    def words(self, *words: str | Path) -> list[str]:
        playbook = ["--playbook", str(self.folder / "play.yml")] if words[0] != "status" else []
        return ["spse", *map(str, words), "-i", str(self.inventory), *playbook]

    def run(self, *words: str | Path) -> Ended:
        return lpse_ops(*self.words(*words), cwd=self.folder, env=self.environment)

    def change(self, *words: str) -> Ended:
        return lpse_ops("spse", "change", *words, cwd=self.folder, env=self.environment)

    def stamps(self) -> list[str]:
        return [json.loads(host.run("cat", STATE).stdout)["stamp"] for host in self.hosts]


@pytest.fixture
def site(tmp_path: Path, machines: list[Host]) -> Site:
    return Site(tmp_path, machines)


@pytest.fixture(scope="module")
def package() -> Path:
    return find_packages()["spse-4.5"].archive


def test_one_after_the_other_and_all_are_done(site: Site, package: Path):
    ended = site.run("upgrade", package, "--yes", "--reason", "SPSE {{ 4 }}.5", "--serial", "2")
    assert ended.code == 0, ended.stderr
    down = ["1", "min", "30", "s"]
    assert list(rows(ended.stdout)) == [
        [name, "done", "4.4", "4.5", *down, "4f0c1b2c4f"] for name in NAMES
    ]
    # What people type is no template.
    assert "spse-1: upgrade to 4.5, SPSE {{ 4 }}.5" in ended.stderr
    assert ended.stderr.count("PLAY [Upgrade SPSE]") == 2
    again = site.run("status", "--format", "json")
    assert again.code == 0
    assert [each["phase"] for each in again.json()["hosts"]] == ["done"] * 3


def test_it_stops_at_the_first_failure_and_names_who_was_not_begun(site: Site, package: Path):
    site.end_as(spse_2={"ends": FAILED})
    ended = site.run("upgrade", package, "--yes", "--reason", "r", "--format", "json")
    assert ended.code == 6, ended.stderr
    told = ended.json()
    assert (told["schema"], told["code"]) == ("lpse-ops/spse/upgrade/1", 6)
    assert [(each["host"], each["result"]) for each in told["hosts"]] == [
        ("spse-1", "done"),
        ("spse-2", "rolled-back"),
        ("spse-3", "not-begun"),
    ]
    assert "504" in told["hosts"][1]["problem"]
    assert site.stamps()[2] == BEFORE["stamp"]
    assert site.run("status").code == 6


def test_what_was_done_is_on_record_here_under_the_request(site: Site, package: Path):
    asked = site.change("request", "upgrade", "--reason", "SPSE 4.5, surat 027/08")
    assert asked.code == 0, asked.stderr
    words = ("--yes", "--performed-by", "Sari", "--limit", "spse-1,spse-2", "--serial", "2")
    ended = site.run("upgrade", package, *words)
    assert ended.code == 0, ended.stderr
    [listed] = site.change("list", "--format", "json").json()["changes"]
    assert (listed["results"], listed["reason"]) == (["done", "done"], "SPSE 4.5, surat 027/08")
    told = site.change("export", listed["id"], "--format", "json").json()
    assert [(run["server"], run["performed_by"]) for run in told["runs"]] == [
        ("spse-1", ["Sari"]),
        ("spse-2", ["Sari"]),
    ]
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    made_of = {"name": package.name, "version": "4.5", "sha256": digest}
    assert [run["package"] for run in told["runs"]] == [made_of] * 2
    # The number of a request means nothing on another machine.
    assert "under -" in ended.stderr


def test_a_percentage_of_failures_is_borne(site: Site, package: Path):
    site.end_as(spse_1={"ends": FAILED})
    words = ("--yes", "--reason", "r", "--serial", "3", "--max-fail-percentage", "40")
    ended = site.run("upgrade", package, *words)
    assert ended.code == 6, ended.stderr
    assert [row[1] for row in rows(ended.stdout)][:3] == ["rolled-back", "done", "done"]


def test_a_look_changes_nothing(site: Site, package: Path):
    ended = site.run("upgrade", package, "--check")
    assert ended.code == 0, ended.stderr
    assert [row[:4] for row in rows(ended.stdout)][:3] == [
        [name, "would-change", "4.4", "4.5"] for name in NAMES
    ]
    assert site.stamps() == [BEFORE["stamp"]] * 3
    assert "DOWNGRADE" not in ended.stderr
    older = site.run("upgrade", find_packages()["spse-4.3"].archive, "--check", "--quiet")
    assert older.code == 0, older.stderr
    assert "lpse-ops: warning: spse-1: DOWNGRADE: 4.3 is older than 4.4" in older.stderr
    assert "TASK" not in older.stderr


def test_who_has_no_terminal_must_say_yes_and_why(site: Site, package: Path):
    ended = site.run("upgrade", package, "--reason", "r")
    assert (ended.code, ended.stdout) == (2, "")
    assert "say --yes" in ended.stderr
    ended = site.run("upgrade", package, "--yes")
    assert ended.code == 2
    assert "--reason TEXT" in ended.stderr
    # It may stand in the inventory.
    words = (
        "--yes",
        "--limit",
        "spse-1",
        "-e",
        "spse_reason=surat",
        "-e",
        '{"spse_performed_by": ["Sari"]}',
    )
    assert site.run("upgrade", package, *words).code == 0
    [listed] = site.change("list", "--format", "json").json()["changes"]
    assert listed["reason"] == "surat"


def test_a_tampered_package_is_refused_before_any_host_is_asked(site: Site):
    tampered = find_packages()["spse-4.5-tampered"]
    ended = site.run(
        "upgrade", tampered.archive, "--sha256", tampered.sha256, "--yes", "--reason", "r"
    )
    assert ended.code == 7, ended.stderr
    assert "PLAY" not in ended.stderr
    assert site.stamps() == [BEFORE["stamp"]] * 3


def test_what_a_host_refuses_is_told_as_refused(site: Site, package: Path):
    site.end_as(spse_1={"ends": DONE, "refuses": True})
    words = ("--yes", "--reason", "r", "--limit", "spse-1")
    ended = site.run("upgrade", package, *words, "--quiet")
    assert ended.code == 7, ended.stderr
    assert [row[1] for row in rows(ended.stdout)][:1] == ["refused"]
    # Who wants it quiet hears of trouble all the same.
    assert "fatal: [spse-1]: FAILED!" in ended.stderr
    assert "PLAY" not in ended.stderr


def test_what_stopped_half_way_is_gone_on_with_or_taken_back(site: Site, package: Path):
    back = rolled_back("4.4", "4.5", STAMP, "asked for")
    site.end_as(
        spse_1={"ends": {"resume": upgrade_state("4.4", "4.5", STAMP)}},
        spse_2={"ends": {"rollback": back}},
    )
    for host in site.hosts[:2]:
        put_state(host, STUCK | {"calls": []})
    status = site.run("status")
    assert status.code == 1
    assert "migrate (6 of 11 done)" in status.stdout
    assert "2026-11-22 10:15 WITA" in status.stdout
    assert "spse-1: lpse-ops spse upgrade --resume" in status.stderr
    refused = site.run("upgrade", package, "--yes", "--reason", "r")
    assert refused.code == 7
    assert "spse-1: the upgrade from 4.4 to 4.5 is not over: stopped at migrate" in refused.stderr
    looked = site.run("upgrade", "--resume", "--check", "--limit", "spse-1,spse-3")
    assert [row[:4] for row in rows(looked.stdout)] == [
        ["spse-1", "would-change", "4.4", "4.5"],
        ["spse-3", "unchanged", "4.4", "4.4"],
    ]
    resumed = site.run("upgrade", "--resume", "--yes", "--limit", "spse-1,spse-3")
    assert resumed.code == 0, resumed.stderr
    found = [row[:4] for row in rows(resumed.stdout)]
    assert found == [["spse-1", "done", "4.4", "4.5"], ["spse-3", "unchanged", "4.4", "4.4"]]
    taken = site.run("rollback", "--yes", "--reason", "r", "--limit", "spse-2")
    assert taken.code == 0, taken.stderr
    assert next(row[:4] for row in rows(taken.stdout)) == ["spse-2", "done", "4.5", "4.4"]


def test_users_who_were_let_in_are_not_taken_back_in_silence(site: Site):
    back = rolled_back("4.3", "4.4", BEFORE["stamp"], "halaman rusak")
    site.end_as(spse_1={"ends": {"rollback": back | {"calls": back["calls"] * 2}}})
    refused = site.run("rollback", "--yes", "--reason", "r", "--limit", "spse-1")
    assert refused.code == 7
    assert "--accept-lost-writes REASON" in refused.stderr
    words = ("--accept-lost-writes", "halaman rusak", "--limit", "spse-1")
    done = site.run("rollback", "--yes", *words)
    assert done.code == 0, done.stderr
    assert next(row[:4] for row in rows(done.stdout)) == ["spse-1", "done", "4.4", "4.3"]


def test_a_host_that_is_off_is_told(site: Site, package: Path, machines: list[Host]):
    machines[0].wire(down=True)
    try:
        ended = site.run("status", "--timeout", "2")
        assert ended.code == 4
        assert next(rows(ended.stdout))[:2] == ["spse-1", "UNREACHABLE"]
        words = ("--yes", "--reason", "r", "--limit", "spse-1,spse-2", "--timeout", "2")
        ended = site.run("upgrade", package, *words)
    finally:
        machines[0].unwire()
    assert ended.code == 4, ended.stderr
    assert [row[:2] for row in rows(ended.stdout)][:2] == [
        ["spse-1", "unreachable"],
        ["spse-2", "not-begun"],
    ]


def test_on_a_terminal_it_is_shown_and_asked(site: Site, package: Path):
    words = site.words("upgrade", package, "--reason", "r", "--limit", "spse-1")
    for answer, code, stamp in (("n", 130, BEFORE["stamp"]), ("y", 0, STAMP)):
        ours, theirs = pty.openpty()
        environment = clean_environment() | {"TERM": "dumb"}
        with subprocess.Popen(
            [*PROGRAM, *words], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env=environment
        ) as running:
            os.close(theirs)
            told = read_until(ours, b"Upgrade to SPSE 4.5 on spse-1 now?")
            assert b"spse-1: upgrade to 4.5" in told
            os.write(ours, f"{answer}\n".encode())
            drain(ours)
            running.wait(timeout=60)
        os.close(ours)
        assert running.returncode == code, told.decode()
        assert site.stamps()[0] == stamp


def test_who_breaks_off_is_told_what_goes_on(site: Site, package: Path):
    site.end_as(spse_1={"ends": DONE, "works": 300})
    words = site.words("upgrade", package, "--yes", "--reason", "r", "--limit", "spse-1")
    with subprocess.Popen(
        [*PROGRAM, *words], stderr=subprocess.PIPE, env=clean_environment()
    ) as running:
        assert running.stderr is not None
        read_until(running.stderr.fileno(), b"TASK [Work for a while]")
        running.send_signal(signal.SIGINT)
        told = running.stderr.read()
        running.wait(timeout=60)
    assert running.returncode == 130
    assert b"an upgrade that has begun on a host goes on there" in told
    assert b"lpse-ops spse upgrade --resume" in told


def read_until(terminal: int, words: bytes) -> bytes:
    told = b""
    give_up = time.monotonic() + 60
    while words not in told:
        assert time.monotonic() < give_up, told.decode()
        if select.select([terminal], [], [], 1)[0]:
            told += os.read(terminal, 65536)
    return told


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        # Nobody writes there any more.
        return
