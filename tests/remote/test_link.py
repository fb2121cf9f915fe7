"""Tasks over a real agent: what comes back, in how many frames, and what is left behind."""

import os
import threading

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.remote.request import Item, RunOptions


def test_a_task_is_one_frame_there_and_one_back(link):
    link.run("ping", {})
    sent, received = link.frames_sent, link.frames_received
    for number in range(10):
        assert link.run("ping", {"data": str(number)})["ping"] == str(number)
    assert (link.frames_sent - sent, link.frames_received - received) == (10, 10)


def test_a_module_travels_once(link):
    link.run("probe", {"do": "say"})
    modules = link.run("probe", {"do": "surroundings"})["modules"]
    assert "lpse_ops.agent.modules.probe" in modules


def test_all_items_of_a_loop_go_in_one_frame(link):
    sent, received = link.frames_sent, link.frames_received
    items = [Item({"do": "say", "text": str(number)}) for number in range(100)]
    answers = [each.result() for each in link.submit_items("probe", items)]
    assert [answer["said"] for answer in answers] == [str(number) for number in range(100)]
    assert (link.frames_sent - sent, link.frames_received - received) == (1, 100)


def test_items_do_not_stop_each_other(link):
    items = [Item({"do": "fail", "text": "no"}), Item({"do": "say", "text": "yes"})]
    first, second = link.submit_items("probe", items)
    assert second.result()["said"] == "yes"
    assert first.result() == {"failed": True, "msg": "no", "rc": 3, "changed": False}


def test_a_task_sent_ahead_is_not_run_when_what_it_needs_failed(link, tmp_path):
    mark = tmp_path / "mark"
    first = link.submit("probe", {"do": "fail", "text": "no"})
    second = link.submit("probe", {"do": "sleep", "text": str(mark)}, after=first, needs=[first])
    third = link.submit("probe", {"do": "say"}, after=second, needs=[second])
    fourth = link.submit("probe", {"do": "say"}, after=third)
    assert [each.was_run for each in (first, second, third, fourth)] == [True, False, False, True]
    assert not mark.exists()


def test_a_task_sent_ahead_begins_when_the_one_before_has_ended(link, tmp_path):
    mark = tmp_path / "mark"
    first = link.submit("probe", {"do": "sleep", "number": 0.2})
    second = link.submit("probe", {"do": "sleep", "text": str(mark)}, after=first, needs=[first])
    first.result()
    assert not mark.exists() or second.result()
    second.result()
    assert mark.exists()


def test_tasks_of_several_threads_run_at_the_same_time(link, tmp_path):
    """Each waits for the other's mark: one after the other they would never end."""
    paths = [tmp_path / "a", tmp_path / "b"]
    results = {}

    def work(mine, others):
        args = {"do": "meet", "text": str(mine), "other": str(others)}
        results[mine] = link.run("probe", args, options=RunOptions(timeout_seconds=20))

    threads = [threading.Thread(target=work, args=pair) for pair in (paths, paths[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[path] for path in paths] == [{"changed": False}] * 2


def test_output_that_is_no_text_keeps_its_bytes(link):
    result = link.run("probe", {"do": "bytes"})
    assert os.fsencode(result["stdout"]) == b"caf\xe9 \x00\xff"
    assert os.fsencode(result["name"]) == b"\xff\xfe"


def test_arguments_that_are_no_text_keep_their_bytes(link):
    name = os.fsdecode(b"\xff caf\xe9")
    assert link.run("probe", {"do": "say", "text": name})["said"] == name


def test_what_a_module_prints_does_not_disturb(link):
    assert link.run("probe", {"do": "print"}) == {"changed": False}
    assert link.run("ping", {})["ping"] == "pong"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("die", "the process of the task was ended by signal 9"),
        ("exit", "Module failed: 7"),
        ("no_json", "no JSON"),
        ("endless", "Circular reference"),
    ],
)
def test_a_module_that_breaks_is_a_failed_task(link, what, says):
    result = link.run("probe", {"do": what})
    assert result["failed"]
    assert says in result["msg"]
    assert link.run("ping", {})["ping"] == "pong"


def test_an_exception_shows_its_lines(link):
    result = link.run("ping", {"data": "crash"})
    assert result["msg"] == "Task failed: Module failed: boom"
    assert 'raise Exception("boom")' in result["exception"]


def test_a_result_larger_than_a_frame_is_a_failed_task(link):
    result = link.run("probe", {"do": "large", "number": 65 << 20})
    assert result["failed"]
    assert "too large" in result["msg"]


def test_a_large_result_arrives(link):
    assert len(link.run("probe", {"do": "large", "number": 5 << 20})["text"]) == 5 << 20


def test_arguments_larger_than_a_frame_are_a_failed_task(link):
    result = link.run("probe", {"do": "say", "text": "x" * (65 << 20)})
    assert "too large" in result["msg"]
    assert link.run("ping", {})["ping"] == "pong"


def test_arguments_that_are_no_json_are_a_failed_task(link):
    first = link.submit("probe", {"do": "say", "text": {("a", "b"): 1}})
    second = link.submit("probe", {"do": "say"}, after=first, needs=[first])
    third = link.submit("probe", {"do": "say", "text": "x"}, after=second)
    assert "the arguments cannot be sent" in first.result()["msg"]
    assert not second.was_run
    assert third.result()["said"] == "x"


def test_check_mode_is_known_to_the_module(link):
    result = link.run("probe", {"do": "say"}, options=RunOptions(check_mode=True))
    assert result["check_mode"] is True


def test_a_task_has_its_environment_and_nothing_of_ours(link, tmp_path):
    options = RunOptions(environment={"COLOUR": "merah"})
    result = link.run("probe", {"do": "surroundings"}, options=options)
    assert result["environment"]["COLOUR"] == "merah"
    assert result["added"] == {"COLOUR": "merah"}
    assert result["group"] == result["pid"]
    assert result["stdin"] == ""
    # 0 to 2, both pipes, and the folder that it lists.
    assert len(result["descriptors"]) == 6


@pytest.mark.parametrize("environment", [{"A": "x\0y"}, {"A=B": "x"}])
def test_an_environment_that_cannot_be(link, environment):
    result = link.run("ping", {}, options=RunOptions(environment=environment))
    assert "environment of the task cannot be set" in result["msg"]


def test_tasks_leave_no_marks_on_each_other(link):
    before = link.run("probe", {"do": "surroundings"})
    link.run("probe", {"do": "move"}, options=RunOptions(environment={"A": "B"}))
    after = link.run("probe", {"do": "surroundings"})
    assert after["cwd"] == before["cwd"]
    assert after["environment"] == before["environment"]


def test_secrets_do_not_come_back(link):
    result = link.run("probe", {"do": "echo_password", "text": "key", "password": "hunter2"})
    assert result["stdout"] == "it is ********"
    assert result["key"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert "hunter2" not in str(result)


def test_a_wrong_argument_is_a_failed_task(link):
    result = link.run("ping", {"dta": "x"})
    assert result["msg"].startswith("Unsupported parameters for (ping) module: dta.")


def test_an_unknown_module_is_an_error_before_anything_is_sent(link):
    sent = link.frames_sent
    with pytest.raises(PlaybookError, match="no module 'no_such'"):
        link.run("no_such", {})
    assert link.frames_sent == sent


def test_options_do_not_show_their_secrets():
    assert "hunter2" not in repr(RunOptions(environment={"PASSWORD": "hunter2"}))
    assert "hunter2" not in repr(Item({"password": "hunter2"}))
