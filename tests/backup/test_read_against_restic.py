"""Repositories that the stock restic wrote: what we read in them, judged by the same restic."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.check import check_structure
from lpse_ops.backup.checkdata import choose_all, read_packs
from lpse_ops.backup.diff import DiffStatistics, diff_trees
from lpse_ops.backup.find import Finder, Wanted
from lpse_ops.backup.gotime import parse_ns
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.restorer import folder_tree, restore
from lpse_ops.backup.restorereport import RestoreOptions
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.stats import measure
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.nasty_tree import Described, describe_tree, make_nasty_tree
from tests.backup.storing import store
from tests.restic_binaries import Restic


@dataclass(frozen=True)
class Written:
    """A repository of two snapshots, the second after changes, and the tree as it was first."""

    root: Path
    source: Path
    before: dict[bytes, Described]
    restic: Restic

    def open(self) -> Repository:
        return open_repository(LocalBackend(self.root), PASSWORD)

    def snapshots(self) -> list[Snapshot]:
        return self.open().snapshots()

    def json(self, *argv: str) -> Any:
        return self.restic.json(*argv, repo=self.root, password=PASSWORD)

    def lines(self, *argv: str) -> list[Any]:
        return self.restic.json_lines(*argv, repo=self.root, password=PASSWORD)


@pytest.fixture(scope="module")
def written(restic: Restic, tmp_path_factory: pytest.TempPathFactory) -> Written:
    root = tmp_path_factory.mktemp(f"restic-{restic.version}")
    source = root / "source"
    make_nasty_tree(source)
    before = describe_tree(source)
    repository = init_cheaply(root / "repo")
    restic.run("backup", source, repo=repository, password=PASSWORD)
    change(source)
    restic.run("backup", source, repo=repository, password=PASSWORD)
    return Written(repository, source, before, restic)


def change(source: Path) -> None:
    (source / "contents" / "text").write_bytes(b"other text\n" * 1000)
    (source / "contents" / "copy").write_bytes((source / "contents" / "noise").read_bytes())
    (source / "contents" / "one").unlink()
    shutil.rmtree(source / "folders" / "level-0")
    (source / "folders" / "new" / "below").mkdir(parents=True)
    (source / "folders" / "new" / "below" / "file").write_text("fresh")
    (source / "folders" / "many-7").chmod(0o600)
    os.symlink("elsewhere", source / "links" / "new-link")


def test_what_the_stock_init_made_can_be_opened(restic: Restic, tmp_path: Path):
    """Also the key file and the config are restic's own here."""
    restic.run("init", repo=tmp_path / "repo", password="rahasia é")
    restic.run("backup", Path(__file__), repo=tmp_path / "repo", password="rahasia é")
    repository = open_repository(LocalBackend(tmp_path / "repo"), "rahasia é")
    assert check_structure(repository).findings == []
    tree = repository.snapshots()[0].tree
    restore(repository, repository.load_index(), tree, tmp_path / "out")
    assert (tmp_path / "out" / __file__[1:]).read_bytes() == Path(__file__).read_bytes()


def readable(path: bytes) -> str:
    """As Go writes a name into JSON: U+FFFD for each byte that is not UTF-8."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= one <= "\udcff" else one for one in text)


def test_every_file_comes_back_with_all_its_metadata(written: Written, tmp_path: Path):
    repository = written.open()
    index = repository.load_index()
    tree = folder_tree(
        repository, index, repository.snapshots()[0].tree, os.fsencode(written.source)
    )
    report = restore(repository, index, tree, tmp_path, RestoreOptions(verify=True))
    assert (report.errors, report.warnings) == ([], [])
    after = describe_tree(tmp_path)
    different = {path for path in written.before if written.before[path] != after.get(path)}
    different -= {b"."}
    if written.restic.version == "0.14.0":
        # That old, restic loses targets that are no UTF-8.
        different -= {b"links/link-4"}
    assert different == set()
    assert after.keys() == written.before.keys()


def test_both_restore_the_same(written: Written, tmp_path: Path):
    argv = ["restore", "latest", f"--target={tmp_path / 'theirs'}"]
    written.restic.run(*argv, repo=written.root, password=PASSWORD)
    repository = written.open()
    restore(repository, repository.load_index(), repository.snapshots()[1].tree, tmp_path / "ours")
    theirs, ours = describe_tree(tmp_path / "theirs"), describe_tree(tmp_path / "ours")
    different = {path for path in theirs if path != b"." and theirs[path] != ours.get(path)}
    assert ours.keys() == theirs.keys()
    assert different == set()


def test_both_list_the_same(written: Written):
    [_, snapshot] = written.snapshots()
    repository = written.open()
    # Counted, not sorted: names that are no UTF-8 may look the same in restic's JSON.
    ours = Counter(
        (readable(path), node.type, node.uid, node.gid, node.mode, node.mtime_ns, node.size)
        for path, node in walk_tree(repository, repository.load_index(), snapshot.tree)
    )
    theirs = Counter(
        (
            each["path"],
            each["type"],
            each["uid"],
            each["gid"],
            each.get("mode", 0),
            parse_ns(each["mtime"]),
            each.get("size", 0),
        )
        for each in written.lines("ls", snapshot.id)[1:]
    )
    assert ours == theirs


@pytest.mark.parametrize("metadata", [False, True])
def test_both_see_the_same_changes(written: Written, metadata: bool):
    old, new = written.snapshots()
    flags = ["--metadata"] if metadata else []
    theirs = written.lines("diff", *flags, old.id, new.id)
    repository = written.open()
    index = repository.load_index()
    statistics = DiffStatistics()
    ours = set()
    for each in diff_trees(
        repository, index, old.tree, new.tree, metadata=metadata, statistics=statistics
    ):
        statistics.count(each)
        ours.add((each.modifier, readable(each.path)))
    changes = {
        (each["modifier"], each["path"]) for each in theirs if each["message_type"] == "change"
    }
    # restic also marks every folder above a change, although nothing of its own changed.
    assert {each for each in changes ^ ours if not each[1].endswith("/")} == set()
    assert ours <= changes
    statistics.finish(index)
    [told] = [each for each in theirs if each["message_type"] == "statistics"]
    assert statistics.changed_files == told["changed_files"]
    for ours_too, word in ((statistics, "added"), (statistics, "removed")):
        counts = {key: getattr(ours_too, f"{word}_{key}") for key in ("files", "dirs", "others")}
        assert counts == {key: told[word][key] for key in counts}
        assert getattr(statistics, f"{word}_bytes") == told[word]["bytes"]


@pytest.mark.parametrize("pattern", ["many-1*", "link-?", "noise*", "[xyz]", "no such thing"])
def test_both_find_the_same(written: Written, pattern: str):
    repository = written.open()
    finder = Finder(repository, repository.load_index(), Wanted((pattern,)))
    ours = {
        snapshot.id: sorted(readable(entry.path) for entry in finder.find(snapshot.tree))
        for snapshot in repository.snapshots()
    }
    theirs = {
        found["snapshot"]: sorted(match["path"] for match in found["matches"])
        for found in written.json("find", pattern) or []
    }
    assert {key: value for key, value in ours.items() if value} == theirs


def test_both_measure_the_same(written: Written):
    repository = written.open()
    index = repository.load_index()
    snapshots = repository.snapshots()
    sizes = measure(repository, index, snapshots)
    restored = written.json("stats", "--mode=restore-size")
    assert sizes.restore_bytes == restored["total_size"]
    stored = written.json("stats", "--mode=raw-data")
    assert sizes.raw_bytes == stored["total_size"]
    assert sizes.blobs == stored["total_blob_count"]


# -- damage --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository of ours that opens at once; copy it before changing it."""
    source = tmp_path_factory.mktemp("small-source")
    for number in range(5):
        (source / f"file-{number}").write_bytes(os.urandom(20_000 * number))
    root = init_cheaply(tmp_path_factory.mktemp("small") / "repo")
    store(root, source)
    return root


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "repo"))


def our_verdict(root: Path) -> bool:
    """Whether all is well."""
    try:
        repository = open_repository(LocalBackend(root), PASSWORD)
        report = check_structure(repository)
        read_packs(repository, report, choose_all, SILENT)
    except OpsError:
        return False
    return not report.errors


def their_verdict(restic: Restic, root: Path) -> bool:
    argv = ["check", "--read-data", "--no-lock"]
    done = restic.run(*argv, repo=root, password=PASSWORD, check=False)
    return done.returncode == 0


def files(root: Path, kind: str) -> Iterator[Path]:
    if kind == "config":
        yield root / "config"
    elif kind in ("data", "tree"):
        repository = open_repository(LocalBackend(root), PASSWORD)
        wanted = BlobType.DATA if kind == "data" else BlobType.TREE
        for pack_id, entries in repository.index_packs():
            if entries[0].type is wanted:
                yield root / "data" / pack_id.hex()[:2] / pack_id.hex()
    else:
        yield from sorted((root / kind).iterdir())


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    path.chmod(0o600)
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        content[int(how) if int(how) >= 0 else len(content) + int(how)] ^= 16
        path.write_bytes(content)


def test_a_good_repository_is_good_to_both(small: Path, restic: Restic):
    assert our_verdict(small) is their_verdict(restic, small) is True


@pytest.mark.parametrize("how", ["gone", "cut", "empty", "0", "30", "-1", "-20"])
@pytest.mark.parametrize("kind", ["config", "keys", "index", "snapshots", "data", "tree"])
def test_damage_is_damage_to_both(copy: Path, restic_new: Restic, kind: str, how: str):
    damage(next(files(copy, kind)), how)
    assert our_verdict(copy) is their_verdict(restic_new, copy)
    # The one that a repository without it is: just a smaller one.
    assert our_verdict(copy) is (kind == "snapshots" and how == "gone")


@pytest.mark.parametrize("kind", ["index", "snapshots", "data", "tree"])
def test_damage_is_damage_to_the_old_one_too(copy: Path, restic_old: Restic, kind: str):
    damage(next(files(copy, kind)), "40")
    assert our_verdict(copy) is their_verdict(restic_old, copy) is False


def test_what_is_waste_is_no_damage_to_both(copy: Path, restic_new: Restic):
    """A pack in no index, one in two, strange files."""
    repository = open_repository(LocalBackend(copy), PASSWORD)
    packs = list(repository.index_packs())
    repository.save_index(packs)
    (copy / "data" / "zz").mkdir()
    (copy / "index" / "README").write_text("x")
    (copy / "lpse").write_text("x")
    assert our_verdict(copy) is their_verdict(restic_new, copy) is True
    for name in repository.files(FileKind.SNAPSHOT):
        assert json.loads(repository.load(FileKind.SNAPSHOT, name))
