"""What the fuzz tests found, one case each: it stays mended."""

import hashlib
import json
from typing import Any

import pytest

from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.tree import encode_nodes
from tests.backup.bitrot import DOCUMENTED, OLDER, Victim, flipped
from tests.backup.hostile import replaced
from tests.backup.repositories import RepositoryBuilder, dir_node, file_node
from tests.backup.storing import open_cheap


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim(tmp_path_factory.mktemp("known"))


@pytest.fixture(scope="module")
def root_tree(victim: Victim) -> Any:
    repository = open_cheap(victim.root)
    return json.loads(repository.load_blob(repository.load_index(), BlobType.TREE, victim.tree_id))


def below_d(document: Any) -> list[bytes]:
    """The tree, and a root in which it is the folder ``d``."""
    tree = json.dumps(document).encode()
    return [tree, encode_nodes([dir_node(b"d", hashlib.sha256(tree).digest())])]


def forged_field(document: Any, field: str, value: Any) -> Any:
    """The first entry that has the field gets another value."""
    number = next(n for n, each in enumerate(document["nodes"]) if field in each)
    return replaced(document, ("nodes", number, field), value)


def test_json_of_a_name_that_is_not_utf8(victim: Victim):
    ran = victim.run("ls", "latest", "--no-lock", "--format", "json")
    assert "a.sql \\udcff" in ran.stdout.decode()


def test_json_of_a_difference_in_a_name_that_is_not_utf8(victim: Victim):
    [older] = [each.id for each in victim.of_kind("snapshot") if each.id != victim.snapshot_id]
    with victim.with_tree(encode_nodes([file_node(b"\xff")])):
        ran = victim.run("diff", older, "latest", "--no-lock", "--format", "json")
    assert "/\\udcff" in ran.stdout.decode()


@pytest.mark.parametrize(
    ("field", "value", "args"),
    [
        ("mtime", "x", ["ls", "latest", "--long"]),
        ("mtime", "x", ["dump", "latest", "/d"]),
        ("mtime", "\ud800", ["restore", "latest", "--target", "TARGET"]),
        ("user", "\ud800", ["dump", "latest", "/d"]),
        ("device", 1 << 40, ["dump", "latest", "/d"]),
    ],
)
def test_nonsense_in_a_tree(
    victim: Victim, root_tree: Any, field: str, value: str, args: list[str]
):
    words = [str(victim.work) if word == "TARGET" else word for word in args]
    with victim.with_tree(*below_d(forged_field(root_tree, field, value))):
        assert victim.run(*words, "--no-lock").code in DOCUMENTED


def test_an_attribute_whose_name_is_no_text(victim: Victim, root_tree: Any):
    place = ("nodes", 3, "extended_attributes", 0, "name")
    with victim.with_tree(*below_d(replaced(root_tree, place, "\ud800"))):
        assert victim.run("dump", "latest", "/d", "--no-lock").code in DOCUMENTED


def test_a_summary_with_an_absurd_number(victim: Victim):
    [file] = [each for each in victim.of_kind("snapshot") if each.id == victim.snapshot_id]
    raw = json.loads(victim.plaintext(file))
    with victim.resealed(
        file, json.dumps(raw | {"summary": {"total_bytes_processed": 10**400}}).encode()
    ):
        assert victim.run("snapshots", "--no-lock").code in DOCUMENTED


@pytest.mark.parametrize(
    ("command", "wanted", "code"),
    [
        (["restore", "--target", "TARGET"], "latest", 3),
        (["restore", "--target", "TARGET"], "OLDER", 0),
        (["dump", "/old"], "latest", 3),
        (["dump", "/old"], "OLDER", 0),
        (["ls"], "latest", 0),
    ],
)
def test_a_latest_snapshot_that_cannot_be_read(
    victim: Victim, command: list[str], wanted: str, code: int
):
    """The older one is taken for ``latest``: that is said, also by the exit code."""
    [newest] = [each for each in victim.of_kind("snapshot") if each.id == victim.snapshot_id]
    [older] = [each.id for each in victim.of_kind("snapshot") if each.id != victim.snapshot_id]
    name, *rest = [str(victim.work) if word == "TARGET" else word for word in command]
    with victim.damaged(newest, flipped(newest.content, 20)):
        ran = victim.run(name, older if wanted == "OLDER" else wanted, *rest, "--no-lock")
    assert ran.code == code
    assert f"{newest.id[:8]} is left out" in ran.stderr
    assert (f"{older[:8]} of" in ran.stderr) is (code == 3)
    if name == "dump":
        assert ran.stdout == OLDER["old"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("uid", -1), ("links", "x"), ("user", 1), ("mtime", 1), ("mtime", "x")],
)
def test_check_finds_a_tree_that_cannot_be_listed(
    victim: Victim, root_tree: Any, field: str, value: Any
):
    """Stock restic 0.14 calls each of them damage."""
    with victim.with_tree(*below_d(replaced(root_tree, ("nodes", 0, field), value))):
        assert victim.check().code == 1


def test_check_finds_folders_too_deep_to_be_restored(tmp_path_factory: pytest.TempPathFactory):
    victim = Victim(tmp_path_factory.mktemp("deep"))
    builder = RepositoryBuilder(open_cheap(victim.root))
    tree = builder.tree()
    for _ in range(3000):
        tree = builder.tree(dir_node(b"d", tree))
    builder.snapshot(tree)
    assert "nested deeper" in victim.check().text
