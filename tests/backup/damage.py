"""Breaks files of a repository, and reads all that is left of it, for tests of repairs."""

import hashlib
import shutil
from pathlib import Path

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import Backend, FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import walk_tree
from tests.backup.nasty_tree import make_nasty_tree
from tests.restic_binaries import Restic

SMALL_BYTES = 100_000


def names(backend: Backend, kind: FileKind) -> list[str]:
    return [file_name(kind, file.id) for file in backend.files(kind)]


def flip(backend: Backend, name: str, position: int) -> None:
    """Change one bit of a file; a negative position counts from its end."""
    content = bytearray(backend.load(name))
    content[position] ^= 1
    backend.save(name, bytes(content))


def cut(backend: Backend, name: str, size_bytes: int) -> None:
    backend.save(name, backend.load(name)[:size_bytes])


def packs_of(repository: Repository, blob_type: BlobType) -> list[bytes]:
    """Packs of a type, the one with most blobs first."""
    packs = [each for each in repository.index_packs() if each[1][0].type is blob_type]
    return [pack_id for pack_id, _ in sorted(packs, key=lambda each: -len(each[1]))]


def pack_name(pack_id: bytes) -> str:
    return file_name(FileKind.PACK, pack_id.hex())


def copy_of(backend: MemoryBackend) -> MemoryBackend:
    copied = MemoryBackend()
    copied.contents = dict(backend.contents)
    return copied


def contents(repository: Repository) -> dict[bytes, dict[bytes, bytes]]:
    """Root tree -> path -> SHA-256 of the content, of all files of all snapshots."""
    index = repository.load_index()
    trees = {each.tree for each in repository.snapshots()}
    return {tree: contents_of(repository, index, tree) for tree in trees}


def contents_of(repository: Repository, index: BlobIndex, tree: bytes) -> dict[bytes, bytes]:
    """Path -> SHA-256 of the content, of all files of a tree: all of it reads."""
    files: dict[bytes, bytes] = {}
    for entry in walk_tree(repository, index, tree):
        digest = hashlib.sha256()
        for blob in entry.node.content:
            digest.update(repository.load_blob(index, BlobType.DATA, blob))
        files[entry.path] = digest.digest()
    return files


def copy_tree(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def make_small_nasty_tree(root: Path) -> None:
    """The nasty tree without its large files: repairs look at names and lists."""
    make_nasty_tree(root)
    for path in (root / "contents").iterdir():
        if path.stat().st_size > SMALL_BYTES:
            path.unlink()


def restic_trees(restic: Restic, root: Path, password: str) -> set[str]:
    """Root trees of all snapshots, as restic lists them."""
    return {each["tree"] for each in restic.json("snapshots", repo=root, password=password)}


def restic_passes(restic: Restic, root: Path, password: str) -> bool:
    done = restic.run("check", "--read-data", repo=root, password=password, check=False)
    return done.returncode == 0
