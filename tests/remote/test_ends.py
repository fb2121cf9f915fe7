"""How tasks and agents end: in time, by force, by a broken line; nothing goes on afterwards."""

import os
import signal
import sys
from pathlib import Path

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.bootstrap import greet, render_command, send_agent
from lpse_ops.remote.local import LocalConnection
from lpse_ops.remote.request import AsyncJob, RunOptions
from tests.remote.agents import is_running, wait_until


def start_sleeper(link, mark, **options):
    """A task whose program sleeps; returns the task and the pid of the program."""
    pending = link.submit(
        "probe",
        {"do": "sleep_in_program", "text": str(mark), "number": 1000},
        options=RunOptions(**options),
    )
    wait_until(mark.exists)
    return pending, int(mark.read_text())


def test_a_task_is_ended_when_its_time_is_over(link, tmp_path):
    pending, program = start_sleeper(link, tmp_path / "pid", timeout_seconds=0.3)
    result = pending.result()
    assert result["failed"]
    assert result["msg"] == "Task failed: Timed out after 0.3 second(s)."
    assert result["timedout"] == {"period": 0.3}
    wait_until(lambda: not is_running(program))


def test_a_cancelled_task_is_ended_with_all_that_it_started(link, tmp_path):
    pending, program = start_sleeper(link, tmp_path / "pid")
    pending.cancel()
    assert pending.result() == {"failed": True, "changed": False, "msg": "cancelled"}
    wait_until(lambda: not is_running(program))


def test_a_waiting_task_can_be_taken_back(link, tmp_path):
    first, _ = start_sleeper(link, tmp_path / "pid")
    second = link.submit("ping", {}, after=first)
    second.cancel()
    assert not second.was_run
    first.cancel()
    assert first.was_run


def test_the_temporary_folder_goes_with_its_task(link):
    result = link.run("probe", {"do": "folder"})
    assert result["mode"] == 0o700
    assert not Path(result["path"]).exists()


def test_the_temporary_folder_of_a_killed_task_goes_too(link, tmp_path):
    mark = tmp_path / "mark"
    pending = link.submit("probe", {"do": "folder", "text": str(mark), "number": 1000})
    wait_until(lambda: mark.exists() and mark.read_text())
    folder = Path(mark.read_text())
    assert folder.is_dir()
    pending.cancel()
    pending.result()
    assert not folder.exists()


def test_closing_the_link_ends_agent_and_tasks(links, tmp_path):
    link = links().link()
    pending, program = start_sleeper(link, tmp_path / "pid")
    link.close()
    with pytest.raises(HostUnreachable, match="the task may have run"):
        pending.result()
    wait_until(lambda: not is_running(program))
    wait_until(lambda: not is_running(link.hello.pid))


def test_an_agent_that_is_killed_takes_its_tasks_along(links, tmp_path):
    link = links().link()
    mark = tmp_path / "folder"
    sleeping = link.submit("probe", {"do": "folder", "text": str(mark), "number": 1000})
    pending, program = start_sleeper(link, tmp_path / "pid")
    wait_until(lambda: mark.exists() and mark.read_text())
    os.kill(link.hello.pid, signal.SIGKILL)
    with pytest.raises(HostUnreachable, match=r"server: .* may have run"):
        pending.result()
    with pytest.raises(HostUnreachable):
        sleeping.result()
    wait_until(lambda: not is_running(program))
    wait_until(lambda: not Path(mark.read_text()).exists())
    with pytest.raises(HostUnreachable):
        link.run("ping", {})


def test_a_silent_agent_is_given_up(links, tmp_path):
    link = links(beat_seconds=0.1).link()
    os.kill(link.hello.pid, signal.SIGSTOP)
    try:
        with pytest.raises(HostUnreachable, match="no sign of life"):
            link.run("ping", {})
    finally:
        os.kill(link.hello.pid, signal.SIGCONT)


def test_the_next_use_of_a_host_connects_anew(links):
    host = links()
    first = host.link()
    host.close()
    assert host.link().run("ping", {})["ping"] == "pong"
    assert host.link().hello.pid != first.hello.pid


def test_a_lost_link_is_made_anew_by_the_next_task(links):
    host = links()
    lost = host.link()
    os.kill(lost.hello.pid, signal.SIGKILL)
    wait_until(lambda: lost.is_lost)
    assert host.link().run("ping", {})["ping"] == "pong"


def test_one_agent_for_each_account_and_interpreter(links):
    host = links()
    assert host.link() is host.link()


def test_an_asynchronous_task_outlives_the_link(links, tmp_path):
    folder = tmp_path / "jobs"
    mark = tmp_path / "mark"
    options = RunOptions(job=AsyncJob("j1", 60), environment={"ANSIBLE_ASYNC_DIR": str(folder)})
    host = links()
    answer = host.link().run(
        "probe", {"do": "sleep", "text": str(mark), "number": 0.5}, options=options
    )
    assert answer["started"]
    assert not answer["finished"]
    state = Path(answer["results_file"])
    assert state == folder / answer["ansible_job_id"]
    assert state.stat().st_mode & 0o777 == 0o600
    host.close()
    wait_until(lambda: '"changed"' in state.read_text())
    assert answer["ansible_job_id"] in state.read_text()


@pytest.mark.parametrize("what", ["die", "no_json"])
def test_an_asynchronous_task_that_breaks_has_a_result(link, tmp_path, what):
    options = RunOptions(
        job=AsyncJob("j3"), environment={"ANSIBLE_ASYNC_DIR": str(tmp_path / "jobs")}
    )
    answer = link.run("probe", {"do": what}, options=options)
    state = Path(answer["results_file"])
    wait_until(lambda: "ended without a result" in state.read_text())


def test_an_asynchronous_task_without_a_place_for_its_result(link, tmp_path):
    (tmp_path / "file").touch()
    options = RunOptions(
        job=AsyncJob("j4"), environment={"ANSIBLE_ASYNC_DIR": str(tmp_path / "file" / "jobs")}
    )
    result = link.run("ping", {}, options=options)
    assert result["failed"]
    assert "could not create directory" in result["msg"]


def test_an_asynchronous_task_has_a_limit(link, tmp_path):
    mark = tmp_path / "pid"
    options = RunOptions(
        job=AsyncJob("j2", 0.3), environment={"ANSIBLE_ASYNC_DIR": str(tmp_path / "jobs")}
    )
    args = {"do": "sleep_in_program", "text": str(mark), "number": 1000}
    answer = link.run("probe", args, options=options)
    wait_until(lambda: "Timeout exceeded" in Path(answer["results_file"]).read_text())
    wait_until(lambda: not is_running(int(mark.read_text())))


def test_an_agent_beats_while_a_task_runs_long(links):
    link = links(beat_seconds=0.1).link()
    # Three beats without a word would be the end of it.
    assert link.run("probe", {"do": "sleep", "number": 1}) == {"changed": False}


def test_an_agent_that_hears_nothing_ends_by_itself(links, tmp_path):
    """The line is cut without a word: the agent's side of it stays open."""
    command = render_command(sys.executable, b"\0" * 8, beat_seconds=0.05)
    transport = LocalConnection().start(command)
    try:
        send_agent(transport)
        hello = greet(transport, "server", b"\0" * 8, 20).hello
        wait_until(lambda: not is_running(hello.pid))
    finally:
        transport.close()
