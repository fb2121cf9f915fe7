"""What the content at a URL should be: a checksum that the task names, or a list of the web.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import hashlib
import re
import urllib.parse
from typing import Callable, List, NamedTuple, Optional, Tuple

from lpse_ops.agent.context import Failed
from lpse_ops.agent.httprequest import mask_url, plain_name

_SCHEMES = ("http", "https", "ftp", "file")
# ``SHA256 (name) = digest`` of BSD, and ``digest *name`` of GNU.
_BSD_LINE = re.compile(r"\w+ ?\((.+)\) ?= ?([\w.]+)$")
_GNU_LINE = re.compile(r"([\w.]+)\s+\*?(.+)$")


class Checksum(NamedTuple):
    """A digest in hex that the content must have."""

    algorithm: str
    digest: str


def parse_checksum(text: str, url: str, read: Callable[[str], str]) -> Optional[Checksum]:
    """Read ``sha256:DIGEST`` or ``sha256:URL``; ``read`` gets the text at a URL.

    The list at a URL must have a line for the file that ``url`` names.
    """
    if not text:
        return None
    algorithm, colon, digest = text.partition(":")
    if not colon:
        raise Failed("The checksum parameter has to be in format <algorithm>:<checksum>")
    if urllib.parse.urlsplit(digest).scheme in _SCHEMES:
        digest = _find_digest(read(digest).splitlines(), url_filename(url), digest)
    digest = re.sub(r"\W+", "", digest).lower()
    if not re.match("[0-9a-f]+$", digest):
        raise Failed("The checksum format is invalid")
    try:
        hashlib.new(algorithm)
    except ValueError as error:
        text = "Could not hash file '{}' with algorithm '{}'. Available algorithms: {}"
        names = ", ".join(sorted(hashlib.algorithms_guaranteed))
        raise Failed(text.format(url_filename(url), algorithm, names)) from error
    return Checksum(algorithm, digest)


def parse_digest_lines(lines: List[str]) -> List[Tuple[str, str]]:
    """Names and digests of a list as ``sha256sum`` and its kin write it."""
    found = []
    for line in lines:
        bsd, gnu = _BSD_LINE.match(line), _GNU_LINE.match(line)
        if bsd:
            found.append((bsd.group(1), bsd.group(2)))
        elif gnu:
            found.append((gnu.group(2).lstrip("./"), gnu.group(1)))
    return found


def url_filename(url: str) -> str:
    """The name of the file that a URL is about."""
    return plain_name(urllib.parse.urlsplit(url).path) or "index.html"


def _find_digest(lines: List[str], name: str, url: str) -> str:
    if len(lines) == 1 and len(lines[0].split()) == 1:
        return lines[0]
    digests = [digest for each, digest in parse_digest_lines(lines) if each == name]
    if not digests:
        raise Failed(f"Unable to find a checksum for file '{name}' in '{mask_url(url)}'")
    return digests[0]
