import contextlib
import json

import pytest
from hypothesis import given

from lpse_ops.backup.config import Config, encode_config, parse_config
from lpse_ops.backup.crypto import Crypter
from lpse_ops.errors import DamagedRepository
from tests.backup.cheap_repository import ID, KEYS, POLYNOMIAL
from tests.backup.hostile import FUZZ, deeply_nested, forged

CRYPTER = Crypter(KEYS)
PLAINTEXT = b'{"version":2,"id":"' + ID.encode() + b'","chunker_polynomial":"25b468838dcb75"}'


def test_golden_and_never_compressed() -> None:
    assert CRYPTER.open(encode_config(Config(ID, POLYNOMIAL), CRYPTER)) == PLAINTEXT


def test_a_config_comes_back() -> None:
    for version in (1, 2):
        config = Config(ID, POLYNOMIAL, version)
        assert parse_config(encode_config(config, CRYPTER), CRYPTER) == config


def test_unknown_fields_are_ignored() -> None:
    more = json.dumps({**json.loads(PLAINTEXT), "is_hot": True}).encode()
    assert parse_config(CRYPTER.seal(more), CRYPTER) == Config(ID, POLYNOMIAL)


@pytest.mark.parametrize("version", [0, 3, -1, 1 << 70])
def test_another_format_is_refused(version: int) -> None:
    with pytest.raises(DamagedRepository, match=f"format {version}") as refused:
        parse_config(encode_config(Config(ID, POLYNOMIAL, version), CRYPTER), CRYPTER)
    assert "newer restic" in refused.value.hint


@FUZZ
@given(forged(PLAINTEXT))
def test_a_forged_config_is_damage_or_possible(plaintext: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        config = parse_config(CRYPTER.seal(plaintext), CRYPTER)
        assert len(config.id) == 64
        assert config.version in (1, 2)


def test_noise_and_deep_nesting_are_damage() -> None:
    for stored in (b"", bytes(100), CRYPTER.seal(b"\x02zstd"), CRYPTER.seal(deeply_nested())):
        with pytest.raises(DamagedRepository, match="config file"):
            parse_config(stored, CRYPTER)
