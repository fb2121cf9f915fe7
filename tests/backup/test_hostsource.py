"""A host's files over an agent: how often it is asked, what may move, and what is not believed."""

import os
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.backuprun import BackupResult
from lpse_ops.backup.exclude import CACHE_TAG, Excludes, parse_if_present
from lpse_ops.backup.exclusions import Exclusions
from lpse_ops.backup.hostsource import HostSource
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.backup.unfinished import UnfinishedRuns
from lpse_ops.errors import HostUnreachable, SourceUnreadable
from tests.backup.cheap_repository import init_cheaply
from tests.backup.directagent import DirectAgent
from tests.backup.storing import HOST, open_cheap, store

AT_ONCE = 200


@pytest.fixture
def docs(docs: Path) -> Path:
    (docs / "c.pdf").write_bytes(os.urandom(5000))
    os.setxattr(docs / "a.pdf", "user.x", b"y")
    return docs


def back_up(root: Path, docs: Path, agent: DirectAgent, **options: Any) -> BackupResult:
    return store(root, docs, source=HostSource(agent, entries_at_once=AT_ONCE), **options)


def contents(root: Path, docs: Path) -> dict[str, bytes]:
    """Content of all files of the newest snapshot, by path."""
    repository = open_cheap(root)
    index = repository.load_index()
    prefix = f"{docs}/"
    return {
        path.removeprefix(prefix): b"".join(
            repository.load_blob(index, BlobType.DATA, each) for each in entry.node.content
        )
        for entry in walk_tree(repository, index, repository.snapshots()[-1].tree)
        if (path := os.fsdecode(entry.path)).startswith(prefix) and entry.node.type == "file"
    }


def fill(folder: Path, files: int, files_in_one: int) -> None:
    for number in range(files):
        path = folder / f"{number // files_in_one:04d}" / f"{number:04d}"
        if not number % files_in_one:
            path.parent.mkdir(parents=True)
        path.write_bytes(b"%d" % number)


# -- how often the host is asked ---------------------------------------------------------------


@pytest.mark.parametrize("files_in_one", [1, 10, 150, 1500])
def test_questions_are_as_few_as_answers_are_large(repo: Path, tmp_path: Path, files_in_one: int):
    fill(tmp_path / "docs", 1500, files_in_one)
    entries = 1500 + 1500 // files_in_one
    for is_known in (False, True):
        agent = DirectAgent()
        result = back_up(repo, tmp_path / "docs", agent)
        asked = agent.questions
        assert result.counts.files_unmodified == 1500 * is_known
        # A folder that does not fit any more begins the next answer.
        assert asked["walk"] + asked["look"] <= 2 + 1.4 * entries / AT_ONCE
        assert asked["small"] == 0 if is_known else asked["small"] <= 5
        # One for each folder above, and one to see that the path is there.
        assert asked["stat"] <= len(tmp_path.parts) + 1
        assert set(asked) <= {"walk", "look", "small", "stat"}


def test_an_unchanged_run_costs_few_bytes(repo: Path, tmp_path: Path):
    fill(tmp_path / "docs", 1500, 50)
    back_up(repo, tmp_path / "docs", DirectAgent())
    agent = DirectAgent()
    assert back_up(repo, tmp_path / "docs", agent).bytes_read == 0
    assert agent.received_bytes < 1500 * 30


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "docs" / "b-apart"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("way", ["pattern", "mark", "mount"])
def test_what_is_left_out_is_hardly_asked_for(repo: Path, tmp_path: Path, mounted: Path, way: str):
    docs = tmp_path / "docs"
    (docs / "a").mkdir()
    (docs / "c" / "below").mkdir(parents=True)
    (docs / "c" / "below" / "file").write_bytes(b"x")
    fill(mounted / "much", 2000, 10)
    (mounted / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    options: dict[str, dict[str, Any]] = {
        "pattern": {"exclusions": Exclusions(patterns=Excludes(["b-apart"]))},
        "mark": {"exclusions": Exclusions(marks=(parse_if_present(CACHE_TAG),))},
        "mount": {"one_file_system": True},
    }
    agent = DirectAgent()
    back_up(repo, docs, agent, **options[way])
    assert sorted(contents(repo, docs)) == ["c/below/file"] if way != "mark" else True
    assert "c/below/file" in contents(repo, docs)
    assert not [path for path in contents(repo, docs) if "much" in path]
    assert agent.questions["walk"] <= 4


def test_attributes_too_large_for_a_walk_are_asked_for_alone(repo: Path, docs: Path):
    folder = docs / "below"
    for number in range(3):
        os.setxattr(folder, f"user.{number}", bytes([number]) * 1000)
    agent = DirectAgent()
    agent.tamper = lambda what, content, result: (
        # As an agent answers for more than 64 KiB of them.
        (_without_xattrs(content), result) if what == "walk" else (content, result)
    )
    back_up(repo, docs, agent)
    repository = open_cheap(repo)
    found = walk_tree(repository, repository.load_index(), repository.snapshots()[-1].tree)
    xattrs = {os.fsdecode(entry.path): entry.node.xattrs for entry in found}
    assert len(xattrs[f"{docs}/below"]) == 3
    assert xattrs[f"{docs}/a.pdf"] == ((b"user.x", b"y"),)


def _without_xattrs(content: bytes) -> bytes:
    told = zlib.decompress(content)
    start = told.index(b"\x00\x03\x00\x06user.")
    value = told.index(b"\x02" * 1000) + 1000
    return zlib.compress(told[:start] + b"\xff\xfe" + told[value:])


# -- files that move ---------------------------------------------------------------------------


def test_a_small_file_that_changed_since_the_look_is_read_as_it_is_now(repo: Path, docs: Path):
    def change(what: str, _request: bytes) -> None:
        if what == "small":
            (docs / "a.pdf").write_bytes(b"new, and longer" * 1000)

    agent = DirectAgent(before=change)
    result = back_up(repo, docs, agent)
    assert agent.questions["file"] == 2
    assert contents(repo, docs)["a.pdf"] == b"new, and longer" * 1000
    assert contents(repo, docs)["c.pdf"] == (docs / "c.pdf").read_bytes()
    assert (result.counts.unreadable, result.counts.changed_while_read) == ([], [])


def test_what_vanished_since_the_look_is_left_out(repo: Path, docs: Path):
    def remove(what: str, _request: bytes) -> None:
        if what == "small":
            (docs / "a.pdf").unlink(missing_ok=True)
        if what == "file":
            (docs / "below" / "b.rhs").unlink(missing_ok=True)

    result = back_up(repo, docs, DirectAgent(before=remove))
    assert sorted(contents(repo, docs)) == ["c.pdf", "empty"]
    assert result.counts.unreadable == []


def test_a_file_that_changes_while_it_is_read_is_tried_three_times(repo: Path, docs: Path):
    big = docs / "below" / "b.rhs"

    def write() -> None:
        with big.open("r+b") as file:
            file.write(os.urandom(8))

    agent = DirectAgent(while_sending=write)
    result = back_up(repo, docs, agent)
    assert agent.questions["file"] == 3
    assert result.counts.changed_while_read == [os.fsencode(big)]
    # The next backup takes nothing for granted.
    assert back_up(repo, docs, DirectAgent()).counts.files_changed == 1
    assert contents(repo, docs)["below/b.rhs"] == big.read_bytes()


def test_a_file_that_grows_once_is_read_again(repo: Path, docs: Path):
    big = docs / "below" / "b.rhs"
    grown: list[bytes] = []

    def grow() -> None:
        if not grown:
            grown.append(b"more")
            with big.open("ab") as file:
                file.write(b"more")

    result = back_up(repo, docs, DirectAgent(while_sending=grow))
    assert result.counts.changed_while_read == []
    assert contents(repo, docs)["below/b.rhs"] == big.read_bytes()


def test_a_file_that_grows_faster_than_it_is_read_comes_to_an_end(repo: Path, docs: Path):
    log = docs / "below" / "b.rhs"
    piece = os.urandom(1 << 18)

    def grow() -> None:
        assert log.stat().st_size < 1 << 28
        with log.open("ab") as file:
            file.write(piece)

    result = back_up(repo, docs, DirectAgent(while_sending=grow))
    assert result.counts.changed_while_read == [os.fsencode(log)]
    stored = contents(repo, docs)["below/b.rhs"]
    assert len(stored) > 1 << 24
    with log.open("rb") as file:
        assert file.read(len(stored)) == stored
    # It is read again: the node has the status from before.
    result = back_up(repo, docs, DirectAgent())
    assert contents(repo, docs)["below/b.rhs"] == log.read_bytes()


# -- what is not believed ----------------------------------------------------------------------

Lie = Callable[[bytes, dict[str, Any]], tuple[bytes, dict[str, Any]]]
LIES: dict[str, tuple[str, Lie]] = {
    "a walk that is no answer": ("walk", lambda _c, r: (b"nonsense", r)),
    "a walk that ends": ("walk", lambda c, r: (c[:-5], r)),
    "a walk that goes on": ("walk", lambda c, r: (c + b"x", r)),
    "a walk without a folder": ("walk", lambda _c, r: (zlib.compress(b"E" + bytes(8)), r)),
    "a bomb": ("walk", lambda _c, r: (zlib.compress(bytes(129 << 20), 1), r)),
    "an error of no path": ("walk", lambda c, _r: (c, {"errno": 5})),
    "an error of no file": ("small", lambda c, _r: (c, {"errno": 5})),
    "an error that is no number": ("stat", lambda c, _r: (c, {"errno": "2"})),
    "an error below all": ("stat", lambda c, _r: (c, {"errno": -2})),
    "an error that is true": ("stat", lambda c, _r: (c, {"errno": True})),
    "no flags": ("small", lambda c, r: (c, {**r, "flags": ""})),
    "flags that are no text": ("small", lambda c, r: (c, {**r, "flags": [0, 0, 0]})),
    "other flags": ("small", lambda c, r: (c, {**r, "flags": "003"})),
    "more than the files": ("small", lambda c, r: (c + b"x", r)),
    "less than the files": ("small", lambda c, r: (c[:-1], r)),
    "a file too few": ("small", lambda c, r: (c, {**r, "flags": "102"})),
    "attributes that are none": ("small", lambda c, r: (c, {**r, "xattrs": "AAE="})),
    "attributes that are no base64": ("small", lambda c, r: (c, {**r, "xattrs": "?"})),
    "attributes of another file": ("small", lambda c, r: (c, {**r, "xattrs": "AAkAAA=="})),
    "attributes that are missing": ("small", lambda c, r: (c, {**r, "xattrs": ""})),
    "a large file cut": ("file", lambda c, r: (c[:-1], r)),
    "a large file grown": ("file", lambda c, r: (c + b"x", r)),
    "no status before": ("file", lambda c, r: (c, {**r, "before": None})),
    "a short status before": ("file", lambda c, r: (c, {**r, "before": "AAAA"})),
    "no status after": ("file", lambda c, r: (c, {"bytes": r["bytes"], "before": r["before"]})),
}


@pytest.mark.parametrize(("what", "lie"), LIES.values(), ids=LIES)
def test_a_lie_ends_the_backup(repo: Path, docs: Path, what: str, lie: Lie):
    (docs / "d.pdf").write_bytes(b"the third small file")
    (docs / "empty").unlink()
    agent = DirectAgent(
        tamper=lambda asked, content, result: (
            lie(content, result) if asked == what else (content, result)
        )
    )
    with pytest.raises(SourceUnreadable, match="server sent") as refused:
        back_up(repo, docs, agent)
    assert "python3" in refused.value.hint
    assert open_cheap(repo).snapshots() == []


def test_a_task_that_failed_is_told_in_its_words_on_one_line(repo: Path, docs: Path):
    agent = DirectAgent(
        tamper=lambda _what, content, _result: (content, {"failed": True, "msg": "no\x1b[0m\nway"})
    )
    with pytest.raises(SourceUnreadable, match=r"server: its files cannot be read: no\?\[0m\?way"):
        back_up(repo, docs, agent)


# -- a host that is lost -----------------------------------------------------------------------


def lost_at(file: int) -> DirectAgent:
    """A host that is lost when so many files were asked for and came."""
    came = iter(range(file))

    def lose(what: str, _request: bytes) -> None:
        if what == "file" and next(came, None) is None:
            raise HostUnreachable("server: the connection broke", hint="see whether it is up")

    return DirectAgent(before=lose)


@pytest.mark.parametrize("files", [0, 5])
def test_what_came_before_the_host_was_lost_is_used_by_the_next_run(
    repo: Path, tmp_path: Path, files: int
):
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(8):
        (docs / f"{number}").write_bytes(os.urandom(600_000))
    before = store(repo, tmp_path / "repo" / "config")
    with pytest.raises(HostUnreachable):
        back_up(repo, docs, lost_at(files))
    assert [each.id for each in open_cheap(repo).snapshots()] == [before.snapshot.id]
    result = back_up(repo, docs, DirectAgent())
    assert result.saved.data_added < 4_820_000 - 600_000 * files
    assert contents(repo, docs) == {path.name: path.read_bytes() for path in docs.iterdir()}


@pytest.mark.parametrize("file", [1, 19])
def test_a_first_run_that_was_cut_goes_on_where_it_was(repo: Path, tmp_path: Path, file: int):
    docs = tmp_path / "docs"
    for number in range(20):
        below = docs / f"{number:02d}" / "below"
        below.mkdir(parents=True)
        for name in range(20):
            (below / f"{name}").write_bytes(os.urandom(5000))
        (below / "large").write_bytes(os.urandom(600_000))
    unfinished = UnfinishedRuns(tmp_path / "state" / "unfinished")
    with pytest.raises(HostUnreachable):
        back_up(repo, docs, lost_at(file), unfinished=unfinished)
    assert open_cheap(repo).snapshots() == []
    result = back_up(repo, docs, DirectAgent(), unfinished=unfinished)
    # Batches of small files that were under way are asked for again, large files are not.
    assert result.counts.files_unmodified >= file
    small = result.counts.files_unmodified - file
    assert result.bytes_read == 20 * 700_000 - file * 600_000 - small * 5000
    assert contents(repo, docs) == {
        str(path.relative_to(docs)): path.read_bytes() for path in docs.rglob("*") if path.is_file()
    }
    store(init_cheaply(tmp_path / "here"), docs)
    assert contents(tmp_path / "here", docs) == contents(repo, docs)
    assert list((tmp_path / "state" / "unfinished").iterdir()) == []


def test_what_is_left_of_a_cut_run_is_a_hint_and_no_more(repo: Path, tmp_path: Path, docs: Path):
    unfinished = UnfinishedRuns(tmp_path / "state")
    key = (open_cheap(repo).config.id, HOST, (str(docs),))
    unfinished.keep(os.urandom(32), *key)
    assert back_up(repo, docs, DirectAgent(), unfinished=unfinished).counts.files_new == 4
    unfinished.keep(open_cheap(repo).snapshots()[-1].tree, *key)
    result = back_up(repo, docs, DirectAgent(), unfinished=unfinished, force=True)
    assert result.counts.files_unmodified == 0
