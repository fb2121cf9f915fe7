"""A whole repository changed at random, by bit rot or by somebody who has the key.

Whatever it holds, each command that only reads ends with a documented exit code and a message, and
a restore writes nothing outside its target.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.tree import encode_nodes
from tests.backup.bitrot import Victim, flipped
from tests.backup.hostile import forged
from tests.backup.repositories import TIME, dir_node
from tests.backup.storing import open_cheap

FUZZ = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
READERS = [
    ["snapshots"],
    ["snapshots", "--format", "json"],
    ["ls", "latest"],
    ["ls", "latest", "--long"],
    ["ls", "latest", "/d", "--format", "json"],
    ["find", "*", "--oldest", "2000-01-01", "--format", "json"],
    ["find", "/d/*", "--ignore-case"],
    ["stats"],
    ["stats", "latest", "--format", "json"],
    ["check", "--read-data"],
    ["check", "--format", "json"],
    ["diff", "OLDER", "latest", "--metadata"],
    ["diff", "OLDER", "latest", "--format", "json"],
    ["dump", "latest", "/a.sql"],
    ["dump", "latest", "/d"],
    ["dump", "latest", "/docs"],
    ["restore", "latest", "--target", "TARGET", "--verify"],
    ["restore", "latest:/d", "--target", "TARGET", "--sparse", "--format", "json"],
    ["restore", "latest", "--target", "TARGET", "--dry-run", "--include", "d*"],
]
NAMES = [
    "a",
    "b",
    "c",
    "..",
    ".",
    "",
    "a/b",
    "/x",
    "a\\x00",
    "\\x2e\\x2e",
    "\\xff",
    "\ud800",
    "z" * 300,
]
TARGETS = ["a", "..", "../..", "../outside", "/", "", "x\0y", "\ud800", "y" * 5000]


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "outside").mkdir()
    (folder / "outside" / "shadow").write_bytes(b"secret")
    return Victim(folder)


@pytest.fixture(scope="module")
def root_tree(victim: Victim) -> bytes:
    repository = open_cheap(victim.root)
    return repository.load_blob(repository.load_index(), BlobType.TREE, victim.tree_id)


def read_everything(victim: Victim, commands: list[list[str]]) -> None:
    outside = described(victim)
    [older] = [each.id for each in victim.of_kind("snapshot") if each.id != victim.snapshot_id]
    shutil.rmtree(victim.work, ignore_errors=True)
    words = {"OLDER": older, "TARGET": str(victim.work)}
    for command in commands:
        ran = victim.run(*(words.get(word, word) for word in command), "--no-lock")
        if ran.code == 3:
            assert "is left out" in ran.stderr
        elif ran.code != 0 and command[0] not in ("check", "find", "restore"):
            assert "lpse-ops: error:" in ran.stderr
            assert "lpse-ops: hint:" in ran.stderr
    assert described(victim) == outside


def described(victim: Victim) -> list[tuple[str, int, bytes]]:
    """What lies beside the target and the repository, and in it."""
    return list(_described(victim.root.parent, victim))


def _described(folder: Path, victim: Victim) -> Iterator[tuple[str, int, bytes]]:
    for path in sorted(folder.iterdir()):
        if path in (victim.work, victim.state):
            continue
        status = path.lstat()
        yield str(path), status.st_mode, path.read_bytes() if path.is_file() else b""
        if path.is_dir():
            yield from _described(path, victim)


some_readers = st.lists(st.sampled_from(READERS), min_size=3, max_size=5, unique_by=str)


@FUZZ
@given(data=st.data(), commands=some_readers)
def test_bytes_changed_at_random(victim: Victim, data: st.DataObject, commands: list[list[str]]):
    """Flips, cuts, files that are gone, that have another's content or another's name."""
    with ExitStack() as stack:
        for file in data.draw(st.lists(st.sampled_from(victim.stored), min_size=1, max_size=3)):
            position = data.draw(st.integers(0, len(file.content) - 1))
            other = data.draw(st.sampled_from(victim.stored))
            change: dict[str, bytes | None] = data.draw(
                st.sampled_from(
                    [
                        {file.name: flipped(file.content, position, position % 8)},
                        {file.name: file.content[:position]},
                        {file.name: file.content[position:] + file.content[:position]},
                        {file.name: None},
                        {file.name: other.content},
                        {f"{Path(file.name).parent}/{'ab' * 32}": other.content},
                        {f"{Path(file.name).parent}/{'ab' * 32}": b""},
                    ]
                )
            )
            stack.enter_context(victim.replaced(change))
        read_everything(victim, commands)


@pytest.mark.parametrize("kind", ["config", "key", "index", "snapshot", "lock"])
@FUZZ
@given(data=st.data(), commands=some_readers)
def test_json_forged_by_who_has_the_key(
    victim: Victim, kind: str, data: st.DataObject, commands: list[list[str]]
):
    file = data.draw(st.sampled_from(victim.of_kind(kind)))
    plaintext = data.draw(forged(victim.plaintext(file)))
    with victim.resealed(file, plaintext):
        read_everything(victim, commands)


@FUZZ
@given(data=st.data(), commands=some_readers)
def test_trees_forged_by_who_has_the_key(
    victim: Victim, root_tree: bytes, data: st.DataObject, commands: list[list[str]]
):
    with victim.with_tree(*below_d(data.draw(forged(root_tree)))):
        read_everything(victim, commands)


def below_d(tree: bytes) -> list[bytes]:
    """The tree, and a root in which it is the folder ``d``."""
    return [tree, encode_nodes([dir_node(b"d", hashlib.sha256(tree).digest())])]


@st.composite
def hostile_nodes(draw: st.DrawFn, subtrees: list[str], blobs: list[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["file", "dir", "symlink", "fifo", "socket", "dev", "chardev"]))
    node: dict[str, Any] = {
        "name": draw(st.sampled_from(NAMES)),
        "type": kind,
        "mode": draw(st.sampled_from([0, 0o644, 0o7777, 1 << 31 | 0o755, (1 << 32) - 1])),
        **dict.fromkeys(("mtime", "atime", "ctime"), TIME),
        "inode": draw(st.integers(0, 2)),
        "links": draw(st.integers(0, 2)),
        "content": draw(st.lists(st.sampled_from(blobs), max_size=2)) if kind == "file" else None,
    }
    if kind == "dir":
        node["subtree"] = draw(st.sampled_from(subtrees))
    if kind == "symlink":
        node["linktarget"] = draw(st.sampled_from(TARGETS))
    if kind in ("dev", "chardev"):
        node["device"] = draw(st.sampled_from([0, 259, 1 << 40, (1 << 64) - 1]))
    return node


@FUZZ
@given(data=st.data(), commands=some_readers, is_sorted=st.booleans())
def test_hostile_folders_restored_over_each_other(
    victim: Victim,
    root_tree: bytes,
    data: st.DataObject,
    commands: list[list[str]],
    is_sorted: bool,
):
    """Links planted by one folder, files written through them by the next."""
    fields = json.loads(root_tree)["nodes"]
    subtrees = [each["subtree"] for each in fields if "subtree" in each] + ["ab" * 32]
    blobs = [blob for each in fields for blob in each["content"] or ()] + ["cd" * 32]
    for _ in range(2):
        nodes = data.draw(st.lists(hostile_nodes(subtrees, blobs), max_size=4))
        if is_sorted:
            by_name = {each["name"]: each for each in nodes}
            nodes = [by_name[name] for name in sorted(by_name)]
        with victim.with_tree(*below_d(json.dumps({"nodes": nodes}).encode())):
            read_everything(victim, [*commands, READERS[-3], READERS[-2]])
