"""The controller's parts with a real agent, its protocol in between."""

import os
from pathlib import Path

import pytest

from lpse_ops.playbook.actions import copy, fetch, script
from lpse_ops.remote.connect import HostLinks
from lpse_ops.remote.target import Target
from tests.playbook.actions.localaction import LocalAction
from tests.remote.agents import find_pythons

BIG = 3 << 20


@pytest.fixture(scope="module", params=find_pythons())
def link(request):
    links = HostLinks(Target("server", connection="local", python=request.param))
    yield links.link()
    links.close()


@pytest.fixture
def action(link, tmp_path):
    return LocalAction(tmp_path, diff_mode=True, link=link, variables={"playbook_dir": tmp_path})


def test_a_small_file_is_one_request(action, tmp_path):
    (tmp_path / "s").write_text("text\n")
    result = copy.run({"src": "s", "dest": f"{tmp_path}/d", "mode": "0600"}, action)
    assert result["changed"]
    assert result["diff"][0]["after"] == "text\n"
    assert (tmp_path / "d").read_text() == "text\n"
    assert action.requests == ["copy"]


def test_a_big_file_arrives_whole(action, tmp_path):
    content = os.urandom(BIG)
    (tmp_path / "s").write_bytes(content)
    result = copy.run({"src": "s", "dest": f"{tmp_path}/d"}, action)
    assert result["changed"]
    assert result["diff"][0]["src_larger"]
    assert (tmp_path / "d").read_bytes() == content
    assert not copy.run({"src": "s", "dest": f"{tmp_path}/d"}, action)["changed"]


def test_a_big_file_that_cannot_be_placed_leaves_the_agent_usable(action, tmp_path):
    (tmp_path / "s").write_bytes(bytes(BIG))
    result = copy.run({"src": "s", "dest": f"{tmp_path}/no/d"}, action)
    assert result["failed"]
    assert "does not exist" in result["msg"]
    assert copy.run({"content": "x", "dest": f"{tmp_path}/d"}, action)["changed"]


def tree(folder: Path) -> None:
    (folder / "sub").mkdir(parents=True)
    for number in range(20):
        (folder / "sub" / f"{number:02}").write_bytes(os.urandom(20000))
    (folder / "empty").write_bytes(b"")


def test_a_folder_is_two_requests_and_only_differing_files_move(action, tmp_path):
    tree(tmp_path / "s")
    task = {"src": "s/", "dest": f"{tmp_path}/d"}
    assert copy.run(task, action)["changed"]
    assert action.requests == ["_copytree", "_copytree"]
    for name in ("sub/03", "sub/07"):
        (tmp_path / "d" / name).write_text("other")
    kept = (tmp_path / "d/sub/05").stat().st_ino
    assert copy.run(task, action)["changed"]
    assert (tmp_path / "d/sub/05").stat().st_ino == kept
    for path in (tmp_path / "s").rglob("*"):
        if path.is_file():
            copied = tmp_path / "d" / path.relative_to(tmp_path / "s")
            assert copied.read_bytes() == path.read_bytes()
    assert not copy.run(task, action)["changed"]
    assert action.requests == ["_copytree"] * 5


def test_a_folder_that_cannot_be_placed_leaves_the_agent_usable(action, tmp_path):
    tree(tmp_path / "s")
    (tmp_path / "d/sub/01").mkdir(parents=True)
    result = copy.run({"src": "s/", "dest": f"{tmp_path}/d"}, action)
    assert result["failed"]
    assert "sub/01: it is a directory" in result["msg"]
    assert copy.run({"content": "x", "dest": f"{tmp_path}/e"}, action)["changed"]


def test_a_file_that_shrinks_while_a_folder_is_sent_is_a_failed_task(action, tmp_path):
    tree(tmp_path / "s")
    run_module = action.run_module

    def shrink_first(name, args, **more):
        if "_sent" in args:
            (tmp_path / "s/sub/04").write_bytes(b"short")
        return run_module(name, args, **more)

    action.run_module = shrink_first
    result = copy.run({"src": "s/", "dest": f"{tmp_path}/d"}, action)
    assert result["failed"]
    assert not (tmp_path / "d/sub/05").exists()


def test_fetch_saves_what_the_agent_sends(action, tmp_path):
    (tmp_path / "s").write_bytes(os.urandom(BIG))
    task = {"src": f"{tmp_path}/s", "dest": "d", "flat": True}
    result = fetch.run(task, action)
    assert result["changed"]
    assert result["checksum"] == result["remote_checksum"]
    assert (tmp_path / "d").read_bytes() == (tmp_path / "s").read_bytes()
    assert not fetch.run(task, action)["changed"]
    assert action.requests == ["fetch", "fetch"]


def test_script_runs_on_the_host(action, tmp_path):
    (tmp_path / "s.sh").write_text("#!/bin/sh\necho $#: $2\nexit 3\n")
    result = script.run({"_raw_params": "s.sh a 'b c'"}, action)
    assert result["rc"] == 3
    assert result["stdout"].strip() == "2: b c"
    assert action.requests == ["script"]
