"""What the log was at a moment: ``origin``, number of lines, Merkle root; signed, and kept.

The text has the shape of C2SP's tlog-checkpoint (origin, size, root in base64, a line each), the
root is RFC 6962's over the lines with their newlines, and the signature beside it is SSHSIG.
"""

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import LedgerError
from lpse_ops.ledgerfile import make_private_folder

NAMESPACE = "lpse-ops-ledger@v1"
_FILE = re.compile(r"([1-9][0-9]{0,15})\.txt")
_TEXT = re.compile(r"([A-Za-z0-9._-]{1,128})\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n")
# As it stands on paper: the hex digits in groups, perhaps on lines of their own.
_PAPER = re.compile(
    r"^([A-Za-z0-9._-]{1,128}) ([1-9][0-9]{0,15})((?:[ \t\n-]*[0-9A-Fa-f]{8}){8})\s*$",
    re.MULTILINE,
)
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def paper(self) -> str:
        """The same in a line that can be read aloud and typed."""
        digits = self.root.hex()
        groups = " ".join(digits[start : start + 8] for start in range(0, 64, 8))
        return f"{self.origin} {self.size} {groups}"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read exactly what ``Checkpoint.text`` gives, or ``ValueError``."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError("it is no checkpoint")
    return Checkpoint(match[1], int(match[2]), base64.b64decode(match[3]))


def find_checkpoints(text: str) -> list[Checkpoint]:
    """All checkpoints in a mail or in what was typed from paper, in either form."""
    lines = (re.sub(r"^[> \t]*", "", line).rstrip() for line in text.splitlines())
    plain = "\n".join(lines) + "\n"
    found = [parse_checkpoint(match[0]) for match in _TEXT.finditer(plain)]
    for match in _PAPER.finditer(plain):
        digits = re.sub(r"[^0-9A-Fa-f]", "", match[3])
        found.append(Checkpoint(match[1], int(match[2]), bytes.fromhex(digits)))
    return found


def load_checkpoints(path: Path) -> list[Checkpoint]:
    """The checkpoints in a file that somebody kept; ``LedgerError`` if there is none."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise LedgerError(
            f"cannot read the checkpoint {path}: {error.strerror}", hint="see --checkpoint FILE"
        ) from error
    if found := find_checkpoints(text):
        return found
    raise LedgerError(
        f"there is no checkpoint in {path}",
        hint="it is three lines (origin, number, root), or one: origin, number and 64 hex digits; "
        "lpse-ops log checkpoint prints both",
    )


class CheckpointFolder:
    """The checkpoints that were made here: ``SIZE.txt`` and ``SIZE.txt.sig``."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.folder = folder
        self._origin = origin

    def path(self, size: int) -> Path:
        return self.folder / f"{size}.txt"

    def signature_path(self, size: int) -> Path:
        return self.folder / f"{size}.txt.sig"

    def sizes(self) -> list[int]:
        """The sizes there are checkpoints of, smallest first."""
        try:
            names = [_FILE.fullmatch(name) for name in os.listdir(self.folder)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LedgerError(
                f"cannot read {self.folder}: {error.strerror}",
                hint=f"run as the user whose log it is: ls -ld {self.folder.parent}",
            ) from error
        return sorted(int(match[1]) for match in names if match)

    def load(self, size: int) -> Checkpoint:
        """Read one, or raise ``ValueError`` when it is not what its name says."""
        text = self.path(size).read_bytes()[:_MAX_BYTES].decode("utf-8", "replace")
        checkpoint = parse_checkpoint(text)
        if (checkpoint.origin, checkpoint.size) != (self._origin, size):
            raise ValueError(f"it is one of {checkpoint.origin}, {checkpoint.size} lines")
        return checkpoint

    def signature(self, size: int) -> str:
        """The armoured signature; empty when there is none."""
        try:
            content = self.signature_path(size).read_bytes()
        except FileNotFoundError:
            return ""
        return content[:_MAX_BYTES].decode("utf-8", "replace")

    def all(self) -> Iterator[Checkpoint]:
        """Every checkpoint, smallest first; ``LedgerError`` at one that is damaged."""
        yield from map(self._load, self.sizes())

    def newest(self) -> Checkpoint | None:
        """The largest; None when there is none."""
        size = max(self.sizes(), default=None)
        return None if size is None else self._load(size)

    def _load(self, size: int) -> Checkpoint:
        try:
            return self.load(size)
        except (OSError, ValueError) as error:
            raise LedgerError(
                f"{self.path(size)} is damaged: {error}",
                hint="lpse-ops log verify says what else is wrong",
            ) from error

    def save(self, checkpoint: Checkpoint, signature: str, key: str) -> None:
        """Keep a checkpoint; the signature is there before it is.

        ``allowed_signers`` beside the folder is for who verifies with ssh-keygen.
        """
        signers = self.folder.parent / "allowed_signers"
        try:
            make_private_folder(self.folder)
            _allow(signers, allowed_signer(self._origin, key))
            write_atomically(self.signature_path(checkpoint.size), signature.encode())
            write_atomically(self.path(checkpoint.size), checkpoint.text().encode())
        except OSError as error:
            raise LedgerError(
                f"cannot write into {self.folder}: {error.strerror}",
                hint=f"check the disk: df -h {self.folder}",
            ) from error


def _allow(signers: Path, line: str) -> None:
    """Keys that signed before stay: what they signed is still to be verified."""
    known = signers.read_text("utf-8", "replace") if signers.exists() else ""
    if line not in known:
        write_atomically(signers, (known + line).encode())


def allowed_signer(origin: str, key: str) -> str:
    """Return the line of an ``allowed_signers`` file that lets this key sign, and only this."""
    return f'{origin} namespaces="{NAMESPACE}" {key}\n'
