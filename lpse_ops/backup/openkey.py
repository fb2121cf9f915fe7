"""Opens a repository's master key with a password.

A module of its own, which imports little: the key takes a third of a second to work out, and
while that goes on in a thread the rest is imported.
"""

import contextlib
from typing import NamedTuple

from lpse_ops.backup.crypto import Keys
from lpse_ops.backup.keyfile import damaged_key, open_keys, parse_key_file
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import DamagedRepository, RepositoryMissing, StorageError, WrongPassword

# restic gives up after 20 as well.
_MAX_KEY_FILES = 20


class OpenedKey(NamedTuple):
    """The master key, and the id of the key file that held it; none if it came on paper."""

    keys: Keys
    id: str = ""


class KeyFiles(NamedTuple):
    """Ids in the order in which they are tried, and what is loaded already, by id."""

    ids: list[str]
    loaded: dict[str, bytes]


def ensure_exists(backend: Backend) -> None:
    if not backend.exists(CONFIG):
        raise RepositoryMissing(
            f"there is no repository at {backend.location}",
            hint="is the disk mounted? a new one is made with lpse-ops backup init --repo "
            f"{backend.location}",
        )


def find_key_files(backend: Backend) -> KeyFiles:
    """List them, and load the one that is tried first."""
    # In order of their ids, as restic tries them.
    ids = [file.id for file in backend.files(FileKind.KEY)][:_MAX_KEY_FILES]
    first: dict[str, bytes] = {}
    for key_id in ids[:1]:
        # Whoever tries it finds out what is wrong.
        with contextlib.suppress(StorageError):
            first[key_id] = backend.load(file_name(FileKind.KEY, key_id))
    return KeyFiles(ids, first)


def open_key(backend: Backend, password: str, found: KeyFiles | None = None) -> OpenedKey:
    """The first key file that opens, or ``WrongPassword``.

    A damaged one is passed over, and reported only if no other opens.
    """
    failure: DamagedRepository | StorageError | None = None
    ids, loaded = found or find_key_files(backend)
    for key_id in ids:
        try:
            content = loaded.get(key_id) or backend.load(file_name(FileKind.KEY, key_id))
            keys = _try_key_file(content, key_id, password)
        except (DamagedRepository, StorageError) as error:
            failure = error
            continue
        if keys is not None:
            return OpenedKey(keys, key_id)
    raise failure or WrongPassword(
        f"wrong password for the repository at {backend.location}",
        hint="check password_file in lpse-ops.yml, --password-file or LPSE_OPS_PASSWORD_FILE; "
        "lpse-ops backup key recover opens it with the recovery sheet",
    )


def _try_key_file(content: bytes, key_id: str, password: str) -> Keys | None:
    keys = open_keys(parse_key_file(content, key_id), password)
    # A flipped bit in the sealed part looks like a wrong password.
    if keys is None and stored_id(content) != key_id:
        raise damaged_key(key_id)
    return keys
