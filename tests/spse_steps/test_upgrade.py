"""Whole upgrades on a real server: done, or rolled back for every reason there is."""

import os
import signal
import subprocess
import time

import pytest

from tests.spse_steps.site import PASSWORD, ROWS


def run(site, capsys, **changes):
    return site.call(capsys, "run", site.write_plan(site.plan(**changes)))


def record_of(ended, name):
    return next(each for each in ended.answer["steps"] if each["name"] == name)


def test_an_upgrade_keeps_all_and_tells_all_but_secrets(site, capsys):
    script = site.release("4.5") / "migration.sql"
    script.write_text(script.read_text() + "SELECT 'password=lain-lagi';\n")
    # The proxy must see the page, whatever the caller's umask is.
    before = os.umask(0o077)
    ended = run(site, capsys)
    os.umask(before)
    assert ended.code == 0, ended.said
    assert site.flag.parent.stat().st_mode & 0o777 == 0o755
    site.assert_is("4.5")
    configuration = site.release("4.5") / "conf/application.conf"
    assert configuration.read_text() == (site.top / "etc/application.conf").read_text()
    assert configuration.stat().st_mode & 0o777 == 0o600
    assert configuration.stat().st_uid == site.uid
    answer = ended.answer
    assert (answer["outcome"], answer["changed"], answer["phase"]) == ("done", True, "done")
    assert all(
        each["status"] == "done" and each["begun"] <= each["ended"] for each in answer["steps"]
    )
    backup = record_of(ended, "backup")
    assert backup["notes"] == {"snapshot": "4f0c1b2c4f0c1b2c", "verified": True}
    assert backup["rc"] == 0
    assert answer["calls"][0]["command"] == "run"
    migration = record_of(ended, "migrate")
    assert "Harap Dilakukan Backup" in migration["output"]
    assert "********" in migration["output"]
    everything = (site.state_folder / "state.json").read_text() + ended.output + ended.said
    assert PASSWORD not in everything
    assert "lain-lagi" not in everything
    # Once more, with the same plan and with another one.
    again = run(site, capsys)
    assert (again.code, again.answer["changed"]) == (0, False)
    assert site.call(capsys, "resume").answer["changed"] is False
    other = run(site, capsys, link=str(site.top / "elsewhere"))
    assert other.code == 2
    assert "another id" in other.said


def test_what_is_known_and_what_is_accepted_is_no_obstacle(site, capsys):
    """An error in the log, no backup, a guest in the database, leftovers of other upgrades."""
    (site.release("4.5") / "noisy").touch()
    old = f"{site.name}_before_20200102T030405Z_00aa"
    half = f"{site.name}_cloning_20200102T030405Z_00aa"
    foreign = f"{site.name}_before_christmas"
    for name in (old, half, foreign):
        site.server.execute(f'CREATE DATABASE "{name}"')
    url = site.server.cluster.url(site.name)
    guest = subprocess.Popen(
        ["psql", "-X", url, "-c", "SELECT pg_sleep(600)"], stderr=subprocess.PIPE, text=True
    )
    site.wait_until(site.is_asleep)
    accepted = {"run": None, "verify": None, "accepted_risk": "uji coba"}
    health = {"ignored_errors": ["could not load plugin"]}
    ended = run(site, capsys, backup=accepted, health=health)
    assert ended.code == 0, ended.said
    site.assert_is("4.5")
    assert record_of(ended, "backup")["notes"] == {"accepted_risk": "uji coba"}
    assert "terminating connection" in guest.communicate(timeout=5)[1]
    left = site.databases() - {site.name}
    assert foreign in left
    assert not {old, half} & left
    assert len(left) == 2


def test_a_migration_that_fails_half_way_is_rolled_back(site, capsys):
    (site.release("4.5") / "migration.sql").write_text(
        "ALTER TABLE paket ADD COLUMN pagu int;\nDELETE FROM paket;\nSELECT 1/0;\n"
    )
    before = site.release("4.5") / "conf/application.conf"
    packaged = before.read_bytes()
    ended = run(site, capsys)
    assert ended.code == 6
    site.assert_is("4.4")
    assert before.read_bytes() == packaged
    assert "division by zero" in record_of(ended, "migrate")["output"]
    assert ended.answer["reason"].startswith("migrate: ")
    (failed,) = site.databases() - {site.name}
    assert "_failed_" in failed
    assert site.call(capsys, "status").code == 6
    again = run(site, capsys)
    assert again.code == 6
    assert "another id" in again.said


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("hanging", "answers with status 504"),
        ("noisy", "the log"),
        ("deaf", None),
    ],
)
def test_a_release_that_is_not_well_is_rolled_back(site, capsys, variant, reason):
    (site.release("4.5") / variant).touch()
    if variant == "deaf":
        # It ends only when it is made to.
        (site.release("4.5") / "noisy").touch()
    ended = run(site, capsys, health={"seconds": 1})
    assert ended.code == 6, ended.said
    site.assert_is("4.4")
    assert reason is None or reason in ended.answer["reason"]
    assert "rahasia123" not in (site.state_folder / "state.json").read_text()


def test_memory_is_part_of_the_proof_of_both_releases(site, capsys):
    limits = {"seconds": 1, "most_process_mib": 1}
    refused = run(site, capsys, health=limits)
    assert refused.code == 1
    assert "own proof: process-memory: it takes" in refused.said
    assert not site.flag.exists()
    site.stop()
    ended = run(site, capsys, health=limits)
    # The old one does not meet it either: that is said, and nobody is let in.
    assert ended.code == 1
    assert ended.answer["phase"] == "stuck"
    assert "memory: " in ended.answer["reason"]
    assert site.flag.exists()


def test_stuck_is_left_by_typing_rollback_once_the_cause_is_gone(site, capsys):
    (site.release("4.5") / "noisy").touch()
    (site.release("4.4") / "hanging").touch()
    ended = run(site, capsys, health={"seconds": 1})
    assert ended.code == 1
    assert site.call(capsys, "status").code == 1
    (site.release("4.4") / "hanging").unlink()
    site.spse4("stop")
    assert site.call(capsys, "rollback").code == 0
    site.assert_is("4.4")


def test_backup_that_fails_or_says_nothing_is_the_end(site, capsys):
    for backup in ({"verify": {"argv": ["false"]}}, {"run": {"argv": ["true"]}}):
        site.number += 1
        ended = run(site, capsys, backup=backup)
        assert ended.code == 6
        assert ended.answer["reason"].startswith("backup: ")
        site.assert_is("4.4")
        assert site.databases() == {site.name}


@pytest.mark.parametrize("fails", [False, True])
def test_where_there_is_no_room_the_rollback_point_is_a_dump(site, capsys, fails):
    if fails:
        (site.release("4.5") / "migration.sql").write_text("DELETE FROM paket;\nSELECT 1/0;\n")
    ended = run(site, capsys, database={"reserve_mib": 1 << 24})
    assert ended.code == (6 if fails else 0), ended.said
    assert record_of(ended, "rollback-point")["notes"]["kind"] == "dump"
    site.assert_is("4.4" if fails else "4.5")
    (dump,) = (site.top / "dumps").iterdir()
    assert dump.read_bytes().startswith(b"PGDMP")


def test_after_users_were_let_in_going_back_needs_a_reason(site, capsys):
    run(site, capsys)
    site.query("INSERT INTO paket VALUES (1000, 'sesudah')")
    refused = site.call(capsys, "rollback")
    assert refused.code == 7
    assert "--accept-lost-writes" in refused.said
    site.assert_is_serving("4.5")
    ended = site.call(capsys, "rollback", "--accept-lost-writes", "laporan salah")
    assert ended.code == 0, ended.said
    site.assert_is("4.4")
    assert ended.answer["reason"] == "laporan salah"
    (failed,) = [each for each in site.databases() if "_failed_" in each]
    site.server.execute(f'ALTER DATABASE "{failed}" ALLOW_CONNECTIONS true')
    kept = site.server.execute("SELECT count(*) FROM paket", name=failed)
    assert kept == [(ROWS + 1,)]


def test_a_proof_that_the_old_release_cannot_pass_is_found_before_anybody_is_shut_out(site, capsys):
    page = {"name": "proxy", "url": f"http://127.0.0.1:{site.port}/", "text": "kata lain"}
    ended = run(site, capsys, health={"pages": [page]})
    assert ended.code == 1
    assert "4.4 does not pass the plan's own proof: page proxy: " in ended.said
    assert "hold the text 'kata lain'" in ended.said
    page["ca_file"] = str(site.top / "etc/none.pem")
    ended = run(site, capsys, health={"pages": [page]})
    assert ended.code == 1
    assert "etc/none.pem: [Errno 2] No such file" in ended.said
    assert not (site.state_folder / "state.json").exists()
    site.assert_is("4.4")
    # Of what is stopped nothing is asked: an upgrade may be the cure.
    site.stop()
    assert run(site, capsys).code == 0
    site.assert_is("4.5")


def test_nothing_is_touched_when_something_is_missing(site, capsys):
    plan = site.plan(to={"release": str(site.release("4.6"))}, database={"name": "tidak_ada"})
    plan["files"][0]["sha256"] = "0" * 64
    ended = site.call(capsys, "run", site.write_plan(plan))
    assert ended.code == 1
    for part in ("4.6 is no folder", "no database tidak_ada", "SHA-256 differs"):
        assert part in ended.said
    assert not (site.state_folder / "state.json").exists()
    site.assert_is("4.4")


def test_one_runner_at_a_time_and_a_dead_one_does_not_count(site, capsys):
    (site.release("4.5") / "migration.sql").write_text("SELECT pg_sleep(600);\n")
    plan = site.write_plan(site.plan())
    child = os.fork()
    if child == 0:
        site.run_here_and_leave("run", plan)
    site.wait_until(site.is_asleep)
    for verb in ("resume", "rollback"):
        second = site.call(capsys, verb)
        assert second.code == 11
        assert str(child) in second.said
    assert site.call(capsys, "status").code == 11
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    status = site.call(capsys, "status")
    assert (status.code, status.answer["phase"], status.answer["step"]) == (1, "stopped", "migrate")
    # What the dead one had begun is still at work in the database.
    (site.release("4.5") / "migration.sql").write_text("INSERT INTO versi VALUES ('4.5');\n")
    ended = site.call(capsys, "resume")
    assert ended.code == 0, ended.said
    assert site.query("SELECT count(*) FROM versi") == [(2,)]
    assert "SPSE 4.5" in site.login_page()


def test_interrupted_it_ends_what_it_runs_and_can_go_on(site, capsys):
    (site.release("4.5") / "migration.sql").write_text("SELECT pg_sleep(600);\n")
    plan = site.write_plan(site.plan())
    child = os.fork()
    if child == 0:
        site.run_here_and_leave("run", plan)
    site.wait_until(site.is_asleep)
    os.kill(child, signal.SIGHUP)
    os.kill(child, signal.SIGTERM)
    os.kill(child, signal.SIGINT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    ended = site.call(capsys, "rollback")
    assert ended.code == 0, ended.said
    site.assert_is("4.4")


def test_a_command_that_takes_too_long_is_ended(site, capsys):
    (site.release("4.5") / "migration.sql").write_text("SELECT pg_sleep(600);\n")
    began = time.monotonic()
    application = {"migration": {"argv": ["{link}/spse4", "migration"], "seconds": 1}}
    ended = run(site, capsys, application=application)
    assert ended.code == 6
    assert "its time was over" in record_of(ended, "migrate")["output"]
    assert time.monotonic() - began < 8
    site.assert_is("4.4")
