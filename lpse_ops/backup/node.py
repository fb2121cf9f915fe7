"""One entry of a directory as a tree blob holds it.

spec/restic-format.md, section 10: field order, what is omitted, and Go's file modes, which are
not ``st_mode``.  Times stay the text that is stored, so that a re-encoded node keeps its bytes.
"""

import base64
import re
import stat
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lpse_ops.backup.gojson import go_unquote, json_escape, json_text, quote_name
from lpse_ops.backup.gotime import parse_ns

_TYPES = ("file", "dir", "symlink", "dev", "chardev", "fifo", "socket")
_TYPE_OF_FORMAT = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFBLK: "dev",
    stat.S_IFCHR: "chardev",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
_GO_FORMAT = {
    stat.S_IFREG: 0,
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}
_GO_SPECIAL = ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20))

_LIMIT_32 = 1 << 32
_LIMIT_64 = 1 << 64
_SURROGATES = re.compile("[\ud800-\udfff]")
# What Go reads when a time is left out.
NO_TIME = "0001-01-01T00:00:00Z"

XAttrs = tuple[tuple[bytes, bytes], ...]


class Node(NamedTuple):
    """Sizes in bytes; ``mode`` is Go's; ids are 32 raw bytes; zero or empty means absent."""

    name: bytes
    type: str
    mode: int
    mtime: str
    atime: str
    ctime: str
    uid: int = 0
    gid: int = 0
    user: str = ""
    group: str = ""
    inode: int = 0
    device_id: int = 0
    size: int = 0
    links: int = 0
    link_target: bytes = b""
    xattrs: XAttrs = ()
    device: int = 0
    content: tuple[bytes, ...] = ()
    subtree: bytes | None = None

    @property
    def mtime_ns(self) -> int:
        return parse_ns(self.mtime)

    @property
    def atime_ns(self) -> int:
        return parse_ns(self.atime)

    @property
    def permissions(self) -> int:
        """The bits that ``chmod`` takes: permissions, setuid, setgid, sticky."""
        special = sum(bit for bit, go_bit in _GO_SPECIAL if self.mode & go_bit)
        return self.mode & 0o777 | special


def node_type(st_mode: int) -> str:
    """The format's word for a kind of file; an unknown kind raises ``KeyError``."""
    return _TYPE_OF_FORMAT[stat.S_IFMT(st_mode)]


def go_mode(st_mode: int) -> int:
    """Go's ``FileMode`` for a ``st_mode``."""
    special = sum(go_bit for bit, go_bit in _GO_SPECIAL if st_mode & bit)
    return _GO_FORMAT[stat.S_IFMT(st_mode)] | special | st_mode & 0o777


def encode_node(node: Node) -> str:
    """JSON text of a node, byte for byte what restic writes."""
    head = encode_head(
        quote_name(node.name),
        node.type,
        node.mode,
        (node.mtime, node.atime, node.ctime),
        encode_owner(node.uid, node.gid, node.user, node.group),
        (node.inode, node.device_id, node.size, node.links),
    )
    return head + _rare_fields(node) + _content_fields(node) + "}"


def encode_head(
    quoted_name: str,
    kind: str,
    mode: int,
    times: tuple[str, str, str],
    owner: str,
    numbers: tuple[int, int, int, int],
) -> str:
    """The first fields of a node: times are mtime, atime, ctime; numbers as in ``Node``.

    Written for speed: an unchanged backup spends much of its time here.
    """
    inode, device_id, size, links = numbers
    text = f'{{"name":"{quoted_name}","type":"{kind}"'
    if mode:
        text += f',"mode":{mode}'
    text += f',"mtime":"{times[0]}","atime":"{times[1]}","ctime":"{times[2]}"{owner}'
    if inode:
        text += f',"inode":{inode}'
    if device_id:
        text += f',"device_id":{device_id}'
    if size:
        text += f',"size":{size}'
    return text + f',"links":{links}' if links else text


def encode_owner(uid: int, gid: int, user: str, group: str) -> str:
    text = f',"uid":{uid},"gid":{gid}'
    if user:
        text += f',"user":"{json_escape(user)}"'
    return text + f',"group":"{json_escape(group)}"' if group else text


def _rare_fields(node: Node) -> str:
    text = encode_link_target(node.link_target) + encode_xattrs(node.xattrs)
    return text + f',"device":{node.device}' if node.device else text


def encode_link_target(target: bytes) -> str:
    if not target:
        return ""
    text = f',"linktarget":{json_text(target)}'
    return text if _is_utf8(target) else text + f',"linktarget_raw":"{_base64(target)}"'


def encode_xattrs(xattrs: XAttrs) -> str:
    if not xattrs:
        return ""
    listed = ",".join(
        f'{{"name":{json_text(name)},"value":"{_base64(value)}"}}' for name, value in xattrs
    )
    return f',"extended_attributes":[{listed}]'


def _content_fields(node: Node) -> str:
    text = encode_content(node.content) if node.type == "file" else ',"content":null'
    return text + f',"subtree":"{node.subtree.hex()}"' if node.subtree else text


def encode_content(blob_ids: Sequence[bytes]) -> str:
    if not blob_ids:
        return ',"content":[]'
    return ',"content":["' + '","'.join([blob.hex() for blob in blob_ids]) + '"]'


def decode_node(raw: Mapping[str, Any]) -> Node:
    """A node from decoded JSON.  Raises ``ValueError``, ``TypeError`` or ``KeyError``."""
    kind = raw["type"]
    name = go_unquote(raw["name"])
    if kind not in _TYPES or name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise ValueError(f"impossible entry {name[:100]!r} of type {kind!r}")
    subtree = raw.get("subtree")
    if (kind == "dir") != (subtree is not None):
        raise ValueError(f"entry {name[:100]!r} has a wrong subtree")
    get = raw.get
    return Node(
        name,
        kind,
        _number(get("mode", 0), "mode", _LIMIT_32),
        _time(get("mtime", NO_TIME), "mtime"),
        _time(get("atime", NO_TIME), "atime"),
        _time(get("ctime", NO_TIME), "ctime"),
        _number(get("uid", 0), "uid", _LIMIT_32),
        _number(get("gid", 0), "gid", _LIMIT_32),
        _text(get("user", ""), "user"),
        _text(get("group", ""), "group"),
        _number(get("inode", 0), "inode"),
        _number(get("device_id", 0), "device_id"),
        _number(get("size", 0), "size"),
        _number(get("links", 0), "links"),
        _link_target(raw) if "linktarget" in raw or "linktarget_raw" in raw else b"",
        _xattrs(raw) if "extended_attributes" in raw else (),
        _number(get("device", 0), "device"),
        tuple(map(blob_id, get("content") or ())),
        None if subtree is None else blob_id(subtree),
    )


def blob_id(text: str) -> bytes:
    """32 bytes from 64 hex digits."""
    raw = bytes.fromhex(text)
    if len(raw) != 32:
        raise ValueError("an id has a wrong length")
    return raw


def _number(value: object, key: str, limit: int = _LIMIT_64) -> int:
    if type(value) is not int or not 0 <= value < limit:
        raise ValueError(f"{key} is not a number below {limit}")
    return value


def _text(value: object, key: str) -> str:
    """What Go reads: half of a surrogate pair is U+FFFD."""
    return _SURROGATES.sub("\ufffd", _any_text(value, key))


def _any_text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a string")
    return value


def _time(value: object, key: str) -> str:
    text = _any_text(value, key)
    parse_ns(text)
    return text


def _link_target(raw: Mapping[str, Any]) -> bytes:
    if raw.get("linktarget_raw"):
        return base64.b64decode(raw["linktarget_raw"], validate=True)
    return _any_text(raw.get("linktarget", ""), "linktarget").encode("utf-8", "surrogatepass")


def _xattrs(raw: Mapping[str, Any]) -> XAttrs:
    return tuple(
        (
            _text(each["name"], "the name of an attribute").encode(),
            base64.b64decode(each.get("value") or "", validate=True),
        )
        for each in raw.get("extended_attributes") or ()
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
