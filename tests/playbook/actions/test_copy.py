"""What ``copy`` costs, and what it never shows."""

import os

import pytest

from lpse_ops.playbook.actions import copy
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.vault import Vault, VaultSecret
from tests.playbook.actions.localaction import LocalAction

SECRET = VaultSecret("default", b"hunter2")


@pytest.fixture
def action(tmp_path):
    return LocalAction(tmp_path, diff_mode=True, vault=Vault([SECRET]))


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "sealed"
    path.write_bytes(Vault([SECRET]).encrypt(b"top secret\n", vault_id=None))
    return path


def test_a_file_that_is_there_is_not_sent(action, tmp_path):
    (tmp_path / "s").write_bytes(b"x" * 1000)
    task = {"src": "s", "dest": f"{tmp_path}/d"}
    copy.run(task, action)
    copy.run(task, action)
    assert action.requests == ["copy", "copy"]
    assert action.transferred == 1000


def test_check_mode_sends_nothing_and_changes_nothing(action, tmp_path):
    (tmp_path / "s").write_text("new\n")
    (tmp_path / "d").write_text("old\n")
    action.check_mode = True
    result = copy.run({"src": "s", "dest": f"{tmp_path}/d"}, action)
    assert result["changed"]
    assert result["diff"][0]["before"] == "old\n"
    assert result["diff"][0]["after"] == "new\n"
    assert (action.transferred, (tmp_path / "d").read_text()) == (0, "old\n")


def test_a_small_folder_is_one_request(action, tmp_path):
    (tmp_path / "s").mkdir()
    for name in "abc":
        (tmp_path / "s" / name).write_text(name)
    assert copy.run({"src": "s", "dest": f"{tmp_path}/d/"}, action)["changed"]
    assert not copy.run({"src": "s", "dest": f"{tmp_path}/d/"}, action)["changed"]
    assert action.requests == ["_copytree", "_copytree"]
    assert action.transferred == 3


def test_files_of_a_folder_that_are_there_stay_when_nothing_is_forced(action, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "d").mkdir()
    for name in "ab":
        (tmp_path / "s" / name).write_text("new")
    (tmp_path / "d/a").write_text("old")
    result = copy.run({"src": "s/", "dest": f"{tmp_path}/d", "force": "no"}, action)
    assert result["changed"]
    assert [(tmp_path / "d" / name).read_text() for name in "ab"] == ["old", "new"]


def test_a_link_that_leads_back_does_not_go_round_for_ever(action, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a").write_text("a")
    (tmp_path / "s/back").symlink_to(".")
    copy.run({"src": "s/", "dest": f"{tmp_path}/d"}, action)
    assert sorted(os.listdir(tmp_path / "d")) == ["a", "back"]
    assert os.readlink(tmp_path / "d/back") == "."


def test_a_vault_file_arrives_in_clear_and_its_diff_is_hidden(action, sealed, tmp_path):
    result = copy.run({"src": "sealed", "dest": f"{tmp_path}/d"}, action)
    assert (tmp_path / "d").read_text() == "top secret\n"
    assert "secret" not in str(result)
    (tmp_path / "d").write_text("old secret\n")
    assert "secret" not in str(copy.run({"src": "sealed", "dest": f"{tmp_path}/d"}, action))


def test_a_vault_file_stays_sealed_when_asked_for(action, sealed, tmp_path):
    copy.run({"src": "sealed", "dest": f"{tmp_path}/d", "decrypt": False}, action)
    assert (tmp_path / "d").read_bytes() == sealed.read_bytes()


@pytest.mark.parametrize("vault", [None, Vault([VaultSecret("default", b"wrong")])])
def test_a_vault_file_that_nothing_opens_is_a_failed_task(action, sealed, tmp_path, vault):
    action.vault = vault
    with pytest.raises(ActionFailed, match="sealed"):
        copy.run({"src": "sealed", "dest": f"{tmp_path}/d"}, action)
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("vault", [None, Vault([])])
def test_a_vault_file_without_any_secret_fails_as_in_ansible(action, sealed, tmp_path, vault):
    action.vault = vault
    wanted = f"A vault password or secret must be specified to decrypt {sealed}$"
    with pytest.raises(ActionFailed, match=wanted):
        copy.run({"src": "sealed", "dest": f"{tmp_path}/d"}, action)


def test_files_of_a_folder_come_before_those_of_its_folders(action, tmp_path):
    (tmp_path / "tree/a").mkdir(parents=True)
    for name in ("a/inside", "z"):
        (tmp_path / "tree" / name).write_bytes(Vault([SECRET]).encrypt(b"x", vault_id=None))
    action.vault = None
    with pytest.raises(ActionFailed, match=r"to decrypt .*/tree/z$"):
        copy.run({"src": "tree", "dest": f"{tmp_path}/d"}, action)


def test_a_folder_in_the_way_is_said_plainly(action, tmp_path):
    (tmp_path / "s").write_text("")
    (tmp_path / "d/s").mkdir(parents=True)
    result = copy.run({"src": "s", "dest": f"{tmp_path}/d"}, action)
    assert result["failed"]
    assert result["msg"] == f"cannot write {tmp_path}/d/s: it is a directory"


def test_a_pipe_is_not_read(action, tmp_path):
    os.mkfifo(tmp_path / "s")
    with pytest.raises(ActionFailed, match="no file"):
        copy.run({"src": "s", "dest": f"{tmp_path}/d"}, action)


def test_a_device_is_not_replaced(action, tmp_path):
    (tmp_path / "s").write_text("")
    os.mkfifo(tmp_path / "d")
    result = copy.run({"src": "s", "dest": f"{tmp_path}/d"}, action)
    assert result["msg"] == f"cannot write {tmp_path}/d: it is a device, a pipe or a socket"


def test_words_that_are_neither_yes_nor_no_are_named(action, tmp_path):
    with pytest.raises(ActionFailed, match="remote_src"):
        copy.run({"src": "s", "dest": "d", "remote_src": "perhaps"}, action)


def test_what_is_one_request_can_be_sent_ahead(action, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/f").write_text("text\n")
    for src in ("s/f", "s"):
        task = {"src": src, "dest": f"{tmp_path}/{src[-1]}-copied"}
        request = copy.plan(task, action)
        assert action.requests == []
        answer = action.run_module(request.module, request.args, content=request.content)
        ahead = request.finish(answer)
        assert ahead["changed"]
        assert ahead["diff"][0]["after"] == "text\n"
        action.requests.clear()
        assert not copy.run(task, action)["changed"]
        action.requests.clear()


def test_a_big_folder_is_no_single_request(action, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/f").write_bytes(bytes(200_000))
    task = {"src": "s", "dest": f"{tmp_path}/d"}
    assert copy.plan(task, action) is None
    action.check_mode = True
    assert copy.plan(task, action) is not None
