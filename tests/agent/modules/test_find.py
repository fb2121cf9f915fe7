"""``find`` beside ansible-core's own, on one tree."""

import os
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.modules.find import is_beyond, parse_amount
from tests.agent.realmodules import Both, Task, flags, run_both

DEEP: dict[str, Any] = {"recurse": True}
CASES: dict[str, dict[str, Any]] = {
    "here": {},
    "below": DEEP,
    "anything": {**DEEP, "file_type": "any", "hidden": True},
    "folders": {**DEEP, "file_type": "directory"},
    "links": {**DEEP, "file_type": "link"},
    "followed": {**DEEP, "follow": True},
    "depth 1": {**DEEP, "depth": 1, "file_type": "any"},
    "depth 2": {**DEEP, "depth": 2, "file_type": "any"},
    "depth without recursion": {"depth": 2, "file_type": "any"},
    "slash at the end": {**DEEP, "depth": 2, "paths": ["ROOT/"]},
    "some that are not there": {"paths": ["ROOT", "/nope", "ROOT/a.txt"]},
    "a link as top": {**DEEP, "paths": ["ROOT/lnkdir"]},
    "glob": {**DEEP, "patterns": ["*.txt", "b*"], "excludes": ["b2*"]},
    "glob with case": {**DEEP, "patterns": ["*.TXT", "A*"]},
    "comma": {**DEEP, "patterns": "*.txt,b*"},
    "regex": {**DEEP, "patterns": ["a.*"], "use_regex": True},
    "regex without end": {**DEEP, "patterns": ["a"], "use_regex": True},
    "regex excludes": {**DEEP, "patterns": ["a.*"], "use_regex": True, "excludes": ["ab"]},
    "broken regex": {**DEEP, "patterns": ["("], "use_regex": True},
    "content": {**DEEP, "contains": "hel"},
    "content, not at the start": {**DEEP, "contains": "wor"},
    "content of the whole": {**DEEP, "contains": "wor", "read_whole_file": True},
    "content by anchors": {**DEEP, "contains": "^line2$", "read_whole_file": True},
    "content of any type": {**DEEP, "contains": "x", "file_type": "any"},
    "content, encoded": {"contains": "h", "encoding": "latin-1"},
    "no such encoding": {"contains": "h", "encoding": "nihil"},
    "broken content": {**DEEP, "contains": "("},
    "large": {**DEEP, "size": "1k"},
    "small": {**DEEP, "size": "-1k", "file_type": "any"},
    "size zero": {**DEEP, "size": "0", "file_type": "any"},
    "size by a wrong unit": {"size": "1x"},
    "old": {**DEEP, "age": "1d"},
    "young": {**DEEP, "age": "-1d"},
    "young by ctime": {**DEEP, "age": "-1w", "age_stamp": "ctime"},
    "age by a wrong unit": {"age": "1x"},
    "mode": {**DEEP, "mode": "0600"},
    "mode, some of it": {**DEEP, "mode": "0041", "exact_mode": False},
    "mode, some of it by letters": {**DEEP, "mode": "o=rx", "exact_mode": False},
    "mode by letters": {**DEEP, "mode": "u=rw,g=r,o=r"},
    "mode by number": {"mode": 420},
    "limit 0": {"limit": 0},
    "checksums": {"get_checksum": True, "checksum_algorithm": "md5"},
    "no path": {"paths": []},
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    (root / "d1/d2/d3").mkdir(parents=True)
    (root / ".hid").mkdir()
    contents = {
        "a.txt": "hello world\n",
        "ab": "hello\n",
        "b1": "line1\nline2\nwor\n",
        "b2": "\0" * 3000,
        ".hidden": "h",
        ".hid/inhid": "x",
        "d1/d2/d3/a.deep": "deep",
        "d1/a.one": "one",
    }
    for name, content in contents.items():
        (root / name).write_text(content)
    (root / "ab").chmod(0o600)
    (root / "d1/a.one").chmod(0o4755)
    (root / "lnkfile").symlink_to("a.txt")
    (root / "lnkdir").symlink_to("d1")
    (root / "dangling").symlink_to("nowhere")
    os.utime(root / "b1", (1_600_000_000, 1_600_000_000))
    return root


@pytest.fixture(scope="module")
def both(tree) -> dict[str, Both]:
    def place(path: str) -> str:
        return path.replace("ROOT", str(tree))

    return run_both(
        {
            name: Task(
                "find", {**args, "paths": [place(path) for path in args.get("paths", ["ROOT"])]}
            )
            for name, args in CASES.items()
        }
    )


@pytest.mark.parametrize("name", CASES)
def test_as_ansible(both, name):
    theirs, ours = both[name]
    assert flags(in_order(ours)) == flags(in_order(theirs))


def in_order(result: dict[str, Any]) -> dict[str, Any]:
    """Ansible's order is the one on the disk, ours is that of the names."""
    files = sorted(result.get("files", ()), key=lambda file: str(file["path"]))
    return {**result, "files": files}


def test_the_order_is_that_of_the_names_with_files_first(both):
    names = [Path(file["path"]).name for file in both["anything"].ours["files"]]
    at_the_top = [
        ".hidden",
        "a.txt",
        "ab",
        "b1",
        "b2",
        "dangling",
        "lnkfile",
        ".hid",
        "d1",
        "lnkdir",
    ]
    assert names[:10] == at_the_top


def test_the_limit_ends_the_search(tree):
    answers = run_both({"limit": Task("find", {"paths": [str(tree)], "recurse": True, "limit": 2})})
    theirs, ours = answers["limit"]
    assert ours["msg"] == theirs["msg"] == "Limit of matches reached"
    assert [len(side["files"]) for side in (ours, theirs)] == [2, 2]


def test_a_file_that_is_no_text_is_noted_and_the_others_are_found(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff\xfe")
    (tmp_path / "b").write_text("hello")
    args = {"paths": [str(tmp_path)], "contains": "h", "encoding": "utf-8"}
    theirs, ours = run_both({"find": Task("find", args)})["find"]
    assert [file["path"] for file in ours["files"]] == [str(tmp_path / "b")]
    assert ours["msg"] == theirs["msg"]
    assert ours["skipped_paths"] == theirs["skipped_paths"]


@pytest.mark.parametrize(
    ("text", "amount"), [("10", 10), ("-10", -10), ("2m", 120), ("1W", 604800), ("-3d", -259200)]
)
def test_amounts(text, amount):
    units = {"s": 1, "m": 60, "d": 86400, "w": 604800}
    assert parse_amount(text, units, "age") == amount


def test_an_amount_that_is_none():
    with pytest.raises(Failed, match="failed to process size"):
        parse_amount("big", {"b": 1}, "size")


@pytest.mark.parametrize(
    ("value", "limit", "is_so"),
    [(5, 5, True), (4, 5, False), (5, -5, True), (6, -5, False), (6, 0, True)],
)
def test_beyond_a_limit(value, limit, is_so):
    assert is_beyond(value, limit) is is_so
