"""An empty repository whose password costs no scrypt time: restic opens it in milliseconds.

Only for tests that start the real restic many times; its keys are as weak as they look.
"""

import hashlib
from pathlib import Path

from lpse_ops.backup.config import Config, encode_config
from lpse_ops.backup.crypto import Crypter, Keys
from lpse_ops.backup.keyfile import ScryptCost, encode_key_file, seal_keys

PASSWORD = "cheap"
KEYS = Keys(bytes(range(1, 33)), bytes(range(33, 49)), bytes(range(49, 65)))
ID = "c0ffee" + 58 * "0"
POLYNOMIAL = 0x25B468838DCB75


def init_cheaply(root: Path) -> Path:
    """Make a repository at ``root`` that opens with ``PASSWORD``; return ``root``."""
    for name in ("data", "keys", "snapshots", "index", "locks"):
        (root / name).mkdir(parents=True)
    cost = ScryptCost(n=2, r=1, p=1)
    created = "2026-01-02T03:04:05Z"
    key = seal_keys(KEYS, PASSWORD, created=created, username="u", hostname="h", cost=cost)
    content = encode_key_file(key)
    (root / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    (root / "config").write_bytes(encode_config(Config(ID, POLYNOMIAL), Crypter(KEYS)))
    return root
