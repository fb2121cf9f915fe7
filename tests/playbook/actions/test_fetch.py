"""Where ``fetch`` puts a file, and where it does not."""

import os

import pytest

from lpse_ops.playbook.actions import fetch
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction


@pytest.fixture
def action(tmp_path):
    return LocalAction(tmp_path, host="web1", variables={"playbook_dir": str(tmp_path / "play")})


def test_each_host_has_a_folder_of_its_own(action, tmp_path):
    source = tmp_path / "host" / "s"
    source.parent.mkdir()
    source.write_text("text\n")
    result = fetch.run({"src": str(source), "dest": "got"}, action)
    saved = tmp_path / "play/got/web1" / str(source).lstrip("/")
    assert saved.read_text() == "text\n"
    assert result["dest"] == str(saved)
    assert not fetch.run({"src": str(source), "dest": "got"}, action)["changed"]
    assert action.requests == ["fetch", "fetch"]


@pytest.mark.parametrize("src", ["../../../../etc/passwd", "/../../x", "a/../../x"])
def test_a_name_that_leads_out_of_the_hosts_folder_is_refused(action, src, tmp_path):
    with pytest.raises(ActionFailed, match="outside of"):
        fetch.run({"src": src, "dest": "got"}, action)
    assert not (tmp_path / "play").exists()


def test_the_host_says_where_home_is(action, tmp_path):
    name = f".lpse-ops-test-{os.getpid()}"
    home = os.path.expanduser("~")
    source = os.path.join(home, name)
    with open(source, "w") as file:
        file.write("here")
    try:
        result = fetch.run({"src": f"~/{name}", "dest": "got"}, action)
    finally:
        os.unlink(source)
    assert result["dest"] == f"{tmp_path}/play/got/web1{source}"


def test_a_lying_host_cannot_choose_another_place(action, tmp_path):
    action.run_module = lambda *_, **__: {"src": "/../../../x"}
    with pytest.raises(ActionFailed, match="outside of"):
        fetch.run({"src": "~/x", "dest": "got"}, action)


def test_a_content_that_is_not_what_the_host_announced_fails(action, tmp_path):
    def lie(name, args, *, save_to):
        save_to.write(b"other")
        return {"src": "/x", "checksum": "0" * 40, "sent": True}

    action.run_module = lie
    with pytest.raises(ActionFailed, match="checksum mismatch"):
        fetch.run({"src": "/x", "dest": "got"}, action)


def test_a_broken_transfer_leaves_nothing(action, tmp_path):
    def break_off(name, args, *, save_to):
        save_to.write(b"half")
        raise ConnectionError("gone")

    action.run_module = break_off
    with pytest.raises(ActionFailed, match="cannot save"):
        fetch.run({"src": "/x", "dest": f"{tmp_path}/d", "flat": True}, action)
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_a_failed_task(action, tmp_path):
    (tmp_path / "s").write_text("x")
    (tmp_path / "file").write_text("")
    with pytest.raises(ActionFailed, match=f"cannot save {tmp_path}/file/d"):
        fetch.run({"src": f"{tmp_path}/s", "dest": f"{tmp_path}/file/d", "flat": True}, action)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"dest": "d"}, "src and dest are required"),
        ({"src": ["a"], "dest": "d"}, "must be a string"),
        ({"src": "a", "dest": "d", "flat": "perhaps"}, "flat"),
        ({"src": "a", "dest": "d", "flatter": True}, "flatter"),
    ],
)
def test_wrong_arguments_are_named(action, args, message):
    with pytest.raises(ActionFailed, match=message):
        fetch.run(args, action)


def test_a_folder_in_the_place_of_the_file_is_said_plainly(action, tmp_path):
    (tmp_path / "d/s").mkdir(parents=True)
    with pytest.raises(ActionFailed, match="d/s' is an existing directory"):
        fetch.run({"src": "/x/s", "dest": f"{tmp_path}/d/", "flat": True}, action)
