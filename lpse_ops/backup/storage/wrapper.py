"""A backend around another one, which does what that one does.

The base of those that retry, limit, keep, count or refuse: each overrides only what it changes,
and passes the contract of ``Backend`` as the one inside does.
"""

from collections.abc import Iterator

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile


class BackendWrapper:
    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    @property
    def location(self) -> str:
        return self._inner.location

    def prepare(self) -> None:
        self._inner.prepare()

    def exists(self, name: str) -> bool:
        return self._inner.exists(name)

    def save(self, name: str, content: Buffer) -> None:
        self._inner.save(name, content)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._inner.load(name, offset, length)

    def remove(self, name: str) -> None:
        self._inner.remove(name)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        return self._inner.files(kind)

    def remove_junk(self) -> None:
        self._inner.remove_junk()
