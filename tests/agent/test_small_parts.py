"""Parts of the agent that decide and keep: schedule, redaction, outbox, temporary folder."""

import os
from pathlib import Path

import pytest

from lpse_ops.agent.context import Context, Failed, InlineIncoming
from lpse_ops.agent.dispatcher import is_failed
from lpse_ops.agent.outbox import Outbox
from lpse_ops.agent.redaction import redact
from lpse_ops.agent.request import parse_requests
from lpse_ops.agent.schedule import Schedule
from lpse_ops.agent.temporary import TemporaryFolder, choose_root, is_noexec


def requests(*numbers, after=None, needs=()):
    header = {"module": "x", "after": after, "needs": needs}
    return parse_requests(
        dict(header, items=[{"id": number, "args": {}} for number in numbers]), [], print
    )


def numbers_of(ready):
    return [request.id for request in ready]


def test_items_follow_each_other_and_others_do_not_wait():
    schedule = Schedule()
    for request in [*requests(1, 2, 3), *requests(4)]:
        schedule.add(request)
    assert numbers_of(schedule.take_ready()) == [1, 4]
    assert schedule.take_ready() == []
    schedule.answered(1, well=False)
    assert numbers_of(schedule.take_ready()) == [2]


def test_what_needs_a_failed_task_is_not_wanted():
    schedule = Schedule()
    (first,), (second,), (third,) = (
        requests(1),
        requests(2, after=1, needs=[1]),
        requests(3, after=2, needs=[2]),
    )
    schedule.add(first)
    schedule.take_ready()
    schedule.answered(1, well=False)
    assert not schedule.is_wanted(second)
    schedule.answered(2, well=False)
    assert not schedule.is_wanted(third)


def test_a_task_after_one_that_ended_long_ago_begins_at_once():
    schedule = Schedule()
    schedule.add(requests(9, after=1)[0])
    assert numbers_of(schedule.take_ready()) == [9]


def test_only_a_waiting_task_can_be_taken_back():
    schedule = Schedule()
    for request in requests(1, 2):
        schedule.add(request)
    schedule.take_ready()
    assert schedule.cancel(1) is None
    assert schedule.cancel(2).id == 2
    schedule.answered(1, well=True)
    assert schedule.take_ready() == []


def test_sources_and_contents_are_taken_from_the_segments_in_order():
    added = {}
    header = {
        "module": "x",
        "sources": ["a", "b"],
        "job": {"name": "j", "limit_seconds": 5},
        "environment": {"A": 1},
        "items": [
            {"id": 1, "args": {}, "content": {"size_bytes": 3, "checksum": "c", "inline": True}},
            {"id": 2, "args": {}, "content": {"size_bytes": 9, "inline": False}},
            {"id": 3, "args": {}, "content": {"size_bytes": 2, "inline": True}, "sends": True},
        ],
    }
    segments = [b"A = 1", b"B = 2", b"one", b"33"]
    first, second, third = parse_requests(header, segments, added.__setitem__)
    assert added == {"a": "A = 1", "b": "B = 2"}
    assert [each.content.inline for each in (first, second, third)] == [b"one", None, b"33"]
    assert [each.sends for each in (first, second, third)] == [False, False, True]
    assert [each.after for each in (first, second, third)] == [None, 1, 2]
    assert first.job.limit_seconds == 5
    assert first.environment == {"A": "1"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3cret", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"),
        ("a s3cret b s3cret", "a ******** b ********"),
        ("s3cret-longer", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"),
        ("a s3cret-longer b", "a ******** b"),
        (["s3cret", {"k": ("x s3cret", None, True)}], None),
        (b"x s3cret", "x ********"),
        (12345, "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"),
        (91234567, "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"),
        (True, True),
        (7, 7),
        ("", ""),
    ],
)
def test_secrets_are_masked_as_ansible_does(value, expected):
    if isinstance(value, list):
        whole = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
        expected = [whole, {"k": ["x ********", None, True]}]
    assert redact(value, {"s3cret", "s3cret-longer", "", "12345"}) == expected


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ({}, False),
        ({"rc": 0}, False),
        ({"rc": 1}, True),
        ({"rc": None}, False),
        ({"rc": 1, "failed": False}, False),
        ({"failed": True}, True),
    ],
)
def test_what_counts_as_failed(result, failed):
    assert is_failed(result) is failed


def test_an_outbox_keeps_what_nobody_reads_and_loses_nothing():
    read_fd, write_fd = os.pipe()
    outbox = Outbox(write_fd)
    content = os.urandom(1 << 20)
    for start in range(0, len(content), 100_000):
        outbox.add(content[start : start + 100_000])
    assert outbox.waiting_bytes > 0
    outbox.end()
    arrived = b""
    while piece := os.read(read_fd, 70_000):
        arrived += piece
        outbox.flush()
    assert arrived == content
    assert outbox.fd is None
    os.close(read_fd)


def test_an_outbox_to_nobody_forgets():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    outbox = Outbox(write_fd)
    outbox.add(b"x")
    outbox.add(b"y")
    assert (outbox.fd, outbox.waiting_bytes) == (None, 0)


def test_a_temporary_folder_is_made_when_asked_for(tmp_path):
    folder = TemporaryFolder(str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()
    (tmp_path / "other").mkdir()
    assert folder.path() == folder.path() == str(tmp_path / "x")
    (tmp_path / "x" / "file").touch()
    folder.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]


def test_a_temporary_folder_is_never_one_that_somebody_made(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(FileExistsError):
        TemporaryFolder(str(tmp_path / "x")).path()


def test_temporary_files_go_where_programs_may_run(tmp_path):
    first, second = (str(tmp_path / name) for name in "ab")
    os.mkdir(first)
    os.mkdir(second)
    places = ["/no/such/folder", "relative", first, second]
    assert choose_root(places) == first
    assert choose_root(places, refuses=lambda root: root == first) == second
    assert choose_root(places, refuses=lambda _root: True) == first


def test_a_file_system_that_runs_nothing_is_known_by_its_flag():
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    # The last mount of a place is the one that is seen.
    options = {place: words.split(",") for _, place, _, words, *_ in mounts if "\\" not in place}
    assert {place: is_noexec(place) for place in options} == {
        place: "noexec" in words for place, words in options.items()
    }


def test_a_failure_has_ansibles_keys():
    error = Failed("no", rc=3)
    assert error.result == {"msg": "no", "failed": True, "rc": 3}


def test_a_context_of_its_own_is_usable(tmp_path):
    context = Context(incoming=InlineIncoming(b"content"))
    path = context.temporary_folder()
    with open(os.path.join(path, "file"), "wb") as file:
        assert context.incoming.copy_to(file) == 7
    context.close()
    assert not os.path.exists(path)
