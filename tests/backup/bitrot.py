"""A small repository with everything in it, each byte of it known by name, and its judge.

``Victim`` damages one file at a time, runs real command lines in this process and puts the file
back.  What must hold is said in the tests.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.backup.blobindex import Location
from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.lockfile import Lock, encode_lock
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, PackEntry, encode_entry, encode_header_length
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.unpacked import decode_unpacked, encode_unpacked, stored_id
from lpse_ops.cli.main import run
from lpse_ops.cli.wiring import App
from tests.backup.cheap_repository import KEYS, PASSWORD, init_cheaply
from tests.backup.repositories import NOON, TIME, RepositoryBuilder, dir_node, link_node
from tests.backup.storing import open_cheap

# What the exit codes of the backup commands may be when a repository is damaged.
DOCUMENTED = {0, 1, 3, 10, 11, 12}
TEXT = b"INSERT INTO paket VALUES (1, 'Pengadaan');\n" * 100
NOISE = hashlib.shake_256(b"bit rot").digest(900)
CONTENTS = {"a.sql": TEXT + NOISE, "b.pdf": NOISE[::-1], "docs/c.txt": b"only here", "empty": b""}
# What the older snapshot holds.
OLDER = {"old": b"of yesterday"}


class Ran(NamedTuple):
    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace") + self.stderr


class Bug(AssertionError):
    """A command ended with exit code 70; the message ends with the traceback."""

    def __init__(self, command: str, trace: str) -> None:
        super().__init__(f"{command}: exit 70\n{trace}")
        self.command = command


class Region(NamedTuple):
    """A named part of a stored file, from ``start`` to before ``end``."""

    field: str
    start: int
    end: int


@dataclass(frozen=True)
class Stored:
    """One file of the repository; ``kind`` tells tree packs from data packs."""

    kind: str
    name: str
    content: bytes
    regions: tuple[Region, ...]

    @property
    def id(self) -> str:
        return self.name.rpartition("/")[2]


class Victim:
    """The repository at ``root``; ``work`` takes what is restored, ``state`` the log of bugs."""

    def __init__(self, folder: Path) -> None:
        self.root = init_cheaply(folder / "repo")
        self.work = folder / "work"
        self.state = folder / "state"
        self.crypter, self.compressor = Crypter(KEYS), Compressor()
        self.snapshot_id, self.tree_id, self.copies = _fill(open_cheap(self.root))
        self.stored = [
            self._describe(path) for path in sorted(self.root.rglob("*")) if path.is_file()
        ]

    # -- damage ------------------------------------------------------------------------------

    def of_kind(self, kind: str) -> list[Stored]:
        return [each for each in self.stored if each.kind == kind]

    @contextmanager
    def damaged(self, file: Stored, content: bytes) -> Iterator[None]:
        """Other bytes under the file's own name."""
        with self.replaced({file.name: content}):
            yield

    @contextmanager
    def resealed(self, file: Stored, plaintext: bytes) -> Iterator[str]:
        """Another plaintext, sealed with the right key and named by its hash; gives the name."""
        content = self.seal(file, plaintext)
        name = file.name if file.kind == "config" else f"{Path(file.name).parent}/{_id(content)}"
        with self.replaced({file.name: None, name: content}):
            yield name

    @contextmanager
    def replaced(self, contents: dict[str, bytes | None]) -> Iterator[None]:
        """Other files for the time of the block; None takes one away."""
        before = {name: self._read(name) for name in contents}
        self._put(contents)
        try:
            yield
        finally:
            self._put(before)

    def seal(self, file: Stored, plaintext: bytes) -> bytes:
        if file.kind == "key":
            return plaintext
        if file.kind == "config":
            return self.crypter.seal(plaintext)
        return encode_unpacked(plaintext, self.crypter, self.compressor)

    def plaintext(self, file: Stored) -> bytes:
        """The JSON inside a file."""
        if file.kind == "key":
            return file.content
        if file.kind == "config":
            return self.crypter.open(file.content)
        return decode_unpacked(file.content, self.crypter, self.compressor, file.name)

    @contextmanager
    def with_tree(self, *blobs: bytes) -> Iterator[None]:
        """The newest snapshot has the last of these as its root tree, in a pack of their own."""
        [snapshot] = [each for each in self.stored if each.id == self.snapshot_id]
        pack, entries = b"", []
        for blob in blobs:
            tree_id = hashlib.sha256(blob).digest()
            sealed = self.crypter.seal(self.compressor.compress(blob))
            entries.append(PackEntry(BlobType.TREE, tree_id, len(pack), len(sealed), len(blob)))
            pack += sealed
        header = self.crypter.seal(b"".join(map(encode_entry, entries)))
        pack += header + encode_header_length(len(header))
        index = {"id": _id(pack), "blobs": list(map(_index_fields, entries))}
        raw = json.loads(self.plaintext(snapshot)) | {"tree": tree_id.hex()}
        stored_index, stored_snapshot = (
            encode_unpacked(json.dumps(each).encode(), self.crypter, self.compressor)
            for each in ({"packs": [index]}, raw)
        )
        with self.replaced(
            {
                snapshot.name: None,
                f"snapshots/{_id(stored_snapshot)}": stored_snapshot,
                f"index/{_id(stored_index)}": stored_index,
                file_name(FileKind.PACK, _id(pack)): pack,
            }
        ):
            yield

    def _read(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.exists() else None

    def _put(self, contents: dict[str, bytes | None]) -> None:
        for name, content in contents.items():
            path = self.root / name
            path.unlink(missing_ok=True)
            if content is not None:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)

    # -- judging -----------------------------------------------------------------------------

    def run(self, *args: str | Path) -> Ran:
        """A command line of ``lpse-ops backup`` in this process; a bug is an error here."""
        stderr = io.StringIO()
        stdout = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
        environment = {"LPSE_OPS_PASSWORD": PASSWORD, "LPSE_OPS_STATE": str(self.state)}
        app = App(environment=environment, stderr=stderr)
        with redirect_stdout(stdout):
            code = run(["backup", *map(str, args), "--repo", str(self.root)], app)
            stdout.flush()
        log = self.state / "lpse-ops.log"
        if code == 70:
            trace = log.read_text("utf-8", "replace")
            log.unlink()
            raise Bug(str(args[0]), trace)
        assert "Traceback" not in stderr.getvalue()
        assert code in DOCUMENTED, (args, code, stderr.getvalue())
        raw = stdout.buffer
        assert isinstance(raw, io.BytesIO)
        return Ran(code, raw.getvalue(), stderr.getvalue())

    def check(self, *flags: str) -> Ran:
        return self.run("check", "--no-lock", "--format", "json", *flags)

    def restore(self, *flags: str) -> tuple[Ran, dict[str, bytes]]:
        """Restore the newest snapshot; what it said, and the files that are there afterwards."""
        shutil.rmtree(self.work, ignore_errors=True)
        ran = self.run(
            "restore", "latest", "--target", self.work, "--no-lock", "--format", "json", *flags
        )
        found = {
            str(path.relative_to(self.work)): path.read_bytes()
            for path in self.work.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
        return ran, found

    # -- describing --------------------------------------------------------------------------

    def _describe(self, path: Path) -> Stored:
        name, content = str(path.relative_to(self.root)), path.read_bytes()
        folder = name.partition("/")[0]
        kinds = {"config": "config", "keys": "key", "snapshots": "snapshot", "index": "index"}
        if folder == "data":
            return self._describe_pack(name, content)
        kind = kinds.get(folder, "lock")
        regions = _json_regions(content) if kind == "key" else _envelope("", 0, len(content))
        return Stored(kind, name, content, tuple(regions))

    def _describe_pack(self, name: str, content: bytes) -> Stored:
        entries = next(
            entries
            for pack_id, entries in open_cheap(self.root).index_packs()
            if name.endswith(pack_id.hex())
        )
        regions: list[Region] = []
        for number, entry in enumerate(entries):
            regions += _envelope(f"blob {number} ", entry.offset, entry.offset + entry.length)
        end = entries[-1].offset + entries[-1].length
        regions += _envelope("header ", end, len(content) - 4)
        regions.append(Region("header length", len(content) - 4, len(content)))
        kind = "tree pack" if entries[0].type is BlobType.TREE else "data pack"
        return Stored(kind, name, content, tuple(regions))


def flipped(content: bytes, position: int, bit: int = 0) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def flips(region: Region) -> list[tuple[int, int]]:
    """Positions and bits to flip: both ends of a region and its middle, another bit each time."""
    middle = (region.start + region.end) // 2
    return [(region.start, 0), (middle, 3), (region.end - 1, 7)]


def cuts(file: Stored) -> list[tuple[str, int]]:
    """Lengths to cut a file to: nothing left, and within and after each of its regions."""
    lengths = [("all", 0)]
    for region in file.regions:
        lengths.append((region.field, (region.start + region.end) // 2))
        if region.end < len(file.content):
            lengths.append((region.field, region.end))
    return lengths


def _envelope(prefix: str, start: int, end: int) -> list[Region]:
    return [
        Region(f"{prefix}IV", start, start + 16),
        Region(f"{prefix}ciphertext", start + 16, end - 16),
        Region(f"{prefix}MAC", end - 16, end),
    ]


def _json_regions(content: bytes) -> list[Region]:
    """The value of each field of a flat JSON object, and all that is between them."""
    regions: list[Region] = []
    position = 0
    for key, value in json.loads(content).items():
        head = f'"{key}":'.encode()
        text = json.dumps(value).encode()
        start = content.index(head, position) + len(head)
        assert content[start : start + len(text)] == text
        regions.append(Region(f"{key}'s name", start - len(head), start))
        regions.append(Region(key, start, start + len(text)))
        position = start + len(text)
    return regions


def _id(content: bytes) -> str:
    return stored_id(content)


def _index_fields(entry: PackEntry) -> dict[str, Any]:
    return {
        "id": entry.id.hex(),
        "type": entry.type.name.lower(),
        "offset": entry.offset,
        "length": entry.length,
        "uncompressed_length": entry.uncompressed_length,
    }


def _fill(repository: Repository) -> tuple[str, bytes, list[Location]]:
    """Two snapshots; the newer one, its root tree, and where a blob lies that lies twice."""
    builder = RepositoryBuilder(repository)
    yesterday = builder.tree(builder.file(b"old", OLDER["old"]))
    older = builder.snapshot(yesterday, time=NOON.replace(day=1))
    builder.blob(b"never asked for")
    twice = builder.blob(NOISE[::-1])
    builder.save()
    raw = hashlib.sha256(NOISE).digest()
    builder.stored_blob(raw, NOISE)
    text = builder.file(b"a.sql", TEXT)
    both = (*text.content, raw)
    xattrs = ((b"user.x", b"y"),)
    docs = builder.tree(builder.file(b"c.txt", CONTENTS["docs/c.txt"], group="lpse"))
    pdf = builder.file(b"b.pdf", NOISE[::-1])
    assert pdf.content == (twice,)
    tree = builder.tree(
        text._replace(content=both, size=len(CONTENTS["a.sql"])),
        pdf,
        dir_node(b"docs", docs),
        builder.file(b"empty", links=2, inode=7, device_id=5, user="sari", xattrs=xattrs),
        link_node(b"link", b"a.sql \xff"),
        Node(b"null", "chardev", 1 << 26 | 1 << 21 | 0o600, TIME, TIME, TIME, device=259),
    )
    builder.save()
    snapshot_id = repository.save_snapshot(_rich_snapshot(tree, older))
    locked = Lock(NOON, False, "elsewhere", "sari", 1, 5, 6)
    repository.save(FileKind.LOCK, encode_lock(locked))
    copies = list(repository.load_index().locations(BlobType.DATA, twice))
    assert len(copies) == 2
    return snapshot_id, tree, copies


def _rich_snapshot(tree: bytes, parent: str) -> Snapshot:
    """Every field is there."""
    return Snapshot(
        NOON,
        tree,
        ("/",),
        hostname="lpse",
        username="sari",
        uid=5,
        gid=6,
        excludes=("*.tmp",),
        tags=("monthly",),
        parent=parent,
        original=parent,
        program_version="lpse-ops 1.0",
        summary={"backup_start": "2026-03-04T12:00:00Z", "total_bytes_processed": 6109},
    )
