"""What a check finds, and that it finds nothing in a good repository."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse_ops.backup.check import CheckReport, check_structure
from lpse_ops.backup.checkdata import PackReader, choose_all, parse_subset, read_packs
from lpse_ops.backup.pack import BlobType, PackEntry, encode_entry, encode_header_length
from lpse_ops.backup.packproof import PackFacts, PackProver, Proof, prove_names, proving_handler
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import MAX_DEPTH, Entry, walk_tree
from lpse_ops.errors import DamagedRepository, UsageError
from tests.backup.repositories import (
    NOON,
    RepositoryBuilder,
    dir_node,
    file_node,
    make_local,
    make_repository,
)


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def builder(backend: MemoryBackend) -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(backend))


@pytest.fixture
def filled(builder: RepositoryBuilder) -> RepositoryBuilder:
    """Two snapshots that share a folder; one pack of data and one of trees for each."""
    shared = builder.tree(builder.file(b"a.pdf", b"content of a", b"and more"))
    builder.snapshot(builder.tree(dir_node(b"docs", shared), builder.file(b"empty")))
    builder.snapshot(builder.tree(builder.file(b"b.pdf", b"b" * 5000), dir_node(b"docs", shared)))
    return builder


def check(repository: Repository, *, read_data: bool = True) -> CheckReport:
    report = check_structure(repository)
    if read_data:
        read_packs(repository, report, choose_all, SILENT)
    return report


def messages(report: CheckReport) -> str:
    return "\n".join(f"{each.severity}: {each.message}" for each in report.findings)


def names(backend: MemoryBackend, kind: FileKind) -> list[str]:
    return [file_name(kind, file.id) for file in backend.files(kind)]


def pack_of(repository: Repository, blob_type: BlobType, number: int = 0) -> tuple[str, bytes]:
    """Name and content of a pack of a type, the one with most blobs first."""
    packs = [each for each in repository.index_packs() if each[1][0].type is blob_type]
    packs.sort(key=lambda each: -len(each[1]))
    name = file_name(FileKind.PACK, packs[number][0].hex())
    return name, repository.backend.load(name)


# -- whole repositories --------------------------------------------------------------------------


def test_a_good_repository_has_no_findings(filled: RepositoryBuilder):
    report = check(filled.repository)
    assert report.findings == []
    assert (report.snapshots, report.trees, len(report.packs)) == (2, 3, 4)
    assert report.packs_read == 4
    assert report.bytes_read == sum(report.packs.values())


def test_an_empty_repository_has_no_findings(builder: RepositoryBuilder):
    report = check(builder.repository)
    assert (report.findings, report.packs_read) == ([], 0)


def test_progress_adds_up_to_what_is_read(filled: RepositoryBuilder):
    class Counting:
        total = 0

        def advance(self, size_bytes: int) -> None:
            self.total += size_bytes

    counting = Counting()
    report = check_structure(filled.repository)
    read_packs(filled.repository, report, choose_all, counting)
    assert counting.total == sum(report.packs.values())


# -- files of the repository ---------------------------------------------------------------------


def test_a_missing_pack(filled: RepositoryBuilder, backend: MemoryBackend):
    name, _ = pack_of(filled.repository, BlobType.DATA)
    backend.remove(name)
    report = check(filled.repository)
    assert f"error: pack {name[8:18]} is missing" in messages(report)
    assert "docs/a.pdf: 2 of its 2 blobs are missing" in messages(report)


def test_a_missing_tree_pack(filled: RepositoryBuilder, backend: MemoryBackend):
    name, _ = pack_of(filled.repository, BlobType.TREE)
    backend.remove(name)
    found = messages(check(filled.repository))
    assert f"error: pack {name[8:18]} is missing" in found
    assert "is in no pack" in found


@pytest.mark.parametrize("cut", [1, 100])
def test_a_pack_of_another_size(filled: RepositoryBuilder, backend: MemoryBackend, cut: int):
    name, content = pack_of(filled.repository, BlobType.DATA)
    backend.contents[name] = content[:-cut]
    report = check(filled.repository, read_data=False)
    assert f"has {len(content) - cut} bytes instead of {len(content)}" in messages(report)
    assert "does not match its name" in messages(check(filled.repository))


def test_a_pack_in_no_index_is_a_hint(filled: RepositoryBuilder):
    filled.save_pack(b"", [])
    report = check(filled.repository)
    assert report.errors == []
    assert "left by a backup that was stopped" in messages(report)
    assert report.packs_read == 4


def test_a_pack_in_two_indexes_is_a_hint(filled: RepositoryBuilder):
    [first, *_] = filled.repository.index_packs()
    filled.repository.save_index([first, (bytes(32), [])])
    report = check(filled.repository, read_data=False)
    assert "hint: pack" in messages(report)
    assert "more than one index" in messages(report)


def test_a_pack_that_indexes_disagree_about(filled: RepositoryBuilder):
    pack_id, entries = next(
        (pack_id, entries) for pack_id, entries in filled.repository.index_packs() if entries[1:]
    )
    filled.repository.save_index([(pack_id, entries[:1])])
    assert "error: pack" in messages(check(filled.repository, read_data=False))


@pytest.mark.parametrize("kind", [FileKind.INDEX, FileKind.SNAPSHOT])
def test_a_broken_index_or_snapshot(
    filled: RepositoryBuilder, backend: MemoryBackend, kind: FileKind
):
    name = names(backend, kind)[0]
    content = bytearray(backend.contents[name])
    content[40] ^= 4
    backend.contents[name] = bytes(content)
    report = check(filled.repository)
    assert "its content does not match its name" in messages(report)
    assert report.errors


def test_a_missing_index(filled: RepositoryBuilder, backend: MemoryBackend):
    for name in names(backend, FileKind.INDEX):
        backend.remove(name)
    report = check(filled.repository)
    assert len(report.errors) == 2
    assert messages(report).count("is in no index") == 4


def test_index_entries_with_a_gap_or_an_overlap(builder: RepositoryBuilder):
    builder.blob(b"one")
    builder.blob(b"two")
    builder.save()
    [(pack_id, [first, second])] = builder.repository.index_packs()
    index_id = builder.repository.files(FileKind.INDEX)[0]
    builder.repository.remove(FileKind.INDEX, index_id)
    builder.repository.save_index([(pack_id, [first, second._replace(offset=10)])])
    assert "a gap or an overlap at byte 10" in messages(check(builder.repository))


# -- trees ---------------------------------------------------------------------------------------


def test_a_size_that_the_blobs_do_not_have(builder: RepositoryBuilder):
    builder.snapshot(builder.tree(builder.file(b"f", b"four", size=5)))
    assert "/f: 5 bytes are promised, 4 are stored" in messages(check(builder.repository))


def test_a_blob_that_is_nowhere(builder: RepositoryBuilder):
    present = builder.blob(b"x")
    builder.snapshot(builder.tree(file_node(b"f", [present, bytes(32), bytes(32)], size=3)))
    assert "/f: 2 of its 3 blobs are missing" in messages(check(builder.repository))


def test_a_folder_that_is_nowhere_is_told_with_its_path(builder: RepositoryBuilder):
    below = builder.tree(dir_node(b"gone", bytes(32)), builder.file(b"f", b"x", size=7))
    builder.snapshot(builder.tree(dir_node(b"docs", below)))
    found = messages(check(builder.repository))
    assert "/docs/gone/: tree blob 0000000000 is in no pack" in found
    # The rest is looked at all the same.
    assert "/docs/f: 7 bytes are promised" in found


TIMES = (
    '"mtime":"2026-01-02T03:04:05Z","atime":"2026-01-02T03:04:05Z","ctime":"2026-01-02T03:04:05Z"'
)
FILE = f'"type":"file",{TIMES},"uid":0,"gid":0'


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (f'{{"name":"f",{FILE},"content":null}}', "null instead of an empty list"),
        (f'{{"name":"f",{FILE}}}', "null instead of an empty list"),
        (f'{{"name":"b",{FILE},"content":[]}},{{"name":"a",{FILE},"content":[]}}', "out of order"),
        (f'{{"name":"a",{FILE},"content":[]}},{{"name":"a",{FILE},"content":[]}}', "out of order"),
        (f'{{"name":"a/b",{FILE},"content":[]}}', "impossible entry"),
        (f'{{"name":"d","type":"dir",{TIMES}}}', "wrong subtree"),
        (f'{{"name":"d","type":"irregular",{TIMES}}}', "impossible entry"),
        ("{", "cannot be read"),
    ],
)
def test_trees_that_say_nonsense(builder: RepositoryBuilder, nodes: str, message: str):
    builder.snapshot(builder.raw_tree(f'{{"nodes":[{nodes}]}}\n'.encode()))
    report = check(builder.repository)
    assert len(report.errors) == 1
    assert message in messages(report)


def test_each_folder_is_looked_at_once(builder: RepositoryBuilder):
    bad = builder.tree(builder.file(b"f", b"x", size=7))
    tree = builder.tree(*(dir_node(b"%d" % number, bad) for number in range(5)))
    for hour in range(3):
        builder.snapshot(tree, time=datetime(2026, 1, 1, hour, tzinfo=UTC))
    report = check(builder.repository)
    assert (len(report.errors), report.trees, report.snapshots) == (1, 2, 3)


def nested(builder: RepositoryBuilder, tree: bytes, levels: int, name: bytes = b"d") -> bytes:
    for _ in range(levels):
        tree = builder.tree(dir_node(name, tree))
    return tree


def test_folders_as_deep_as_they_are_restored_are_no_error(builder: RepositoryBuilder):
    builder.snapshot(nested(builder, builder.tree(), MAX_DEPTH - 1))
    assert check(builder.repository).findings == []


def test_folders_too_deep_to_be_restored(builder: RepositoryBuilder):
    builder.snapshot(nested(builder, builder.tree(), MAX_DEPTH + 500))
    [finding] = check(builder.repository).errors
    assert "nested deeper than 2048 levels" in finding.message
    with pytest.raises(DamagedRepository, match="nested deeper than 2048 levels"):
        list(walk(builder))


@pytest.mark.parametrize("beside", [b"a", b"z"])
def test_folders_that_are_too_deep_at_one_of_their_places(
    builder: RepositoryBuilder, beside: bytes
):
    """What is read once, in the first snapshot or beside, lies deeper elsewhere."""
    shared = nested(builder, builder.tree(), 1500)
    deep = nested(builder, shared, 1000)
    builder.snapshot(shared, time=NOON.replace(day=1))
    builder.snapshot(builder.tree(dir_node(beside, shared), dir_node(b"m", deep)))
    [finding] = check(builder.repository).errors
    newest = builder.repository.snapshots()[-1]
    assert finding.message == (
        f"snapshot {newest.short_id}: folders are nested deeper than 2048 levels"
    )


def test_a_path_longer_than_any_is_an_error(builder: RepositoryBuilder):
    builder.snapshot(nested(builder, builder.tree(), 3, b"d" * 400_000))
    [finding] = check(builder.repository).errors
    assert "the path of a folder is longer than 1048576 bytes" in finding.message
    with pytest.raises(DamagedRepository, match="longer than 1048576 bytes"):
        list(walk(builder))


def walk(builder: RepositoryBuilder) -> Iterator[Entry]:
    repository = builder.repository
    [snapshot] = repository.snapshots()
    return walk_tree(repository, repository.load_index(), snapshot.tree)


def test_a_snapshot_of_no_tree(builder: RepositoryBuilder):
    builder.repository.save(FileKind.SNAPSHOT, b'{"time":"2026-01-02T03:04:05Z","paths":[]}')
    assert "cannot be read" in messages(check(builder.repository))


def test_a_snapshot_whose_tree_is_nowhere(builder: RepositoryBuilder):
    builder.repository.save_snapshot(Snapshot(datetime.now(UTC), bytes(32), ("/",)))
    assert "is in no pack" in messages(check(builder.repository))


# -- the packs' own bytes ------------------------------------------------------------------------


def replace_pack(
    filled: RepositoryBuilder, change: Callable[[bytearray], bytes | bytearray]
) -> None:
    """Put a changed pack under the name that its bytes give, in an index of its own."""
    repository = filled.repository
    name, content = pack_of(repository, BlobType.DATA)
    packs = {
        pack_id: entries for pack_id, entries in repository.index_packs() if pack_id.hex() in name
    }
    [entries] = packs.values()
    changed = bytes(change(bytearray(content)))
    pack_id = hashlib.sha256(changed).digest()
    repository.save_pack(pack_id.hex(), changed)
    repository.save_index([(pack_id, entries)])


def flipped(position: int) -> Callable[[bytearray], bytearray]:
    def flip(content: bytearray) -> bytearray:
        content[position] ^= 1
        return content

    return flip


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (3, "its MAC does not match"),
        (20, "its MAC does not match"),
        (-1, "its header has an impossible length"),
        (-10, "the header of pack"),
    ],
)
def test_bits_that_flip_before_the_name_is_made(
    filled: RepositoryBuilder, position: int, message: str
):
    replace_pack(filled, flipped(position))
    assert check(filled.repository, read_data=False).errors == []
    report = check(filled.repository)
    assert message in messages(report)
    assert len(report.errors) == 1


@pytest.mark.parametrize("blob_type", list(BlobType))
def test_a_bit_that_flips_on_the_disk(
    filled: RepositoryBuilder, backend: MemoryBackend, blob_type: BlobType
):
    for position in (0, 17, 40, -1, -5, -60):
        name, content = pack_of(filled.repository, blob_type)
        backend.contents[name] = bytes(flipped(position)(bytearray(content)))
        report = check(filled.repository)
        assert "does not match its name" in messages(report), position
        backend.contents[name] = content


def add_pack(builder: RepositoryBuilder, stored: bytes, entry: PackEntry) -> None:
    sealed = builder.repository.crypter.seal(stored)
    entry = entry._replace(length=len(sealed))
    pack_id = builder.save_pack(sealed, [entry])
    builder.repository.save_index([(pack_id, [entry])])


def test_blobs_that_are_not_what_they_say(builder: RepositoryBuilder):
    compressor = builder.repository.compressor
    blob_id = hashlib.sha256(b"right").digest()
    add_pack(builder, b"wrong", PackEntry(BlobType.DATA, blob_id, 0, 0, 0))
    add_pack(builder, compressor.compress(b"wrong"), PackEntry(BlobType.DATA, blob_id, 0, 0, 5))
    add_pack(builder, compressor.compress(b"right"), PackEntry(BlobType.DATA, blob_id, 0, 0, 4))
    add_pack(builder, b"no frame", PackEntry(BlobType.DATA, blob_id, 0, 0, 4))
    # A frame of a gigabyte that claims to be small must not be unpacked.
    bomb = compressor.compress(bytes(100_000_000))
    add_pack(builder, bomb, PackEntry(BlobType.DATA, blob_id, 0, 0, 100))
    report = check(builder.repository)
    assert messages(report).count("its content does not match its id") == 2
    assert messages(report).count("does not decompress") == 3


def test_a_header_that_lists_other_blobs_than_the_index(builder: RepositoryBuilder):
    sealed = builder.repository.crypter.seal(b"x")
    blob_id = hashlib.sha256(b"x").digest()
    entry = PackEntry(BlobType.DATA, blob_id, 0, len(sealed), 0)
    pack_id = builder.save_pack(sealed, [entry])
    builder.repository.save_index([(pack_id, [entry._replace(id=bytes(32))])])
    assert "its header and the index differ" in messages(check(builder.repository))


def test_a_header_that_lists_more_than_there_is(builder: RepositoryBuilder):
    sealed = builder.repository.crypter.seal(b"x")
    entries = [PackEntry(BlobType.DATA, bytes([number]) * 32, 0, 4000, 0) for number in range(3)]
    pack_id = builder.save_pack(sealed, entries)
    builder.repository.save_index([(pack_id, entries)])
    assert "lists more than it holds" in messages(check(builder.repository))


def test_mixed_packs_are_a_hint(builder: RepositoryBuilder):
    crypter, compressor = builder.repository.crypter, builder.repository.compressor
    content, entries = b"", []
    for blob_type, text in ((BlobType.DATA, b"x"), (BlobType.TREE, b'{"nodes":[]}\n')):
        sealed = crypter.seal(compressor.compress(text))
        blob_id = hashlib.sha256(text).digest()
        entries.append(PackEntry(blob_type, blob_id, len(content), len(sealed), len(text)))
        content += sealed
    builder.repository.save_index([(builder.save_pack(content, entries), entries)])
    report = check(builder.repository)
    assert report.errors == []
    assert "mixes data and trees" in messages(report)


# -- parts of the packs --------------------------------------------------------------------------

PACKS = {bytes([number]) * 32: 1000 for number in range(256)}


@pytest.mark.parametrize(("text", "count"), [("10%", 25), ("0.1%", 1), ("100%", 256)])
def test_a_random_part(text: str, count: int):
    chosen = parse_subset(text, random.Random(1))(PACKS)
    assert len(chosen) == count
    assert chosen == parse_subset(text, random.Random(1))(PACKS)


@pytest.mark.parametrize(("text", "count"), [("64000", 64), ("100k", 102), ("1T", 256), ("1", 1)])
def test_as_much_as_a_size(text: str, count: int):
    assert len(parse_subset(text, random.Random(1))(PACKS)) == count


def test_the_parts_are_the_whole():
    parts = [parse_subset(f"{part}/7", random.Random())(PACKS) for part in range(1, 8)]
    assert set.union(*parts) == PACKS.keys()
    assert sum(map(len, parts)) == len(PACKS)
    assert {each[0] % 7 for each in parts[2]} == {2}


def test_no_packs_have_no_parts():
    assert parse_subset("10%", random.Random())({}) == set()
    assert parse_subset("10k", random.Random())({}) == set()


@pytest.mark.parametrize(
    "text", ["", "0/5", "6/5", "1/300", "1/0", "x", "0%", "101%", "-1%", "0", "5P", "1/5/2"]
)
def test_parts_that_make_no_sense(text: str):
    with pytest.raises(UsageError) as refused:
        parse_subset(text, random.Random())
    assert "1/7" in refused.value.hint


def test_only_the_chosen_packs_are_read(filled: RepositoryBuilder):
    report = check_structure(filled.repository)
    chosen = sorted(report.packs)[:2]
    read_packs(filled.repository, report, lambda _: set(chosen), SILENT)
    assert report.packs_read == 2
    assert report.bytes_read == sum(report.packs[each] for each in chosen)


def test_json_of_the_repository_is_never_needed_twice(filled: RepositoryBuilder):
    """An index that is gone between the two steps changes nothing: all is known by then."""
    report = check_structure(filled.repository)
    for index_id in filled.repository.files(FileKind.INDEX):
        assert json.loads(filled.repository.load(FileKind.INDEX, index_id))
        filled.repository.remove(FileKind.INDEX, index_id)
    read_packs(filled.repository, report, choose_all, SILENT)
    assert (report.errors, report.packs_read) == ([], 4)


# -- pieces, and worker processes -----------------------------------------------------------------


@pytest.fixture
def local(tmp_path: Path) -> RepositoryBuilder:
    """Several packs of data, some of many small blobs."""
    builder = RepositoryBuilder(make_local(tmp_path / "repo"))
    chance = random.Random(3)
    for _ in range(6):
        nodes = [builder.file(b"%03d" % each, chance.randbytes(2000)) for each in range(100)]
        builder.snapshot(builder.tree(*nodes, builder.file(b"large", chance.randbytes(300_000))))
    return builder


def damage_every_kind(repository: Repository) -> None:
    """A flipped bit in a blob, one in a header, a pack cut short, and a name of another pack."""
    packs = names(repository.backend, FileKind.PACK)
    contents = [bytearray(repository.backend.load(name)) for name in packs]
    contents[0][len(contents[0]) // 3] ^= 1
    contents[1][-20] ^= 1
    del contents[2][-1000:]
    contents[3] = contents[4]
    for name, content in zip(packs, contents, strict=True):
        repository.backend.save(name, content)


def check_with_workers(repository: Repository, workers: int) -> CheckReport:
    with closing(ReadPool(lambda: proving_handler, workers)) as pool:
        assert pool.open(repository)
        reader = PackReader(repository, pool, choose_all, SILENT)
        report = check_structure(repository, reader)
        reader.finish()
    return report


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_find_what_one_process_finds(local: RepositoryBuilder, workers: int):
    damage_every_kind(local.repository)
    alone = check(local.repository)
    assert len(alone.errors) > 6
    assert check_with_workers(local.repository, workers) == alone


def test_workers_that_read_what_no_index_lists_say_nothing_of_it(local: RepositoryBuilder):
    """They begin before the indexes are read."""
    stray = names(local.repository.backend, FileKind.PACK)[0]
    content = local.repository.backend.load(stray)[:-1]
    for number in range(4):
        local.repository.backend.save(file_name(FileKind.PACK, f"{number:064x}"), content)
    report = check_with_workers(local.repository, 1)
    assert report == check(local.repository)
    assert (report.errors, len(report.findings)) == ([], 4)
    assert report.packs_read == len(report.packs) - 4


def test_workers_find_nothing_in_a_good_repository(local: RepositoryBuilder):
    report = check_with_workers(local.repository, 2)
    assert report.findings == []
    assert report.packs_read == len(report.packs)
    assert report.bytes_read == sum(report.packs.values())


@pytest.mark.parametrize("piece_bytes", [1500, 5000, 100_000])
def test_a_pack_in_pieces_shows_what_it_shows_as_a_whole(
    local: RepositoryBuilder, piece_bytes: int
):
    repository = local.repository
    damage_every_kind(repository)
    report = check_structure(repository)
    whole, pieces = PackProver(repository, 1 << 30), PackProver(repository, piece_bytes)
    for pack_id in report.headers:
        for is_named in (False, True):
            facts = PackFacts(pack_id, report.packs[pack_id], is_named)
            assert pieces.prove(facts) == whole.prove(facts)


def test_a_name_proved_before_is_not_proved_again(local: RepositoryBuilder):
    repository = local.repository
    damage_every_kind(repository)
    report = check_structure(repository)
    named = prove_names(repository.backend, lambda: True, 1500)
    assert named == prove_names(repository.backend, lambda: True)
    prover = PackProver(repository)
    misnamed = 0
    for pack_id in report.headers:
        facts = PackFacts(pack_id, report.packs[pack_id])
        found = prover.prove(facts)
        assert (pack_id in named) == (not any("its name" in each for each in found.problems))
        misnamed += pack_id not in named
        if pack_id in named:
            assert prover.prove(facts._replace(is_named=True)) == found
    assert misnamed
    assert named


def test_names_are_proved_only_as_long_as_there_is_time(local: RepositoryBuilder):
    local.snapshot(local.tree(local.file(b"a", b"one")))
    packs = set(map(bytes.fromhex, local.repository.files(FileKind.PACK)))
    assert prove_names(local.repository.backend, lambda: True) == packs
    assert prove_names(local.repository.backend, lambda: False) == set()


class RepeatedBackend(MemoryBackend):
    """Serves one pack: the same blob again and again, then what stands at its end."""

    def __init__(self, blob: bytes, times: int, end: bytes) -> None:
        super().__init__()
        self._blob, self._blobs_bytes, self._end = blob, len(blob) * times, end
        self.size_bytes = self._blobs_bytes + len(end)
        self.most_bytes = 0

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        assert name.startswith("data/")
        assert length is not None, "nobody may want all of it at once"
        self.most_bytes = max(self.most_bytes, length)
        if offset >= self._blobs_bytes:
            return self._end[offset - self._blobs_bytes :][:length]
        start = offset % len(self._blob)
        return (self._blob * ((start + length) // len(self._blob) + 1))[start : start + length]


def test_a_pack_of_more_than_a_gibibyte_is_read_in_pieces(builder: RepositoryBuilder):
    repository, content = builder.repository, bytes(4 << 20)
    blob_id = hashlib.sha256(content).digest()
    sealed = repository.crypter.seal(content)
    times = (1 << 30) // len(sealed) + 2
    entries = [
        PackEntry(BlobType.DATA, blob_id, number * len(sealed), len(sealed), 0)
        for number in range(times)
    ]
    header = b"".join(map(encode_entry, entries))
    end = repository.crypter.seal(header)
    end += encode_header_length(len(end))
    digest = hashlib.sha256()
    for _ in range(times):
        digest.update(sealed)
    digest.update(end)
    backend = RepeatedBackend(sealed, times, end)
    prover = PackProver(Repository(backend, repository.keys, repository.config))
    header_digest = hashlib.sha256(header).digest()
    facts = PackFacts(digest.digest(), backend.size_bytes)
    assert prover.prove(facts) == Proof(header_digest, [])
    assert backend.size_bytes > 1 << 30
    assert backend.most_bytes <= 64 << 20
