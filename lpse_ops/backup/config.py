"""The ``config`` file: format version, repository id and chunker polynomial.

Sealed under the master key, never compressed, in both format versions.
"""

import json
from dataclasses import dataclass

from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.node import blob_id
from lpse_ops.errors import DamagedRepository

FORMAT_VERSION = 2


@dataclass(frozen=True)
class Config:
    """``id`` is 64 hex digits; ``polynomial`` is restic's, which our chunker does not need."""

    id: str
    polynomial: int
    version: int = FORMAT_VERSION


def encode_config(config: Config, crypter: Crypter) -> bytes:
    fields = {
        "version": config.version,
        "id": config.id,
        "chunker_polynomial": f"{config.polynomial:x}",
    }
    return crypter.seal(json.dumps(fields, separators=(",", ":")).encode("ascii"))


def parse_config(stored: bytes, crypter: Crypter) -> Config:
    plaintext = crypter.open(stored, "the config file")
    try:
        raw = json.loads(plaintext)
        config = Config(
            id=blob_id(raw["id"]).hex(),
            polynomial=int(raw["chunker_polynomial"], 16),
            version=int(raw["version"]),
        )
    except MALFORMED as error:
        raise DamagedRepository(
            f"the config file cannot be read: {error}",
            hint="lpse-ops backup key recover writes a new one from the recovery sheet",
        ) from error
    if config.version not in (1, FORMAT_VERSION):
        raise DamagedRepository(
            f"the repository has format {config.version}; this version reads 1 and 2",
            hint="was it made by a newer restic? pip install --upgrade lpse-ops",
        )
    return config
