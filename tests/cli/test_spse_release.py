"""``spse release`` as root meets it: real packages, the real disk, real accounts and processes."""

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.spsehost import AS_ACCOUNT, SpseHost, is_root
from tests.spse.archives import good_tar, header, write

pytestmark = pytest.mark.skipif(not is_root(), reason="run as root: owners are given away")
# In a release, by the kernel's word: read and run it, write logs, and change nothing of it.
WHAT_IT_MAY = """\
set -e
cat conf/application.conf
./spse4
touch logs/a server.pid
echo baru >logs/system.out
rm -r tmp
for forbidden in lib/a conf/a conf/application.conf spse4 ../4.6; do
    if touch $forbidden 2>/dev/null; then exit 3; fi
done
if rm -f spse4 2>/dev/null; then exit 4; fi
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="run as root: owners are given away")


@pytest.fixture
def host(tmp_path: Path) -> SpseHost:
    return SpseHost(tmp_path)


def test_a_package_becomes_a_release_of_root_s(host: SpseHost):
    archive = host.package("4.5", {"logs/system.out": b"lama", "tmp/a/b": b"lama"})
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    ended = host.unpack(archive, "--sha256", digest, "--format", "json")
    assert ended.code == 0, ended.stderr
    answer, root = ended.json(), host.releases / "4.5"
    assert answer["schema"] == "lpse-ops/spse/release/unpack/1"
    wanted = {"version": "4.5", "folder": str(root), "sha256": digest, "changed": True}
    assert {key: answer[key] for key in wanted} == wanted
    account = subprocess.run(
        [*AS_ACCOUNT, "sh", "-c", WHAT_IT_MAY], cwd=root, capture_output=True, text=True
    )
    assert account.returncode == 0, account.stderr
    theirs = {root / "logs", *(root / "logs").iterdir(), root / "server.pid"}
    owners = {path.lstat().st_uid for path in root.rglob("*") if path not in theirs}
    assert owners == {0}
    assert stat.S_IMODE((root / "conf/application.conf").stat().st_mode) == 0o640


def test_unpacking_again_changes_nothing(host: SpseHost):
    archive = host.package("4.5")
    assert host.unpack(archive).code == 0
    before = (host.releases / "4.5").stat().st_ino
    again = host.unpack(archive, "--format", "json")
    assert (again.code, again.json()["changed"]) == (0, False)
    assert (host.releases / "4.5").stat().st_ino == before


def test_what_is_refused_leaves_nothing(host: SpseHost):
    ended = host.unpack(
        write(host.root, good_tar(header("../../etc/cron.d/jahat")), "spse-4.5.tar")
    )
    assert (ended.code, ended.stdout) == (7, "")
    ended = host.unpack(host.package("4.5"), "--sha256", "ab" * 32)
    assert ended.code == 7
    assert not host.releases.exists()


def test_releases_are_not_kept_where_the_application_can_change_them(host: SpseHost):
    host.releases.mkdir(parents=True)
    for change, undo in (
        (lambda: host.releases.chmod(0o777), lambda: host.releases.chmod(0o755)),
        (
            lambda: os.chown(host.releases.parent, 5, 0),
            lambda: os.chown(host.releases.parent, 0, 0),
        ),
    ):
        change()
        ended = host.unpack(host.package("4.5"))
        assert (ended.code, os.listdir(host.releases)) == (7, [])
        assert "chown root:root" in ended.stderr
        undo()
    assert host.unpack(host.package("4.5")).code == 0


@pytest.mark.parametrize(("account", "code"), [("tidak-ada", 2), ("root", 7)])
def test_whose_the_application_is(host: SpseHost, account: str, code: int):
    ended = host.unpack(host.package("4.5"), "--account", account)
    assert ended.code == code
    assert "--account" in ended.stderr


def test_the_current_release_is_listed_and_switched(host: SpseHost):
    for version in ("4.4", "4.5"):
        assert host.unpack(host.package(version)).code == 0
    ended = host.release("list")
    assert f"{host.link} is not there" in ended.stdout
    assert host.release("switch", "4.4").stdout == f"{host.link} leads to {host.releases}/4.4\n"
    again = host.release("switch", "4.4", "--format", "json").json()
    assert again["changed"] is False
    assert os.readlink(host.link) == str(host.releases / "4.4")
    ended = host.release("list", "--format", "json", "--verify")
    assert ended.code == 0, ended.stderr
    rows = ended.json()["releases"]
    assert [(row["version"], row["current"], row["problems"]) for row in rows] == [
        ("4.4", True, []),
        ("4.5", False, []),
    ]
    (host.releases / "4.5/lib/driver.jar").write_bytes(b"jahat")
    ended = host.release("list", "--verify")
    assert ended.code == 1
    assert "'lib/driver.jar' is changed" in ended.stderr
    assert host.release("switch", "4.6").code == 1
    assert host.release("switch", "../x").code == 1


@pytest.fixture
def application_at_work(host: SpseHost) -> Iterator[None]:
    """A process of the application's account in its folder."""
    for version in ("4.4", "4.5"):
        host.unpack(host.package(version))
    host.release("switch", "4.4")
    # It says when it is no longer root's.
    run = [*AS_ACCOUNT, "sh", "-c", "echo; exec sleep 300"]
    with subprocess.Popen(run, cwd=host.link, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.kill()


@pytest.mark.usefixtures("application_at_work")
def test_nothing_is_switched_below_a_running_application(host: SpseHost):
    ended = host.release("switch", "4.5")
    assert ended.code == 7
    assert "systemctl stop spse" in ended.stderr
    assert os.readlink(host.link).endswith("/4.4")


def test_nothing_is_switched_while_an_upgrade_is_not_over(host: SpseHost):
    for version in ("4.4", "4.5"):
        host.unpack(host.package(version))
    host.leave_upgrade()
    ended = host.release("switch", "4.5")
    assert (ended.code, host.link.is_symlink()) == (7, False)
    assert "lpse-ops spse upgrade --resume" in ended.stderr
    host.leave_upgrade(outcome="rolled-back", direction="back")
    (host.state / "upgrade/state.json").chmod(0o666)
    ended = host.release("switch", "4.5")
    assert (ended.code, host.link.is_symlink()) == (7, False)
    assert "chmod go-w" in ended.stderr
    (host.state / "upgrade/state.json").chmod(0o600)
    assert host.release("switch", "4.5").code == 0


def test_old_releases_go_and_those_that_are_needed_stay(host: SpseHost):
    for version in ("4.3.1", "4.4", "4.5"):
        host.install(version)
    host.make_current("4.5")
    host.leave_upgrade(outcome="done")
    planned = host.files / "4.3.1"
    planned.mkdir(parents=True)
    (planned / "application.conf").write_text("db.pass=x")
    for needed in ("4.4", "4.5"):
        ended = host.release("remove", needed)
        assert (ended.code, (host.releases / needed).is_dir()) == (7, True)
    host.leave_upgrade()
    assert host.release("remove", "4.3.1").code == 7
    host.leave_upgrade(outcome="done")
    ended = host.release("remove", "4.3.1", "--format", "json")
    assert (ended.code, ended.json()["kept"]) == (0, ["4.4", "4.5"])
    assert [name for name in os.listdir(host.releases) if "4.3.1" in name] == []
    assert not planned.exists()
    assert host.release("remove", "4.3.1").code == 5
    assert host.release("remove", "../x").code == 1


def test_a_release_that_was_rolled_back_makes_room_for_a_better_one(host: SpseHost):
    for version in ("4.3.1", "4.4", "4.5"):
        host.install(version)
    host.make_current("4.4")
    host.leave_upgrade(outcome="rolled-back", direction="back")
    better = host.package("4.5", {"conf/routes": b"better"})
    refused = host.unpack(better)
    assert refused.code != 0
    assert "lpse-ops spse release remove 4.5" in refused.stderr
    for needed in ("4.3.1", "4.4"):
        assert host.release("remove", needed).code == 7
    assert host.release("remove", "4.5").code == 0
    assert host.unpack(better).code == 0


def test_what_a_power_cut_left_of_a_removal_goes_with_the_next(host: SpseHost):
    """The folder has lost its name, and its manifest is still there."""
    for version in ("4.3.1", "4.4", "4.5"):
        host.install(version)
    host.make_current("4.5")
    leftover = host.releases / f".4.3.1.{'ab' * 8}.tmp"
    (host.releases / "4.3.1").rename(leftover)
    assert host.release("remove", "4.3.1").code == 0
    host.install("4.6")
    assert [name for name in os.listdir(host.releases) if "4.3.1" in name] == []


def test_without_an_upgrade_the_newest_other_one_is_kept(host: SpseHost):
    host.install("4.4")
    host.install("4.3.1")
    host.install("4.5")
    host.make_current("4.5")
    os.utime(host.releases / "4.4.manifest.json", (1, 1))
    assert host.release("remove", "4.3.1").code == 7
    assert host.release("remove", "4.4").code == 0


def test_an_application_that_was_installed_by_hand_becomes_a_release(host: SpseHost):
    made = host.install("4.4")
    made.rename(host.link)
    shutil.rmtree(host.releases)
    run = ["sh", "-c", "echo; exec sleep 300"]
    with subprocess.Popen(run, cwd=host.link, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        ended = host.release("adopt", "--release", "4.4")
        assert (ended.code, host.link.is_symlink()) == (7, False)
        process.kill()
    ended = host.release("adopt", "--release", "4.4", "--format", "json")
    assert (ended.code, ended.json()["changed"]) == (0, True)
    assert os.readlink(host.link) == str(host.releases / "4.4")
    again = host.release("adopt", "--release", "4.4", "--format", "json")
    assert (again.code, again.json()["changed"]) == (0, False)
    assert "installed by hand" in host.release("list").stdout
    assert host.release("adopt", "--release", "4.5").code == 1
