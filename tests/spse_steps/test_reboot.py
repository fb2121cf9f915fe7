"""A power cut ends the application too, and the boot after it may start it again."""

import os
import signal

import pytest
from spse_steps.processes import read_process

from tests.spse_steps.points import read_points

_POINTS = read_points("upgrade")


def moment(name: str) -> int:
    return _POINTS.index(name) + 1


@pytest.mark.parametrize("after", ["after start", "after let-in"])
def test_what_the_power_cut_ended_is_started_again(site, capsys, after):
    assert site.call_and_kill(moment(after), "run", site.write_plan(site.plan()))
    site.stop()
    ended = site.call(capsys, "resume")
    assert ended.code == 0, ended.said
    assert "not as it was left" in ended.said
    site.assert_is("4.5")


def test_once_users_were_let_in_it_never_goes_back_by_itself(site, capsys):
    assert site.call_and_kill(moment("after let-in"), "run", site.write_plan(site.plan()))
    site.query("INSERT INTO paket VALUES (1000, 'sesudah')")
    site.stop()
    (site.release("4.5") / "noisy").touch()
    ended = site.call(capsys, "resume")
    assert (ended.code, ended.answer["phase"]) == (1, "stuck")
    assert ended.answer["direction"] == "forward"
    assert site.call(capsys, "rollback").code == 7
    (site.release("4.5") / "noisy").unlink()
    site.spse4("stop")
    assert site.call(capsys, "resume").code == 0
    site.assert_is_serving("4.5")
    assert site.query("SELECT count(*) FROM paket WHERE id = 1000") == [(1,)]


def test_what_the_boot_started_is_stopped_and_its_writes_are_in_the_rollback_point(site, capsys):
    assert site.call_and_kill(moment("after rollback-point"), "run", site.write_plan(site.plan()))
    site.spse4("start")
    site.wait_until(lambda: "SPSE" in site.login_page())
    site.query("INSERT INTO paket VALUES (1000, 'sesudah boot')")
    (site.release("4.5") / "migration.sql").write_text("SELECT 1/0;\n")
    ended = site.call(capsys, "resume")
    assert ended.code == 6, ended.said
    site.assert_is_serving("4.4")
    assert site.query("SELECT count(*) FROM paket WHERE id = 1000") == [(1,)]


def test_what_the_boot_started_during_the_migration_is_stopped(site, capsys):
    assert site.call_and_kill(moment("migrate: ran"), "run", site.write_plan(site.plan()))
    site.spse4("start")
    ended = site.call(capsys, "resume")
    assert ended.code == 0, ended.said
    site.assert_is("4.5")


def test_a_rollback_ends_only_with_the_old_release_running(site, capsys):
    (site.release("4.5") / "migration.sql").write_text("SELECT 1/0;\n")
    points = read_points("failing-migration")
    number = points.index("after stop", points.index("stop: undone")) + 1
    assert site.call_and_kill(number, "run", site.write_plan(site.plan()))
    site.stop()
    assert site.call(capsys, "resume").code == 6
    site.assert_is("4.4")


@pytest.mark.parametrize("content", ["{own}\n", None])
def test_a_pid_file_is_not_believed(site, capsys, content):
    pid_file = site.release("4.4") / "server.pid"
    number = pid_file.read_text()
    pid_file.unlink()
    if content is None:
        pid_file.symlink_to("/etc/passwd")
    else:
        pid_file.write_text(content.format(own=os.getpid()))
    # The script of the package believes it; here it has nothing to say.
    (site.release("4.4") / "deaf").touch()
    os.kill(int(number), 0)
    ended = site.call(capsys, "run", site.write_plan(site.plan()))
    assert ended.code == 0, ended.said
    site.assert_is("4.5")
    assert read_process(int(number)) is None


def test_where_the_pid_file_is_need_not_be_known(site, capsys):
    """The port and the folder that a process works in tell whose it is."""
    wrong = {"pid_file": "run/server.pid"}
    plan = site.write_plan(site.plan(**{"from": wrong, "to": wrong}))
    assert site.call_and_kill(moment("after start"), "run", plan)
    site.wait_until(lambda: "SPSE 4.5" in site.login_page())
    ended = site.call(capsys, "resume")
    assert ended.code == 0, ended.said
    assert "not as it was left" not in ended.said
    site.assert_is("4.5")


def test_another_process_with_the_number_is_spared(site, capsys):
    """Of the right account, but in no folder of the application."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.setuid(site.uid)
        os.chdir("/")
        os.execv("/bin/sleep", ["sleep", "600"])
    (site.release("4.4") / "deaf").touch()
    (site.release("4.4") / "server.pid").write_text(f"{child}\n")
    try:
        assert site.call(capsys, "run", site.write_plan(site.plan())).code == 0
        site.assert_is("4.5")
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_port_of_somebody_else_is_a_reason_not_to_start(site, capsys):
    other = os.fork()
    site.stop()
    if other == 0:
        site.listen_and_wait()
    site.wait_until(lambda: "bukan SPSE" in site.login_page())
    try:
        ended = site.call(capsys, "run", site.write_plan(site.plan()))
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
    assert ended.code == 1
    assert "belongs to somebody else" in ended.answer["reason"]
    assert site.call(capsys, "rollback").code == 0
    site.assert_is("4.4")
