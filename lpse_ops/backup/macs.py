"""Poly1305 of envelopes that stand in one buffer, small ones without the price of a key object.

``cryptography`` makes an OpenSSL key for every message, which for a document of a kilobyte is ten
times the arithmetic.  libsodium does it in one call, and PyNaCl, which paramiko needs, brings it.
Large messages are OpenSSL's, whose arithmetic is quicker; so is everything where libsodium is not
found, or does not give the RFC's own answer.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.poly1305 import Poly1305

MAC_BYTES = 16
# From here on the quicker arithmetic outweighs the key object.
_LARGE_BYTES = 4096

# RFC 8439, section 2.5.2.
_RFC_KEY = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
_RFC_TEXT = b"Cryptographic Forum Research Group"
_RFC_TAG = bytes.fromhex("a8061dc1305136c6c22b8baf0c0127a9")

# libsodium's crypto_onetimeauth_poly1305 and ..._verify: tag, message, its length, key.
_Call = Callable[[int, int, int, bytes], int]


class Macs(Protocol):
    """Tags of one buffer; each stands behind its message.  Keys are 32 bytes, used once."""

    def write(self, key: bytes, start: int, end: int) -> None:
        """Write the tag of the bytes between two places to where they end."""
        ...

    def match(self, key: bytes, start: int, end: int) -> bool:
        """Whether the tag that stands where they end is theirs."""
        ...


def open_macs(content: memoryview) -> Macs:
    """For a contiguous buffer of bytes; to write tags it must be writable."""
    sodium, address = _find_sodium(), _address_of(content)
    if sodium is None or address is None:
        return OpensslMacs(content)
    return SodiumMacs(content, address, *sodium)


class OpensslMacs:
    def __init__(self, content: memoryview) -> None:
        self._content = content

    def write(self, key: bytes, start: int, end: int) -> None:
        tag = Poly1305.generate_tag(key, self._content[start:end])
        self._content[end : end + MAC_BYTES] = tag

    def match(self, key: bytes, start: int, end: int) -> bool:
        tag = bytes(self._content[end : end + MAC_BYTES])
        try:
            Poly1305.verify_tag(key, self._content[start:end], tag)
        except (InvalidSignature, ValueError):
            return False
        return True


class SodiumMacs:
    """Hands addresses over, so that no place outside the buffer may ever pass."""

    def __init__(
        self, content: memoryview, address: "_Address", authenticate: _Call, verify: _Call
    ) -> None:
        self._openssl = OpensslMacs(content)
        self._address = address
        self._start = address.value
        self._last = len(content) - MAC_BYTES
        self._writable = not content.readonly
        self._authenticate = authenticate
        self._verify = verify

    def write(self, key: bytes, start: int, end: int) -> None:
        if not 0 <= start <= end <= self._last or len(key) != 32 or not self._writable:
            raise ValueError("a tag outside its buffer")
        if end - start >= _LARGE_BYTES:
            self._openssl.write(key, start, end)
        else:
            self._authenticate(self._start + end, self._start + start, end - start, key)

    def match(self, key: bytes, start: int, end: int) -> bool:
        if not 0 <= start <= end <= self._last or len(key) != 32:
            return False
        if end - start >= _LARGE_BYTES:
            return self._openssl.match(key, start, end)
        return not self._verify(self._start + end, self._start + start, end - start, key)


class _Address:
    """Where a buffer lies; as long as this lives, it stays there."""

    def __init__(self, value: int, keeper: object) -> None:
        self.value = value
        self._keeper = keeper


def _address_of(content: memoryview) -> _Address | None:
    """None if Python does not tell: of nothing at all, or of a part of an immutable object."""
    if not content or not content.c_contiguous:
        return None
    if not content.readonly:
        anchor = ctypes.c_char.from_buffer(content)
        return _Address(ctypes.addressof(anchor), anchor)
    whole = content.obj
    if type(whole) is bytes and len(whole) == len(content):
        return _Address(ctypes.cast(ctypes.c_char_p(whole), ctypes.c_void_p).value or 0, whole)
    return None


@cache
def _find_sodium() -> tuple[_Call, _Call] | None:
    try:
        found = find_spec("nacl._sodium")
        if found is None or found.origin is None:
            return None
        library = ctypes.CDLL(found.origin)
        library.sodium_init()
        authenticate, verify = (
            _declare(library, "crypto_onetimeauth_poly1305"),
            _declare(library, "crypto_onetimeauth_poly1305_verify"),
        )
    except (ImportError, OSError, AttributeError, ValueError):
        return None
    return (authenticate, verify) if _is_right(authenticate, verify) else None


def _declare(library: ctypes.CDLL, name: str) -> _Call:
    # Without giving up the interpreter's lock: that would cost more than a small message.
    kind = ctypes.PYFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulonglong, ctypes.c_char_p
    )
    return kind((name, library))


def _is_right(authenticate: _Call, verify: _Call) -> bool:
    buffer = bytearray(_RFC_TEXT + bytes(MAC_BYTES))
    start = ctypes.addressof(anchor := ctypes.c_char.from_buffer(buffer))
    size = len(_RFC_TEXT)
    authenticate(start + size, start, size, _RFC_KEY)
    is_right = buffer[size:] == _RFC_TAG and not verify(start + size, start, size, _RFC_KEY)
    buffer[0] ^= 1
    is_right = is_right and verify(start + size, start, size, _RFC_KEY) != 0
    del anchor
    return is_right
