"""SHA-256-crypt and SHA-512-crypt: the ``$5$`` and ``$6$`` of /etc/shadow.

After the public specification of Ulrich Drepper (https://akkadia.org/drepper/SHA-crypt.txt).
Python 3.13 has no ``crypt`` module any more.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

DEFAULT_ROUNDS = 5000
MIN_ROUNDS, MAX_ROUNDS = 1000, 999_999_999
MAX_SALT = 16
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Digest = Callable[[bytes], bytes]


class _Scheme(NamedTuple):
    digest: Digest
    ident: str
    # Which bytes of the digest go into each group of four characters.
    groups: tuple[tuple[int, ...], ...]


def sha512_crypt(password: bytes, salt: str, rounds: int | None = None) -> str:
    return _crypt(_SHA512, password, salt, rounds)


def sha256_crypt(password: bytes, salt: str, rounds: int | None = None) -> str:
    return _crypt(_SHA256, password, salt, rounds)


def _crypt(scheme: _Scheme, password: bytes, salt: str, rounds: int | None) -> str:
    salt = salt[:MAX_SALT]
    count = DEFAULT_ROUNDS if rounds is None else min(max(rounds, MIN_ROUNDS), MAX_ROUNDS)
    spoken = "" if rounds is None else f"rounds={count}$"
    digest = _stretch(scheme.digest, password, salt.encode(), count)
    return f"${scheme.ident}${spoken}{salt}${_encode(digest, scheme.groups)}"


def _stretch(digest: Digest, password: bytes, salt: bytes, rounds: int) -> bytes:
    length = len(password)
    alternate = digest(password + salt + password)
    mixed = password + salt + _repeat(alternate, length)
    bits = length
    while bits:
        mixed += alternate if bits & 1 else password
        bits >>= 1
    result = digest(mixed)
    p_bytes = _repeat(digest(password * length), length)
    s_bytes = _repeat(digest(salt * (16 + result[0])), len(salt))
    for index in range(rounds):
        odd = index % 2
        message = p_bytes if odd else result
        message += s_bytes if index % 3 else b""
        message += p_bytes if index % 7 else b""
        message += result if odd else p_bytes
        result = digest(message)
    return result


def _repeat(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encode(digest: bytes, groups: tuple[tuple[int, ...], ...]) -> str:
    text = ""
    for group in groups:
        number = 0
        for index in group:
            number = number << 8 | digest[index]
        for _ in range(len(group) + 1):
            text += _ALPHABET[number & 63]
            number >>= 6
    return text


def _groups(size: int, step: int, first: tuple[int, int, int]) -> tuple[tuple[int, ...], ...]:
    """Triples as the specification lists them: each is the one before, turned and moved by one."""
    triples = []
    a, b, c = first
    for _ in range(size // 3):
        triples.append((a, b, c))
        a, b, c = (b + 1, c + 1, a + 1) if step == 1 else (c + 1, a + 1, b + 1)
    return tuple(triples)


_SHA512 = _Scheme(
    lambda data: hashlib.sha512(data).digest(), "6", (*_groups(64, 1, (0, 21, 42)), (63,))
)
_SHA256 = _Scheme(
    lambda data: hashlib.sha256(data).digest(), "5", (*_groups(32, 2, (0, 10, 20)), (31, 30))
)
