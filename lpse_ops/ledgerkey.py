"""The key that signs checkpoints: an Ed25519 key of the controller, in OpenSSH's own format.

``key`` (0600) and ``key.pub`` lie beside the logs.  No managed server ever gets it.
"""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lpse_ops.atomicfile import sync_folder, write_atomically
from lpse_ops.errors import LedgerError
from lpse_ops.ledgercheckpoint import NAMESPACE, Checkpoint
from lpse_ops.ledgerfile import make_private_folder
from lpse_ops.sshsig import KEY_TYPE, public_key, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAX_BYTES = 1 << 20
_NAMESPACES = re.compile(r'namespaces="([^"]*)"')


def open_key(folder: Path) -> "Ed25519PrivateKey":
    """The key in a folder; one is made where there has never been any."""
    path = folder / "key"
    try:
        if not path.exists():
            _make_key(folder)
        return _load_key(path)
    except OSError as error:
        raise LedgerError(
            f"cannot use the key {path}: {error.strerror}",
            hint=f"check the disk and who owns it: ls -l {folder}",
        ) from error


def sign_checkpoint(key: "Ed25519PrivateKey", checkpoint: Checkpoint) -> str:
    return sign(key, checkpoint.text().encode(), NAMESPACE)


def load_public_key(folder: Path) -> str | None:
    """``ssh-ed25519 AAAA...`` of the key that signs here; None before its first use."""
    try:
        words = (folder / "key.pub").read_text("ascii", "replace").split()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(
            f"cannot read {folder / 'key.pub'}: {error.strerror}",
            hint=f"run as the user whose log it is: ls -ld {folder}",
        ) from error
    return " ".join(words[:2])


def load_allowed_signers(path: Path, origin: str) -> set[str]:
    """The Ed25519 keys that may sign for ``origin``; ``LedgerError`` for what we cannot judge."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise LedgerError(
            f"cannot read {path}: {error.strerror}", hint="see --allowed-signers FILE"
        ) from error
    keys: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            keys |= _signer(words, origin)
        except ValueError as error:
            raise LedgerError(
                f"{path}:{number}: {error}",
                hint=f'write it so: {origin} namespaces="{NAMESPACE}" ssh-ed25519 AAAA...',
            ) from error
    return keys


def _signer(words: list[str], origin: str) -> set[str]:
    """The key of a line, if it is for ``origin`` and for checkpoints."""
    principals, *rest = words
    options = ""
    if rest and "=" in rest[0] and not rest[0].startswith("ssh-"):
        options, *rest = rest
    if len(rest) < 2 or (options and not _NAMESPACES.fullmatch(options)):
        raise ValueError('this is no principal, perhaps namespaces="...", and a key')
    namespaces = _NAMESPACES.fullmatch(options)
    if namespaces and NAMESPACE not in namespaces[1].split(","):
        return set()
    if origin not in principals.split(",") or rest[0] != KEY_TYPE:
        return set()
    return {" ".join(rest[:2])}


def _make_key(folder: Path) -> None:
    """Whoever is first makes it; a key is never replaced."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    # In this order: whoever makes it now writes key.pub last.
    if (folder / "key.pub").exists() and not (folder / "key").exists():
        raise LedgerError(
            f"the key {folder / 'key'} is gone, but key.pub is there",
            hint="put it back from a backup; if it is lost for good, keep key.pub elsewhere for "
            "log verify --allowed-signers and move it away: then a new key is made",
        )
    make_private_folder(folder)
    made = Ed25519PrivateKey.generate()
    content = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    temporary = folder / f".key.{secrets.token_hex(8)}.tmp"
    write_atomically(temporary, content)
    try:
        # Unlike a rename, a link takes nobody's place.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, folder / "key")
    finally:
        temporary.unlink()
    sync_folder(folder)


def _load_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    with path.open("rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        content = stream.read(_MAX_BYTES)
    if stat.S_IMODE(mode) & 0o077:
        raise LedgerError(f"others may read the key {path}", hint=f"chmod 600 {path}")
    try:
        key = load_ssh_private_key(content, None)
    except (ValueError, TypeError) as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    known = path.with_name("key.pub")
    if not known.exists():
        write_atomically(known, f"{public_key(key)} lpse-ops-ledger\n".encode(), mode=0o644)
    return key


def _no_key(path: Path) -> LedgerError:
    return LedgerError(
        f"{path} is no Ed25519 key in OpenSSH's format without a passphrase",
        hint=f"put it back from a backup; ssh-keygen -l -f {path} says what it is",
    )
