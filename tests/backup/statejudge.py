"""Judges what a fault or a power cut left of a repository, by ours and by two stock restics.

A state is the files of a repository by name.  Ours looks at every state.  The stock restics and a
restore into a real folder look at each distinct one: two states are the same when they differ in
nothing but random numbers and times.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.check import check_structure
from lpse_ops.backup.checkdata import choose_all, read_packs
from lpse_ops.backup.indexfile import parse_index
from lpse_ops.backup.pack import (
    LENGTH_BYTES,
    BlobType,
    PackEntry,
    parse_entries,
    parse_header_length,
)
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.restorer import restore
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind, is_file_id
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.errors import OpsError, WrongPassword
from tests.restic_binaries import Restic

State = Mapping[str, bytes]


class Stored(NamedTuple):
    """A snapshot and a digest of what it restores: names, content, metadata of files."""

    snapshot: Snapshot
    digest: str


def backend_of(state: State) -> MemoryBackend:
    """A backend of its own, with these files."""
    backend = MemoryBackend()
    backend.contents = dict(state)
    return backend


def without_locks(state: State) -> dict[str, bytes]:
    return {name: content for name, content in state.items() if not name.startswith("locks/")}


def open_state(state: State, passwords: tuple[str, ...]) -> Repository:
    """Open with the first of the passwords that does."""
    for password in passwords:
        try:
            return open_repository(backend_of(state), password)
        except WrongPassword:
            continue
    raise AssertionError(f"none of {len(passwords)} passwords opens the repository")


def opening(state: State, passwords: tuple[str, ...]) -> set[str]:
    """Those of the passwords that open the repository."""
    found = set()
    for password in passwords:
        try:
            found.add(open_state(state, (password,)) and password)
        except AssertionError:
            continue
    return found


def read_all(repository: Repository) -> dict[str, Stored]:
    """Every snapshot by its id; all of its bytes are read and proved."""
    index = repository.load_index()
    return {each.id: read_snapshot(repository, index, each) for each in repository.snapshots()}


def read_snapshot(repository: Repository, index: BlobIndex, snapshot: Snapshot) -> Stored:
    digest = hashlib.sha256()
    for path, node in walk_tree(repository, index, snapshot.tree):
        # The times of folders above the source change while tests run.
        digest.update(repr((path, node if node.subtree is None else node.mode)).encode())
        for blob in node.content:
            digest.update(repository.load_blob(index, BlobType.DATA, blob))
    return Stored(snapshot, digest.hexdigest())


def read_readable(repository: Repository) -> dict[str, Stored]:
    """Those snapshots of a damaged repository of which all can be read."""
    index = repository.load_index()
    found = {}
    for snapshot in repository.snapshots(damaged=lambda _: None):
        with contextlib.suppress(OpsError):
            found[snapshot.id] = read_snapshot(repository, index, snapshot)
    return found


def find_errors(repository: Repository) -> list[str]:
    """What our check, which reads all data, calls an error."""
    report = check_structure(repository)
    read_packs(repository, report, choose_all, SILENT, threads=1)
    return [each.message for each in report.errors]


# -- what makes a state distinct -------------------------------------------------------------------


def fingerprint(repository: Repository, state: State) -> str:
    """The same for two states whose files say the same, whatever their random names and times."""
    packs = {
        name.rpartition("/")[2]: _describe_pack(repository, content)
        for name, content in state.items()
        if name.startswith("data/")
    }
    stored = read_all(repository)
    described = []
    for name in without_locks(state):
        kind, _, rest = name.partition("/")
        file_id = rest.rpartition("/")[2]
        if not is_file_id(file_id):
            described.append((kind, "junk" if rest else ""))
        elif kind == FileKind.PACK:
            described.append((kind, packs[file_id]))
        elif kind == FileKind.INDEX:
            described.append((kind, _describe_index(repository, file_id, packs)))
        elif kind == FileKind.SNAPSHOT:
            snapshot, digest = stored[file_id]
            described.append((kind, repr((digest, snapshot.tags, snapshot.original))))
        else:
            described.append((kind, ""))
    return hashlib.sha256(repr(sorted(described)).encode()).hexdigest()


def _describe_pack(repository: Repository, content: bytes) -> str:
    try:
        length = parse_header_length(content[-LENGTH_BYTES:], len(content), "")
        sealed = content[-LENGTH_BYTES - length : -LENGTH_BYTES]
        return _describe_blobs(parse_entries(repository.crypter.open(sealed), ""))
    except OpsError:
        return hashlib.sha256(content).hexdigest()


def _describe_index(repository: Repository, file_id: str, packs: Mapping[str, str]) -> str:
    listed = parse_index(repository.load(FileKind.INDEX, file_id), file_id)
    return repr(
        sorted((packs.get(each.hex(), "gone"), _describe_blobs(blobs)) for each, blobs in listed)
    )


def _describe_blobs(entries: list[PackEntry]) -> str:
    """Trees differ with the times of the folders above the source."""
    return repr([(each.type, each.id if each.type is BlobType.DATA else b"") for each in entries])


# -- the judges ------------------------------------------------------------------------------------


@dataclass
class Judge:
    """``scratch`` should be in memory; ``states`` counts the distinct ones that were judged."""

    scratch: Path
    restics: tuple[Restic, ...]
    _seen: set[str] = field(default_factory=set)

    @property
    def states(self) -> int:
        return len(self._seen)

    def judge(self, state: State, passwords: tuple[str, ...]) -> dict[str, Stored]:
        """Fail unless all of a repository is whole; return its snapshots."""
        repository = open_state(state, passwords)
        errors = find_errors(repository)
        assert not errors, errors
        stored = read_all(repository)
        mark = fingerprint(repository, state)
        if mark not in self._seen:
            self._judge_in_folder(state, repository, next(iter(opening(state, passwords))))
            self._seen.add(mark)
        return stored

    def _judge_in_folder(self, state: State, repository: Repository, password: str) -> None:
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            folder = write_state(state, Path(name) / "repo")
            for restic in self.restics:
                # Its lock would cost a fifth of a second each time, and is not what is tested.
                restic.run("check", "--read-data", "--no-lock", repo=folder, password=password)
            for number, snapshot in enumerate(repository.snapshots()):
                self._judge_restore(repository, snapshot, Path(name) / str(number))

    def _judge_restore(self, repository: Repository, snapshot: Snapshot, target: Path) -> None:
        """Files restored are the blobs, taken one by one."""
        index = repository.load_index()
        report = restore(repository, index, snapshot.tree, target)
        assert not report.errors
        for path, node in walk_tree(repository, index, snapshot.tree):
            if node.type == "file":
                blobs = (repository.load_blob(index, BlobType.DATA, each) for each in node.content)
                assert (target / path.decode().lstrip("/")).read_bytes() == b"".join(blobs)


def write_state(state: State, folder: Path) -> Path:
    """Lay the files out as a local repository; return ``folder``."""
    for kind in FileKind:
        (folder / kind).mkdir(parents=True)
    for name, content in state.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read_state(folder: Path) -> dict[str, bytes]:
    """The files of a local repository."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
