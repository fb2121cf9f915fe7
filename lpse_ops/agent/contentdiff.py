"""The part of a ``diff`` that shows a file's content: what is too large or binary only says so.

Runs on the managed host and on the controller: standard library only, Python 3.6.
"""

import os
from typing import Any, Dict, Optional

# Ansible's own limit: nobody reads a longer difference.
LIMIT_BYTES = 104448
_PROBE_BYTES = 8192


def before_of(path: str, header: Optional[str] = None) -> Dict[str, Any]:
    """The side ``before`` of a file on this host, called ``header`` or by its path."""
    try:
        size = os.path.getsize(path)
        if not size or not os.path.isfile(path):
            return {"before": ""}
        with open(path, "rb") as file:
            content = file.read(LIMIT_BYTES + 1 if size <= LIMIT_BYTES else _PROBE_BYTES)
    except OSError:
        return {"before": ""}
    if b"\0" in content[:_PROBE_BYTES]:
        return {"dst_binary": 1}
    if size > LIMIT_BYTES:
        return {"dst_larger": LIMIT_BYTES}
    return {"before_header": header or path, "before": text_of(content)}


def after_of(content: Optional[bytes], header: str) -> Dict[str, Any]:
    """The side ``after``; None is a content that is too large to look at."""
    if content is None or len(content) > LIMIT_BYTES:
        return {"src_larger": LIMIT_BYTES}
    if b"\0" in content:
        return {"src_binary": 1}
    return {"after_header": header, "after": text_of(content)}


def text_of(content: bytes) -> str:
    """Bytes as text from which the same bytes can be made again."""
    return content.decode("utf-8", "surrogateescape")
