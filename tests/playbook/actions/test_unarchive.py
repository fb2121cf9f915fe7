"""The controller's part of ``unarchive``: an archive of the controller, and what is refused."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.playbook.actions import unarchive
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.vault import Vault, VaultSecret
from tests.agent.sidebyside import Case, assert_same, run_ours, run_plays
from tests.playbook.actions.localaction import LocalAction
from tests.playbook.actions.ours import run_task

# ansible-playbook runs once for all of them.
pytestmark = pytest.mark.xdist_group("unarchive-action")
SECRET = VaultSecret("default", b"rahasia")
APART = frozenset({"src", "extract_results", "diff", "size"})


def make(root: Path) -> None:
    (root / "s").mkdir()
    (root / "s/one").write_text("1\n")
    (root / "d").mkdir()
    argv = ["tar", "--mtime=@1600000000", "--format=ustar", "-cf", "a.tar", "s"]
    subprocess.run(argv, cwd=root, check=True)


def case(name: str, phases: Any = ("run",), **args: Any) -> Case:
    args = {"src": "ROOT/a.tar", "dest": "ROOT/d", **args}
    return Case(name, "unarchive", args, make, phases, APART)


CASES = [
    case("sent", ("run", "again"), mode="u=rwX", list_files=True),
    case("creates", creates="ROOT/d"),
    case("no_dest", dest="ROOT/none"),
    case("copy_no", copy=False),
    case("copy_and_remote", copy=True, remote_src=True),
]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory):
    return run_plays(CASES, tmp_path_factory.mktemp("t") / "real")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, theirs, tmp_path):
    assert_same(run_ours(case, tmp_path / "ours", run_task), theirs[case.name])


def test_one_request_does_it(tmp_path):
    make(tmp_path)
    action = LocalAction(tmp_path)
    result = unarchive.run({"src": "a.tar", "dest": str(tmp_path / "d")}, action)
    assert result["changed"]
    assert action.requests == ["unarchive"]
    assert (tmp_path / "d/s/one").read_text() == "1\n"


def test_nothing_is_sent_when_it_is_needless(tmp_path):
    make(tmp_path)
    action = LocalAction(tmp_path)
    args = {"src": "a.tar", "dest": str(tmp_path / "d"), "creates": str(tmp_path)}
    assert unarchive.run(args, action)["skipped"]
    assert action.transferred == 0


def test_an_encrypted_archive_is_opened(tmp_path):
    make(tmp_path)
    sealed = Vault([SECRET]).encrypt((tmp_path / "a.tar").read_bytes(), vault_id=None)
    (tmp_path / "a.tar").write_bytes(sealed)
    args = {"src": "a.tar", "dest": str(tmp_path / "d")}
    assert unarchive.run(args, LocalAction(tmp_path, vault=Vault([SECRET])))["changed"]
    assert (tmp_path / "d/s/one").read_text() == "1\n"
    closed = unarchive.run({**args, "decrypt": False}, LocalAction(tmp_path))
    assert "Failed to find handler" in closed["msg"]


def test_an_address_needs_remote_src(tmp_path):
    args = {"src": "https://sari:rahasia@example.org/a.tgz", "dest": str(tmp_path)}
    with pytest.raises(ActionFailed, match="only supported when remote_src is True") as refused:
        unarchive.run(args, LocalAction(tmp_path))
    assert "rahasia" not in str(refused.value.result)
