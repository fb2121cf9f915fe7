import os

import pytest
from spse_steps.startuplog import find_errors, mark_end, read_since

ERRORS = """221126 02:15:00 INFO  ~ Application 'SPSE' is now started !
221126 02:15:01 ERROR ~ Can't connect to the database
221126 02:15:02 WARN  ~ ERROR is only a word here
Exception in thread "main" java.lang.NullPointerException
java.lang.OutOfMemoryError: Java heap space
Error: Could not find or load main class play.server.Server
"""


def test_lines_that_tell_of_errors():
    found = list(find_errors(ERRORS, []))
    assert [line.split()[0] for line in found] == [
        "221126",
        "Exception",
        "java.lang.OutOfMemoryError:",
        "Error:",
    ]
    assert len(list(find_errors(ERRORS, ["connect to the database"]))) == 3


def test_a_line_without_end_is_cut():
    assert len(next(find_errors("221126 02:15:01 ERROR ~ " + "x" * 10_000, []))) == 300


def test_only_what_was_written_since(tmp_path):
    log = tmp_path / "a.log"
    assert mark_end(str(tmp_path), "a.log") == {"inode": 0, "offset": 0}
    log.write_text("old\n")
    end = mark_end(str(tmp_path), "a.log")
    with log.open("a") as stream:
        stream.write("new\n")
    assert read_since(str(tmp_path), "a.log", end) == "new\n"


def test_a_new_file_in_its_place_is_read_whole(tmp_path):
    (tmp_path / "a.log").write_text("a long old line\n")
    end = mark_end(str(tmp_path), "a.log")
    (tmp_path / "b.log").write_text("new\n")
    (tmp_path / "b.log").rename(tmp_path / "a.log")
    assert read_since(str(tmp_path), "a.log", end) == "new\n"


@pytest.mark.parametrize("kind", ["link", "folder link", "pipe", "folder"])
def test_what_is_no_log_is_not_read(tmp_path, kind):
    release = tmp_path / "release"
    (release / "logs").mkdir(parents=True)
    log = release / "logs/a.log"
    if kind == "link":
        log.symlink_to("/etc/shadow")
    elif kind == "folder link":
        (release / "logs").rmdir()
        (release / "logs").symlink_to("/etc")
        log = release / "logs/passwd"
    elif kind == "pipe":
        os.mkfifo(log)
    else:
        log.mkdir()
    with pytest.raises(OSError, match=r"\w"):
        read_since(str(release), f"logs/{log.name}", {})
