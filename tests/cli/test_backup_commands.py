"""The backup commands as a user meets them: answers, exit codes, one error and one hint."""

import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.recovery import parse_sheet
from lpse_ops.backup.snapshot import Snapshot
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import MOMENT, open_cheap, store
from tests.cli.commands import Ended, lpse_ops
from tests.restic_binaries import Restic


def failed(ended: Ended, code: int, *words: str) -> None:
    """One error line, one hint line, the code, nothing on stdout."""
    lines = ended.stderr.splitlines()
    assert ended.code == code, ended.stderr
    assert [line.split(":")[1].strip() for line in lines] == ["error", "hint"], ended.stderr
    assert ended.stdout == ""
    for word in words:
        assert word in ended.stderr


def run(repo: Path, password: Path, *args: str | Path) -> Ended:
    return lpse_ops("backup", "run", "--repo", repo, "--password-file", password, *args)


# -- without a settings file -------------------------------------------------------------------


def test_init_run_and_snapshots_without_a_settings_file(tmp_path: Path, docs: Path, password: Path):
    repo = tmp_path / "new"
    made = lpse_ops("backup", "init", "--repo", repo, "--password-file", password)
    assert made.code == 0, made.stderr
    assert "LEMBAR PEMULIHAN" in made.stdout
    assert run(repo, password, docs).code == 0
    listed = lpse_ops(
        *("backup", "snapshots", "--format", "json"),
        env={"LPSE_OPS_REPO": str(repo), "LPSE_OPS_PASSWORD_FILE": str(password)},
    ).json()
    assert listed["schema"] == "lpse-ops/backup/snapshots/1"
    assert [each["paths"] for each in listed["snapshots"]] == [[str(docs)]]


def test_options_may_stand_before_the_command(repo: Path, docs: Path, password: Path):
    run(repo, password, docs)
    ended = lpse_ops("backup", "--repo", repo, "-p", password, "snapshots")
    assert ended.stdout.endswith("1 snapshots\n")


def test_the_json_report_tells_what_was_done(repo: Path, docs: Path, password: Path):
    report = run(repo, password, docs, "--tag", "daily,manual", "--format", "json").json()
    assert report["schema"] == "lpse-ops/backup/run/1"
    assert report["summary"]["files_new"] == 2
    assert report["summary"]["total_bytes_processed"] == 703_000
    assert report["snapshot"]["tags"] == ["daily", "manual"]
    assert report["unreadable"] == []


def test_quiet_says_nothing_but_the_answer(repo: Path, docs: Path, password: Path):
    assert run(repo, password, docs, "--quiet").stderr == ""


def test_what_cannot_be_read_is_exit_3_and_listed(repo: Path, password: Path):
    ended = run(repo, password, "/proc/self/mem", "/proc/self/comm", "--format", "json")
    assert ended.code == 3
    assert [each["path"] for each in ended.json()["unreadable"]] == ["/proc/self/mem"]
    assert "warning: cannot read /proc/self/mem" in ended.stderr


def test_a_path_that_is_a_link_is_told_and_stored_as_one(
    repo: Path, docs: Path, password: Path, tmp_path: Path
):
    link = tmp_path / "spse"
    link.symlink_to(docs)
    ended = run(repo, password, link)
    assert ended.code == 0
    assert f"warning: {link} is a link and stored as one" in ended.stderr
    assert f"{docs} is named" in ended.stderr
    assert "is a link" not in run(repo, password, docs).stderr


def test_the_time_and_host_of_a_snapshot_can_be_given(repo: Path, docs: Path, password: Path):
    options = ("--host", "lpse-x", "--time", "2026-01-31T18:00:00+08:00", "--format", "json")
    snapshot = run(repo, password, docs, *options).json()["snapshot"]
    assert (snapshot["hostname"], snapshot["time"]) == ("lpse-x", "2026-01-31T18:00:00+08:00")


def test_ls_lists_a_folder_of_a_snapshot(repo: Path, docs: Path, password: Path):
    run(repo, password, docs)
    ended = lpse_ops("backup", "ls", "latest", docs, "-r", repo, "-p", password)
    assert ended.stdout.splitlines() == [str(docs), f"{docs}/one.pdf", f"{docs}/two.rhs"]
    long = lpse_ops("backup", "ls", "latest", docs, "-l", "-r", repo, "-p", password).stdout
    assert "-rw-r--r--" in long


# -- bad input ---------------------------------------------------------------------------------


def test_a_wrong_password(repo: Path, docs: Path, tmp_path: Path):
    wrong = tmp_path / "wrong"
    wrong.touch(0o600)
    wrong.write_text("other")
    failed(run(repo, wrong, docs), 12, "wrong password", "--password-file")


def test_no_repository(tmp_path: Path, docs: Path, password: Path):
    failed(run(tmp_path / "none", password, docs), 10, "no repository", "backup init")
    assert not (tmp_path / "none").exists()


def test_a_second_init(repo: Path, password: Path):
    failed(lpse_ops("backup", "init", "-r", repo, "-p", password), 1, "already")


def test_no_password(repo: Path, docs: Path):
    failed(lpse_ops("backup", "run", "-r", repo, docs), 2, "--password-file")


def test_an_absent_and_an_empty_password_file(repo: Path, docs: Path, tmp_path: Path):
    # A new one would not open what is there.
    kept = "bring it back from where its copy is kept"
    failed(run(repo, tmp_path / "none", docs), 2, "cannot read", kept)
    (tmp_path / "empty").touch(0o600)
    failed(run(repo, tmp_path / "empty", docs), 2, "empty", kept)


def test_a_password_file_that_others_may_read_is_a_warning(repo: Path, docs: Path, password: Path):
    password.chmod(0o644)
    ended = run(repo, password, docs)
    assert ended.code == 0
    assert "chmod 600" in ended.stderr


def test_nothing_to_back_up(repo: Path, password: Path):
    failed(run(repo, password), 78, "no settings file")


def test_a_damaged_key_file(repo: Path, docs: Path, password: Path):
    [key] = (repo / "keys").iterdir()
    key.write_bytes(b"{}")
    failed(run(repo, password, docs), 1, "damaged", "key recover")


def test_an_unknown_snapshot_and_an_ambiguous_one(repo: Path, docs: Path, password: Path):
    run(repo, password, docs)
    repository = open_cheap(repo)
    [snapshot] = repository.snapshots()
    for number in range(17):  # of seventeen, two begin with the same digit
        repository.save_snapshot(replace(snapshot, tags=(str(number),)))
    at = ("-r", repo, "-p", password)
    failed(lpse_ops("backup", "ls", "zz", *at), 1, "no snapshot begins", "snapshots")
    ids = [path.name[0] for path in (repo / "snapshots").iterdir()]
    double = max(ids, key=ids.count)
    failed(lpse_ops("backup", "ls", double, *at), 1, "ambiguous", "more digits")


def test_latest_of_an_empty_repository(repo: Path, password: Path):
    failed(lpse_ops("backup", "ls", "latest", "-r", repo, "-p", password), 1, "no snapshot")


def test_a_repository_of_format_1_is_read_but_not_written(
    tmp_path: Path, docs: Path, password: Path, restic_new: Restic
):
    root = tmp_path / "v1"
    restic_new.run("init", "--repository-version", "1", repo=root, password=PASSWORD)
    restic_new.run("backup", docs, repo=root, password=PASSWORD)
    at = ("-r", root, "-p", password)
    assert f"{docs}/two.rhs" in lpse_ops("backup", "ls", "latest", *at).stdout
    failed(run(root, password, docs), 1, "format 1", "migrate")


def test_the_pinned_repository_is_the_only_one_written(
    tmp_path: Path, repo: Path, docs: Path, password: Path
):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: Asia/Makassar}}
backup:
  paths: [{docs}]
  password_file: {password}
  destinations:
    - {{name: disk-a, location: {repo}, repository_id: {"ab" * 32}}}
"""
    )
    ended = lpse_ops("backup", "--settings", settings)
    failed(ended, 1, "pinned to abababab", "another disk")
    assert not list((repo / "snapshots").iterdir())


def test_init_refuses_a_destination_that_is_pinned_already(
    tmp_path: Path, docs: Path, password: Path
):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WIB}}
backup:
  password_file: {password}
  destinations: [{{name: disk-a, location: {tmp_path}/not-mounted, repository_id: {"ab" * 32}}}]
"""
    )
    failed(lpse_ops("backup", "init", "--settings", settings), 1, "pinned", "mounted")
    assert not (tmp_path / "not-mounted").exists()


def test_init_makes_nothing_when_the_sheet_cannot_be_written(tmp_path: Path, password: Path):
    at = ("-r", tmp_path / "new", "-p", password)
    failed(lpse_ops("backup", "init", *at, "--sheet", password), 2, "File exists", "--sheet")
    assert not (tmp_path / "new").exists()
    assert password.read_text().strip() == PASSWORD


def test_an_init_that_was_cut_off_is_gone_on_with(tmp_path: Path, docs: Path, password: Path):
    settings, sheet = tmp_path / "lpse-ops.yml", tmp_path / "sheet.txt"
    text = f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WIT}}
backup:
  paths: [{docs}]
  password_file: {password}
  destinations: [{{name: disk-a, location: {tmp_path}/disk}}]
"""
    init = ("backup", "init", "--settings", settings, "--sheet", sheet, "--format", "json")
    settings.write_text(text)
    first = lpse_ops(*init)
    assert first.code == 0, first.stderr
    # The power went before the settings knew; once more, before the sheet was written.
    for left in (sheet.read_text(), ""):
        settings.write_text(text)
        sheet.write_text(left)
        again = lpse_ops(*init)
        assert again.code == 0, again.stderr
        assert again.json()["repository_id"] == first.json()["repository_id"]
        assert first.json()["repository_id"] in settings.read_text()
        assert parse_sheet(sheet.read_text()).repository_id == first.json()["repository_id"]
    # A sheet of another repository is nobody's to overwrite, nor is one with backups begun.
    settings.write_text(text)
    sheet.write_text("another")
    failed(lpse_ops(*init), 2, "File exists")
    assert lpse_ops("backup", "--settings", settings).code == 0
    sheet.unlink()
    failed(lpse_ops(*init), 1, "already")
    assert not sheet.exists()


def test_the_configured_backup_keeps_host_time_zone_and_manifest(
    tmp_path: Path, docs: Path, password: Path
):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        f"""\
# kept
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WIT}}
backup:
  paths: [{docs}]
  exclude: ['*.rhs']
  password_file: {password}
  destinations:
    - name: disk-a   # the blue one
      location: {tmp_path}/disk
"""
    )
    assert lpse_ops("backup", "init", "--settings", settings).code == 0
    assert "repository_id: " in settings.read_text()
    assert "# the blue one" in settings.read_text()
    snapshot = lpse_ops("backup", "--settings", settings, "--format", "json").json()["snapshot"]
    assert snapshot["hostname"] == "lpse-contoh"
    assert snapshot["time"].endswith("+09:00")
    assert snapshot["paths"] == sorted([str(docs), "/lpse-ops"])
    listed = lpse_ops("backup", "ls", "latest", "--settings", settings).stdout
    assert "/lpse-ops/manifest.json" in listed
    assert "two.rhs" not in listed


def test_a_locked_repository(repo: Path, docs: Path, password: Path):
    with hold_lock(open_cheap(repo), exclusive=True):
        failed(run(repo, password, docs), 11, "locked", "unlock")
    assert run(repo, password, docs).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "disk"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", point], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)


def test_a_full_disk_harms_nothing_stored(
    small_disk: Path, docs: Path, password: Path, tmp_path: Path
):
    repo = init_cheaply(small_disk / "repo")
    assert run(repo, password, docs).code == 0
    big = tmp_path / "big"
    # The first pack is a full one, too large for the disk: a smaller one might just fill it.
    big.write_bytes(os.urandom(40_000_000))
    failed(run(repo, password, docs, big), 1, "No space left", "free some space")
    at = ("-r", repo, "-p", password)
    assert lpse_ops("backup", "snapshots", *at).stdout.endswith("1 snapshots\n")
    assert not list(repo.rglob("*-tmp-*"))
    assert run(repo, password, docs).code == 0


def test_a_read_only_medium(small_disk: Path, docs: Path, password: Path):
    repo = init_cheaply(small_disk / "repo")
    assert run(repo, password, docs).code == 0
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    failed(run(repo, password, docs), 1, "Read-only")
    at = ("-r", repo, "-p", password)
    failed(lpse_ops("backup", "snapshots", *at), 1, "--no-lock")
    assert lpse_ops("backup", "snapshots", "--no-lock", *at).code == 0


# -- keys --------------------------------------------------------------------------------------


def test_keys_are_added_listed_changed_and_removed(
    repo: Path, docs: Path, password: Path, tmp_path: Path
):
    at = ("-r", repo, "-p", password)
    second = tmp_path / "second"
    second.touch(0o600)
    second.write_text("second")
    new = ("--new-password-file", second)
    added = lpse_ops("backup", "key", "add", *new, *at, "--format", "json").json()["id"]
    assert lpse_ops("backup", "snapshots", "-r", repo, "-p", second).code == 0
    keys = lpse_ops("backup", "key", "list", *at, "--format", "json").json()["keys"]
    assert {key["id"] for key in keys if not key["current"]} == {added}
    current = next(key["id"] for key in keys if key["current"])
    failed(lpse_ops("backup", "key", "remove", current, *at), 1, "opened", "key passwd")
    assert lpse_ops("backup", "key", "remove", added[:8], *at).code == 0
    assert lpse_ops("backup", "snapshots", "-r", repo, "-p", second).code == 12
    assert lpse_ops("backup", "key", "passwd", *new, *at).code == 0
    assert lpse_ops("backup", "snapshots", *at).code == 12
    assert run(repo, second, docs).code == 0


def test_the_sheet_alone_opens_a_repository_without_keys_and_config(
    tmp_path: Path, docs: Path, password: Path, restic_new: Restic
):
    repo, sheet, new = tmp_path / "disk", tmp_path / "sheet", tmp_path / "new"
    made = lpse_ops("backup", "init", "-r", repo, "-p", password, "--sheet", sheet)
    assert made.code == 0
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert "KODE" not in made.stdout
    run(repo, password, docs)
    (repo / "config").unlink()
    shutil.rmtree(repo / "keys")
    new.touch(0o600)
    new.write_text("new password")
    options = ("--new-password-file", new, "-r", repo)
    recovered = lpse_ops("backup", "key", "recover", "--sheet", sheet, *options)
    assert recovered.code == 0, recovered.stderr
    restic_new.run("check", "--read-data", repo=repo, password="new password")
    assert run(repo, new, docs).code == 0


def test_a_sheet_of_another_repository_is_refused(
    tmp_path: Path, repo: Path, docs: Path, password: Path
):
    other, sheet = tmp_path / "other", tmp_path / "sheet"
    lpse_ops("backup", "init", "-r", other, "-p", password, "--sheet", sheet)
    run(repo, password, docs)
    options = ("--sheet", sheet, "--new-password-file", password, "-r", repo)
    assert lpse_ops("backup", "key", "recover", *options).code == 1
    (repo / "config").unlink()
    failed(lpse_ops("backup", "key", "recover", *options), 1, "nothing at", "right disk")
    assert not (repo / "config").exists()


# -- damage ------------------------------------------------------------------------------------


def test_a_damaged_snapshot_does_not_hide_the_others(repo: Path, docs: Path, password: Path):
    at = ("-r", repo, "-p", password)
    run(repo, password, docs)
    run(repo, password, docs)
    path = next((repo / "snapshots").iterdir())
    path.chmod(0o600)
    path.write_bytes(bytes(300))
    listed = lpse_ops("backup", "snapshots", *at)
    assert listed.stdout.endswith("1 snapshots\n")
    assert path.name[:8] in listed.stderr
    checked = lpse_ops("backup", "check", *at)
    assert checked.code == 1
    assert "DAMAGED" in checked.stdout


def test_dump_writes_a_file_as_it_was_and_a_folder_as_tar(
    repo: Path, docs: Path, password: Path, tmp_path: Path
):
    at = ("-r", repo, "-p", password)
    run(repo, password, docs)
    out = tmp_path / "out"
    assert lpse_ops("backup", "dump", "latest", docs / "two.rhs", *at, "-o", out).code == 0
    assert out.read_bytes() == (docs / "two.rhs").read_bytes()
    assert lpse_ops("backup", "dump", "latest", docs, *at, "-o", out).code == 0
    with tarfile.open(out) as archive:
        assert sorted(archive.getnames()) == ["one.pdf", "two.rhs"]


def test_check_names_a_flipped_bit_only_when_it_reads_the_data(
    repo: Path, docs: Path, password: Path
):
    at = ("-r", repo, "-p", password)
    run(repo, password, docs)
    pack = max((repo / "data").glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[100] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    assert lpse_ops("backup", "check", *at).code == 0
    found = lpse_ops("backup", "check", "--read-data", *at, "--format", "json")
    assert found.code == 1
    assert any(pack.name[:8] in each for each in found.json()["errors"])


def test_restore_puts_everything_back_and_a_second_time_writes_nothing(
    repo: Path, docs: Path, password: Path, tmp_path: Path
):
    run(repo, password, docs)
    target = tmp_path / "out"
    options = ("--target", target, "--verify", "-r", repo, "-p", password, "--format", "json")
    first = lpse_ops("backup", "restore", "latest", *options)
    assert first.code == 0, first.stderr
    restored = target / docs.relative_to("/")
    assert (restored / "two.rhs").read_bytes() == (docs / "two.rhs").read_bytes()
    second = lpse_ops("backup", "restore", f"latest:{docs}", *options[:1], restored, *options[2:])
    assert second.json()["files_unchanged"] == 2
    assert second.json()["bytes_written"] == 0


def test_a_low_soft_limit_of_open_files_is_raised(
    repo: Path, password: Path, tmp_path: Path
) -> None:
    source = tmp_path / "many"
    for number in range(300):
        (source / f"{number}").mkdir(parents=True)
        (source / f"{number}" / "f").write_text(f"{number}")
    store(repo, source)
    few = ("prlimit", "--nofile=64:4096")
    at = ("--repo", repo, "--password-file", password)
    ended = lpse_ops("backup", "restore", "latest", "--target", tmp_path / "r", *at, before=few)
    assert ended.code == 0, ended.stderr
    assert len(list((tmp_path / "r").rglob("f"))) == 300


_NO_PROC = 'mount --make-rprivate / && mount -t tmpfs none /proc && exec "$@"'
WITHOUT_PROC = ("unshare", "--mount", "sh", "-c", _NO_PROC, "sh")


def test_without_proc_a_backup_is_made_all_the_same(
    repo: Path, docs: Path, password: Path, tmp_path: Path
):
    at = ("-r", repo, "-p", password)
    ended = lpse_ops("backup", "run", *at, docs, before=WITHOUT_PROC)
    assert ended.code == 0, ended.stderr
    assert lpse_ops("backup", "check", "--read-data", *at).code == 0
    ended = lpse_ops("backup", "restore", "latest", "-t", tmp_path, *at, before=WITHOUT_PROC)
    assert ended.code == 0, ended.stderr
    restored = tmp_path / docs.relative_to("/")
    assert (restored / "two.rhs").read_bytes() == (docs / "two.rhs").read_bytes()


def test_who_sees_no_processes_takes_no_lock_for_dead(repo: Path, password: Path):
    with hold_lock(open_cheap(repo)):
        before = sorted((repo / "locks").iterdir())
        ended = lpse_ops("backup", "snapshots", "-r", repo, "-p", password, before=WITHOUT_PROC)
        assert ended.code == 0, ended.stderr
        assert sorted((repo / "locks").iterdir()) == before != []


def test_forget_keeps_what_may_be_complete_while_the_disk_does_not_tell(repo: Path, password: Path):
    repository = open_cheap(repo)
    for day in range(3):
        snapshot = Snapshot(MOMENT + timedelta(days=day), bytes(32), ("/lpse-ops",), "h")
        repository.save_snapshot(snapshot)
    flags = ("--keep-last", "1", "--even-if-stale", "-r", repo, "-p", password)
    assert lpse_ops("backup", "forget", *flags).code == 0
    assert [each.time.day for each in repository.snapshots()] == [3, 4]
