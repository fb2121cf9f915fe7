import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lpse_ops.cli.demo_compare import Comparison, compare_documents
from lpse_ops.cli.demo_folder import DemoFolder
from lpse_ops.cli.demo_report import DemoReport, Proof, TakenBackup, render_farewell
from lpse_ops.cli.demo_shell import DemoShell, find_path_line
from lpse_ops.cli.settings import load_settings
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, UsageError

# The tests of one run of the demo stay in one process.
pytestmark = pytest.mark.xdist_group("demo")

PROGRAM = Path(sys.executable).with_name("lpse-ops")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("LPSE_OPS_")}


def run_program(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = CLEAN | {"LPSE_OPS_STATE": str(cwd / "state")} | variables
    return subprocess.run(
        [PROGRAM, *words], cwd=cwd, env=environment, capture_output=True, text=True
    )


def repository_id(folder: Path) -> str:
    return load_settings(folder / "lpse-ops.yml").backup.destinations[0].repository_id


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The whole demo, small, in ``./demo`` as without an argument; misleading variables are set."""
    home = tmp_path_factory.mktemp("home")
    before = set(Path("/var/tmp").glob("lpse-ops-demo-*"))
    done = run_program(
        "demo", "--size", "2", "--format", "json",
        cwd=home, LPSE_OPS_REPO="/nowhere", LPSE_OPS_PASSWORD="wrong", PGDATABASE="nothing",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Another demo on this machine may still be at work; what we left would stay for ever.
    deadline = time.monotonic() + 60
    while not set(Path("/var/tmp").glob("lpse-ops-demo-*")) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return home / "demo", done


def test_all_that_was_restored_is_what_was_backed_up(played):
    folder, done = played
    report = json.loads(done.stdout)
    assert report["is_good"]
    assert [proof["comparison"]["differences"] for proof in report["proofs"]] == [[], [], []]
    assert report["first"]["processed_bytes"] > 3_500_000
    assert report["second"]["added_bytes"] < report["first"]["added_bytes"]
    assert (
        compare_documents(
            folder / "spse", folder / "restored" / (folder / "spse").relative_to("/")
        ).differences
        == ()
    )


def test_every_command_is_shown_as_a_line_to_copy(played):
    folder, done = played
    lines = [line[2:] for line in done.stderr.splitlines() if line.startswith("$ ")]
    commands = [line for line in lines if line.startswith("lpse-ops ")]
    assert f"cd {folder}" in lines
    assert commands[:8] == [
        "lpse-ops backup init --sheet recovery-sheet.txt",
        "lpse-ops backup",
        "lpse-ops backup",
        "lpse-ops backup snapshots",
        "lpse-ops backup restore latest --target restored",
        "lpse-ops backup restore latest --database epns_prod --into epns_check",
        "lpse-ops backup check --read-data",
        "lpse-ops backup ls latest",
    ]
    assert f"rm -r {folder}" in done.stderr


def test_no_secret_is_readable_by_others(played):
    folder, done = played
    for name in ("backup.password", "recovery-sheet.txt"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert (folder / "backup.password").read_text().strip() not in done.stderr


def test_the_folder_works_without_flags(played):
    folder, _ = played
    snapshots = json.loads(run_program("backup", "snapshots", "--format=json", cwd=folder).stdout)
    assert len(snapshots["snapshots"]) >= 2
    again = run_program("backup", "--format=json", cwd=folder)
    assert again.returncode == 0, again.stderr
    # The database is gone, but the documents are known: the series goes on.
    assert json.loads(again.stdout)["snapshot"]["parent"] == snapshots["snapshots"][-1]["id"]
    assert json.loads(again.stdout)["databases"] == []


def test_a_second_run_starts_afresh_and_leaves_what_is_not_its_own(played):
    folder, _ = played
    copy = folder.with_name("again")
    shutil.copytree(folder, copy)
    (copy / "my-notes").write_text("mine")
    done = run_program("-q", "demo", str(copy), "--size=1", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert repository_id(copy) != repository_id(folder)
    assert (copy / "my-notes").read_text() == "mine"
    assert "$ lpse-ops" not in done.stderr
    assert "documents: good" in done.stdout


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    done = run_program("demo", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path} is not empty and not of an earlier demo" in done.stderr
    assert "lpse-ops demo DIR" in done.stderr
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OpsError, match=r"cannot make .*file"):
        DemoFolder(tmp_path / "file" / "demo").prepare()


def test_what_is_removed_is_only_the_demo(tmp_path):
    folder = DemoFolder(tmp_path / "demo")
    folder.prepare()
    folder.write_settings("postgresql:///epns_prod")
    (tmp_path / "elsewhere").mkdir()
    (folder.root / "spse").symlink_to(tmp_path / "elsewhere")
    folder.remove()
    assert not folder.root.exists()
    assert (tmp_path / "elsewhere").is_dir()


def test_what_somebody_put_there_stays_and_is_not_a_demo_any_more(tmp_path):
    folder = DemoFolder(tmp_path)
    folder.prepare()
    (tmp_path / "mine").write_text("")
    folder.remove()
    assert os.listdir(tmp_path) == ["mine"]
    with pytest.raises(UsageError):
        folder.prepare()


def test_without_its_server_the_database_leaves_the_settings_and_the_id_stays(tmp_path):
    folder, url = DemoFolder(tmp_path), "postgresql://postgres@/epns_prod?host=/s&port=1"
    folder.write_settings(url)
    assert [each.url for each in load_settings(folder.settings).backup.databases] == [url]
    with folder.settings.open("a") as file:
        file.write(f"      repository_id: {'ab' * 32}\n")
    folder.retire_database(url)
    settings = load_settings(folder.settings).backup
    assert settings.databases == ()
    assert settings.destinations[0].repository_id == "ab" * 32
    assert url in folder.settings.read_text()


@pytest.fixture
def trees(tmp_path):
    for name in ("source", "restored"):
        (tmp_path / name / "folder").mkdir(parents=True)
        (tmp_path / name / "file").write_text("content")
        (tmp_path / name / "link").symlink_to("file")
        for path in ("file", "link", "folder", "."):
            os.utime(tmp_path / name / path, (1e9, 1e9), follow_symlinks=False)
    return tmp_path / "source", tmp_path / "restored"


def keep_times(path: Path, content: str) -> None:
    path.write_text(content)
    os.utime(path, (1e9, 1e9))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda _: None, ()),
        (lambda root: keep_times(root / "file", "CONTENT"), ("file has another content",)),
        (lambda root: (root / "file").chmod(0o600), ("file has other metadata",)),
        (lambda root: os.utime(root / "folder", (5, 5)), ("folder has other metadata",)),
        (lambda root: os.utime(root / "link", (5, 5), follow_symlinks=False),
         ("link has other metadata",)),
    ],
)  # fmt: skip
def test_every_difference_between_trees_is_found(trees, damage, expected):
    source, restored = trees
    damage(restored)
    assert compare_documents(source, restored).differences == expected


def test_missing_and_surplus_entries_are_differences(trees):
    source, restored = trees
    (restored / "folder").rmdir()
    (restored / "other").mkdir()
    assert compare_documents(source, restored).differences[:2] == (
        "folder is missing",
        "other is too many",
    )


def test_one_difference_spoils_the_report_and_is_shown():
    taken = TakenBackup("1f36ff4c", 88, 1000, 90, 50, 1.0)
    bad = Proof("database", "restored", 2.0, Comparison("3 tables", ("paket has 1 rows",)))
    good = Proof("documents", "restored", 1.0, Comparison("2 documents", ()))
    report = DemoReport(taken, taken, (good, bad))
    assert not report.is_good
    assert "database: DIFFERENT, restored in 2.0 s\n  3 tables\n  paket has 1 rows" in (
        report.render()
    )
    assert "91.0%" in report.render()


def test_a_command_that_fails_ends_the_demo(tmp_path):
    with (tmp_path / "talk").open("w+") as talk:
        shell = DemoShell(App(stderr=talk), tmp_path)
        with pytest.raises(OpsError) as caught:
            shell.run("backup", "snapshots", "--repo", "nowhere", "--password-file", "none")
        talk.seek(0)
        assert "$ lpse-ops backup snapshots --repo nowhere" in talk.read()
    assert "ended with status 10" in caught.value.message


def test_the_path_is_shown_only_to_those_who_need_it():
    here = str(PROGRAM.parent)
    assert find_path_line(f"/usr/bin:{here}") is None
    assert find_path_line("/usr/bin") == f"PATH={here}:$PATH"


def test_the_farewell_can_be_pasted():
    text = render_farewell(Path("my demo"), "PATH=/venv/bin:$PATH", "1f36ff4c")
    assert "$ PATH=/venv/bin:$PATH\n$ cd 'my demo'\n" in text
    assert "rm -r 'my demo'" in text
    assert "--into epns_check" in text
