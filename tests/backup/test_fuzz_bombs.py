"""Small repositories that swell when they are read: commands stay small and can be stopped.

A folder that stands twice in each of forty levels has 2**40 files and is legal; restic writes it
out, and so do we: what streams needs no more memory at the millionth line than at the first, and
Ctrl-C ends it at once.  What looks at each folder once is done at once.
"""

import hashlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.storage.backend import FileKind, file_name
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.repositories import NOON, RepositoryBuilder, dir_node
from tests.backup.storing import open_cheap
from tests.cli.commands import PROGRAM, clean_environment

LEVELS = 40
# Of address space, for all of Python and its libraries.
ROOM = 1 << 31
LINES = 40_000


class Ended(NamedTuple):
    code: int
    out: bytes
    stderr: str


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(open_cheap(init_cheaply(tmp_path / "repo")))


def start(tmp_path: Path, *args: str | Path, lock: bool = False) -> subprocess.Popen[bytes]:
    environment = {"LPSE_OPS_PASSWORD": PASSWORD, "LPSE_OPS_STATE": str(tmp_path / "state")}
    words = [*map(str, args), "--repo", str(tmp_path / "repo"), *([] if lock else ["--no-lock"])]
    return subprocess.Popen(
        [*PROGRAM, "backup", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment() | environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM)),
    )


def run(tmp_path: Path, *args: str | Path) -> Ended:
    process = start(tmp_path, *args)
    out, err = process.communicate(timeout=120)
    assert process.returncode != 70, err
    return Ended(process.returncode, out, err.decode("utf-8", "replace"))


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, and see it end."""
    process.send_signal(signal.SIGINT)
    # Reading on: a full pipe would hold it up.
    process.communicate(timeout=60)
    assert process.returncode == 130


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def explode(builder: RepositoryBuilder) -> None:
    """The newer snapshot is the tree of 2**40 files, the older one is empty."""
    builder.snapshot(builder.tree(), time=NOON.replace(day=1))
    tree = builder.tree(builder.file(b"f", b"x"))
    for _ in range(LEVELS):
        tree = builder.tree(dir_node(b"a", tree), dir_node(b"b", tree))
    builder.snapshot(tree)


# -- folders without end -------------------------------------------------------------------------


def test_check_looks_at_each_folder_once(builder: RepositoryBuilder, tmp_path: Path):
    explode(builder)
    ran = run(tmp_path, "check", "--read-data")
    assert ran.code == 0
    assert f"{LEVELS + 2} distinct folders".encode() in ran.out


@pytest.mark.parametrize(("args", "code"), [(["stats", "latest"], 0), (["find", "nothing"], 1)])
def test_what_looks_at_each_folder_once_is_done_at_once(
    builder: RepositoryBuilder, tmp_path: Path, args: list[str], code: int
):
    explode(builder)
    ran = run(tmp_path, *args)
    assert ran.code == code
    assert (b"1099511627776 files, 1.000 TiB" in ran.out) is (args[0] == "stats")


@pytest.mark.parametrize(
    "args",
    [
        ["ls", "latest"],
        ["ls", "latest", "--format", "json"],
        ["diff", "OLDER", "latest"],
        ["find", "f"],
    ],
)
def test_a_listing_without_end_needs_no_memory_and_can_be_stopped(
    builder: RepositoryBuilder, tmp_path: Path, args: list[str]
):
    explode(builder)
    older = builder.repository.snapshots()[0].id
    process = start(tmp_path, *(older if word == "OLDER" else word for word in args))
    assert process.stdout is not None
    for _ in range(1000):
        assert process.stdout.readline()
    before = memory_bytes(process.pid)
    for _ in range(LINES):
        assert process.stdout.readline()
    assert memory_bytes(process.pid) < before + (8 << 20)
    interrupt(process)


def test_a_reader_that_goes_away_ends_a_listing(builder: RepositoryBuilder, tmp_path: Path):
    explode(builder)
    process = start(tmp_path, "ls", "latest")
    assert process.stdout is not None
    assert process.stdout.readline() == b"/a\n"
    process.stdout.close()
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE


def test_a_tar_without_end_needs_no_memory_and_can_be_stopped(
    builder: RepositoryBuilder, tmp_path: Path
):
    explode(builder)
    process = start(tmp_path, "dump", "latest", "/a")
    assert process.stdout is not None
    process.stdout.read(2 << 20)
    before = memory_bytes(process.pid)
    process.stdout.read(20 << 20)
    assert memory_bytes(process.pid) < before + (8 << 20)
    interrupt(process)


@pytest.mark.parametrize(
    "args",
    [
        ["find", "f", "--format", "json"],
        ["diff", "OLDER", "latest", "--format", "json"],
        ["restore", "latest", "--target", "TARGET"],
        ["restore", "latest", "--target", "TARGET", "--dry-run"],
    ],
)
def test_what_has_no_end_can_be_stopped(
    builder: RepositoryBuilder, tmp_path: Path, args: list[str]
):
    explode(builder)
    target = tmp_path / "target"
    words = {"TARGET": str(target), "OLDER": builder.repository.snapshots()[0].id}
    process = start(tmp_path, *(words.get(word, word) for word in args))
    while process.poll() is None and cpu_seconds(process.pid) < 0.8:
        time.sleep(0.05)
    interrupt(process)
    # Half-written files would have names of their own.
    assert all(path.read_bytes() == b"x" for path in target.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "args",
    [
        ["ls", "latest"],
        ["stats"],
        ["find", "nothing"],
        ["restore", "latest", "--target", "TARGET"],
    ],
)
def test_folders_deeper_than_any_file_system_has_them(
    builder: RepositoryBuilder, tmp_path: Path, args: list[str]
):
    tree = builder.tree(builder.file(b"f", b"x"))
    for _ in range(3000):
        tree = builder.tree(dir_node(b"d", tree))
    builder.snapshot(tree)
    target = tmp_path / "t"
    ran = run(tmp_path, *(target if word == "TARGET" else word for word in args))
    assert ran.code == 1
    assert "nested deeper than" in ran.stderr
    subprocess.run(["rm", "-rf", target], check=True)


@pytest.mark.parametrize("command", [["ls", "latest"], ["stats"], ["find", "f1"], ["check"]])
def test_many_files_below_long_paths_need_no_memory(
    builder: RepositoryBuilder, tmp_path: Path, command: list[str]
):
    """The path alone has 75 KB; all of them would be 1.5 GB."""
    tree = builder.tree(*(builder.file(b"%d" % number) for number in range(20_000)))
    for _ in range(300):
        tree = builder.tree(dir_node(b"d" * 250, tree))
    builder.snapshot(tree)
    process = start(tmp_path, *command)
    peak = 0
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(drain, process)
        while not ended.done():
            peak = max(peak, peak_kib(process.pid))
            time.sleep(0.005)
    ended.result()
    assert process.returncode == (1 if command[0] == "find" else 0)
    assert 0 < peak < 300 << 10


def drain(process: subprocess.Popen[bytes]) -> None:
    """Let it write all it wants, without keeping any of it."""
    assert process.stdout is not None
    while process.stdout.read(1 << 20):
        pass
    process.wait(timeout=60)


def peak_kib(pid: int) -> int:
    """The most memory so far; ``ru_maxrss`` begins with what the parent had when it forked."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    # Before it has become the program it is a copy of this process.
    lines = dict(line.split(":", 1) for line in status.splitlines())
    is_copy = Path(f"/proc/{pid}/cmdline").read_bytes() == Path("/proc/self/cmdline").read_bytes()
    return 0 if is_copy else int(lines.get("VmHWM", "0 kB").split()[0])


# -- files that swell ----------------------------------------------------------------------------


def save_sealed(builder: RepositoryBuilder, kind: FileKind, plaintext: bytes) -> str:
    stored = builder.repository.crypter.seal(plaintext)
    name = hashlib.sha256(stored).hexdigest()
    builder.repository.backend.save(file_name(kind, name), stored)
    return name


def bomb(builder: RepositoryBuilder) -> bytes:
    return b"\x02" + builder.repository.compressor.compress(bytes(600 << 20))


def swollen_claim(_builder: RepositoryBuilder) -> bytes:
    """A frame of some bytes that claims to hold an exbibyte."""
    return b"\x02" + bytes.fromhex("28b52ffde0") + (1 << 60).to_bytes(8, "little") + b"\x01\0\0"


def swollen_list(builder: RepositoryBuilder) -> bytes:
    """Empty objects, of which each takes twenty times what it takes as text."""
    head = b'{"packs":[' + b"{}," * (170 << 20) + b"{}]}"
    return b"\x02" + builder.repository.compressor.compress(head)


@pytest.mark.parametrize("make", [bomb, swollen_claim, swollen_list])
@pytest.mark.parametrize("kind", [FileKind.SNAPSHOT, FileKind.INDEX])
def test_a_file_that_swells_is_named(
    builder: RepositoryBuilder,
    tmp_path: Path,
    kind: FileKind,
    make: Callable[[RepositoryBuilder], bytes],
):
    builder.snapshot(builder.tree(builder.file(b"f", b"x")))
    name = save_sealed(builder, kind, make(builder))
    ran = run(tmp_path, "check")
    assert ran.code == 1
    assert name[:8] in ran.stderr
    ran = run(tmp_path, "ls", "latest")
    assert (ran.code, ran.out) == ((0, b"/f\n") if kind is FileKind.SNAPSHOT else (1, b""))
    assert name[:8] in ran.stderr


def test_a_lock_that_swells_is_named(builder: RepositoryBuilder, tmp_path: Path):
    name = save_sealed(builder, FileKind.LOCK, bomb(builder))
    process = start(tmp_path, "snapshots", lock=True)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 11
    assert name[:8].encode() in err


@pytest.mark.parametrize("claimed", [100, 1 << 30])
@pytest.mark.parametrize("blob_type", list(BlobType))
def test_a_blob_that_swells_is_named(
    builder: RepositoryBuilder, tmp_path: Path, blob_type: BlobType, claimed: int
):
    """A frame of 50 MB behind a claim of 100 bytes or of the most that is allowed."""
    frame = builder.repository.compressor.compress(bytes(50_000_000))
    fake = bytes(range(32))
    builder.stored_blob(fake, frame, claimed, blob_type)
    if blob_type is BlobType.TREE:
        builder.snapshot(builder.tree(dir_node(b"d", fake)))
    else:
        file = builder.file(b"d", b"")._replace(content=(fake,), size=claimed)
        builder.snapshot(builder.tree(file))
    assert fake.hex()[:10] in run(tmp_path, "check", "--read-data").stderr
    ran = run(tmp_path, "restore", "latest", "--target", tmp_path / "target")
    assert ran.code == 1
    assert "/d" in ran.stderr
    assert fake.hex()[:10] in ran.stderr
    assert not (tmp_path / "target" / "d").is_file()


def test_a_list_within_the_limit_of_an_index_takes_no_memory(
    builder: RepositoryBuilder, tmp_path: Path
):
    builder.snapshot(builder.tree(builder.file(b"f", b"x")))
    content = b'{"packs":[' + b"{}," * (40 << 20) + b"{}]}"
    frame = b"\x02" + builder.repository.compressor.compress(content)
    name = save_sealed(builder, FileKind.INDEX, frame)
    for command in (["check"], ["ls", "latest"]):
        ran = run(tmp_path, *command)
        assert ran.code == 1
        assert name[:8] in ran.stderr
        assert "memory" not in ran.stderr


def test_a_tree_that_swells_is_named_or_said_not_to_fit(builder: RepositoryBuilder, tmp_path: Path):
    tree = builder.raw_tree(b'{"nodes":[' + b"{}," * (100 << 20) + b"{}]}")
    builder.snapshot(tree)
    for command in (["check"], ["ls", "latest"], ["stats"]):
        ran = run(tmp_path, *command)
        assert ran.code == 1
        assert tree.hex()[:8] in ran.stderr or "not enough memory" in ran.stderr


def test_an_index_that_promises_gigabytes(builder: RepositoryBuilder, tmp_path: Path):
    """Each blob is said to be as long as any may be, in a pack of some bytes."""
    pack_id = builder.save_pack(b"", [])
    file = builder.file(b"f", b"x")
    entries = [
        PackEntry(BlobType.DATA, bytes([number]) * 32, number << 30, 1 << 30, 1 << 30)
        for number in range(4)
    ]
    content = tuple(entry.id for entry in entries)
    builder.snapshot(builder.tree(file._replace(content=content, size=4 << 30)))
    builder.repository.save_index([(pack_id, entries)])
    assert pack_id.hex()[:10] in run(tmp_path, "check", "--read-data").stderr
    for args in (["restore", "latest", "--target", str(tmp_path / "t")], ["dump", "latest", "/f"]):
        ran = run(tmp_path, *args)
        assert (ran.code, ran.out.count(b"f")) != (0, 0)
        assert pack_id.hex()[:10] in ran.stderr
    assert not (tmp_path / "t" / "f").exists()
