import contextlib
import json
import stat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.node import Node, blob_id, decode_node, encode_node, go_mode, node_type
from tests.backup.hostile import FUZZ, odd_values

TIME = "2026-01-02T03:04:05.6+07:00"
ID = bytes(range(32))
HEX = ID.hex()
TIMES = f'"mtime":"{TIME}","atime":"{TIME}","ctime":"{TIME}"'

# Every type once, in the field order of restic's own encoder.
GOLDEN: dict[str, tuple[Node, str]] = {
    "file": (
        Node(
            b"A&B.pdf",
            "file",
            0o644,
            TIME,
            TIME,
            TIME,
            1000,
            100,
            "sari",
            "staf",
            42,
            2049,
            7,
            2,
            xattrs=((b"user.x", b"\0\xff"), (b"user.empty", b"")),
            content=(ID, ID),
        ),
        rf'{{"name":"A\u0026B.pdf","type":"file","mode":420,{TIMES},"uid":1000,"gid":100,'
        r'"user":"sari","group":"staf","inode":42,"device_id":2049,"size":7,"links":2,'
        r'"extended_attributes":[{"name":"user.x","value":"AP8="},{"name":"user.empty","value":""}],'
        rf'"content":["{HEX}","{HEX}"]}}',
    ),
    "empty file without mode, owner names, inode and links": (
        Node(b"e", "file", 0, TIME, TIME, TIME),
        f'{{"name":"e","type":"file",{TIMES},"uid":0,"gid":0,"content":[]}}',
    ),
    "dir": (
        Node(b"d", "dir", 2147484141, TIME, TIME, TIME, inode=1, device_id=2, subtree=ID),
        f'{{"name":"d","type":"dir","mode":2147484141,{TIMES},"uid":0,"gid":0,"inode":1,'
        f'"device_id":2,"content":null,"subtree":"{HEX}"}}',
    ),
    "symlink": (
        Node(
            b"l", "symlink", 134218239, TIME, TIME, TIME, links=1, link_target='a"&\u2028é'.encode()
        ),
        rf'{{"name":"l","type":"symlink","mode":134218239,{TIMES},"uid":0,"gid":0,"links":1,'
        r'"linktarget":"a\"\u0026\u2028é","content":null}',
    ),
    "symlink whose target is not UTF-8": (
        Node(b"l", "symlink", 134218239, TIME, TIME, TIME, links=1, link_target=b"a\xff"),
        rf'{{"name":"l","type":"symlink","mode":134218239,{TIMES},"uid":0,"gid":0,"links":1,'
        r'"linktarget":"a\ufffd","linktarget_raw":"Yf8=","content":null}',
    ),
    "dev": (
        Node(b"b", "dev", 67109248, TIME, TIME, TIME, links=1, device=2049),
        f'{{"name":"b","type":"dev","mode":67109248,{TIMES},"uid":0,"gid":0,"links":1,'
        f'"device":2049,"content":null}}',
    ),
    "chardev": (
        Node(b"c", "chardev", 69206416, TIME, TIME, TIME, links=1, device=259),
        f'{{"name":"c","type":"chardev","mode":69206416,{TIMES},"uid":0,"gid":0,"links":1,'
        f'"device":259,"content":null}}',
    ),
    "fifo": (
        Node(b"p", "fifo", 33554852, TIME, TIME, TIME),
        f'{{"name":"p","type":"fifo","mode":33554852,{TIMES},"uid":0,"gid":0,"content":null}}',
    ),
    "socket": (
        Node(b"s", "socket", 16777709, TIME, TIME, TIME),
        f'{{"name":"s","type":"socket","mode":16777709,{TIMES},"uid":0,"gid":0,"content":null}}',
    ),
}
FULL = json.loads(GOLDEN["file"][1])


@pytest.mark.parametrize(("node", "text"), GOLDEN.values(), ids=list(GOLDEN))
def test_golden_nodes(node: Node, text: str) -> None:
    assert encode_node(node) == text
    assert decode_node(json.loads(text)) == node


@pytest.mark.parametrize(
    ("st_mode", "kind", "mode"),
    [
        (stat.S_IFREG | 0o644, "file", 0o644),
        (stat.S_IFREG | 0o4755, "file", 8389101),
        (stat.S_IFREG | 0o2755, "file", 0o755 | 1 << 22),
        (stat.S_IFREG | 0o1644, "file", 0o644 | 1 << 20),
        (stat.S_IFDIR | 0o755, "dir", 2147484141),
        (stat.S_IFDIR | 0o1777, "dir", 1 << 31 | 1 << 20 | 0o777),
        (stat.S_IFLNK | 0o777, "symlink", 134218239),
        (stat.S_IFBLK | 0o660, "dev", 1 << 26 | 0o660),
        (stat.S_IFCHR | 0o620, "chardev", 1 << 26 | 1 << 21 | 0o620),
        (stat.S_IFIFO | 0o644, "fifo", 1 << 25 | 0o644),
        (stat.S_IFSOCK | 0o755, "socket", 1 << 24 | 0o755),
    ],
)
def test_modes_are_those_of_go(st_mode: int, kind: str, mode: int) -> None:
    assert (node_type(st_mode), go_mode(st_mode)) == (kind, mode)
    node = Node(b"x", kind, mode, TIME, TIME, TIME)
    assert node.permissions == stat.S_IMODE(st_mode)


def test_an_unknown_kind_of_file_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        node_type(0)


def test_times_in_nanoseconds() -> None:
    node = Node(b"x", "file", 0, "1970-01-01T07:00:01.5+07:00", "1970-01-01T00:00:00Z", TIME)
    assert (node.mtime_ns, node.atime_ns) == (1_500_000_000, 0)


def test_times_left_out_are_what_go_reads() -> None:
    node = decode_node({"name": "x", "type": "file"})
    assert {node.mtime, node.atime, node.ctime} == {"0001-01-01T00:00:00Z"}


names = st.binary(min_size=1, max_size=20).filter(
    lambda name: not set(b"/\0") & set(name) and name not in (b".", b"..")
)
numbers = st.integers(0, (1 << 64) - 1)
ids = st.lists(st.binary(min_size=32, max_size=32), max_size=3)
utf8 = st.text(st.characters(exclude_categories=["Cs"]))
xattrs = st.lists(st.tuples(utf8.map(str.encode), st.binary(max_size=20)), max_size=3)


@FUZZ
@given(names, ids, xattrs, numbers, numbers, numbers, utf8, st.binary(max_size=30))
def test_any_node_comes_back(
    name: bytes,
    content: list[bytes],
    attributes: list[tuple[bytes, bytes]],
    inode: int,
    device_id: int,
    size: int,
    user: str,
    target: bytes,
) -> None:
    node = Node(
        name, "file", 0o644, TIME, TIME, TIME, 1, 2, user, user, inode, device_id, size, 1,
        target, tuple(attributes), 0, tuple(content),
    )  # fmt: skip
    assert decode_node(json.loads(encode_node(node))) == node


@FUZZ
@given(
    st.sampled_from([*FULL, "subtree", "linktarget", "linktarget_raw", "device", "unknown"]),
    odd_values(),
)
def test_a_forged_node_is_refused_or_possible(field: str, value: Any) -> None:
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        node = decode_node({**FULL, field: value})
        assert node.name not in (b"", b".", b"..")
        assert b"/" not in node.name
        assert max(node.uid, node.gid, node.mode) < 1 << 32
        assert all(len(each) == 32 for each in node.content)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"name": ".."},
        {"name": "."},
        {"name": ""},
        {"name": "a\0"},
        {"name": r"\x2f"},
        {"name": r"\x2e\x2e"},
        {"name": r"\000"},
        {"type": "irregular"},
        {"type": ""},
        {"type": "dir"},
        {"subtree": HEX},
        {"content": [HEX[:-2]]},
        {"content": ["zz" * 32]},
        {"uid": 1 << 32},
        {"size": -1},
        {"size": 1.0},
        {"size": True},
        {"inode": 1 << 64},
        {"linktarget_raw": "not base64!"},
    ],
    ids=repr,
)
def test_impossible_nodes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode_node({**FULL, **change})


def test_blob_id_is_32_bytes() -> None:
    assert blob_id(HEX) == ID
    with pytest.raises(ValueError, match="wrong length"):
        blob_id(HEX + "00")
