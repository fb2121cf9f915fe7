"""The log of runs."""

import io
import os
import re
import stat
from datetime import datetime
from pathlib import Path

import pytest

from lpse_ops.cli.playbook_log import RunLog, logged
from tests.playbook.loading import run_ansible, write_tree

NOW = datetime(2026, 11, 21, 8, 5, 9, 42_999)


def make_log(warnings: list[str]) -> RunLog:
    return RunLog("sari", warnings.append, lambda: NOW)


def test_every_write_is_an_entry_with_time_process_and_user(tmp_path):
    path = tmp_path / "run.log"
    path.write_text("of yesterday\n")
    log = make_log([])
    screen = io.StringIO()
    stream = logged(screen, log)
    stream.write("before it is opened\n")
    log.open(path)
    for text in ("\nPLAY [x] ***\n", "\x1b[0;32mok: [h]\x1b[0m\n", "\n", "{\n  1\n}\n"):
        stream.write(text)
    for text in ("[WARNING]: odd\n", "[ERROR]: no\n", "caf\udce9\n"):
        stream.write(text)
    stream.flush()
    head = f"2026-11-21 08:05:09,042 p={os.getpid()} u=sari n=ansible"
    assert path.read_text() == (
        "of yesterday\n"
        f"{head} INFO| PLAY [x] ***\n"
        f"{head} INFO| ok: [h]\n"
        f"{head} INFO| {{\n  1\n}}\n"
        f"{head} WARNING| [WARNING]: odd\n"
        f"{head} ERROR| [ERROR]: no\n"
        f"{head} INFO| caf\\udce9\n"
    )
    assert screen.getvalue().startswith("before it is opened\n\nPLAY [x] ***\n\x1b[0;32mok")


def test_a_new_log_is_for_its_owner_alone(tmp_path):
    make_log([]).open(tmp_path / "run.log")
    assert stat.S_IMODE((tmp_path / "run.log").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["none/run.log", ".", "fifo"])
def test_a_log_that_cannot_be_written_is_a_warning(tmp_path, name):
    os.mkfifo(tmp_path / "fifo")
    warnings: list[str] = []
    log = make_log(warnings)
    log.open(tmp_path / name)
    log.write("x")
    assert len(warnings) == 1
    assert warnings[0].startswith(f"cannot write the log {tmp_path / name}: ")
    assert warnings[0].endswith("; this run is not logged")


def test_a_full_disk_is_told_of_once():
    warnings: list[str] = []
    log = make_log(warnings)
    log.open(Path("/dev/full"))
    log.write("x")
    log.write("y")
    assert warnings == [
        "cannot write the log /dev/full: No space left on device; this run is not logged"
    ]


PLAY = """
- hosts: db-1
  gather_facts: false
  vars: {lipsum: 1}
  tasks:
    - command: echo one
    - debug: {msg: two}
    - fail: {msg: three}
      ignore_errors: true
    - debug: {var: nothing_like_it}
      when: false
"""
_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+", re.MULTILINE)


def test_the_log_of_a_run_is_ansible_s(tmp_path):
    write_tree(tmp_path, {"site.yml": PLAY})
    entries = {}
    for program in (["ansible-playbook"], ["lpse-ops", "playbook", "run"]):
        name = f"{program[0]}.log"
        env = {"ANSIBLE_LOG_PATH": name, "ANSIBLE_DEPRECATION_WARNINGS": "0", "COLUMNS": "79"}
        flags = ["-i", "db-1,", "-c", "local", "-e", "ansible_python_interpreter=python3"]
        run_ansible(*program, *flags, "site.yml", cwd=tmp_path, env=env)
        text = (tmp_path / name).read_text()
        assert _TIME.match(text)
        entries[program[0]] = list(filter(None, _TIME.sub("TIME", text).splitlines()))
    assert entries["lpse-ops"] == entries["ansible-playbook"]
