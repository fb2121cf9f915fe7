"""``ping``, ``slurp``, ``getent``, ``tempfile`` and ``async_status`` beside ansible-core's own."""

import json
import os
import stat
from pathlib import Path

import pytest

from lpse_ops.agent.context import Context
from lpse_ops.agent.modules.getent import parse_entries
from tests.agent.realmodules import Both, Task, flags, run_both
from tests.agent.thishost import run_module

TASKS = {
    "ping": Task("ping", {}),
    "ping with data": Task("ping", {"data": "x"}),
    "slurp": Task("slurp", {"src": "/etc/passwd"}),
    "slurp nothing": Task("slurp", {"src": "/nope"}),
    "slurp a folder": Task("slurp", {"path": "/etc"}),
    "getent all": Task("getent", {"database": "passwd"}),
    "getent a key": Task("getent", {"database": "passwd", "key": "root"}),
    "getent a number": Task("getent", {"database": "group", "key": "0"}),
    "getent no such key": Task("getent", {"database": "passwd", "key": "nobody-here"}),
    "getent a key that may miss": Task(
        "getent", {"database": "group", "key": "nobody-here", "fail_key": False}
    ),
    "getent no such database": Task("getent", {"database": "nope"}),
    "getent by white space": Task("getent", {"database": "services", "key": "http"}),
    "getent twice the same": Task("getent", {"database": "ahosts", "key": "localhost"}),
    "getent a service": Task("getent", {"database": "passwd", "key": "root", "service": "files"}),
    "getent another split": Task("getent", {"database": "passwd", "key": "root", "split": "/"}),
    "tempfile nowhere": Task("tempfile", {"path": "/nope", "suffix": "/x"}),
    "tempfile with a folder": Task("tempfile", {"prefix": "a/b"}),
}


@pytest.fixture(scope="module")
def both() -> dict[str, Both]:
    return run_both(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_as_ansible(both, name):
    theirs, ours = both[name]
    assert flags(ours) == flags(theirs)


@pytest.mark.parametrize("state", ["file", "directory"])
def test_tempfile_makes_one_for_us_alone(tmp_path, state):
    args = {"state": state, "path": str(tmp_path), "prefix": "a.", "suffix": ".z"}
    theirs, ours = run_both({"tempfile": Task("tempfile", args)})["tempfile"]
    paths = [Path(side.pop("path")) for side in (theirs, ours)]
    assert flags(ours) == flags(theirs)
    for path in paths:
        assert path.parent == tmp_path
        assert path.name.startswith("a.")
        assert path.name.endswith(".z")
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        assert path.is_dir() == (state == "directory")


def test_slurp_of_what_we_may_not_read(tmp_path):
    if os.geteuid() == 0:
        # Root may read everything; a path that is too long is another thing nobody can.
        answer = run_module("slurp", {"src": "/" + "a" * 5000}, Context())
        assert answer["msg"].startswith("Unable to slurp file")
        return
    path = tmp_path / "secret"
    path.touch(0o000)
    answer = run_module("slurp", {"src": str(path)}, Context())
    assert answer["msg"] == f"File is not readable: {path}"


STATES = {
    "running": {"started": True, "finished": False, "ansible_job_id": "1.2"},
    "done": {"changed": True, "rc": 0, "stdout": "a", "ansible_job_id": "1.2"},
    "failed": {"changed": True, "rc": 1, "failed": True, "msg": "no", "ansible_job_id": "1.2"},
}


@pytest.mark.parametrize("state", [*STATES, "nothing"])
def test_async_status(tmp_path, state):
    if state in STATES:
        (tmp_path / "1.2").write_text(json.dumps(STATES[state]))
    task = Task("async_status", {"jid": "1.2", "_async_dir": str(tmp_path)})
    theirs, ours = run_both({"status": task})["status"]
    # Ansible's controller adds these.
    added = {"results_file": str(tmp_path / "1.2"), "started": True, "stdout": "", "stderr": ""}
    assert flags(ours) == flags({**added, **theirs})


def test_async_status_of_half_a_file_is_a_job_that_runs(tmp_path):
    (tmp_path / "1.2").write_text('{"rc": 0, "std')
    answer = run_module("async_status", {"jid": "1.2", "_async_dir": str(tmp_path)}, Context())
    assert (answer["started"], answer["finished"]) == (True, False)


def test_async_status_cleans_up(tmp_path):
    (tmp_path / "1.2").write_text("{}")
    args = {"jid": "1.2", "_async_dir": str(tmp_path), "mode": "cleanup"}
    assert run_module("async_status", args, Context())["erased"] == str(tmp_path / "1.2")
    assert list(tmp_path.iterdir()) == []


def test_async_status_stays_in_its_folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "other").write_text("{}")
    args = {"jid": "../other", "_async_dir": str(tmp_path / "jobs"), "mode": "cleanup"}
    assert run_module("async_status", args, Context())["msg"] == "could not find job"
    assert (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("text", "split", "entries"),
    [
        ("a:b:c\n", ":", {"a": ["b", "c"]}),
        ("a b\na c\n", None, {"a": [["b"], ["c"]]}),
        ("", ":", {}),
    ],
)
def test_entries(text, split, entries):
    assert parse_entries(text, split) == entries
