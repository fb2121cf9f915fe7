"""The process that an agent keeps for the next task: forked before anybody waits for it."""

import os
import signal
import time
from pathlib import Path

import pytest

from lpse_ops.remote.content import content_of_bytes
from lpse_ops.remote.request import RunOptions
from tests.remote.agents import is_running, wait_until


def children_of(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split() if is_running(int(child))]


def spare_of(link):
    """The one process that an agent has when it does nothing.

    That of the last task may not have ended yet, so there is one more, of which we know.
    """
    last = surroundings(link)["pid"]
    found = []

    def is_alone():
        found[:] = set(children_of(link.hello.pid)) - {last}
        return len(found) == 1 and not is_running(last)

    wait_until(is_alone)
    return found[0]


def surroundings(link, **options):
    return link.run("probe", {"do": "surroundings"}, options=RunOptions(**options))


@pytest.fixture
def quick(links):
    """A link of which nobody else knows."""
    return links().link()


def test_the_next_task_has_the_spare_process(quick):
    for _ in range(3):
        spare = spare_of(quick)
        result = surroundings(quick, environment={"COLOUR": "merah"})
        assert result["pid"] == spare
        assert result["group"] == spare
        assert result["environment"]["COLOUR"] == "merah"
        assert result["stdin"] == ""
        assert len(result["descriptors"]) == 6


def test_a_spare_process_that_is_gone_is_not_asked(quick):
    spare = spare_of(quick)
    os.kill(spare, signal.SIGKILL)
    wait_until(lambda: not is_running(spare))
    assert surroundings(quick)["pid"] != spare


def test_a_module_that_the_spare_process_does_not_know(quick):
    spare = spare_of(quick)
    assert quick.run("ping", {})["ping"] == "pong"
    wait_until(lambda: not is_running(spare))
    assert quick.run("ping", {"data": "x"})["ping"] == "x"


def waiting(link):
    """The process that waits for the next task after a tidy one; it does not end meanwhile."""
    assert link.run("ping", {})["ping"] == "pong"
    wait_until(lambda: len(children_of(link.hello.pid)) == 1)
    return children_of(link.hello.pid)[0]


def test_a_tidy_task_leaves_its_process_to_the_next(quick):
    process = waiting(quick)
    assert {waiting(quick) for _ in range(5)} == {process}


def test_it_leaves_nothing_else_there(quick):
    look = {"do": "surroundings"}
    before = quick.run("tidyprobe", look)
    options = RunOptions(environment={"COLOUR": "merah"})
    coloured = quick.run("tidyprobe", look, options=options)
    after = quick.run("tidyprobe", look)
    assert coloured["environment"]["COLOUR"] == "merah"
    assert coloured["pid"] == before["pid"]
    assert after == before


def test_after_marks_that_stay_the_process_ends(quick):
    look = {"do": "surroundings"}
    before = quick.run("tidyprobe", look)
    quick.run("tidyprobe", {"do": "move"})
    after = quick.run("tidyprobe", look)
    assert after["pid"] != before["pid"]
    assert [after[name] for name in ("cwd", "environment")] == [
        before[name] for name in ("cwd", "environment")
    ]


@pytest.mark.parametrize(
    ("module", "args"),
    [("ping", {"data": "crash"}), ("command", {"_raw_params": "true"})],
)
def test_after_a_failure_or_a_program_the_process_ends(quick, module, args):
    quick.run(module, args)
    process = waiting(quick)
    quick.run(module, args)
    wait_until(lambda: not is_running(process))


def test_a_waiting_process_that_is_gone_is_not_asked(quick):
    process = waiting(quick)
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not is_running(process))
    assert waiting(quick) != process


def test_a_waiting_process_ends_with_its_agent(quick):
    process = waiting(quick)
    os.kill(quick.hello.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(process))


def test_no_process_waits_for_ever_more_tasks(quick):
    process = waiting(quick)
    for _ in range(450):
        quick.run("ping", {})
    wait_until(lambda: not is_running(process))
    assert quick.run("ping", {})["ping"] == "pong"


def test_a_spare_process_ends_with_its_agent(quick):
    spare = spare_of(quick)
    os.kill(quick.hello.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(spare))


def test_a_spare_process_ends_with_the_link(quick):
    spare = spare_of(quick)
    quick.close()
    wait_until(lambda: not is_running(spare))


def test_a_task_of_a_spare_process_is_ended_when_its_time_is_over(quick):
    spare = spare_of(quick)
    options = RunOptions(timeout_seconds=0.3)
    result = quick.run("probe", {"do": "sleep", "number": 1000}, options=options)
    assert result["timedout"] == {"period": 0.3}
    wait_until(lambda: not is_running(spare))


def test_a_limit_counts_from_the_request_and_not_from_the_fork(quick):
    spare = spare_of(quick)
    time.sleep(0.5)
    options = RunOptions(timeout_seconds=0.4)
    result = quick.run("probe", {"do": "sleep", "number": 0.05}, options=options)
    assert result == {"changed": False}
    wait_until(lambda: not is_running(spare))


@pytest.mark.parametrize("size", [0, 1000, 128 * 1024, 3 << 20])
def test_content_and_large_arguments_reach_a_spare_process(quick, size):
    spare_of(quick)
    content = content_of_bytes(os.urandom(size))
    result = quick.run("probe", {"do": "receive"}, content=content)
    assert (result["size"], result["checksum"]) == (size, content.checksum)
    spare_of(quick)
    text = os.urandom(size).hex()
    assert quick.run("probe", {"do": "say", "text": text})["said"] == text


def test_arguments_that_are_no_text_keep_their_bytes(quick):
    spare_of(quick)
    name = os.fsdecode(b"\xff caf\xe9")
    assert quick.run("probe", {"do": "say", "text": name})["said"] == name


def test_check_mode_and_secrets_reach_a_spare_process(quick):
    spare_of(quick)
    options = RunOptions(check_mode=True)
    assert quick.run("probe", {"do": "say"}, options=options)["check_mode"] is True
    spare_of(quick)
    secret = {"do": "echo_password", "text": "key", "password": "hunter2"}
    assert quick.run("probe", secret)["stdout"] == "it is ********"
