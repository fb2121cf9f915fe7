"""The keyrings of keys that apt trusts: read, added to and taken from, without apt-key and gpg.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import glob
import os
from typing import List, NamedTuple, Optional

from lpse_ops.agent.context import Failed
from lpse_ops.agent.openpgp import Key, KeyProblem, armored, dearmored, read_keys, without_key
from lpse_ops.agent.replacing import write_atomically

_MODE = 0o644
_KEYBOX = b"KBXf"


class Keyrings(NamedTuple):
    """One keyring if there is a ``path``, else all that apt trusts in ``folder``."""

    path: Optional[str] = None
    folder: str = "/etc/apt"

    def paths(self) -> List[str]:
        """The files that there are, in the order in which apt reads them."""
        if self.path:
            return [self.path] if os.path.exists(self.path) else []
        main = os.path.join(self.folder, "trusted.gpg")
        parts = glob.escape(os.path.join(self.folder, "trusted.gpg.d"))
        found = [path for kind in ("gpg", "asc") for path in glob.glob(f"{parts}/*.{kind}")]
        return ([main] if os.path.exists(main) else []) + sorted(found)

    def read(self) -> List[Key]:
        """All keys and subkeys; ``Failed`` for a keyring that apt cannot use either."""
        return [key for path in self.paths() for key in read_keyring(path)]

    def add(self, content: bytes) -> None:
        """Put keys, armored or not, into the keyring that new ones go to."""
        path = self.path or os.path.join(self.folder, "trusted.gpg")
        old = _read(path) if os.path.exists(path) else b""
        _write(path, dearmored(old) + dearmored(content))

    def remove(self, long_id: str) -> None:
        """Take a primary key and its subkeys out; a file without any other key goes away."""
        for path in self.paths():
            if not any(key.is_primary and key.long_id == long_id for key in read_keyring(path)):
                continue
            left = without_key(_read(path), long_id)
            if left:
                _write(path, left)
            else:
                os.unlink(path)


def read_keyring(path: str) -> List[Key]:
    content = _read(path)
    if content[8:12] == _KEYBOX:
        raise Failed(
            f"{path} is a keybox, which apt cannot read; convert it with: "
            f"gpg --no-default-keyring --keyring {path} --export >NEW"
        )
    try:
        return read_keys(content)
    except KeyProblem as problem:
        raise Failed(f"cannot read {path}: {problem}") from problem


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error


def _write(path: str, raw: bytes) -> None:
    is_text = path.endswith(".asc")
    write_atomically(path, armored(raw) if is_text else raw, mode=_MODE, keeps=False)
