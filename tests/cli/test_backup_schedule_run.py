"""What the timer runs: one job at a time, recorded also when it dies, told and measured."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lpse_ops.cli.backup_schedule_run import job_facts
from lpse_ops.cli.records import record
from lpse_ops.cli.run_lock import hold_run_lock
from lpse_ops.cli.scheduled_job import Ended as JobEnded
from lpse_ops.cli.wiring import App
from lpse_ops.errors import RepositoryLocked
from tests.backup.smalldisk import fill, mount_small_disk
from tests.backup.statuscases import NOW
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.cli.smtpsink import Sink, open_sink, text_of
from tests.cli.test_heartbeat import open_server, url_of


@pytest.fixture(scope="module")
def running_sink():
    with open_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def server():
    with open_server() as running:
        yield running


@dataclass
class Site:
    folder: Path
    repo: Path
    docs: Path
    sink: Sink
    server: object

    @property
    def settings(self) -> Path:
        return self.folder / "lpse-ops.yml"

    @property
    def environment(self) -> dict[str, str]:
        return {"LPSE_OPS_STATE": str(self.folder / "state")}

    def run(self, *words: str) -> Ended:
        return lpse_ops("--settings", self.settings, *words, env=self.environment)

    def records(self, kind: str) -> list[dict]:
        path = self.folder / "state/ledger/lpse-contoh/ledger.jsonl"
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [line["facts"] for line in lines if line["kind"] == kind]

    def metrics(self) -> dict[str, float]:
        text = (self.folder / "lpse-ops.prom").read_text()
        return {
            sample.name + "".join(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    @contextlib.contextmanager
    def started(self) -> Iterator[subprocess.Popen]:
        """A run that waits in its middle: for a file that nobody writes to."""
        os.mkfifo(self.folder / "exclude")
        process = subprocess.Popen(
            [*PROGRAM, "--settings", self.settings, "backup", "schedule", "run"],
            env=clean_environment() | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            wait_for(lambda: (self.folder / "state/run.lock").stat().st_size)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def child_of(process: subprocess.Popen) -> str:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(lambda: children.read_text().split())
    [child] = children.read_text().split()
    return child


def wait_for(is_there) -> None:
    give_up = time.monotonic() + 20
    while True:
        with contextlib.suppress(FileNotFoundError):
            if is_there():
                return
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.fixture
def site(tmp_path: Path, repo: Path, docs: Path, password: Path, running_sink, server) -> Site:
    running_sink.mails.clear()
    shutil.copytree(repo, tmp_path / "share")
    for name, url in (("notify.urls", running_sink.url), ("beat", url_of(server, "/ping"))):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(url)
    (tmp_path / "lpse-ops.yml").write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
        "backup:\n"
        f"  paths: [{docs}]\n"
        "  exclude_file: exclude\n"
        f"  password_file: {password}\n"
        "  destinations:\n"
        f"  - {{name: disk-a, location: {repo}}}\n"
        f"  - {{name: share, location: {tmp_path}/share, kept_at: Diskominfo}}\n"
        "notify: {urls_file: notify.urls, heartbeat_file: beat, metrics_file: lpse-ops.prom}\n"
    )
    return Site(tmp_path, repo, docs, running_sink, server)


def test_a_good_run_is_recorded_measured_and_heard(site: Site):
    (site.folder / "exclude").write_text("*.tmp\n")
    before = len(site.server.asked)
    done = site.run("backup", "schedule", "run")
    assert (done.code, done.stderr) == (0, "backup of lpse-contoh: ok\n")
    [facts] = site.records("backup")
    assert (facts["status"], len(facts["snapshot"])) == ("ok", 64)
    assert site.sink.mails == []
    assert site.server.asked[before:] == ["/ping"]
    metrics = site.metrics()
    assert metrics["lpse_ops_backup_last_run_success"] == 1
    age = time.time() - metrics["lpse_ops_backup_last_success_timestamp_secondsdisk-a"]
    assert 0 <= age < 60
    assert metrics["lpse_ops_backup_destination_reachabledisk-a"] == 1
    assert (site.folder / "lpse-ops.prom").stat().st_mode & 0o777 == 0o644
    status = site.run("backup", "status", "--format", "json").json()
    assert status["destinations"][0]["snapshot"] == facts["snapshot"]
    assert status["troubles"] == []


def test_a_failed_run_is_recorded_and_mailed_and_the_next_one_says_that_it_is_over(site: Site):
    done = site.run("backup", "schedule", "run")
    assert done.code == 2
    assert "cannot read the patterns" in done.stderr
    [facts] = site.records("backup")
    assert facts["status"] == "failed"
    assert "cannot read the patterns" in facts["error"]
    [mail] = site.sink.mails
    assert "GENTING" in mail["Subject"]
    assert "cannot read the patterns" in text_of(mail)
    assert site.metrics()["lpse_ops_backup_last_run_success"] == 0
    (site.folder / "exclude").write_text("")
    assert site.run("backup", "schedule", "run").code == 0
    assert "PULIH" in site.sink.mails[1]["Subject"]


def test_two_runs_never_overlap_and_the_second_says_who_is_at_work(site: Site):
    with site.started() as first:
        second = site.run("backup", "schedule", "run", "--retry-lock", "0s")
        assert second.code == 11
        assert f"backup ({first.pid}) runs since 20" in second.stderr
        assert site.records("backup") == []


def test_the_timer_waits_for_a_job_by_hand_and_takes_no_record_of_it_for_its_own(site: Site):
    (site.folder / "exclude").write_text("")
    with hold_run_lock(site.folder / "state", "backup", NOW):
        waits = subprocess.Popen(
            [*PROGRAM, "--settings", site.settings, "backup", "schedule", "run"],
            env=clean_environment() | site.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            # It has begun to wait once it has opened the file of the lock.
            lock = os.fspath(site.folder / "state/run.lock")
            wait_for(lambda: lock in open_files(waits.pid))
            by_hand = {"status": "failed", "snapshot": None, "destinations": {}}
            app = App(settings_file=site.settings, environment=site.environment)
            assert record(app, "backup", by_hand)
        except BaseException:
            waits.kill()
            waits.communicate()
            raise
    _, talk = waits.communicate(timeout=120)
    assert waits.returncode == 0, talk
    assert [each["status"] for each in site.records("backup")] == ["failed", "ok"]


def open_files(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(each))
    return found


def test_a_run_that_was_killed_is_told_by_the_watch(site: Site):
    with site.started() as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: "killed" in (site.run("backup", "status", "--notify").stdout))
    [facts] = site.records("backup")
    assert (facts["status"], facts["destinations"]) == ("failed", {})
    assert "was killed or lost its power" in text_of(site.sink.mails[0])
    site.run("backup", "status", "--notify")
    assert len(site.records("backup")) == 1


def test_the_lock_lives_as_long_as_the_job_when_only_its_watcher_is_killed(site: Site):
    with site.started() as process:
        child = child_of(process)
        process.kill()
        process.wait()
        assert site.run("backup", "schedule", "run", "--retry-lock", "0s").code == 11
        os.kill(int(child), signal.SIGKILL)


def test_an_interrupted_run_is_recorded_and_leaves_no_child(site: Site):
    with site.started() as process:
        child = child_of(process)
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not Path(f"/proc/{child}").exists()
    [facts] = site.records("backup")
    assert facts["status"] == "failed"


def test_what_was_missed_is_made_up_for_once(site: Site):
    (site.folder / "exclude").write_text("")
    assert site.run("backup", "schedule", "run", "--if-missed").code == 0
    assert len(site.records("backup")) == 1
    assert site.run("backup", "schedule", "run", "--if-missed").code == 0
    assert len(site.records("backup")) == 1


def test_a_check_reads_a_part_and_is_recorded(site: Site):
    (site.folder / "exclude").write_text("")
    site.run("backup", "schedule", "run")
    done = site.run("backup", "schedule", "run", "check")
    assert done.code == 0, done.stderr
    assert [facts["status"] for facts in site.records("check")] == ["ok"]
    assert "check 20" in site.run("backup", "status").stdout


def test_each_check_is_of_the_place_that_waits_longest_and_answers(site: Site):
    (site.folder / "exclude").write_text("")
    site.run("backup", "schedule", "run")
    for _ in range(3):
        assert site.run("backup", "schedule", "run", "check").code == 0
    (site.folder / "share").rename(site.folder / "share.away")
    assert site.run("backup", "schedule", "run", "check").code == 0
    found = [(facts["destination"], facts["read_data"]) for facts in site.records("check")]
    assert found == [
        ("disk-a", "1/13"),
        ("share", "1/13"),
        ("disk-a", "2/13"),
        ("disk-a", "3/13"),
    ]


def keep_one(site: Site) -> None:
    """A policy, and as many snapshots as it keeps, before the next run."""
    (site.folder / "exclude").write_text("")
    assert site.run("backup", "run").code == 0
    (site.docs / "one.pdf").write_bytes(os.urandom(3000))
    site.settings.write_text(
        site.settings.read_text().replace("backup:\n", "backup:\n  keep: {last: 1}\n")
    )


def files(repo: Path) -> set[str]:
    parts = ("data", "index", "snapshots", "keys")
    return {
        str(path.relative_to(repo))
        for part in parts
        for path in (repo / part).rglob("*")
        if path.is_file()
    }


def test_a_good_run_is_followed_by_forget_and_prune_of_all_copies_once_a_week(site: Site):
    (site.folder / "exclude").write_text("")
    for _ in range(2):
        assert site.run("backup", "run", "--host", "another").code == 0
    keep_one(site)
    done = site.run("backup", "schedule", "run")
    said = "backup.keep applied: disk-a, share\nbackup of lpse-contoh: ok\n"
    assert (done.code, done.stderr) == (0, said)
    assert [each["destination"] for each in site.records("check")] == ["share"]
    # Not those of another host, which may have a policy of its own.
    assert len(list((site.repo / "snapshots").iterdir())) == 3
    [forgotten], [pruned] = site.records("forget"), site.records("prune")
    assert (forgotten["destination"], forgotten["removed"]) == ("disk-a", 1)
    assert (pruned["destination"], pruned["status"]) == ("disk-a", "ok")
    [synced] = site.records("sync")
    assert (synced["destination"], synced["delete"], synced["status"]) == ("share", True, "ok")
    assert files(site.repo) == files(site.folder / "share")
    # The next one comes in a week.
    assert site.run("backup", "schedule", "run").code == 0
    assert len(site.records("prune")) == 1
    assert len(list((site.repo / "snapshots").iterdir())) == 4


def test_nights_that_only_one_of_two_rotating_copies_has_are_lost_at_neither(site: Site):
    """Both are here on the day of the change: what follows is no deletion of the other's nights."""
    keep_one(site)
    site.settings.write_text(site.settings.read_text().replace("last: 1}", "last: 10}"))
    a, share = site.repo, site.folder / "share"
    for here, other in ((share, a), (a, share)):
        away = other.rename(f"{other}.away")
        night = site.docs / f"only-{here.name}.pdf"
        night.write_bytes(os.urandom(3000))
        assert site.run("backup", "run").code == 0
        night.unlink()
        away.rename(other)
    refused = site.run("backup", "sync", "--delete", "--from", "disk-a", "share")
    assert refused.code == 1
    assert "share has snapshots of a time when disk-a was away" in refused.stderr
    assert "lpse-ops backup sync --from share disk-a" in refused.stderr
    assert site.records("sync")[-1]["removed"] == 0
    for _ in range(2):
        done = site.run("backup", "schedule", "run")
        assert done.code == 0, done.stderr
        assert files(a) == files(share)
    assert len(list((share / "snapshots").iterdir())) == 5
    synced = [each["destination"] for each in site.records("sync") if each["status"] == "ok"]
    assert synced == ["share", "disk-a", "share"]


def test_nothing_is_removed_anywhere_when_the_other_copy_turns_out_to_be_damaged(site: Site):
    keep_one(site)
    # Of the same size: another one would have been replaced by the run itself.
    index = next((site.folder / "share/index").iterdir())
    index.write_bytes(os.urandom(index.stat().st_size))
    before = files(site.repo)
    done = site.run("backup", "schedule", "run")
    assert done.code == 0, done.stderr
    assert [each["status"] for each in site.records("check")] == ["damaged"]
    assert site.records("forget") == site.records("prune") == site.records("sync") == []
    assert before <= files(site.repo)
    assert "pemeriksaan share tidak lulus" in site.sink.mails[0]["Subject"]
    again = site.run("backup", "schedule", "run")
    assert "old snapshots stay: the last check of share found damage" in again.stderr
    assert len(list((site.repo / "snapshots").iterdir())) == 3


def test_a_prune_that_fails_is_recorded_and_mailed_and_harms_no_other_copy(site: Site):
    keep_one(site)
    largest = max((site.repo / "data").rglob("*"), key=lambda each: each.stat().st_size)
    largest.unlink()
    whole = files(site.folder / "share")
    done = site.run("backup", "schedule", "run")
    assert done.code == 0, done.stderr
    [failed] = site.records("prune")
    assert (failed["destination"], failed["status"]) == ("disk-a", "failed")
    assert failed["error"]
    assert site.records("sync") == []
    assert whole <= files(site.folder / "share")
    assert "snapshot lama di disk-a tidak terhapus" in site.sink.mails[0]["Subject"]
    told = site.run("backup", "status").stdout
    assert "disk-a: old snapshots were not removed on " in told
    assert "lpse-ops backup check --destination disk-a" in told


def test_the_schedule_removes_nothing_where_it_is_told_so(site: Site):
    keep_one(site)
    text = site.settings.read_text()
    site.settings.write_text(text.replace("backup:\n", "backup:\n  schedule: {prune: never}\n"))
    assert site.run("backup", "schedule", "run").code == 0
    assert site.records("forget") == site.records("check") == []
    site.settings.write_text(text.replace("kept_at: Diskominfo}", "kept_at: X, prune: false}"))
    before = files(site.folder / "share")
    assert site.run("backup", "schedule", "run").code == 0
    assert [each["destination"] for each in site.records("prune")] == ["disk-a"]
    assert before <= files(site.folder / "share")


def test_the_lock_says_who_died(tmp_path: Path):
    with hold_run_lock(tmp_path, "backup", NOW) as lock:
        assert lock.died is None
        with pytest.raises(RepositoryLocked), hold_run_lock(tmp_path, "check", NOW):
            pass
    # What a power cut leaves: the file as it was while the job was at work.
    (tmp_path / "run.lock").write_text(
        json.dumps({"name": "backup", "pid": 1, "since": NOW.isoformat()})
    )
    with hold_run_lock(tmp_path, "check", NOW + timedelta(hours=1)) as lock:
        assert lock.died is not None
        assert (lock.died.name, lock.died.since) == ("backup", NOW)
    with hold_run_lock(tmp_path, "check", NOW) as lock:
        assert lock.died is None


def test_a_full_disk_does_not_keep_a_job_from_its_work(tmp_path: Path):
    with mount_small_disk(tmp_path / "state") as folder:
        (folder / "run.lock").touch()
        fill(folder / "rest", free_blocks=0)
        with (
            hold_run_lock(folder, "backup", NOW),
            pytest.raises(RepositoryLocked),
            hold_run_lock(folder, "check", NOW),
        ):
            pass


def test_a_record_in_place_of_the_job_says_where_the_snapshot_is(site: Site):
    app = App(settings_file=site.settings, environment=site.environment)
    destinations = {"a": {"status": "written", "reason": None}, "b": {"status": "away"}}
    answer = {"snapshot": {"id": "ab"}, "destinations": destinations}
    facts = job_facts(app, "backup", NOW, JobEnded(0, answer, ""))
    assert (facts["snapshot"], facts["destinations"]) == ("ab", destinations)


@pytest.mark.parametrize("left", ["", "{", "[]", '{"name": "a", "pid": 1, "since": "soon"}'])
def test_half_a_lock_file_is_no_dead_job(tmp_path: Path, left):
    (tmp_path / "run.lock").write_text(left)
    with hold_run_lock(tmp_path, "backup", datetime.now().astimezone()) as lock:
        assert lock.died is None
