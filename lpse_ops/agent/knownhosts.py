"""Lines of a known_hosts file, see sshd(8): whose key, which key, and how names are hashed.

Runs on the managed host: standard library only, Python 3.6.  Finds what ``ssh-keygen -F`` finds and
hashes as ``ssh-keygen -H`` does, where there is no ssh-keygen as well.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
from typing import List, NamedTuple, Optional

_HASHED = "|1|"
_SALT_BYTES = 20


class Entry(NamedTuple):
    """A line; ``marker`` is ``@cert-authority``, ``@revoked`` or nothing."""

    marker: str
    hosts: str
    kind: str
    key: str
    comment: str = ""

    def is_of(self, host: str) -> bool:
        """Whether the line is about a host, as ssh sees it."""
        if self.hosts.startswith(_HASHED):
            return _is_hash_of(self.hosts, host)
        patterns = self.hosts.split(",")
        if any(each[:1] == "!" and _matches(each[1:], host) for each in patterns):
            return False
        return any(each[:1] != "!" and _matches(each, host) for each in patterns)

    def is_same(self, other: "Entry") -> bool:
        """Whether two lines say the same; two hashes of one host are never alike."""
        both_hashed = self.hosts.startswith(_HASHED) and other.hosts.startswith(_HASHED)
        is_same_host = both_hashed or self.hosts == other.hosts
        return is_same_host and self.key == other.key and self.is_like(other)

    def is_like(self, other: "Entry") -> bool:
        """Whether one takes the place of the other: a host has one key of a kind.

        There may be many authorities, and many keys that are revoked.
        """
        is_other_key = bool(self.marker) and self.key != other.key
        return (self.marker, self.kind) == (other.marker, other.kind) and not is_other_key

    def render(self) -> str:
        words = [self.marker, self.hosts, self.kind, self.key, self.comment]
        return " ".join(word for word in words if word) + "\n"


def parse_entry(line: str) -> Optional[Entry]:
    """The entry of a line; None for comments and what is no entry."""
    words = line.split(None, 4 if line.lstrip().startswith("@") else 3)
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3:
        return None
    return Entry(marker, words[0], words[1], words[2], words[3].strip() if words[3:] else "")


def hash_host(host: str, salt: Optional[bytes] = None) -> str:
    """The name as only who knows it can find it."""
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    digest = hmac.new(salt, host.encode("utf-8", "surrogateescape"), hashlib.sha1).digest()
    words = (base64.b64encode(part).decode("ascii") for part in (salt, digest))
    return _HASHED + "|".join(words)


def plan_present(lines: List[str], host: str, entry: Entry) -> List[str]:
    """Have the entry at the end, in place of another key of its kind, unless it is there."""
    for place, line in enumerate(lines):
        found = parse_entry(line)
        if found is None or not found.is_of(host):
            continue
        if entry.is_same(found):
            return lines
        if entry.is_like(found):
            return [*lines[:place], *lines[place + 1 :], entry.render()]
    return [*lines, entry.render()]


def plan_absent(lines: List[str], host: str, entry: Optional[Entry]) -> List[str]:
    """Leave out all entries of a host, or those that are as the one given."""
    return [line for line in lines if not _is_unwanted(parse_entry(line), host, entry)]


def _is_unwanted(found: Optional[Entry], host: str, entry: Optional[Entry]) -> bool:
    if found is None or not found.is_of(host):
        return False
    # Authorities and revoked keys are there for a reason that is not this host's: ssh-keygen -R.
    return not found.marker if entry is None else entry.is_like(found)


def _is_hash_of(hashed: str, host: str) -> bool:
    try:
        salt = base64.b64decode(hashed.split("|")[2], validate=True)
    except (IndexError, binascii.Error):
        return False
    return hmac.compare_digest(
        hash_host(host, salt).encode("ascii"), hashed.encode("utf-8", "surrogateescape")
    )


def _matches(pattern: str, host: str) -> bool:
    # Brackets are those of [host]:port here, and only * and ? mean something.
    plain = re.sub(r"\[", "[[]", pattern.lower())
    return fnmatch.fnmatchcase(host.lower(), plain)
