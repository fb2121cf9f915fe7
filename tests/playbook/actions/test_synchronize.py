"""The controller's part of ``synchronize``: where rsync runs and how it reaches the other side."""

from pathlib import Path

import pytest

from lpse_ops.playbook.actions import synchronize
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.playbook.actions.synchronize import plan_sides, ssh_words
from lpse_ops.remote.target import Become, Target
from tests.lab.fixtures import sshd
from tests.playbook.actions.localaction import LocalAction

__all__ = ["sshd"]

FAR = Target(
    "web", host="192.0.2.7", port=2222, user="sari", private_key_file=Path("/k"),
    ssh_common_args=("-F", "/c"),
)  # fmt: skip
PATHS = {"src": "/a", "dest": "/b"}


def action(**more: object) -> LocalAction:
    return LocalAction(Path("/nihil"), host="web", target=FAR, **more)


def test_push_goes_from_here_to_the_host():
    sides = plan_sides(PATHS, FAR, action())
    assert sides.is_here
    assert (sides.args["src"], sides.args["dest"]) == ("/a", "sari@192.0.2.7:/b")


def test_pull_comes_from_the_host():
    sides = plan_sides({**PATHS, "mode": "pull"}, FAR, action())
    assert (sides.args["src"], sides.args["dest"]) == ("sari@192.0.2.7:/a", "/b")


def test_the_connection_s_own_arguments_are_used():
    words = ssh_words({}, FAR)
    assert words[:5] == ["ssh", "-o", "BatchMode=yes", "-S", "none"]
    assert words[5:] == ["-i", "/k", "-o", "Port=2222", "-F", "/c"]


def test_the_task_s_own_arguments_win():
    args = {"private_key": "/other", "dest_port": 22, "verify_host": False}
    words = ssh_words({**args, "ssh_connection_multiplexing": True}, FAR)
    assert words[3:7] == ["-i", "/other", "-o", "Port=22"]
    assert "StrictHostKeyChecking=no" in words
    assert "-S" not in words


@pytest.mark.parametrize("delegate", ["localhost", "127.0.0.1"])
def test_delegated_to_this_machine_is_the_usual_way(delegate):
    sides = plan_sides(PATHS, FAR, action(delegated_to=delegate))
    assert sides == plan_sides(PATHS, FAR, action())


def test_delegated_to_the_host_itself_needs_no_ssh():
    sides = plan_sides(PATHS, FAR, action(delegated_to="web"))
    assert sides == synchronize.Sides(PATHS, is_here=False)


def test_delegated_to_a_third_host_runs_there():
    sides = plan_sides(PATHS, FAR, action(delegated_to="db"))
    assert not sides.is_here
    assert sides.args["dest"] == "sari@192.0.2.7:/b"


def test_this_machine_needs_no_ssh():
    here = Target("localhost", "local")
    assert plan_sides(PATHS, here, action()) == synchronize.Sides(PATHS, is_here=False)
    by_ssh = plan_sides(PATHS, Target("h", host="127.0.0.1"), action(delegated_to="localhost"))
    assert by_ssh == synchronize.Sides(PATHS, is_here=False)


def test_another_port_of_this_machine_is_another_machine():
    sides = plan_sides(PATHS, Target("h", host="127.0.0.1", port=2222), action())
    assert sides.args["dest"] == "127.0.0.1:/b"


def test_become_is_for_the_other_side():
    become = Become(user="epns")
    target = Target("web", become=become)
    args = plan_sides(PATHS, target, action()).args
    assert args["rsync_path"] == "sudo -n -u epns rsync"
    own = plan_sides({**PATHS, "rsync_path": "/opt/rsync"}, target, action()).args
    assert own["rsync_path"] == "/opt/rsync"
    with pytest.raises(ActionFailed, match="cannot become by su"):
        plan_sides(PATHS, Target("web", become=Become(method="su")), action())


def test_a_password_is_refused_with_what_to_do():
    with pytest.raises(ActionFailed, match="set private_key") as refused:
        plan_sides(PATHS, Target("web", password="rahasia"), action())
    assert "rahasia" not in str(refused.value.result)


def test_other_addresses():
    plain = {**PATHS, "set_remote_user": False}
    assert plan_sides(plain, Target("web", host="2001:db8::7"), action()).args["dest"] == (
        "[2001:db8::7]:/b"
    )
    daemon = {**PATHS, "dest": "rsync://web/module"}
    args = plan_sides(daemon, FAR, action()).args
    assert (args["dest"], "_rsh" in args) == ("rsync://web/module", False)


def test_rsync_is_run_here_with_paths_of_the_role(tmp_path, sshd):
    (tmp_path / "files/site").mkdir(parents=True)
    (tmp_path / "files/site/one").write_text("1")
    dest = tmp_path / "with words" / "b"
    dest.parent.mkdir()
    target = Target(
        "web",
        host=sshd.host,
        port=sshd.port,
        user=sshd.user,
        private_key_file=sshd.key_file,
        ssh_common_args=("-F", str(sshd.ssh_config)),
    )

    def synchronized(*, check_mode: bool = False) -> dict:
        asked = LocalAction(
            tmp_path, host="web", target=target, check_mode=check_mode, diff_mode=True
        )
        result = synchronize.run({"src": "site/", "dest": str(dest)}, asked)
        assert asked.requests == []
        return result

    assert synchronized(check_mode=True)["changed"]
    assert not dest.exists()
    result = synchronized()
    assert result["changed"]
    assert "<f+++++++++ one\n" in result["diff"]["prepared"]
    assert (dest / "one").read_text() == "1"
    assert not synchronized()["changed"]


def test_an_rsync_that_is_elsewhere_is_named(tmp_path):
    (tmp_path / "site").mkdir()
    asked = LocalAction(
        tmp_path, host="web", target=FAR, variables={"ansible_rsync_path": "/nihil/rsync"}
    )
    with pytest.raises(ActionFailed, match="install rsync on both machines") as failed:
        synchronize.run({"src": "site", "dest": "/b"}, asked)
    assert "/nihil/rsync" in str(failed.value)


def test_an_argument_that_there_is_not_is_named(tmp_path):
    with pytest.raises(ActionFailed, match="nihil"):
        synchronize.run({**PATHS, "nihil": 1}, action())
    with pytest.raises(ActionFailed, match="_rsh"):
        synchronize.run({**PATHS, "_rsh": ["x"]}, action())
