"""The ``archive`` module beside that of community.general, and what it packs."""

import json
import os
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.agent.modules.conftest import assert_same, run_modules, run_ours
from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import Case, Done
from tests.agent.thishost import run_task

# One run of the collection's module is for all the tests here.
pytestmark = pytest.mark.xdist_group("archive-module")

ALL = ("check", "run", "again")
TWICE = ("run", "again")
TIME = 1_600_000_000
# No two programs compress alike; what is in the archives is compared instead.
APART = frozenset({"size", "diff"})
EXTRAS = {"dest", "expanded_exclude_paths", "expanded_paths", "gid", "group", "mode", "owner"}
EXTRAS |= {"path", "state", "uid", "secontext", "archived"}


def aged(root: Path) -> None:
    """Sources of the same age on both sides: archives hold times."""
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (TIME, TIME), follow_symlinks=False)


TREE = also(
    folders("s/sub/empty"),
    having(**{"s/one": "1\n" * 50, "s/sub/two words": "2\n", "s/three.log": "3\n"}),
    link("s/link", "sub/two words"),
    mode("s/one", 0o751),
    aged,
)


def pack(name: str, make: Make = TREE, phases: Any = TWICE, **args: Any) -> Case:
    args = {"path": "ROOT/s", "dest": "ROOT/a", **args}
    return Case(f"archive_{name}", "community.general.archive", args, make, phases, APART)


def refused(name: str, **args: Any) -> Case:
    """The real one tells of the owner and mode of what it was to pack."""
    return replace(pack(name, TREE, ("run",), **args), apart=APART | EXTRAS)


CASES = [
    *(pack(each, format=each) for each in ("gz", "bz2", "xz", "tar", "zip")),
    pack("inner", path="ROOT/s/"),
    pack("two", path=["ROOT/s/one", "ROOT/s/sub"]),
    pack("glob", path="ROOT/s/*"),
    refused("glob_of_nothing", path="ROOT/n*"),
    pack("one", path="ROOT/s/one"),
    pack("one_without_dest", path="ROOT/s/one", dest=None, format="bz2"),
    pack("one_zip", path="ROOT/s/one", format="zip"),
    pack("one_tar", path="ROOT/s/one", dest=None, format="tar"),
    pack("one_forced", path="ROOT/s/one", force_archive=True, dest="ROOT/a.tgz"),
    refused("no_dest", dest=None),
    pack("missing", path="ROOT/none"),
    pack("one_missing", path=["ROOT/none", "ROOT/s/one"]),
    pack("excluded_path", path="ROOT/s/*", exclude_path="ROOT/s/s*"),
    refused("all_excluded", path="ROOT/s", exclude_path="ROOT/s"),
    pack("excluded", exclusion_patterns=["*.log", "s/sub/*"]),
    pack("excluded_zip", exclusion_patterns=["*.log", "*/sub/*"], format="zip"),
    pack("mode", mode="0600", owner="nobody"),
    pack("removed", path="ROOT/s/*", remove=True, phases=("run",)),
    pack("removed_folder", remove=True),
    pack("removed_one", path="ROOT/s/one", remove=True),
    refused("removed_self", dest="ROOT/s/a", remove=True),
    pack("over_other", also(TREE, having(a="something else"), aged)),
    pack("over_other_zip", also(TREE, having(a="something else"), aged), format="zip"),
    pack("to_a_link", also(TREE, having(a2="old"), link("a", "a2"), aged)),
    pack("check", phases=("check",)),
    pack("check_one", path="ROOT/s/one", phases=("check",)),
    pack("bad_format", format="rar", phases=("run",)),
]


def contents(path: Path) -> Any:
    """What is in an archive, for whoever unpacks it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return sorted(
                (each.filename, each.CRC, each.external_attr) for each in archive.infolist()
            )
    try:
        with tarfile.open(path) as archive:
            return sorted(
                [each.name, each.mode, each.size, each.mtime, each.linkname, each.uname]
                for each in archive
            )
    except tarfile.ReadError:
        return "not a tar"


def packed(root: Path) -> str:
    """The archives of a case with their content in place of their bytes."""
    found = {path.name: contents(path) for path in sorted(root.glob("a*"))}
    found |= {path.name: contents(path) for path in sorted(root.glob("s/one.*"))}
    return json.dumps(found, indent=1)


def without_bytes(done: Done, root: Path, case: Case) -> Done:
    trees = {}
    for part, text in done.trees.items():
        tree = json.loads(text)
        for name, shown in tree.items():
            if name.startswith(("a", "s/one.")):
                shown.pop("content", None)
        trees[part] = json.dumps(tree, indent=1) + packed(root / part / case.name)
    for result in done.results.values():
        for key in {"archived", "expanded_paths"} & set(result):
            result[key] = sorted(result[key])
    return Done(done.results, trees)


@pytest.fixture(scope="module")
def theirs(top: Path) -> dict[str, Done]:
    done = run_modules(CASES, top / "real")
    return {case.name: without_bytes(done[case.name], top / "real", case) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_the_collection_s(case, theirs, top):
    ours = run_ours(case, top / "ours", run_task)
    assert_same(without_bytes(ours, top / "ours", case), theirs[case.name])


def archive(folder: Path, *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
    args = {"path": str(folder / "s"), "dest": str(folder / "a.tgz"), **args}
    return run_task("archive", args, folder, check_mode=check_mode)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "tar", "zip"])
def test_check_mode_says_what_would_change_and_a_second_run_writes_nothing(kind, tmp_path):
    TREE(tmp_path)
    assert archive(tmp_path, check_mode=True, format=kind)["changed"]
    assert not (tmp_path / "a.tgz").exists()
    archive(tmp_path, format=kind)
    before = (tmp_path / "a.tgz").stat()
    assert not archive(tmp_path, check_mode=True, format=kind)["changed"]
    assert not archive(tmp_path, format=kind)["changed"]
    assert (tmp_path / "a.tgz").stat().st_ino == before.st_ino
    (tmp_path / "s/one").write_text("other")
    assert archive(tmp_path, check_mode=True, format=kind)["changed"]
    assert archive(tmp_path, format=kind)["changed"]


def test_tar_and_gunzip_read_it(tmp_path):
    TREE(tmp_path)
    archive(tmp_path)
    argv = ["tar", "-tzf", str(tmp_path / "a.tgz")]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert "s/sub/two words\n" in listed
    archive(tmp_path, path=str(tmp_path / "s/one"), dest=str(tmp_path / "one.gz"))
    shown = subprocess.run(["gunzip", "-c", tmp_path / "one.gz"], check=True, capture_output=True)
    assert shown.stdout == b"1\n" * 50


def test_an_archive_is_no_part_of_itself(tmp_path):
    TREE(tmp_path)
    inside = str(tmp_path / "s/a.tgz")
    assert archive(tmp_path, dest=inside)["changed"]
    os.utime(tmp_path / "s", (TIME, TIME))
    assert not archive(tmp_path, dest=inside)["changed"]
    with tarfile.open(inside) as packed_file:
        assert "s/a.tgz" not in packed_file.getnames()


def test_nothing_is_removed_when_the_archive_cannot_be_written(tmp_path):
    TREE(tmp_path)
    result = archive(tmp_path, dest=str(tmp_path / "none/a.tgz"), remove=True)
    assert "there is no folder" in result["msg"]
    assert (tmp_path / "s/one").exists()
