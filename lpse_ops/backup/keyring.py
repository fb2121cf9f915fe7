"""The passwords of a repository: list, add, remove, change, and recover from the paper sheet."""

import os
import pwd
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from lpse_ops.backup.config import Config, encode_config
from lpse_ops.backup.crypto import Crypter, Keys
from lpse_ops.backup.gotime import format_datetime
from lpse_ops.backup.keyfile import KeyFile, ScryptCost, parse_key_file, seal_keys
from lpse_ops.backup.polynomial import random_polynomial
from lpse_ops.backup.recovery import RecoverySecret
from lpse_ops.backup.repository import (
    Repository,
    init_repository,
    open_with_keys,
    save_key_file,
)
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import DamagedRepository, RepositoryError, UsageError


@dataclass(frozen=True)
class KeyOrigin:
    """Who makes a key file, and how dear it is to guess a password."""

    hostname: str
    username: str
    created: datetime
    cost: ScryptCost = field(default_factory=ScryptCost)


def this_origin(now: datetime, cost: ScryptCost | None = None) -> KeyOrigin:
    return KeyOrigin(socket.gethostname(), _user_name(), now, cost or ScryptCost())


def create_repository(backend: Backend, password: str, origin: KeyOrigin) -> Repository:
    """A new repository with a random id and a valid polynomial."""
    _refuse_empty(password)
    config = Config(id=os.urandom(32).hex(), polynomial=random_polynomial(os.urandom))
    return init_repository(backend, lambda keys: _seal(keys, password, origin), config)


def add_key(repository: Repository, password: str, origin: KeyOrigin) -> str:
    """One more password for the same master key; returns the new key's id."""
    _refuse_empty(password)
    return save_key_file(repository.backend, _seal(repository.keys, password, origin))


def remove_key(repository: Repository, prefix: str) -> str:
    """Remove a password; never the one in use, so that somebody can still get in."""
    ids = repository.files(FileKind.KEY)  # not key_files: one that is damaged can be removed, too
    matching = [key_id for key_id in ids if prefix and key_id.startswith(prefix)]
    if len(matching) != 1:
        raise RepositoryError(
            f"{len(matching)} keys begin with {prefix!r}",
            hint="lpse-ops backup key list shows the ids",
        )
    if matching[0] == repository.key_id:
        raise RepositoryError(
            "this is the key you opened the repository with",
            hint="open it with another password (--password-file) to remove this one, "
            "or change it: lpse-ops backup key passwd",
        )
    repository.remove(FileKind.KEY, matching[0])
    return matching[0]


def change_password(repository: Repository, password: str, origin: KeyOrigin) -> str:
    """Write the new key first, then remove the old: a crash leaves two ways in, never none."""
    old = repository.key_id
    new = add_key(repository, password, origin)
    # A disk that only said so must not cost the only way in.
    parse_key_file(repository.backend.load(file_name(FileKind.KEY, new)), new)
    if old:
        repository.remove(FileKind.KEY, old)
    repository.key_id = new
    return new


def recovery_secret(repository: Repository) -> RecoverySecret:
    """What the recovery sheet holds: enough to read everything when keys and config are lost."""
    return RecoverySecret(
        keys=repository.keys,
        repository_id=repository.config.id,
        polynomial=repository.config.polynomial,
    )


@dataclass(frozen=True)
class Recovered:
    """``removed`` are damaged key files, with which restic refuses the repository."""

    repository: Repository
    wrote_config: bool
    removed: tuple[str, ...]


def recover(
    backend: Backend,
    secret: RecoverySecret,
    password: str,
    origin: KeyOrigin,
    log: Callable[[str], None],
) -> Recovered:
    """Write a key file for ``password``, and ``config`` if it is lost, from the sheet alone."""
    _refuse_empty(password)
    keys = secret.keys
    wrote_config = not _opens_config(backend, keys)
    if wrote_config:
        _refuse_foreign(backend, keys)
    else:
        _refuse_other_repository(open_with_keys(backend, keys), secret)
    key_id = save_key_file(backend, _seal(keys, password, origin))
    removed = tuple(_remove_damaged_keys(backend, log))
    if wrote_config:
        config = Config(secret.repository_id, secret.polynomial)
        backend.remove(CONFIG)  # there may be a damaged one
        backend.save(CONFIG, encode_config(config, Crypter(keys)))
    repository = open_with_keys(backend, keys)
    repository.key_id = key_id
    return Recovered(repository, wrote_config, removed)


def _opens_config(backend: Backend, keys: Keys) -> bool:
    if not backend.exists(CONFIG):
        return False
    try:
        Crypter(keys).open(backend.load(CONFIG))
    except DamagedRepository:
        return False
    return True


def _refuse_other_repository(repository: Repository, secret: RecoverySecret) -> None:
    if repository.config.id != secret.repository_id:
        raise RepositoryError(
            f"the sheet is of repository {secret.repository_id[:10]}, "
            f"this one is {repository.config.id[:10]}",
            hint="take the sheet with this repository's id",
        )


def _refuse_foreign(backend: Backend, keys: Keys) -> None:
    """Where ``config`` does not, one file that opens proves that the sheet belongs here."""
    probe = Repository(backend, keys, Config("", 0))
    for kind in (FileKind.SNAPSHOT, FileKind.INDEX):
        for file in backend.files(kind):
            try:
                probe.load(kind, file.id)
            except DamagedRepository:
                continue
            return
    raise RepositoryError(
        f"nothing at {backend.location} opens with this sheet",
        hint="is this the right disk, and the sheet with the repository's id?",
    )


def _remove_damaged_keys(backend: Backend, log: Callable[[str], None]) -> list[str]:
    """restic refuses a repository with one key file that is not as its name says."""
    removed = []
    for file in list(backend.files(FileKind.KEY)):
        name = file_name(FileKind.KEY, file.id)
        if not _is_whole(backend.load(name), file.id):
            log(f"removing {name}: it is damaged")
            backend.remove(name)
            removed.append(file.id)
    return removed


def _is_whole(content: bytes, key_id: str) -> bool:
    try:
        parse_key_file(content, key_id)
    except DamagedRepository:
        return False
    return stored_id(content) == key_id


def _seal(keys: Keys, password: str, origin: KeyOrigin) -> KeyFile:
    return seal_keys(
        keys,
        password,
        created=format_datetime(origin.created),
        username=origin.username,
        hostname=origin.hostname,
        cost=origin.cost,
    )


def _refuse_empty(password: str) -> None:
    if not password:
        raise UsageError(
            "the password is empty",
            hint="write one into a file only you can read: "
            "(umask 077; openssl rand -base64 24 > backup.password)",
        )


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
