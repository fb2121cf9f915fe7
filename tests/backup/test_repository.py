"""Opening and making repositories, and reading what may be damaged."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.config import Config, encode_config
from lpse_ops.backup.crypto import Crypter, Keys, random_keys
from lpse_ops.backup.keyfile import KeyFile, ScryptCost, seal_keys
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repository import (
    Repository,
    init_repository,
    open_repository,
    open_with_keys,
    save_key_file,
)
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import (
    DamagedRepository,
    FileMissing,
    RepositoryError,
    RepositoryMissing,
    StorageError,
    WrongPassword,
)
from tests.backup.cheap_repository import ID, PASSWORD, POLYNOMIAL
from tests.restic_binaries import Restic

CONFIG_FIELDS = Config(ID, POLYNOMIAL)
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
CREATED = "2026-03-09T12:00:00Z"


def key_file_for(password: str) -> Callable[[Keys], KeyFile]:
    return lambda keys: seal_keys(
        keys, password, created=CREATED, username="", hostname="", cost=ScryptCost(2, 1, 1)
    )


def init(backend: Backend | None = None) -> Repository:
    return init_repository(backend or MemoryBackend(), key_file_for(PASSWORD), CONFIG_FIELDS)


def flip(backend: Backend, name: str, place: int = -20) -> None:
    content = bytearray(backend.load(name))
    content[place] ^= 1
    backend.save(name, content)


def key_name(repository: Repository) -> str:
    return file_name(FileKind.KEY, repository.key_id)


# --- making and opening ---------------------------------------------------------------------------


def test_a_new_repository_opens_with_its_password_and_with_its_keys() -> None:
    made = init()
    opened = open_repository(made.backend, PASSWORD)
    assert (opened.keys, opened.config, opened.key_id) == (made.keys, CONFIG_FIELDS, made.key_id)
    assert open_with_keys(made.backend, made.keys).config == CONFIG_FIELDS


def test_stock_restic_opens_a_new_repository(restic: Restic, tmp_path: Path) -> None:
    init(LocalBackend(tmp_path / "repo"))
    restic.run("check", repo=tmp_path / "repo", password=PASSWORD)


def test_the_key_is_written_before_config() -> None:
    backend = FaultBackend(MemoryBackend())
    made = init(backend)
    assert backend.operations == [("save", key_name(made)), ("save", CONFIG)]


@pytest.mark.parametrize("number", [0, 1])
def test_after_a_crash_of_init_there_is_no_repository_and_another_init_says_why(
    number: int,
) -> None:
    inner = MemoryBackend()
    with pytest.raises(Stopped):
        init(FaultBackend(inner, fault_at(number, Fault.STOP_BEFORE)))
    with pytest.raises(RepositoryMissing):
        open_repository(inner, PASSWORD)
    if number == 0:
        assert init(inner)
        return
    with pytest.raises(
        RepositoryError, match="holds keys of a repository whose config is gone"
    ) as refused:
        init(inner)
    assert "key recover" in refused.value.hint


def test_a_repository_is_never_made_over_another() -> None:
    made = init()
    with pytest.raises(RepositoryError, match="already") as refused:
        init(made.backend)
    assert "lpse-ops backup" in refused.value.hint


def test_nor_over_snapshots_whose_keys_and_config_are_gone() -> None:
    made = init()
    save_snapshot(made)
    made.backend.remove(CONFIG)
    made.backend.remove(key_name(made))
    with pytest.raises(RepositoryError, match="holds snapshots"):
        init(made.backend)


def test_where_nothing_is_there_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryMissing) as missing:
        open_repository(LocalBackend(tmp_path), PASSWORD)
    assert f"init --repo {tmp_path}" in missing.value.hint


def test_a_wrong_password_is_called_so() -> None:
    made = init()
    with pytest.raises(WrongPassword) as refused:
        open_repository(made.backend, "another")
    assert "--password-file" in refused.value.hint


def test_without_any_key_file_the_hint_is_the_recovery_sheet() -> None:
    made = init()
    made.backend.remove(key_name(made))
    with pytest.raises(WrongPassword) as refused:
        open_repository(made.backend, PASSWORD)
    assert "key recover" in refused.value.hint


# --- damaged key files ----------------------------------------------------------------------------

BROKEN = {
    "empty": b"",
    "cut short": b'{"created":"2026-',
    "not JSON": b"\xff" * 500,
    "unknown kdf": b'{"kdf":"argon2"}',
    "huge scrypt": b'{"kdf":"scrypt","N":1099511627776,"r":8,"p":1,"salt":"","data":""}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_a_damaged_key_file_does_not_lock_out_the_other_passwords(content: bytes) -> None:
    made = init()
    for digits in ("00", "ff"):
        made.backend.save(f"keys/{digits * 32}", content)
    assert open_repository(made.backend, PASSWORD).key_id == made.key_id


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_when_no_key_opens_the_damaged_one_is_named(content: bytes) -> None:
    made = init()
    made.backend.save(f"keys/{'00' * 32}", content)
    with pytest.raises(DamagedRepository, match="key file 0000000000 is damaged") as damage:
        open_repository(made.backend, "another")
    assert "key remove 0000000000" in damage.value.hint
    assert "key recover" in damage.value.hint


def test_a_flipped_bit_in_the_only_key_is_damage_and_no_wrong_password() -> None:
    made = init()
    name = key_name(made)
    whole = made.backend.load(name)
    for place in range(len(whole)):
        flip(made.backend, name, place)
        try:
            assert open_repository(made.backend, PASSWORD).keys == made.keys
        except DamagedRepository as damage:
            assert "key file" in damage.message  # noqa: PT017
        made.backend.save(name, whole)


class BadSector(MemoryBackend):
    """One key file cannot be read any more."""

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if name.startswith("keys/00"):
            raise StorageError("input/output error", hint="dmesg")
        return super().load(name, offset, length)


def test_a_key_file_on_a_bad_sector_does_not_lock_out_the_others() -> None:
    made = init(BadSector())
    made.backend.save(f"keys/{'00' * 32}", b"x")
    assert open_repository(made.backend, PASSWORD).key_id == made.key_id
    with pytest.raises(StorageError, match="input/output"):
        open_repository(made.backend, "another")


def test_no_more_key_files_are_tried_than_restic_tries() -> None:
    made = init()
    for number in range(40):
        save_key_file(made.backend, key_file_for(f"other {number}")(made.keys))
    ids = sorted(made.files(FileKind.KEY))
    opened = 0
    for number in range(40):
        try:
            key_id = open_repository(made.backend, f"other {number}").key_id
        except WrongPassword:
            continue
        assert key_id in ids[:20]
        opened += 1
    assert 19 <= opened <= 20


def test_a_key_file_nobody_could_open_is_never_written() -> None:
    backend = MemoryBackend()
    broken = replace(key_file_for(PASSWORD)(random_keys()), cost=ScryptCost(3, 1, 1))
    with pytest.raises(DamagedRepository):
        save_key_file(backend, broken)
    assert backend.contents == {}


def test_every_flipped_byte_of_config_is_found() -> None:
    made = init()
    for place in range(len(made.backend.load(CONFIG))):
        flip(made.backend, CONFIG, place)
        with pytest.raises(DamagedRepository, match="config file"):
            open_repository(made.backend, PASSWORD)
        flip(made.backend, CONFIG, place)
    assert open_repository(made.backend, PASSWORD)


# --- whole files ----------------------------------------------------------------------------------


def save_snapshot(repository: Repository, hour: int = 12) -> str:
    time = NOON.replace(hour=hour)
    return repository.save_snapshot(Snapshot(time, bytes(32), ("/srv",), hostname="contoh"))


def test_snapshots_come_oldest_first() -> None:
    made = init()
    ids = [save_snapshot(made, hour) for hour in (9, 3, 7)]
    found = made.snapshots()
    assert [each.time.hour for each in found] == [3, 7, 9]
    assert {each.id for each in found} == set(ids)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_flipped_bit_in_a_whole_file_is_found_and_the_file_named(place: int) -> None:
    made = init()
    snapshot_id = save_snapshot(made)
    flip(made.backend, file_name(FileKind.SNAPSHOT, snapshot_id), place)
    with pytest.raises(DamagedRepository, match=f"snapshot {snapshot_id[:10]} is damaged"):
        made.load(FileKind.SNAPSHOT, snapshot_id)


def test_a_file_under_the_name_of_another_is_found() -> None:
    made = init()
    one, two = save_snapshot(made, 1), save_snapshot(made, 2)
    content = made.backend.load(file_name(FileKind.SNAPSHOT, one))
    made.backend.save(file_name(FileKind.SNAPSHOT, two), content)
    with pytest.raises(DamagedRepository, match="does not match its name"):
        made.snapshots()


def test_before_every_change_the_guard_is_asked_but_not_for_locks() -> None:
    made = init()
    asked: list[str] = []
    made.before_write = lambda: asked.append("x")
    snapshot_id = save_snapshot(made)
    made.save_index([])
    made.save_pack("ab" * 32, b"x")
    made.remove(FileKind.SNAPSHOT, snapshot_id)
    assert len(asked) == 4
    made.remove(FileKind.LOCK, "ab" * 32)
    made.snapshots()
    assert len(asked) == 4


def test_what_the_guard_refuses_is_not_done() -> None:
    backend = FaultBackend(MemoryBackend())
    made = init(backend)
    before = len(backend.operations)

    def refuse() -> None:
        raise RepositoryError("the lock is lost", hint="again")

    made.before_write = refuse
    for act in (
        lambda: save_snapshot(made),
        lambda: made.save_index([]),
        lambda: made.save_pack("ab" * 32, b"x"),
        lambda: made.remove(FileKind.PACK, "ab" * 32),
    ):
        with pytest.raises(RepositoryError, match="lock is lost"):
            act()
    assert len(backend.operations) == before


def test_format_1_is_only_read() -> None:
    made = init()
    made.ensure_writable()
    old = Repository(made.backend, made.keys, Config(ID, POLYNOMIAL, 1))
    with pytest.raises(RepositoryError, match="format 1") as refused:
        old.ensure_writable()
    assert "restic migrate upgrade_repo_v2" in refused.value.hint


def test_a_repository_of_format_1_opens() -> None:
    made = init()
    config = encode_config(Config(ID, POLYNOMIAL, 1), Crypter(made.keys))
    made.backend.remove(CONFIG)
    made.backend.save(CONFIG, config)
    assert open_repository(made.backend, PASSWORD).config.version == 1


# --- blobs ----------------------------------------------------------------------------------------

BLOB = b"some text " * 100
BLOB_ID = hashlib.sha256(BLOB).digest()


def add_pack(
    repository: Repository, index: BlobIndex, number: int, *, compressed: bool, blob: bytes = BLOB
) -> str:
    """A pack that holds one blob under ``BLOB_ID``, without a header: the index is enough."""
    stored = repository.compressor.compress(blob) if compressed else blob
    envelope = repository.crypter.seal(stored)
    pack_id = bytes([number]) * 32
    repository.save_pack(pack_id.hex(), b"before" + envelope + b"behind")
    length = len(blob) if compressed else 0
    index.add_pack(pack_id, [PackEntry(BlobType.DATA, BLOB_ID, 6, len(envelope), length)])
    return file_name(FileKind.PACK, pack_id.hex())


@pytest.mark.parametrize("compressed", [True, False])
def test_a_blob_is_read_from_its_place(compressed: bool) -> None:
    made, index = init(), BlobIndex()
    add_pack(made, index, 1, compressed=compressed)
    assert made.load_blob(index, BlobType.DATA, BLOB_ID) == BLOB


def test_a_blob_that_no_index_knows_is_damage() -> None:
    with pytest.raises(DamagedRepository, match=f"data blob {BLOB_ID.hex()[:10]} is in no pack"):
        init().load_blob(BlobIndex(), BlobType.DATA, BLOB_ID)


def test_a_bad_copy_is_passed_over_for_another() -> None:
    made, index = init(), BlobIndex()
    damaged = add_pack(made, index, 1, compressed=True)
    gone = add_pack(made, index, 2, compressed=False)
    short = add_pack(made, index, 3, compressed=False)
    other = add_pack(made, index, 4, compressed=True, blob=b"something else")
    add_pack(made, index, 5, compressed=True)
    flip(made.backend, damaged)
    made.backend.remove(gone)
    made.backend.save(short, made.backend.load(short)[:100])
    assert made.backend.exists(other)
    assert made.load_blob(index, BlobType.DATA, BLOB_ID) == BLOB


def test_when_every_copy_is_bad_the_error_is_that_of_the_last() -> None:
    made, index = init(), BlobIndex()
    name = add_pack(made, index, 1, compressed=True)
    flip(made.backend, name)
    with pytest.raises(DamagedRepository, match=f"blob {BLOB_ID.hex()[:10]} in pack 0101010101"):
        made.load_blob(index, BlobType.DATA, BLOB_ID)
    made.backend.remove(name)
    with pytest.raises(FileMissing):
        made.load_blob(index, BlobType.DATA, BLOB_ID)


def test_a_blob_whose_content_is_another_is_damage() -> None:
    made, index = init(), BlobIndex()
    add_pack(made, index, 1, compressed=False, blob=b"something else")
    with pytest.raises(DamagedRepository, match="does not match its id"):
        made.load_blob(index, BlobType.DATA, BLOB_ID)


# --- the index ------------------------------------------------------------------------------------


def entry_of(number: int, kind: BlobType = BlobType.DATA) -> PackEntry:
    return PackEntry(kind, hashlib.sha256(b"%d" % number).digest(), 100 * number, 100, 200)


def save_indexes(repository: Repository, count: int) -> list[str]:
    return [
        repository.save_index(
            [(bytes([number]) * 32, [entry_of(number), entry_of(number + 1, BlobType.TREE)])]
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_the_index_is_the_union_of_all_index_files(count: int) -> None:
    made = init()
    save_indexes(made, count)
    index = made.load_index()
    assert len(index) == 2 * count
    assert dict(index.packs()) == dict(made.index_packs())
    for number in range(count):
        found = list(index.locations(BlobType.DATA, entry_of(number).id))
        assert [each.entry for each in found] == [entry_of(number)]
        assert [each.pack_id for each in found] == [bytes([number]) * 32]


@pytest.mark.parametrize("number", range(4))
def test_an_index_file_that_is_damaged_is_named_and_no_thread_stays(number: int) -> None:
    made = init()
    index_id = sorted(save_indexes(made, 4))[number]
    flip(made.backend, file_name(FileKind.INDEX, index_id))
    before = threading.active_count()
    with pytest.raises(DamagedRepository, match=f"index {index_id[:10]} is damaged"):
        made.load_index()
    with pytest.raises(DamagedRepository, match=f"index {index_id[:10]} is damaged"):
        list(made.index_packs())
    assert threading.active_count() == before


def test_whoever_wants_only_the_first_packs_leaves_no_thread_behind() -> None:
    made = init()
    save_indexes(made, 5)
    before = threading.active_count()
    packs = made.index_packs()
    assert next(packs)
    packs.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
