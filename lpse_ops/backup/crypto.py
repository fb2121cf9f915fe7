"""The one envelope of the format: ``IV(16) || AES-256-CTR ciphertext || Poly1305-AES MAC(16)``.

restic's design document, "Keys, Encryption and MAC".  A ``Crypter`` keeps OpenSSL contexts between
calls, so each thread and each process has its own.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from lpse_ops.backup.macs import MAC_BYTES, Macs, open_macs
from lpse_ops.errors import DamagedRepository

IV_BYTES = 16
OVERHEAD = IV_BYTES + MAC_BYTES
_IV_BATCH = 256

Buffer = bytes | bytearray | memoryview


class RandomBytes(Protocol):
    """``os.urandom``, or known bytes in a test."""

    def __call__(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, repr=False)
class Keys:
    """AES-256 key (32 bytes), AES-128 key of the MAC (16 bytes) and Poly1305's r (16 bytes)."""

    encrypt: bytes
    mac_k: bytes
    mac_r: bytes

    def __post_init__(self) -> None:
        sizes = (len(self.encrypt), len(self.mac_k), len(self.mac_r))
        if sizes != (32, 16, 16) or not all(map(any, (self.encrypt, self.mac_k, self.mac_r))):
            raise DamagedRepository(
                "a key in the repository has a wrong size or is all zero",
                hint="try another copy of the repository, or lpse-ops backup key recover",
            )

    def to_bytes(self) -> bytes:
        """64 bytes: ``encrypt``, ``mac_k``, ``mac_r``, as scrypt's output is cut."""
        return self.encrypt + self.mac_k + self.mac_r


def keys_from_bytes(material: Buffer) -> Keys:
    """Cut 64 bytes into keys, the inverse of ``Keys.to_bytes``."""
    raw = bytes(material)
    return Keys(raw[:32], raw[32:48], raw[48:])


def random_keys(random_bytes: RandomBytes = os.urandom) -> Keys:
    return keys_from_bytes(random_bytes(64))


class Crypter:
    """Seals and opens envelopes under one set of keys.  Not for sharing between threads."""

    def __init__(self, keys: Keys, random_bytes: RandomBytes = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._mac_r = keys.mac_r
        self._mac_cipher = Cipher(
            algorithms.AES(keys.mac_k),
            modes.ECB(),  # noqa: S305 - one block: it is Poly1305-AES' own definition
        ).encryptor()
        # CTR is its own inverse: one context serves both directions.
        self._ctr = Cipher(algorithms.AES(keys.encrypt), modes.CTR(bytes(IV_BYTES))).encryptor()
        self._nonces: list[tuple[bytes, bytes]] = []
        self._pid = 0

    def _fresh_nonce(self) -> tuple[bytes, bytes]:
        """An IV never used before, with its Poly1305 key."""
        # A forked copy must not go on with the parent's IVs: CTR would give the key stream away.
        if not self._nonces or self._pid != os.getpid():
            self._pid = os.getpid()
            ivs = self._random_bytes(IV_BYTES * _IV_BATCH)
            pads = self._mac_cipher.update(ivs)
            cuts = [slice(i, i + IV_BYTES) for i in range(0, len(ivs), IV_BYTES)]
            self._nonces = [(ivs[cut], self._mac_r + pads[cut]) for cut in cuts if any(ivs[cut])]
        return self._nonces.pop()

    def seal(self, plaintext: Buffer) -> bytes:
        """Return the envelope of ``plaintext``."""
        iv, one_time_key = self._fresh_nonce()
        self._ctr.reset_nonce(iv)
        ciphertext = self._ctr.update(plaintext)
        return iv + ciphertext + Poly1305.generate_tag(one_time_key, ciphertext)

    def seal_into(self, content: memoryview, macs: Macs, start: int, plaintext: Buffer) -> int:
        """Write the envelope to a place in ``content``, whose ``macs`` these are.

        Returns its length in bytes.
        """
        iv, one_time_key = self._fresh_nonce()
        middle = start + IV_BYTES
        content[start:middle] = iv
        self._ctr.reset_nonce(iv)
        end = middle + self._ctr.update_into(plaintext, content[middle:])
        macs.write(one_time_key, middle, end)
        return end + MAC_BYTES - start

    def open(self, envelope: Buffer, what: str = "stored data") -> bytes:
        """Return the plaintext, or raise ``DamagedRepository`` naming ``what``."""
        view = memoryview(envelope)
        self._verify(view, what)
        return self._ctr.update(view[IV_BYTES:-MAC_BYTES])

    def open_into(self, target: memoryview, envelope: Buffer, what: str = "stored data") -> int:
        """Write the plaintext to the start of ``target``; return its length in bytes."""
        view = memoryview(envelope)
        self._verify(view, what)
        return self._ctr.update_into(view[IV_BYTES:-MAC_BYTES], target)

    def open_each(
        self, content: memoryview, spans: Sequence[tuple[int, int]], target: memoryview
    ) -> Iterator[memoryview | None]:
        """Plaintexts of the envelopes at ``(offset, length)``; None where the MAC does not match.

        Each plaintext stands at the start of ``target`` until the next is asked for.
        """
        # All one-time keys in one call: with small blobs the calls cost more than the AES.
        ivs = b"".join([content[offset : offset + IV_BYTES] for offset, _ in spans])
        if len(ivs) != IV_BYTES * len(spans):
            # Part of a block would stay in the cipher and spoil every later MAC.
            raise _damaged("a pack that is shorter than its index says")
        pads = self._mac_cipher.update(ivs)
        match, mac_r, ctr = open_macs(content).match, self._mac_r, self._ctr
        position = 0
        for offset, length in spans:
            iv, pad = ivs[position : position + IV_BYTES], pads[position : position + IV_BYTES]
            position += IV_BYTES
            start, end = offset + IV_BYTES, offset + length - MAC_BYTES
            if not any(iv) or not match(mac_r + pad, start, end):
                yield None
                continue
            ctr.reset_nonce(iv)
            yield target[: ctr.update_into(content[start:end], target)]

    def _verify(self, view: memoryview, what: str) -> None:
        """Check length and MAC, and leave the cipher at the envelope's IV."""
        if len(view) < OVERHEAD or not any(view[:IV_BYTES]):
            raise _damaged(what)
        iv = bytes(view[:IV_BYTES])
        one_time_key = self._mac_r + self._mac_cipher.update(iv)
        tag = bytes(view[-MAC_BYTES:])
        try:
            Poly1305.verify_tag(one_time_key, view[IV_BYTES:-MAC_BYTES], tag)
        except InvalidSignature as error:
            raise _damaged(what) from error
        self._ctr.reset_nonce(iv)


def _damaged(what: str) -> DamagedRepository:
    return DamagedRepository(
        f"{what} is damaged: its MAC does not match",
        hint="run lpse-ops backup check --read-data, and keep the other copies of the repository",
    )
