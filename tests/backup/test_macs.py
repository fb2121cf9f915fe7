"""Tags of both libraries, of small and of large messages, and no place outside the buffer."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.poly1305 import Poly1305
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.macs import MAC_BYTES, Macs, OpensslMacs, SodiumMacs, open_macs

KEY = bytes(range(32))
KINDS = pytest.mark.parametrize("open_kind", [open_macs, OpensslMacs])
Open = Callable[[memoryview], Macs]


def test_libsodium_is_found_where_paramiko_is() -> None:
    assert isinstance(open_macs(memoryview(bytearray(100))), SodiumMacs)
    assert isinstance(open_macs(memoryview(bytes(100))), SodiumMacs)


OTHER_BUILDS = {
    "none": "sys.modules['nacl'] = None",
    "without a file": "pretend(None)",
    "a file that is gone": "pretend('/gone/_sodium.so')",
    "a library without libsodium": "pretend(_hashlib.__file__)",
}
WITHOUT_LIBSODIUM = """
import sys, types, _hashlib
from importlib.machinery import ModuleSpec
from lpse_ops.backup.macs import OpensslMacs, open_macs

def pretend(origin):
    sys.modules["nacl"] = types.ModuleType("nacl")
    sodium = sys.modules["nacl._sodium"] = types.ModuleType("nacl._sodium")
    sodium.__spec__ = ModuleSpec("nacl._sodium", None, origin=origin)

BUILD
macs = open_macs(memoryview(bytearray(100)))
macs.write(bytes(range(32)), 3, 50)
assert type(macs) is OpensslMacs and macs.match(bytes(range(32)), 3, 50)
"""


@pytest.mark.parametrize("build", OTHER_BUILDS.values(), ids=OTHER_BUILDS)
def test_without_libsodium_openssl_does_it(build: str) -> None:
    program = WITHOUT_LIBSODIUM.replace("BUILD", build)
    subprocess.run([sys.executable, "-c", program], check=True)


@given(st.binary(max_size=3000), st.binary(min_size=32, max_size=32), st.integers(0, 40))
def test_small_messages_get_the_tags_that_openssl_gives(
    message: bytes, key: bytes, start: int
) -> None:
    end = start + len(message)
    content = memoryview(bytearray(end + MAC_BYTES + 5))
    content[start:end] = message
    open_macs(content).write(key, start, end)
    assert content[end : end + MAC_BYTES] == Poly1305.generate_tag(key, message)
    assert content[start:end] == message
    assert not any(content[:start])
    assert not any(content[end + MAC_BYTES :])


@KINDS
@pytest.mark.parametrize("size", [0, 1, 16, 4095, 4096, 100_000])
def test_every_flipped_bit_is_found(open_kind: Open, size: int) -> None:
    content = memoryview(bytearray(3 + size + MAC_BYTES))
    macs = open_kind(content)
    macs.write(KEY, 3, 3 + size)
    assert macs.match(KEY, 3, 3 + size)
    assert not macs.match(bytes(32), 3, 3 + size)
    for place in {3 + size // 2, 3 + size, 3 + size + MAC_BYTES - 1}:
        content[place] ^= 0x80
        assert not macs.match(KEY, 3, 3 + size)
        content[place] ^= 0x80
    assert macs.match(KEY, 3, 3 + size)


@KINDS
def test_bytes_that_cannot_be_written_are_read(open_kind: Open) -> None:
    content = bytearray(64)
    OpensslMacs(memoryview(content)).write(KEY, 8, 48)
    assert open_kind(memoryview(bytes(content))).match(KEY, 8, 48)
    part = memoryview(b"before" + bytes(content))[6:]
    assert open_kind(part).match(KEY, 8, 48)


@KINDS
@pytest.mark.parametrize(
    ("start", "end"), [(-1, 10), (10, 9), (0, 85), (90, 100), (0, 1 << 40), (-(1 << 40), 0)]
)
def test_nothing_outside_the_buffer_is_looked_at(open_kind: Open, start: int, end: int) -> None:
    assert not open_kind(memoryview(bytearray(100))).match(KEY, start, end)


@pytest.mark.parametrize(("start", "end"), [(-1, 10), (10, 9), (0, 85), (0, 1 << 40)])
def test_nothing_outside_the_buffer_is_written(start: int, end: int) -> None:
    content = bytearray(100)
    with pytest.raises(ValueError, match="outside"):
        open_macs(memoryview(content)).write(KEY, start, end)
    assert not any(content)


def test_bytes_that_cannot_be_written_are_not() -> None:
    content = bytes(100)
    with pytest.raises(ValueError, match="outside"):
        open_macs(memoryview(content)).write(KEY, 0, 10)
    assert not any(content)


def test_a_buffer_without_an_address_is_left_to_openssl() -> None:
    assert isinstance(open_macs(memoryview(bytearray())), OpensslMacs)
    assert isinstance(open_macs(memoryview(bytes(64))[::-1]), OpensslMacs)


def test_a_buffer_may_go_once_its_macs_are_gone() -> None:
    content = bytearray(100)
    macs = open_macs(memoryview(content))
    macs.write(KEY, 0, 10)
    del macs
    content.clear()
