"""A repository in memory: for tests and for wrappers to stand on."""

from collections.abc import Iterator

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import FileKind, StoredFile, file_name, is_file_id
from lpse_ops.errors import FileMissing


class MemoryBackend:
    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    @property
    def location(self) -> str:
        return "memory"

    def prepare(self) -> None:
        """Nothing to lay out."""

    def exists(self, name: str) -> bool:
        return name in self.contents

    def save(self, name: str, content: Buffer) -> None:
        self.contents[name] = bytes(content)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if name not in self.contents:
            raise missing(name)
        end = None if length is None else offset + length
        piece = self.contents[name][offset:end]
        if length is not None and len(piece) < length:
            raise too_short(name)
        return piece

    def remove(self, name: str) -> None:
        self.contents.pop(name, None)

    def remove_junk(self) -> None:
        """Nothing is ever half-written here."""

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        for name, content in sorted(self.contents.items()):
            last = name.rpartition("/")[2]
            if is_file_id(last) and name == file_name(kind, last):
                yield StoredFile(last, len(content))


def missing(name: str) -> FileMissing:
    return FileMissing(
        f"{name} is not in the repository",
        hint="run lpse-ops backup check; another copy of the repository may still have it",
    )


def too_short(name: str) -> FileMissing:
    return FileMissing(
        f"{name} is shorter than its index says",
        hint="run lpse-ops backup check --read-data; another copy of the repository may be whole",
    )
