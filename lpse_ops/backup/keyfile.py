"""Key files: the master key, sealed under a key that scrypt makes from a password.

Plain JSON in ``keys/``; several of them mean several passwords for the same master key.
"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass

from lpse_ops.backup.crypto import OVERHEAD, Crypter, Keys, RandomBytes, keys_from_bytes
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.errors import DamagedRepository

SALT_BYTES = 64
_KEY_BYTES = 64
# scrypt would otherwise let a forged key file take all memory; restic stays below 60 MB.
_MAX_SCRYPT_BYTES = 1 << 29
# Some 20 seconds; restic takes half a second at most.
_MAX_SCRYPT_WORK = 1 << 26


@dataclass(frozen=True)
class ScryptCost:
    """scrypt's parameters: about 32 MB and a third of a second on a small server."""

    n: int = 32768
    r: int = 8
    p: int = 5

    @property
    def memory_bytes(self) -> int:
        return 128 * self.r * (self.n + self.p + 2)

    def is_sane(self) -> bool:
        """Whether a machine can be asked to work it out."""
        power_of_two = self.n > 1 and self.n & (self.n - 1) == 0
        return (
            power_of_two
            and min(self.r, self.p) >= 1
            and self.n.bit_length() <= 16 * self.r  # scrypt's own rule: n < 2 ** (16 r)
            and self.memory_bytes <= _MAX_SCRYPT_BYTES
            and self.n * self.r * self.p <= _MAX_SCRYPT_WORK
        )


@dataclass(frozen=True)
class KeyFile:
    """``created`` is RFC 3339 text; ``data`` the sealed master key."""

    created: str
    username: str
    hostname: str
    cost: ScryptCost
    salt: bytes
    data: bytes
    id: str = ""


def seal_keys(
    keys: Keys,
    password: str,
    *,
    created: str,
    username: str,
    hostname: str,
    cost: ScryptCost,
    random_bytes: RandomBytes = os.urandom,
) -> KeyFile:
    """A new key file that opens with ``password``."""
    salt = random_bytes(SALT_BYTES)
    master = {
        "mac": {"k": _base64(keys.mac_k), "r": _base64(keys.mac_r)},
        "encrypt": _base64(keys.encrypt),
    }
    crypter = Crypter(_user_keys(password, salt, cost))
    sealed = crypter.seal(json.dumps(master, separators=(",", ":")).encode("ascii"))
    return KeyFile(created, username, hostname, cost, salt, sealed)


def open_keys(key_file: KeyFile, password: str) -> Keys | None:
    """The master key, or None if the password is another's."""
    crypter = Crypter(_user_keys(password, key_file.salt, key_file.cost))
    try:
        plaintext = crypter.open(key_file.data)
    except DamagedRepository:
        return None
    try:
        raw = json.loads(plaintext)
        parts = (raw["encrypt"], raw["mac"]["k"], raw["mac"]["r"])
        return Keys(*(base64.b64decode(part, validate=True) for part in parts))
    except (*MALFORMED, DamagedRepository) as error:
        raise damaged_key(key_file.id) from error


def encode_key_file(key_file: KeyFile) -> bytes:
    fields = {
        "created": key_file.created,
        "username": key_file.username,
        "hostname": key_file.hostname,
        "kdf": "scrypt",
        "N": key_file.cost.n,
        "r": key_file.cost.r,
        "p": key_file.cost.p,
        "salt": _base64(key_file.salt),
        "data": _base64(key_file.data),
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def parse_key_file(content: bytes, key_id: str) -> KeyFile:
    """A key file from its JSON; one that is broken stops restic too, so it is named."""
    try:
        raw = json.loads(content)
        if raw["kdf"] != "scrypt":
            raise ValueError("unknown kdf")
        key_file = KeyFile(
            created=str(raw.get("created", "")),
            username=str(raw.get("username", "")),
            hostname=str(raw.get("hostname", "")),
            cost=ScryptCost(int(raw["N"]), int(raw["r"]), int(raw["p"])),
            salt=base64.b64decode(raw["salt"], validate=True),
            data=base64.b64decode(raw["data"], validate=True),
            id=key_id,
        )
        sizes_fit = len(key_file.salt) == SALT_BYTES and len(key_file.data) > OVERHEAD
        if not (sizes_fit and key_file.cost.is_sane()):
            raise ValueError("impossible parameters")
    except MALFORMED as error:
        raise damaged_key(key_id) from error
    return key_file


def _user_keys(password: str, salt: bytes, cost: ScryptCost) -> Keys:
    material = hashlib.scrypt(
        password.encode("utf-8", "surrogateescape"),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=2 * cost.memory_bytes,
        dklen=_KEY_BYTES,
    )
    return keys_from_bytes(material)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def damaged_key(key_id: str) -> DamagedRepository:
    return DamagedRepository(
        f"key file {key_id[:10]} is damaged",
        hint=f"put a good copy in its place, or remove it: lpse-ops backup key remove {key_id[:10]}"
        "; when no password opens the repository: lpse-ops backup key recover",
    )
