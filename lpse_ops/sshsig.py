"""Signatures as ``ssh-keygen -Y sign`` makes them (OpenSSH's PROTOCOL.sshsig), with Ed25519 keys.

Anyone verifies them without us:

    ssh-keygen -Y verify -f allowed_signers -I WHO -n NAMESPACE -s FILE.sig < FILE
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lpse_ops.errors import SignatureInvalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_TYPE = "ssh-ed25519"
_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = ("sha256", "sha512")
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_LINE = 70
_MAX_CHARACTERS = 16 << 10
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class Signature:
    """What an armoured signature says of itself; ``key`` is ``ssh-ed25519 AAAA...``."""

    key: str
    namespace: str
    hash_name: str
    signature: bytes


def sign(key: "Ed25519PrivateKey", message: bytes, namespace: str) -> str:
    """Return the armoured signature, with a newline at its end."""
    digest = hashlib.sha512(message).digest()
    signed = key.sign(_to_be_signed(digest, namespace, "sha512"))
    blob = b"".join(
        (
            _MAGIC,
            struct.pack(">I", _VERSION),
            _string(_key_blob(public_key(key))),
            _string(namespace.encode()),
            _string(b""),
            _string(b"sha512"),
            _string(_string(KEY_TYPE.encode()) + _string(signed)),
        )
    )
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def public_key(key: "Ed25519PrivateKey") -> str:
    """Return ``ssh-ed25519 AAAA...``, without a comment."""
    raw = key.public_key().public_bytes_raw()
    return f"{KEY_TYPE} {base64.b64encode(_string(KEY_TYPE.encode()) + _string(raw)).decode()}"


def verify(armoured: str, message: bytes, namespace: str) -> str:
    """Return the public key that signed the message, or raise ``SignatureInvalid``.

    Whose key that is, is for the caller to know.
    """
    hash_name = parse_signature(armoured).hash_name
    return verify_digest(armoured, hashlib.new(hash_name, message).digest(), namespace)


def verify_digest(armoured: str, digest: bytes, namespace: str) -> str:
    """The same for a message that is too large for memory: its digest, by the signature's hash."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    found = parse_signature(armoured)
    if found.namespace != namespace:
        raise _invalid(f"it was made for {found.namespace!r}, not for {namespace!r}")
    signer = Ed25519PublicKey.from_public_bytes(_raw_key(_key_blob(found.key)))
    try:
        signer.verify(found.signature, _to_be_signed(digest, namespace, found.hash_name))
    except InvalidSignature as error:
        raise _invalid("what it signs was changed") from error
    return found.key


def parse_signature(armoured: str) -> Signature:
    """Read what ``sign`` or ``ssh-keygen`` wrote, or raise ``SignatureInvalid``."""
    reader = _Reader(_unarmour(armoured))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise _invalid("it has another version")
    key_blob, namespace, _, hash_name, signature = (reader.string() for _ in range(5))
    reader.end()
    _raw_key(key_blob)
    inner = _Reader(signature)
    kind, signed = inner.string(), inner.string()
    inner.end()
    if kind != KEY_TYPE.encode() or len(signed) != _SIGNATURE_BYTES:
        raise _invalid("it is not one of Ed25519")
    if hash_name.decode("ascii", "replace") not in _HASHES:
        raise _invalid("it uses another hash than SHA-256 or SHA-512")
    return Signature(
        key=f"{KEY_TYPE} {base64.b64encode(key_blob).decode()}",
        namespace=namespace.decode("utf-8", "replace"),
        hash_name=hash_name.decode("ascii"),
        signature=signed,
    )


def _unarmour(armoured: str) -> bytes:
    lines = armoured.split("\n")
    if (
        len(armoured) > _MAX_CHARACTERS
        or lines[0] != _BEGIN
        or [line for line in lines if line][-1] != _END
    ):
        raise _invalid(f"it is not between {_BEGIN!r} and {_END!r}")
    body = "".join(line for line in lines[1:] if line and line != _END)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid("it is not base64") from error


def _to_be_signed(digest: bytes, namespace: str, hash_name: str) -> bytes:
    parts = (namespace.encode(), b"", hash_name.encode(), digest)
    return _MAGIC + b"".join(map(_string, parts))


def _key_blob(key: str) -> bytes:
    return base64.b64decode(key.split()[1])


def _raw_key(blob: bytes) -> bytes:
    reader = _Reader(blob)
    if reader.string() != KEY_TYPE.encode():
        raise _invalid("its key is not one of Ed25519")
    raw = reader.string()
    reader.end()
    if len(raw) != _KEY_BYTES:
        raise _invalid("its key is too short or too long")
    return raw


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


class _Reader:
    """Takes an SSH message apart; whatever is missing or left over is ``SignatureInvalid``."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def take(self, size: int) -> bytes:
        taken = self._content[self._position : self._position + size]
        if len(taken) != size:
            raise _invalid("it is cut off")
        self._position += size
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def end(self) -> None:
        if self._position != len(self._content):
            raise _invalid("something follows it")


def _invalid(why: str) -> SignatureInvalid:
    return SignatureInvalid(
        f"the signature is not valid: {why}",
        hint="compare with ssh-keygen -Y check-novalidate -n NAMESPACE -s FILE.sig < FILE",
    )
