"""JSON of trees and snapshots, changed in one place and otherwise kept as it was read.

What a newer program wrote into them, and nanoseconds, survive: nothing passes through our own
types.  Text comes out as Go's ``encoding/json`` writes it (spec/restic-format.md, section 10).
"""

import json
import re
from typing import Any, NoReturn

TREE_FIELDS = (
    *("name", "type", "mode", "mtime", "atime", "ctime", "uid", "gid", "user", "group"),
    *("inode", "device_id", "size", "links", "linktarget", "linktarget_raw"),
    *("extended_attributes", "generic_attributes", "device", "content", "subtree", "error"),
)
SNAPSHOT_FIELDS = (
    *("time", "parent", "tree", "paths", "hostname", "username", "uid", "gid", "excludes"),
    *("tags", "original", "program_version", "summary"),
)

Raw = dict[str, Any]

# Python writes these as they are; in JSON they stand in strings only.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_ESCAPES |= {"\u2028": "\\u2028", "\u2029": "\\u2029"}
_UNESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
# What Go writes for a byte that is no UTF-8, unlike U+FFFD itself, which it leaves as it is.
_REPLACED = re.compile(rb"(?<!\\)((?:\\\\)*)\\ufffd")


def parse_raw(text: bytes) -> Raw:
    """An object; raises one of ``gojson.MALFORMED``."""
    # As half a surrogate it stays apart from U+FFFD, and is written as it was read.
    marked = _REPLACED.sub(rb"\1\\udfff", text) if b"\\ufffd" in text else text
    # What is no UTF-8 reads as in Go.
    value = json.loads(marked.decode("utf-8", "replace"), parse_constant=_refuse)
    if type(value) is not dict:
        raise TypeError("not a JSON object")
    return value


def encode_raw(raw: Raw) -> bytes:
    text = json.dumps(raw, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNESCAPED.sub(lambda found: _ESCAPES.get(found[0], "\\ufffd"), text).encode("utf-8")


def with_field(raw: Raw, name: str, value: object, order: tuple[str, ...]) -> Raw:
    """A copy with one field set, at its place in ``order``; None leaves the field out."""
    if value is None or name in raw:
        return {
            key: value if key == name else old
            for key, old in raw.items()
            if key != name or value is not None
        }
    later = set(order[order.index(name) + 1 :])
    changed: Raw = {}
    for key, old in raw.items():
        if key in later and name not in changed:
            changed[name] = value
        changed[key] = old
    changed.setdefault(name, value)
    return changed


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
