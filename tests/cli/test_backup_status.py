"""``backup status``: for people, Nagios, Prometheus, and from another machine."""

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lpse_ops.backup.diskforecast import Room
from lpse_ops.backup.status import judge
from lpse_ops.backup.statusfacts import History, Sighting
from lpse_ops.backup.statusverdict import Kind, Severity, Trouble
from lpse_ops.cli.ages import format_age
from lpse_ops.cli.backup_metrics import render_metrics, write_metrics
from lpse_ops.cli.backup_status import answer_nagios
from lpse_ops.cli.deadline import ask_all
from lpse_ops.cli.status_text import describe, first_line, render_nagios, render_status
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, StorageError, StorageUnavailable
from tests.backup.statuscases import (
    DISK_A,
    NOW,
    OFFSITE,
    ago,
    daily_runs,
    drill_at,
    facts_of,
    run_at,
)
from tests.cli.commands import Ended, lpse_ops

GOOD = judge(
    facts_of(
        DISK_A,
        OFFSITE,
        history=History(
            daily_runs(3, disk_a="written", offsite="written"),
            drills=(drill_at(ago(days=1)),),
            key_drills=(ago(days=9),),
            rooms={"disk-a": (Room(ago(days=1), 8, 9), Room(ago(), 7, 9))},
        ),
        sightings={"disk-a": Sighting(trouble="disk-a is not plugged in")},
        knows_all_places=True,
    )
)
BAD = judge(
    facts_of(
        DISK_A,
        OFFSITE,
        history=History(
            (
                *daily_runs(1, disk_a="written"),
                run_at(ago(hours=1), "failed", "no | space\nleft on the \x1b device " + 50 * "x"),
            )
        ),
        sightings={"offsite": Sighting(trouble="connection refused")},
    )
)


def test_people_see_each_copy_and_what_is_wrong():
    text = render_status(GOOD)
    assert re.search(
        r"disk-a +disk +Brankas Setda +2026-11-22 01:30 +6h 30m +never +not plugged in", text
    )
    assert re.search(r"offsite +s3 +elsewhere +2026-11-22 01:30", text)
    assert "copies     2, kinds of media: 2 (disk, s3), away from the server room: 2; " in text
    assert text.endswith("OK         nothing is wrong")
    bad = render_status(BAD)
    assert "CRITICAL   the run of 2026-11-22 07:30 failed: no | space" in bad
    assert "WARNING    offsite: not reachable: connection refused" in bad
    assert "\x1b" not in bad


@pytest.mark.parametrize("status", [GOOD, BAD])
def test_nagios_gets_one_line_of_80_characters_and_performance_data(status):
    lines = render_nagios(status).split("\n")
    text, _, data = lines[0].partition(" | ")
    assert len(text) <= 80
    assert text.startswith(f"BACKUP {status.severity.name} - ")
    assert text.isprintable()
    assert "|" not in data + "".join(lines[1:])
    value = r"('[^']+'|[a-z]+)=(\d+s?|U)(;\d*;\d*;\d*)?"
    assert re.fullmatch(rf"{value}( {value})*", data)
    assert len(lines) == 1 + len(status.troubles)


def test_the_first_line_is_cut_and_says_how_many_more():
    line = first_line("CRITICAL", 200 * "x", more=12)
    assert len(line) == 80
    assert line.endswith("... (+12)")
    assert first_line("OK", "fine") == "BACKUP OK - fine"


@pytest.mark.parametrize("kind", Kind)
def test_every_trouble_has_its_words(kind):
    for since in (None, ago(days=2)):
        text = describe(Trouble(kind, Severity.WARNING, "disk-a", since, "ab" * 32), NOW)
        assert "{" not in text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(days=3, hours=2, minutes=5), "3d 2h"),
        (timedelta(hours=5, minutes=12), "5h 12m"),
        (timedelta(minutes=12, seconds=59), "12m"),
        (timedelta(seconds=-5), "0m"),
    ],
)
def test_an_age_has_two_units(age, text):
    assert format_age(age) == text


# -- Prometheus -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [GOOD, BAD, judge(facts_of())])
def test_metrics_are_what_prometheus_reads(status):
    text = render_metrics(status).decode()
    families = list(text_string_to_metric_families(text))
    assert all(family.name.startswith("lpse_ops_backup_") for family in families)
    for family in families:
        assert family.documentation
        assert family.type == "gauge"
        # As promtool asks: base units, and no suffix that a gauge must not have.
        assert not family.name.endswith(("_total", "_count", "_milliseconds"))
        if "timestamp" in family.name:
            assert family.name.endswith("_timestamp_seconds")
    assert "python_info" not in text


def test_metrics_tell_age_proof_and_troubles():
    values = {
        (sample.name.removeprefix("lpse_ops_backup_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(render_metrics(GOOD).decode())
        for sample in family.samples
    }
    tonight = NOW.replace(hour=1, minute=30).timestamp()
    assert values["last_success_timestamp_seconds", "disk-a"] == tonight
    assert values["destination_reachable", "disk-a"] == 0
    assert ("destination_reachable", "offsite") not in values
    assert values["drill_rto_seconds",] == 600
    assert values["troubles", "critical"] == 0
    assert values["copies_off_site",] == 2
    assert values["destination_free_bytes", "disk-a"] == 7
    assert ("destination_free_bytes", "offsite") not in values


def test_the_file_is_replaced_whole_and_others_may_read_it(tmp_path: Path):
    path = tmp_path / "lpse-ops.prom"
    path.write_text("old")
    write_metrics(path, GOOD)
    assert path.read_bytes() == render_metrics(GOOD)
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(OpsError, match="cannot write metrics"):
        write_metrics(tmp_path / "none/x.prom", GOOD)


# -- who does not answer --------------------------------------------------------------------------


def test_who_does_not_answer_is_not_waited_for():
    begun = time.monotonic()

    def fail() -> int:
        raise StorageError("it is broken", hint="mend it")

    answers = ask_all(
        {"quick": lambda: 1, "dead": lambda: time.sleep(30) or 1, "broken": fail},
        timedelta(seconds=0.2),
    )
    assert time.monotonic() - begun < 10
    assert answers["quick"] == 1
    assert isinstance(answers["dead"], StorageUnavailable)
    assert isinstance(answers["broken"], StorageError)


def test_a_bug_in_an_answer_is_raised():
    with pytest.raises(ZeroDivisionError):
        ask_all({"bug": lambda: 1 // 0}, timedelta(seconds=5))


# -- the command ----------------------------------------------------------------------------------


@pytest.fixture
def look(repo: Path, password: Path, tmp_path: Path):
    def look_from_elsewhere(*words: str | Path) -> Ended:
        where = ("--repo", repo, "--password-file", password)
        return lpse_ops("backup", "status", *where, *words, env={"LPSE_OPS_STATE": str(tmp_path)})

    return look_from_elsewhere


def back_up(repo: Path, password: Path, docs: Path, age: timedelta) -> None:
    moment = (datetime.now().astimezone() - age).isoformat()
    where = ("--repo", repo, "--password-file", password)
    done = lpse_ops("backup", "run", *where, docs, "--time", moment)
    assert done.code == 0, done.stderr


def test_a_dead_timer_is_noticed_from_another_machine(look, repo, password, docs):
    back_up(repo, password, docs, timedelta(hours=31))
    done = look("--nagios")
    assert done.code == 2
    assert done.stdout.startswith("BACKUP CRITICAL - repository: newest snapshot 1d 7h old")
    assert look("--nagios", "--alert-after", "2d").code == 0
    back_up(repo, password, docs, timedelta(hours=2))
    assert look("--nagios").stdout.startswith("BACKUP OK - newest snapshot 2h 0m old, 1 copy | ")
    assert list((repo / "locks").iterdir()) == []


def test_a_snapshot_of_the_future_is_told(look, repo, password, docs):
    back_up(repo, password, docs, timedelta(days=3))
    back_up(repo, password, docs, timedelta(days=-3))
    found = look("--format", "json").json()
    assert {each["kind"] for each in found["troubles"]} == {
        "destination-stale",
        "snapshot-of-the-future",
    }


def test_an_empty_repository_is_critical(look):
    done = look("--nagios")
    assert (done.code, done.stdout[:42]) == (2, "BACKUP CRITICAL - there is no snapshot any")


def test_metrics_are_written_on_the_way(look, repo, password, docs, tmp_path):
    back_up(repo, password, docs, timedelta(hours=1))
    assert look("--metrics", tmp_path / "a.prom", "--nagios").code == 0
    assert "lpse_ops_backup_copies 1.0" in (tmp_path / "a.prom").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--settings", "/none/lpse-ops.yml"], "BACKUP UNKNOWN - "),
        (["--settings", "broken.yml"], "BACKUP UNKNOWN - "),
        ([], "BACKUP UNKNOWN - which backups?"),
        (["--repo", "/none", "-p", "/none"], "BACKUP CRITICAL - repository: not reachable: "),
    ],
)
def test_nagios_gets_its_own_exit_codes_whatever_happens(tmp_path: Path, words, said):
    (tmp_path / "broken.yml").write_text("site: {name: 5}\n")
    done = lpse_ops("backup", "status", "--nagios", *words, cwd=tmp_path)
    assert done.code == (3 if "UNKNOWN" in said else 2)
    first = done.stdout.splitlines()[0]
    assert first.startswith(said)
    assert len(first.partition(" | ")[0]) <= 80


def test_a_bug_is_unknown_to_nagios_and_the_traceback_is_talk(capfd):
    app = App(environment={}, stderr=io.StringIO())
    assert answer_nagios(app, lambda: 1 // 0, is_telling=False) == 3  # type: ignore[arg-type]
    assert capfd.readouterr().out == "BACKUP UNKNOWN - a bug: ZeroDivisionError\n"
    assert "Traceback" in app.stderr.getvalue()  # type: ignore[attr-defined]


def test_a_log_that_cannot_be_read_is_critical_to_nagios(tmp_path: Path):
    (tmp_path / "lpse-ops.yml").write_text(
        "site: {name: A, slug: a, time_zone: WITA}\n"
        "backup: {destinations: [{name: a, location: repo}]}\n"
    )
    (tmp_path / "state/ledger/a").mkdir(parents=True)
    (tmp_path / "state/ledger/a/ledger.jsonl").write_text("{}\n")
    env = {"LPSE_OPS_STATE": str(tmp_path / "state")}
    done = lpse_ops("backup", "status", "--nagios", cwd=tmp_path, env=env)
    assert done.code == 2
    assert done.stdout.startswith("BACKUP CRITICAL - the log cannot be read: ")


def test_a_destination_that_is_away_is_told_and_the_others_are_asked(
    tmp_path: Path, repo: Path, password: Path, docs: Path
):
    (tmp_path / "lpse-ops.yml").write_text(
        "site: {name: A, slug: lpse-a, time_zone: WITA}\n"
        "backup:\n"
        f"  paths: [{docs}]\n"
        f"  password_file: {password}\n"
        "  destinations:\n"
        f"  - {{name: here, location: {repo}}}\n"
        f"  - {{name: there, location: {tmp_path}/none}}\n"
    )
    env = {"LPSE_OPS_STATE": str(tmp_path / "state")}
    back_up(repo, password, docs, timedelta(hours=1))
    done = lpse_ops("backup", "status", "--format", "json", cwd=tmp_path, env=env)
    assert done.code == 1, done.stderr
    found = json.loads(done.stdout)
    here, there = found["destinations"]
    assert (here["reachable"], there["reachable"], there["media"]) == (True, False, "local")
    assert {each["kind"] for each in found["troubles"]} == {
        "destination-empty",
        "destination-unreachable",
        "no-copy-away",
    }
    assert [each["is_off_site"] for each in found["destinations"]] == [False, False]
    offline = lpse_ops("backup", "status", "--offline", cwd=tmp_path, env=env)
    assert "no-backup" not in offline.stdout
    assert "there is no snapshot anywhere yet" in offline.stdout


def test_copies_that_are_too_few_are_told_with_the_command_and_by_nagios(
    tmp_path: Path, repo: Path, password: Path, docs: Path
):
    """A site in its first days: one disk in the server room is a warning, not yet critical."""

    def status(*words: str, places: str) -> Ended:
        (tmp_path / "lpse-ops.yml").write_text(
            "site: {name: A, slug: lpse-a, time_zone: WITA, server_room: Ruang 204}\n"
            f"backup: {{password_file: {password}, destinations: [{places}]}}\n"
        )
        env = {"LPSE_OPS_STATE": str(tmp_path / "state")}
        return lpse_ops("backup", "status", *words, cwd=tmp_path, env=env)

    back_up(repo, password, docs, timedelta(hours=1))
    here = f"{{name: here, location: {repo}}}"
    alone = status("--nagios", places=here)
    assert alone.code == 1, alone.stderr
    first, *rest = alone.stdout.splitlines()
    assert first.startswith("BACKUP WARNING - no copy is away from the server room: ")
    assert [line for line in rest if line.endswith("a second one: lpse-ops backup disk init")]
    shutil.copytree(repo, tmp_path / "second")
    second = f"name: second, location: {tmp_path}/second"
    for kept_at, code in (("", 1), (", kept_at: R. 204 / Ruang 204", 1), (", kept_at: Dinas", 0)):
        done = status(places=f"{here}, {{{second}{kept_at}}}")
        assert done.code == code, done.stdout
    assert re.search(r"^second +local +Dinas ", done.stdout, re.MULTILINE)
    assert "away from the server room: 1; " in done.stdout
    # Who asks for one of them does not ask whether there are enough.
    assert status("--destination", "here", places=here).code == 0


def test_a_disk_counts_as_kept_where_it_was_carried_to(tmp_path: Path, password: Path):
    """The register knows it, the settings need not."""
    (tmp_path / "lpse-ops.yml").write_text(
        "site: {name: A, slug: lpse-a, time_zone: WITA}\n"
        f"backup: {{password_file: {password}, destinations: "
        "[{name: disk-a, location: /mnt/a/repo, disk: {uuid: 0000-0000}}]}\n"
    )
    app = App(
        settings_file=tmp_path / "lpse-ops.yml",
        environment={"LPSE_OPS_STATE": str(tmp_path / "state")},
    )
    event = {"event": "hand-over", "destination": "disk-a", "by": "Budi"}
    for kept_at, is_away in (("Brankas Setda", True), ("Ruang Server", False)):
        app.ledger.append("disk", {**event, "kept_at": kept_at})
        done = lpse_ops(
            *("backup", "status", "--offline", "--format", "json"),
            *("--settings", tmp_path / "lpse-ops.yml"),
            env=app.environment,
        )
        [disk] = done.json()["destinations"]
        assert (disk["kept_at"], disk["is_off_site"]) == (kept_at, is_away)


_ASK = """
import os, sys
from lpse_ops.cli.repository_access import ask_password_now, read_password
from lpse_ops.cli.wiring import App
app = App(environment={})
ask_password_now(app)
sys.stdin = open(os.devnull)
print(read_password(app))
"""


def test_a_password_is_asked_for_before_any_thread_would(tmp_path: Path):
    """A thread that is not waited for any more would leave the terminal without its echo."""
    ours, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ASK],
        cwd=tmp_path,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    said = b""
    while not said.endswith(b": "):
        letter = process.stderr.read(1)
        assert letter, said
        said += letter
    os.write(ours, b"secret\n")
    assert process.communicate(timeout=60)[0] == b"secret\n"
    os.close(terminal)
    os.close(ours)
