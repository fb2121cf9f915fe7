"""The ``authorized_key`` module beside the one of ansible.posix."""

import contextlib
import os
import pwd
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.agent.modules.trees import Make, having
from tests.agent.sidebyside import Case, without_diff
from tests.agent.thishost import run_task

# One run of ansible.posix's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("authorized-key-module")

SARI = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISari sari@lpse"
BUDI = "ssh-rsa AAAAB3NzaC1yc2EAAAABudi budi@lpse"
TONO = 'from="10.0.0.0/8,!10.1.1.1",no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITono tono'
SIGNED = "ecdsa-sha2-nistp256-cert-v01@openssh.com AAAAE2Vjert citra"
FILE = having(keys=f"# ours\n{SARI}\n\n{TONO}\n")
ALL = ("check", "run", "again")
ME = pwd.getpwuid(os.getuid()).pw_name


def key(name: str, make: Make = FILE, phases: Any = ALL, **args: Any) -> Case:
    args = {"user": ME, "path": "ROOT/keys", "manage_dir": False, **args}
    return Case(f"key_{name}", "ansible.posix.authorized_key", args, make, phases)


CASES = [
    key("new", key=BUDI),
    key("there", key=SARI),
    key("there_with_options", key=TONO),
    key("signed", key=SIGNED),
    key("two", key=f"{BUDI}\n# a comment\n\n{SARI}\n{SIGNED}\n"),
    key("options", key=SARI, key_options='no-port-forwarding,from="10.0.1.1"'),
    key("other_options", key=TONO, key_options="no-pty"),
    key("options_in_other_order", key=TONO, key_options='no-pty,from="10.0.0.0/8,!10.1.1.1"'),
    key("command", key='command="/usr/bin/backup \\"all\\" x",no-pty ' + BUDI),
    key("options_gone", key=TONO.partition(" ")[2]),
    key("comment", key=SARI, comment="Sari of LPSE"),
    key("no_comment", key=BUDI.rpartition(" ")[0]),
    key("comment_gone", key=SARI.rpartition(" ")[0]),
    key("exclusive", key=BUDI, exclusive=True),
    key("exclusive_of_two", key=f"{SARI}\n{BUDI}", exclusive=True),
    key("exclusive_there", having(keys=f"{SARI}\n{TONO}\n"), key=f"{TONO}\n{SARI}", exclusive=True),
    key("absent", key=SARI, state="absent"),
    key("absent_with_other_options", key=TONO.partition(" ")[2], state="absent"),
    key("absent_not_there", key=BUDI, state="absent"),
    key("absent_two", key=f"{SARI}\n{BUDI}\n{TONO}", state="absent"),
    key("no_file", having(), key=BUDI),
    key("no_file_absent", having(), key=BUDI, state="absent"),
    key("new_folder", key=BUDI, path="ROOT/a/keys", manage_dir=True),
    key("new_folders", key=BUDI, path="ROOT/a/b/keys"),
    key("folder_managed", key=BUDI, manage_dir=True),
    key("wrong", key="nonsense", phases=("run",)),
    key("wrong_second", key=f"{BUDI}\nssh-rsa", phases=("run",)),
    key("nobody", key=BUDI, user="nihil", phases=("run",)),
    key("nobody_yet", key=BUDI, user="nihil", phases=("check",)),
]
CASES += without_diff(CASES, ["key_new", "key_absent"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)


def ensure(tmp_path, **args: Any) -> dict[str, Any]:
    args = {"user": ME, "key": BUDI, "path": str(tmp_path / "keys"), "manage_dir": False, **args}
    return run_task("authorized_key", args, tmp_path)


def test_keys_of_the_web(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "sari.keys").write_text(f"{SARI}\n{BUDI}\n")
    with serve(folder) as address:
        done = [ensure(tmp_path, key=f"{address}/sari.keys") for _ in range(2)]
        missing = ensure(tmp_path, key=f"{address}/nihil.keys")
    assert [each["changed"] for each in done] == [True, False]
    assert (tmp_path / "keys").read_text() == f"{SARI}\n{BUDI}\n"
    assert missing["msg"].startswith(f"Error getting key from: {address}/nihil.keys")


@contextlib.contextmanager
def serve(folder):
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_line_that_lets_in_with_other_options_is_replaced_wherever_it_is(tmp_path):
    # sshd takes the first line that fits, ansible.posix looks at the last one only.
    (tmp_path / "keys").write_text(f"{BUDI}\nno-pty {BUDI}\n")
    done = [ensure(tmp_path, key_options="no-pty") for _ in range(2)]
    assert [each["changed"] for each in done] == [True, False]
    assert (tmp_path / "keys").read_text() == f"no-pty {BUDI}\n"


@pytest.mark.parametrize("argument", ["comment", "key_options"])
def test_no_second_line_comes_with_the_first(tmp_path, argument):
    refused = ensure(tmp_path, **{argument: f'from="x"\n{SARI}'})
    assert "no line breaks" in refused["msg"]


NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def home(tmp_path):
    """A home of an account that puts links where root is going to write."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "keys").write_text("rahasia\n")
    home = tmp_path / "home"
    home.mkdir()
    return home


def link_of_nobody(path, target):
    path.symlink_to(target)
    os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)


def test_no_folder_of_another_account_is_written_to(tmp_path, home):
    link_of_nobody(home / ".ssh", tmp_path / "root")
    path = str(home / ".ssh" / "authorized_keys")
    for manage_dir in (True, False):
        refused = ensure(tmp_path, user="nobody", path=path, manage_dir=manage_dir)
        assert "is a link to what does not belong to the account" in refused["msg"]
    assert os.listdir(tmp_path / "root") == ["keys"]
    assert (tmp_path / "root").stat().st_uid == 0


def test_no_file_of_another_account_is_read(tmp_path, home):
    link_of_nobody(home / "authorized_keys", tmp_path / "root" / "keys")
    for follow in (True, False):
        args = {"user": "nobody", "path": str(home / "authorized_keys"), "follow": follow}
        refused = ensure(tmp_path, **args)
        assert "is a link to what does not belong to the account" in refused["msg"]
        assert "rahasia" not in str(refused)


def test_a_link_of_root_is_followed(tmp_path, home):
    (home / ".ssh").symlink_to(tmp_path / "root")
    done = ensure(tmp_path, user="nobody", path=str(home / ".ssh" / "authorized_keys"))
    assert done["changed"]
    status = (tmp_path / "root" / "authorized_keys").stat()
    assert (status.st_uid, status.st_mode & 0o777) == (NOBODY.pw_uid, 0o600)
