"""OpenSSH's ``known_hosts``: which host keys are trusted, by whom, and which never.

Plain and hashed names, ``[host]:port``, ``*``, ``?`` and ``!`` patterns, ``@cert-authority`` and
``@revoked``, as ``sshd(8)`` describes them.  A line that makes no sense is passed over, as there.
"""

import base64
import binascii
import enum
import fnmatch
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 22
MAX_BYTES = 16 * 1024 * 1024

_MARKERS = ("@cert-authority", "@revoked")
_HASHED = re.compile(r"\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)")


class Trust(enum.Enum):
    """What is known about a host key."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Entry:
    """One line: for which hosts (``names``) a public key stands, and where it was written."""

    marker: str
    names: str
    kind: str
    blob: bytes
    place: str


@dataclass(frozen=True)
class Verdict:
    """``entry`` is the line that decides, if one does."""

    trust: Trust
    entry: Entry | None = None


def lookup_names(host: str, port: int, alias: str = "") -> tuple[str, ...]:
    """The names under which a host is looked up, the exact one first, as OpenSSH does."""
    if alias:
        return (alias.lower(),)
    host = host.lower()
    return (host,) if port == DEFAULT_PORT else (f"[{host}]:{port}", host)


def load_known_hosts(paths: Iterable[Path]) -> list[Entry]:
    """Read several files; one that is missing or unreadable knows nobody."""
    entries: list[Entry] = []
    for path in paths:
        try:
            with path.open("rb") as stream:
                entries += parse_known_hosts(stream.read(MAX_BYTES), str(path))
        except OSError:
            continue
    return entries


def parse_known_hosts(content: bytes, name: str) -> Iterator[Entry]:
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or (marker and marker not in _MARKERS):
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        yield Entry(marker, words[0], words[1], blob, f"{name}:{number}")


def matches(names: str, name: str) -> bool:
    """Tell whether the names of a line are those of a host; a ``!`` pattern forbids."""
    hashed = _HASHED.fullmatch(names)
    if hashed:
        return _is_hash_of(hashed[1], hashed[2], name)
    found = False
    for pattern in names.lower().split(","):
        # Only * and ? mean something there; "[" is a part of "[host]:port".
        shown = pattern.removeprefix("!").replace("[", "[[]")
        if fnmatch.fnmatchcase(name, shown):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _is_hash_of(salt: str, digest: str, name: str) -> bool:
    try:
        made = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except binascii.Error:
        return False


def entries_for(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The lines that speak of a host under any of its names."""
    return [each for each in entries if any(matches(each.names, name) for name in names)]


def judge_key(entries: Sequence[Entry], names: Sequence[str], kind: str, blob: bytes) -> Verdict:
    """Say whether a host's plain key is trusted; ``entries`` is all that is known.

    A key that stands only under the name without the port is trusted too, but does not make
    another one changed.
    """
    about = entries_for(entries, names)
    for entry in about:
        if entry.marker == "@revoked" and entry.blob == blob:
            return Verdict(Trust.REVOKED, entry)
    exact = [each for each in about if not each.marker and matches(each.names, names[0])]
    for entry in (*exact, *(each for each in about if not each.marker)):
        if entry.blob == blob:
            return Verdict(Trust.TRUSTED, entry)
    changed = [each for each in exact if each.kind == kind] or exact
    return Verdict(Trust.CHANGED, changed[0]) if changed else Verdict(Trust.UNKNOWN)


def authorities_for(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The authorities whose certificates a host may show."""
    about = entries_for(entries, names)
    return [each for each in about if each.marker == "@cert-authority"]


def is_revoked(entries: Sequence[Entry], names: Sequence[str], blobs: Sequence[bytes]) -> bool:
    about = entries_for(entries, names)
    return any(each.marker == "@revoked" and each.blob in blobs for each in about)


def fingerprint(blob: bytes) -> str:
    """A key's fingerprint as ``ssh-keygen -l`` shows it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def render_line(name: str, kind: str, blob: bytes) -> str:
    """A line of ``known_hosts`` that trusts a key."""
    return f"{name} {kind} {base64.b64encode(blob).decode()}\n"
