import contextlib
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given

from lpse_ops.backup.crypto import OVERHEAD, Crypter, Keys, keys_from_bytes
from lpse_ops.backup.keyfile import (
    KeyFile,
    ScryptCost,
    encode_key_file,
    open_keys,
    parse_key_file,
    seal_keys,
)
from lpse_ops.errors import DamagedRepository
from tests.backup.cheap_repository import KEYS
from tests.backup.hostile import FUZZ, deeply_nested, forged

CHEAP = ScryptCost(2, 1, 1)


def make(password: str = "geheim", cost: ScryptCost = CHEAP) -> KeyFile:
    created = "2026-03-09T12:00:00+07:00"
    return seal_keys(KEYS, password, created=created, username="root", hostname="contoh", cost=cost)


VALID = encode_key_file(make())


def test_scrypt_known_answer() -> None:
    """The user key of the known answer opens what is sealed under that password and salt."""
    material = bytes.fromhex(
        "cc66e69192f15b74db1517365219cd3bbc9596c9d89742c0994c07731e4a8722"
        "5660816cdb814e9d9fb6d37480a6a772c7de7f285da1d924c3ea502395cf652a"
    )
    key_file = seal_keys(
        KEYS,
        "geheim",
        created="",
        username="",
        hostname="",
        cost=ScryptCost(16384, 8, 1),
        random_bytes=lambda size: bytes(range(size)),
    )
    assert key_file.salt == bytes(range(64))
    assert b'"encrypt"' in Crypter(keys_from_bytes(material)).open(key_file.data)


def test_the_password_opens_and_another_does_not() -> None:
    key_file = parse_key_file(encode_key_file(make("kata sandi é")), "x")
    assert open_keys(key_file, "kata sandi é") == KEYS
    assert open_keys(key_file, "kata sandi e") is None
    assert open_keys(key_file, "") is None


def test_a_password_may_hold_any_byte() -> None:
    password = b"\xff\xfe".decode("utf-8", "surrogateescape")
    assert open_keys(make(password), password) == KEYS


def test_fields_are_those_of_restic() -> None:
    raw = json.loads(VALID)
    assert list(raw) == ["created", "username", "hostname", "kdf", "N", "r", "p", "salt", "data"]
    assert (raw["kdf"], raw["N"], raw["r"], raw["p"]) == ("scrypt", 2, 1, 1)
    assert parse_key_file(VALID, "x").hostname == "contoh"


def test_two_key_files_of_one_password_have_their_own_salt() -> None:
    assert make().salt != make().salt


def test_the_usual_cost_is_within_what_restic_takes() -> None:
    assert ScryptCost().is_sane()
    assert ScryptCost().memory_bytes < 60_000_000


# Each is refused before scrypt is asked, which would fail or work for hours.
@pytest.mark.parametrize(
    "cost",
    [
        (0, 8, 1),
        (1, 8, 1),
        (-2, 8, 1),
        (32767, 8, 1),
        (32768, 0, 1),
        (32768, 8, 0),
        (32768, -8, -1),
        (1 << 30, 8, 1),
        (32768, 1 << 20, 1),
        (32768, 8, 1 << 24),
        (2, 1, 1 << 27),
        (2, 1 << 20, 4),
        (65536, 1, 1),
        (1 << 60, 1 << 60, 1 << 60),
        (float("inf"), 8, 1),
        (None, 8, 1),
    ],
)
def test_impossible_scrypt_parameters_are_damage(cost: tuple[Any, Any, Any]) -> None:
    n, r, p = cost
    content = json.dumps({**json.loads(VALID), "N": n, "r": r, "p": p}).encode()
    with pytest.raises(DamagedRepository, match="key file 0123456789 is damaged") as damage:
        parse_key_file(content, "0123456789abcdef")
    assert "key remove 0123456789" in damage.value.hint


@pytest.mark.parametrize(
    "cost",
    [
        ScryptCost(2, 1, 1),
        ScryptCost(32768, 1, 1),
        ScryptCost(2, 1, 1 << 16),
        ScryptCost(65536, 2, 1),
    ],
)
def test_every_sane_cost_can_be_worked_out(cost: ScryptCost) -> None:
    assert cost.is_sane()
    assert open_keys(make(cost=cost), "geheim") == KEYS


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": "argon2"},
        {"kdf": None},
        {"salt": "AAAA"},
        {"salt": "!"},
        {"salt": None},
        {"data": ""},
        {"data": "A" * 4 * (OVERHEAD // 3)},
        {"data": 5},
    ],
    ids=repr,
)
def test_a_malformed_key_file_is_damage(change: dict[str, Any]) -> None:
    with pytest.raises(DamagedRepository):
        parse_key_file(json.dumps({**json.loads(VALID), **change}).encode(), "x")


@FUZZ
@given(forged(VALID))
def test_a_forged_key_file_is_damage_or_can_be_tried(content: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        key_file = parse_key_file(content, "x")
        assert key_file.cost.is_sane()
        if key_file.cost.n * key_file.cost.r * key_file.cost.p < 10_000:
            assert open_keys(key_file, "geheim") in (None, KEYS)


def test_deep_nesting_is_damage() -> None:
    with pytest.raises(DamagedRepository):
        parse_key_file(deeply_nested(), "x")


@pytest.mark.parametrize(
    "master",
    [
        b"",
        b"[]",
        b'{"mac":{},"encrypt":""}',
        b'{"mac":{"k":"AA==","r":"AA=="},"encrypt":"AA=="}',
        b'{"mac":{"k":"%s","r":"%s"},"encrypt":"%s"}'
        % (b"A" * 22 + b"==", b"A" * 22 + b"==", b"A" * 43 + b"="),
        deeply_nested(1000),
    ],
)
def test_a_master_key_that_makes_no_sense_is_damage(master: bytes) -> None:
    key_file = make()
    user = hashlib.scrypt(b"geheim", salt=key_file.salt, n=2, r=1, p=1, dklen=64)
    sealed = Crypter(keys_from_bytes(user)).seal(master)
    forged_file = KeyFile("", "", "", CHEAP, key_file.salt, sealed, "x")
    with pytest.raises(DamagedRepository):
        open_keys(forged_file, "geheim")


def test_names_that_are_not_utf8_are_no_error() -> None:
    key_file = seal_keys(KEYS, "x", created="", username="a\udcff", hostname="", cost=CHEAP)
    assert parse_key_file(encode_key_file(key_file), "x").username == "a?"


def test_keys_have_their_sizes() -> None:
    assert isinstance(open_keys(make(), "geheim"), Keys)
