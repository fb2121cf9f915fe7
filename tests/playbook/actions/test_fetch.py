"""Where ``fetch`` puts a file, and where it does not."""

import hashlib
import os
import stat

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


def lying(answered):
    """A host that says so to whatever it is asked, and sends a word."""

    def run_module(name, args, *, save_to=None):
        if save_to:
            save_to.write(b"evil")
        return {"src": answered, "checksum": hashlib.sha1(b"evil").hexdigest(), "sent": True}

    return run_module


@pytest.mark.parametrize("answered", ["/home/x/.bashrc", "/home/x/nox", "", None, 5, ["/x"]])
def test_the_host_says_only_where_home_is(action, answered, tmp_path):
    action.run_module = lying(answered)
    with pytest.raises(ActionFailed, match="the host says"):
        fetch.run({"src": "~/x", "dest": "got"}, action)
    assert not (tmp_path / "play").exists()


def test_the_environment_is_the_hosts_as_well(action, tmp_path):
    action.run_module = lying("/home/a/b/c/x")
    result = fetch.run({"src": "~/$PLACE/x", "dest": "got"}, action)
    assert result["dest"] == f"{tmp_path}/play/got/web1/home/a/b/c/x"


def test_a_flat_file_has_the_name_the_task_gives(action, tmp_path):
    action.run_module = lying("/home/x/authorized_keys")
    result = fetch.run({"src": "~/x", "dest": f"{tmp_path}/d/", "flat": True}, action)
    assert result["dest"] == f"{tmp_path}/d/x"


@pytest.mark.parametrize("dest", ["got", ".", "/srv/got/"])
@pytest.mark.parametrize("host", ["../web2", "..", ".", "a/../../b"])
def test_a_hosts_name_cannot_lead_out(tmp_path, host, dest):
    action = LocalAction(tmp_path, host=host)
    with pytest.raises(ActionFailed, match="would be outside of"):
        fetch.plan_dest("/x", dest, action, flat=False)


def test_a_hosts_name_that_is_a_path_stays_below(tmp_path):
    action = LocalAction(tmp_path, host="/tmp/escaped")
    assert str(fetch.plan_dest("/x", "/got", action, flat=False)) == "/got/tmp/escaped/x"


@pytest.mark.parametrize(
    "args",
    [{"src": "/x", "dest": "~nosuchuser/d"}, {"src": "/a\0b", "dest": "d"}],
    ids=["dest", "src"],
)
def test_what_can_be_no_name_of_a_file_is_refused(action, args):
    with pytest.raises(ActionFailed, match="is no name of a file"):
        fetch.run(args, action)


def test_what_the_host_answers_can_be_no_name(action):
    action.run_module = lying("/home\0/x")
    with pytest.raises(ActionFailed, match="is no name of a file"):
        fetch.run({"src": "~/x", "dest": "d"}, action)


def test_nobody_else_may_read_what_is_fetched(action, tmp_path):
    (tmp_path / "s").write_text("key")
    (tmp_path / "d").write_text("old")
    (tmp_path / "d").chmod(0o644)
    fetch.run({"src": f"{tmp_path}/s", "dest": f"{tmp_path}/d", "flat": True}, action)
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o600
