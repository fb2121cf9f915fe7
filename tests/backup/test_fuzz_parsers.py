"""No parser of bytes that come from storage does anything but parse them or say what is wrong.

One table; the modules' own tests say what is accepted.  ``OpsError`` is the only way out, within
a time and a memory that do not depend on what the bytes claim.
"""

import base64
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.config import Config, encode_config, parse_config
from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.gojson import go_quote, go_unquote
from lpse_ops.backup.gotime import parse_datetime, parse_ns
from lpse_ops.backup.indexfile import encode_index, parse_index
from lpse_ops.backup.keyfile import (
    ScryptCost,
    encode_key_file,
    open_keys,
    parse_key_file,
    seal_keys,
)
from lpse_ops.backup.lockfile import Lock, encode_lock, parse_lock
from lpse_ops.backup.node import encode_node
from lpse_ops.backup.pack import BlobType, PackEntry, encode_entry, parse_entries
from lpse_ops.backup.recovery import RecoverySecret, parse_sheet, render_code
from lpse_ops.backup.snapshot import Snapshot, encode_snapshot, parse_snapshot
from lpse_ops.backup.tree import encode_tree, parse_tree
from lpse_ops.backup.unpacked import decode_unpacked, encode_unpacked
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import KEYS, PASSWORD, POLYNOMIAL
from tests.backup.hostile import deeply_nested, forged
from tests.backup.repositories import NOON, dir_node, file_node, link_node

ID = hashlib.sha256(b"id").digest()
CRYPTER, COMPRESSOR = Crypter(KEYS), Compressor()
ENTRIES = [
    PackEntry(BlobType.DATA, ID, 0, 100, 200),
    PackEntry(BlobType.DATA, ID[::-1], 100, 50, 0),
    PackEntry(BlobType.TREE, ID, 150, 70, 71),
]
NODES = [
    dir_node(b"a", ID),
    file_node(b"b", [ID], size=5, links=2, inode=3, xattrs=((b"user.x", b"y"),), user="u"),
    link_node(b"c \xff", b"target \xff"),
]
KEY = encode_key_file(
    seal_keys(KEYS, PASSWORD, created="c", username="u", hostname="h", cost=ScryptCost(2, 1, 1))
)
SNAPSHOT = Snapshot(NOON, ID, ("/a",), "h", "u", 1, 2, ("x",), ("t",), "p", "o", "v", {"n": 1})


@dataclass(frozen=True)
class Parser:
    """``valid`` is something it reads; ``seal`` puts forged plaintext into what it reads."""

    parse: Callable[[bytes], Any]
    valid: bytes
    seal: Callable[[bytes], bytes] = bytes


def _open_key(content: bytes) -> Any:
    return open_keys(parse_key_file(content, "k" * 64), PASSWORD)


PARSERS = {
    "config": Parser(
        lambda content: parse_config(content, CRYPTER),
        CRYPTER.open(encode_config(Config(ID.hex(), POLYNOMIAL), CRYPTER)),
        CRYPTER.seal,
    ),
    "key": Parser(_open_key, KEY),
    "lock": Parser(
        lambda content: parse_lock(content, "l" * 64),
        encode_lock(Lock(NOON, True, "h", "u", 1, 2, 3)),
    ),
    "snapshot": Parser(
        lambda content: parse_snapshot(content, "s" * 64), encode_snapshot(SNAPSHOT)
    ),
    "index": Parser(
        lambda content: list(parse_index(content, "i" * 64)), encode_index([(ID, ENTRIES)])
    ),
    "tree": Parser(lambda content: parse_tree(content, ID), encode_tree(map(encode_node, NODES))),
}
every_parser = pytest.mark.parametrize("name", PARSERS)
LONG = settings(
    deadline=None,
    max_examples=400,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def refusal(parse: Callable[[], Any]) -> OpsError | None:
    """The error of a parser, or None if it read what it got; any other exception comes out."""
    try:
        parse()
    except OpsError as error:
        return error
    return None


def parse(parser: Parser, plaintext: bytes) -> None:
    refused = refusal(lambda: parser.parse(parser.seal(plaintext)))
    if refused is not None:
        assert refused.message
        assert any(word in refused.hint for word in ("lpse-ops", "restic", "copy"))


@every_parser
def test_the_valid_is_read(name: str):
    PARSERS[name].parse(PARSERS[name].seal(PARSERS[name].valid))


@every_parser
@LONG
@given(st.data())
def test_forged_json(name: str, data: st.DataObject):
    parse(PARSERS[name], data.draw(forged(PARSERS[name].valid)))


@every_parser
def test_flips_and_cuts_of_every_byte(name: str):
    parser = PARSERS[name]
    for position in range(len(parser.valid)):
        parse(parser, parser.valid[:position])
        for bit in (1, 4, 7):
            changed = bytearray(parser.valid)
            changed[position] ^= 1 << bit
            parse(parser, bytes(changed))


@every_parser
@pytest.mark.parametrize(
    "content",
    [
        deeply_nested(),
        b'{"a":' * 100_000,
        b'{"nodes":' + b"[" * 100_000,
        b'{"packs":' + b"[" * 100_000,
        b"1" * 100_000,
        b'{"time":1e999999999}',
        b"\xff\xfe{}",
        "\ufeff{}".encode(),
        json.dumps({"a": 1}).encode("utf-16"),
        b'{"a":1,"a":2}',
        b'{"nodes":{"a":1},"packs":{"a":1}}',
        b'{"nodes":"ab","packs":"ab"}',
        b"",
        b"null",
        b"NaN",
    ],
    ids=range(15),
)
def test_nonsense(name: str, content: bytes):
    parse(PARSERS[name], content)


@LONG
@given(st.binary(max_size=300))
def test_any_bytes_as_they_are_stored(content: bytes):
    for parser in PARSERS.values():
        refused = refusal(lambda parser=parser: parser.parse(content))
        # Bytes without a MAC are never read where there should be one.
        assert refused is not None or parser.seal is bytes


@LONG
@given(st.integers(0, 160), st.binary(max_size=80), st.booleans())
def test_pack_headers(position: int, change: bytes, replace: bool):
    valid = b"".join(map(encode_entry, ENTRIES))
    rest = valid[position + len(change) :] if replace else valid[position:]
    try:
        entries = parse_entries(valid[:position] + change + rest, "p" * 64)
    except OpsError:
        return
    assert b"".join(map(encode_entry, entries)) == valid[:position] + change + rest
    assert [entry.offset for entry in entries] == [
        sum(each.length for each in entries[:number]) for number in range(len(entries))
    ]


@LONG
@given(st.binary(max_size=200), st.integers(0, 3))
def test_unpacked_files(plaintext: bytes, kind: int):
    """The MAC is right in all of them: what is inside is anything."""
    frame = COMPRESSOR.compress(plaintext)
    inside = [plaintext, b"\x02" + plaintext, b"\x02" + frame + plaintext, b"\x02" + frame[:-1]]
    found: list[bytes] = []

    def read() -> None:
        found.append(decode_unpacked(CRYPTER.seal(inside[kind]), CRYPTER, COMPRESSOR, "it"))

    refused = refusal(read)
    if refused is not None:
        assert refused.message.startswith("it is")
    elif kind >= 2:
        assert found[0] in (plaintext, b"")


def test_unpacked_files_with_a_flip_anywhere():
    stored = encode_unpacked(b'{"a":1}' * 9, CRYPTER, COMPRESSOR)
    plaintext = CRYPTER.open(stored)
    for position in range(len(plaintext)):
        for bit in range(8):
            changed = bytearray(plaintext)
            changed[position] ^= 1 << bit
            try:
                content = decode_unpacked(CRYPTER.seal(changed), CRYPTER, COMPRESSOR, "it")
            except OpsError:
                continue
            assert len(content) < 1000


@LONG
@given(st.one_of(st.text(max_size=60), st.from_regex(r"[0-9T:.Z+-]{10,40}", fullmatch=True)))
def test_times(text: str):
    for parser in (parse_ns, parse_datetime):
        try:
            parser(text)
        except ValueError:
            continue


@LONG
@given(st.one_of(st.text(max_size=60), st.from_regex(r"(\\[abfnrtvxuU'\"0-7d]|.){0,30}")))
def test_names(text: str):
    try:
        name = go_unquote(text)
    except ValueError:
        return
    assert go_unquote(go_quote(name)) == name


CODE = render_code(RecoverySecret(KEYS, ID.hex(), POLYNOMIAL))


@LONG
@given(
    st.lists(
        st.one_of(st.sampled_from(CODE), st.text(max_size=30), st.from_regex(r"[0-9A-Z-]{16,24}")),
        max_size=14,
    ),
    st.randoms(use_true_random=False),
)
def test_recovery_sheets(lines: list[str], chance: random.Random):
    """Typed by hand, or forged: never a secret that is not on the sheet."""
    typed = list(CODE)
    for line in lines:
        typed[chance.randrange(len(typed))] = line
    for text in ("\n".join(typed), "\n".join(lines), "".join(typed)):
        found: list[RecoverySecret] = []
        refused = refusal(lambda text=text, found=found: found.append(parse_sheet(text)))
        if refused is not None:
            assert "lpse-ops" in refused.hint
        else:
            assert (found[0].keys, found[0].repository_id) == (KEYS, ID.hex())


def test_a_key_file_cannot_ask_for_all_memory_or_all_day():
    raw = json.loads(KEY)
    for cost in ({"N": 1 << 30}, {"r": 1 << 20}, {"p": 1 << 27}, {"N": 1 << 20, "r": 64}):
        with pytest.raises(OpsError, match="is damaged"):
            _open_key(json.dumps(raw | cost).encode())
    for salt in (b"", b"x" * 63, b"x" * 65):
        with pytest.raises(OpsError, match="is damaged"):
            _open_key(json.dumps(raw | {"salt": base64.b64encode(salt).decode()}).encode())
