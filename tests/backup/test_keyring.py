"""Passwords and the recovery sheet, judged by the stock restic."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse_ops.backup.keyfile import ScryptCost
from lpse_ops.backup.keyring import (
    KeyOrigin,
    Recovered,
    add_key,
    change_password,
    create_repository,
    recover,
    recovery_secret,
    remove_key,
    this_origin,
)
from lpse_ops.backup.polynomial import is_irreducible
from lpse_ops.backup.recovery import RecoverySecret, SheetFacts, parse_sheet, render_sheet
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError, UsageError, WrongPassword
from tests.restic_binaries import Restic

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
ORIGIN = KeyOrigin("contoh", "sari", NOON, ScryptCost(2, 1, 1))
OLD = "kata sandi lama"
NEW = "kata sandi baru"


def create(backend: Backend | None = None) -> Repository:
    return create_repository(backend or MemoryBackend(), OLD, ORIGIN)


def with_snapshot(backend: Backend | None = None) -> Repository:
    repository = create(backend)
    repository.save_index([])
    repository.save_snapshot(Snapshot(NOON, bytes(32), ("/srv",), hostname="contoh"))
    return repository


def recover_quietly(backend: Backend, secret: RecoverySecret) -> Recovered:
    return recover(backend, secret, NEW, ORIGIN, lambda _: None)


def ids(repository: Repository) -> list[str]:
    return repository.files(FileKind.KEY)


def test_a_new_repository_has_an_id_and_a_polynomial_of_its_own() -> None:
    one, two = create(), create()
    assert one.config.id != two.config.id
    assert one.keys != two.keys
    assert is_irreducible(one.config.polynomial)
    (key,) = one.key_files()
    assert (key.hostname, key.username, key.created) == ("contoh", "sari", "2026-03-09T12:00:00Z")


def test_passwords_are_added_and_removed() -> None:
    repository = create()
    key_id = add_key(repository, NEW, ORIGIN)
    assert open_repository(repository.backend, NEW).key_id == key_id
    assert open_repository(repository.backend, OLD).keys == repository.keys
    assert remove_key(repository, key_id[:8]) == key_id
    with pytest.raises(WrongPassword):
        open_repository(repository.backend, NEW)


def test_the_key_in_use_is_not_removed() -> None:
    repository = create()
    with pytest.raises(RepositoryError, match="opened the repository with") as refused:
        remove_key(repository, repository.key_id)
    assert "key passwd" in refused.value.hint
    assert ids(repository) == [repository.key_id]


@pytest.mark.parametrize("prefix", ["", "zz", "0123456789" * 7])
def test_a_key_must_be_meant_without_doubt(prefix: str) -> None:
    repository = create()
    with pytest.raises(RepositoryError, match="keys begin with") as refused:
        remove_key(repository, prefix)
    assert "key list" in refused.value.hint


def test_a_damaged_key_can_be_removed_with_another_password() -> None:
    repository = create()
    repository.backend.save(f"keys/{'0' * 64}", b"damaged")
    with pytest.raises(DamagedRepository, match="key file 0000000000"):
        repository.key_files()
    remove_key(open_repository(repository.backend, OLD), "0" * 10)
    assert ids(repository) == [repository.key_id]


def test_a_changed_password_replaces_the_old_one() -> None:
    repository = create()
    old = repository.key_id
    new = change_password(repository, NEW, ORIGIN)
    assert ids(repository) == [new]
    assert repository.key_id == new != old
    with pytest.raises(WrongPassword):
        open_repository(repository.backend, OLD)


@pytest.mark.parametrize("fault", [Fault.STOP_BEFORE, Fault.STOP_AFTER])
@pytest.mark.parametrize("number", [0, 1])
def test_a_crash_while_changing_leaves_a_way_in(number: int, fault: Fault) -> None:
    repository = create()
    repository.backend = FaultBackend(inner := repository.backend, fault_at(number, fault))
    with pytest.raises(Stopped):
        change_password(repository, NEW, ORIGIN)
    assert any(opens(inner, password) for password in (OLD, NEW))


def opens(backend: Backend, password: str) -> bool:
    try:
        return bool(open_repository(backend, password))
    except OpsError:
        return False


def test_an_empty_password_is_refused_everywhere() -> None:
    repository = with_snapshot()
    secret = recovery_secret(repository)
    for act in (
        lambda: create_repository(MemoryBackend(), "", ORIGIN),
        lambda: add_key(repository, "", ORIGIN),
        lambda: change_password(repository, "", ORIGIN),
        lambda: recover(repository.backend, secret, "", ORIGIN, print),
    ):
        with pytest.raises(UsageError, match="password is empty") as refused:
            act()
        assert "openssl rand" in refused.value.hint


def test_this_machine_and_user_are_named_in_a_key() -> None:
    origin = this_origin(NOON)
    assert origin.hostname
    assert origin.username == "root"
    assert origin.cost == ScryptCost()
    assert this_origin(NOON, ScryptCost(2, 1, 1)).cost.n == 2


# --- the sheet ------------------------------------------------------------------------------------


def typed_from_paper(repository: Repository) -> RecoverySecret:
    facts = SheetFacts("LPSE Contoh", "/mnt/backup", NOON)
    return parse_sheet(render_sheet(recovery_secret(repository), facts))


def test_keys_and_config_are_written_anew_and_stock_restic_reads_every_byte(
    restic: Restic, tmp_path: Path
) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "kontrak.pdf").write_bytes(b"isi kontrak")
    root = tmp_path / "repo"
    repository = create(LocalBackend(root))
    restic.run("backup", source, repo=root, password=OLD)
    secret = typed_from_paper(repository)
    for path in (*(root / "keys").iterdir(), root / "config"):
        path.unlink()

    recovered = recover_quietly(LocalBackend(root), secret)

    assert recovered.wrote_config
    assert recovered.repository.config == repository.config
    restic.run("check", "--read-data", repo=root, password=NEW)
    dumped = restic.run("dump", "latest", source / "kontrak.pdf", repo=root, password=NEW)
    assert dumped.stdout == b"isi kontrak"


def test_a_lost_password_is_replaced_and_config_stays_as_it_is() -> None:
    repository = with_snapshot()
    config = repository.backend.load(CONFIG)
    recovered = recover_quietly(repository.backend, typed_from_paper(repository))
    assert not recovered.wrote_config
    assert repository.backend.load(CONFIG) == config
    assert open_repository(repository.backend, NEW).key_id == recovered.repository.key_id
    assert opens(repository.backend, OLD)


def test_a_damaged_config_is_replaced() -> None:
    repository = with_snapshot()
    config = bytearray(repository.backend.load(CONFIG))
    config[30] ^= 1
    repository.backend.save(CONFIG, config)
    assert not opens(repository.backend, OLD)
    assert recover_quietly(repository.backend, typed_from_paper(repository)).wrote_config
    assert open_repository(repository.backend, NEW).config == repository.config


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"kdf":"scrypt"'])
def test_damaged_keys_that_stock_restic_stops_at_are_removed(damage: bytes) -> None:
    repository = with_snapshot()
    broken = "0" * 64
    repository.backend.save(file_name(FileKind.KEY, broken), damage)
    said: list[str] = []
    recovered = recover(repository.backend, typed_from_paper(repository), NEW, ORIGIN, said.append)
    assert recovered.removed == (broken,)
    assert broken in said[0]
    assert sorted(ids(repository)) == sorted([repository.key_id, recovered.repository.key_id])


def test_the_newest_restic_opens_after_a_bit_flipped_in_a_key(
    restic_new: Restic, tmp_path: Path
) -> None:
    root = tmp_path / "repo"
    repository = with_snapshot(LocalBackend(root))
    secret = typed_from_paper(repository)
    content = bytearray((root / "keys" / repository.key_id).read_bytes())
    content[-20] ^= 1
    repository.backend.save(file_name(FileKind.KEY, repository.key_id), content)
    assert recover_quietly(LocalBackend(root), secret).removed == (repository.key_id,)
    restic_new.run("snapshots", repo=root, password=NEW)


def test_the_sheet_of_another_repository_is_refused_and_nothing_is_written() -> None:
    repository = with_snapshot()
    before = dict(contents(repository.backend))
    other = recovery_secret(create())
    with pytest.raises(RepositoryError, match="nothing at memory opens with this sheet") as refused:
        recover_quietly(repository.backend, other)
    assert "right disk" in refused.value.hint
    repository.backend.remove(CONFIG)
    with pytest.raises(RepositoryError, match="opens with this sheet"):
        recover_quietly(repository.backend, other)
    del before[CONFIG]
    assert contents(repository.backend) == before


def contents(backend: Backend) -> dict[str, bytes]:
    assert isinstance(backend, MemoryBackend)
    return backend.contents


def test_a_sheet_with_another_id_is_refused() -> None:
    repository = with_snapshot()
    secret = recovery_secret(repository)
    other = RecoverySecret(secret.keys, "ab" * 32, secret.polynomial)
    with pytest.raises(RepositoryError, match="the sheet is of repository ababababab"):
        recover_quietly(repository.backend, other)


def test_one_damaged_file_does_not_hide_that_the_sheet_fits() -> None:
    repository = with_snapshot()
    repository.backend.remove(CONFIG)
    (snapshot_id,) = repository.files(FileKind.SNAPSHOT)
    repository.backend.save(file_name(FileKind.SNAPSHOT, snapshot_id), bytes(100))
    assert recover_quietly(repository.backend, typed_from_paper(repository)).wrote_config


@pytest.mark.parametrize("fault", [Fault.STOP_BEFORE, Fault.STOP_AFTER])
@pytest.mark.parametrize("number", range(4))
def test_after_a_crash_recovering_again_goes_on(number: int, fault: Fault) -> None:
    repository = with_snapshot()
    secret = typed_from_paper(repository)
    inner = repository.backend
    inner.save(f"keys/{'0' * 64}", b"damaged")
    inner.save(CONFIG, b"damaged")
    with pytest.raises(Stopped):
        recover_quietly(FaultBackend(inner, fault_at(number, fault)), secret)
    recover_quietly(inner, secret)
    assert open_repository(inner, NEW).config == repository.config
