"""OpenPGP public keys: their armor and their fingerprints, without gpg.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6 (RFC 4880
sections 4 to 6 and 12).  Nothing is verified here: apt does that.
"""

import base64
import binascii
import hashlib
import re
from typing import Iterator, List, NamedTuple, Tuple

_PUBLIC_KEY = 6
_SUBKEY = 14
_ARMOR = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(.*?)-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)
_NEW_FORMAT = 0x40
_VERSION_4 = 4
_VERSION_6 = 6


class KeyProblem(ValueError):
    """The text or the bytes are no public keys."""


class Key(NamedTuple):
    """A primary key or a subkey; ``fingerprint`` in upper case hex."""

    fingerprint: str
    is_primary: bool

    @property
    def long_id(self) -> str:
        """The 16 digits that apt-key shows."""
        # From version 5 on it is the other end.
        return self.fingerprint[-16:] if len(self.fingerprint) == 40 else self.fingerprint[:16]


def is_armored(content: bytes) -> bool:
    return _ARMOR.search(content) is not None


def dearmored(content: bytes) -> bytes:
    """The keys as gpg keeps them; bytes without armor stay as they are."""
    blocks = [_decode(found.group(1)) for found in _ARMOR.finditer(content)]
    return b"".join(blocks) if blocks else content


def read_keys(content: bytes) -> List[Key]:
    """All keys of a keyring, armored or not, each with its subkeys behind it."""
    keys = []
    for tag, body in _packets(dearmored(content)):
        if tag in (_PUBLIC_KEY, _SUBKEY):
            keys.append(Key(_fingerprint(body), tag == _PUBLIC_KEY))
    return keys


def without_key(content: bytes, long_id: str) -> bytes:
    """A keyring without the primary key of this id and all that belongs to it."""
    kept = []
    is_kept = True
    raw = dearmored(content)
    for start, end, tag, body in _places(raw):
        if tag == _PUBLIC_KEY:
            is_kept = Key(_fingerprint(body), True).long_id != long_id
        if is_kept:
            kept.append(raw[start:end])
    return b"".join(kept)


def _decode(block: bytes) -> bytes:
    """The bytes of a block of armor; headers end with an empty line, the checksum begins with =."""
    lines = [line.strip() for line in block.splitlines()]
    if b"" in lines:
        lines = lines[lines.index(b"") + 1 :]
    text = b"".join(line for line in lines if line and not line.startswith(b"="))
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyProblem(f"the armor of the key is damaged: {error}") from error


def _packets(raw: bytes) -> Iterator[Tuple[int, bytes]]:
    for _, _, tag, body in _places(raw):
        yield tag, body


def _places(raw: bytes) -> Iterator[Tuple[int, int, int, bytes]]:
    """Start, end, tag and body of each packet; ``KeyProblem`` for what is none."""
    at = 0
    while at < len(raw):
        start, header = at, raw[at]
        if not header & 0x80:
            raise KeyProblem("this is no OpenPGP key")
        try:
            size, at = _length(raw, at + 1, header)
        except IndexError:
            size = len(raw)
        if at > len(raw):
            raise KeyProblem("the key ends too early")
        body = raw[at : at + size]
        if len(body) < size:
            raise KeyProblem("the key ends too early")
        at += size
        tag = header & 0x3F if header & _NEW_FORMAT else header >> 2 & 0x0F
        yield start, at, tag, body


def _length(raw: bytes, at: int, header: int) -> Tuple[int, int]:
    """The length of a packet and where its body begins."""
    if not header & _NEW_FORMAT:
        octets = 1 << (header & 3)
        if octets == 8:
            raise KeyProblem("a packet of the key has no length")
        return int.from_bytes(raw[at : at + octets], "big"), at + octets
    first = raw[at]
    if first < 192:
        return first, at + 1
    if first < 224:
        return (first - 192 << 8) + raw[at + 1] + 192, at + 2
    if first == 255:
        return int.from_bytes(raw[at + 1 : at + 5], "big"), at + 5
    raise KeyProblem("a packet of the key comes in parts")


def _fingerprint(body: bytes) -> str:
    if not body:
        raise KeyProblem("a packet of the key is empty")
    version = body[0]
    if version <= _VERSION_4:
        prefix = b"\x99" + len(body).to_bytes(2, "big")
        return hashlib.sha1(prefix + body).hexdigest().upper()
    start = b"\x9b" if version == _VERSION_6 else b"\x9a"
    return hashlib.sha256(start + len(body).to_bytes(4, "big") + body).hexdigest().upper()


def armored(raw: bytes) -> bytes:
    """Keys as text, for files that apt takes for text by their name."""
    encoded = base64.b64encode(raw)
    lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
    checksum = b"=" + base64.b64encode(_crc24(raw).to_bytes(3, "big"))
    begin, end = (b"-----%s PGP PUBLIC KEY BLOCK-----" % word for word in (b"BEGIN", b"END"))
    return b"\n".join([begin, b"", *lines, checksum, end, b""])


def _crc24(raw: bytes) -> int:
    crc = 0xB704CE
    for octet in raw:
        crc ^= octet << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc
