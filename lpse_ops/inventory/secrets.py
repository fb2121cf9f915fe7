"""Secrets among the values of an inventory: by the name they have, and by their shape."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lpse_ops.marked import Map, Origin, key_origin, origin_of
from lpse_ops.templating.embedded import is_template

# Last words of a name: db_password, apiToken, ansible_become_pass.
_LAST = re.compile(
    r"(?:^|_)(?:password|passwd|passwort|passphrase|pass|pwd|sandi|kata_sandi|secret|secrets"
    r"|token|apikey|api_key|secret_key|secret_access_key|private_key|psk|credential)s?_?\d*$"
)
# They end like one and say only how one is dealt with.
_HARMLESS = re.compile(
    r"^(?:update|no|with|without|ask|prompt|require|requires|force|generate|change|expire|lock"
    r"|permit|allow|use|enable|disable|has|is)_|_(?:key|public_key)_(?:type|id)$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Words that stand where a password could: choices of modules, or no password at all.
_WORD = re.compile(
    r"[!*]+(LK\*)?|x|always|on_create|present|absent|none|null|omit|true|false|yes|no|ask|prompt"
    r"|required|optional|disabled|enabled|vault",
    re.IGNORECASE,
)
# What is stored in place of a password, and gives it away to nobody soon: hashes, and what
# ansible-vault or sops encrypted.
_HASHED = re.compile(
    r"\$(?:[1256yaxb]|2[abxy]|argon2\w*|gy)\$|SCRAM-SHA-\d+\$|md5[0-9a-f]{32}$|\{SSHA"
    r"|\$ANSIBLE_VAULT;|ENC\[[A-Z0-9_]+,data:"
)
_FILE = re.compile(
    r"(?:~|\.{1,2})?/[^\s]*|[\w.-]+(?:/[\w.@-]+)+|[\w.-]+\.(?:key|pem|pass|password|txt|yml|yaml|json|crt|pub)"
)
_URL = r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@{}]{0,80}:(?P<secret>[^\s/:@{}]{1,200})@"
_KEY = r"-----BEGIN (?:[A-Z]+ ){0,4}PRIVATE KEY-----|PuTTY-User-Key-File-\d"
_SHAPES = tuple(
    (what, re.compile(pattern))
    for what, pattern in {
        "a private key": _KEY,
        "a password in an address": f"(?i:{_URL})",
        "a token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})",
        "a token of GitLab": r"\bglpat-[\w-]{20,}",
        "a token of Slack": r"\bxox[abprs]-[\w-]{10,}",
        "a key of Amazon": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        "a token of Telegram": r"\b[0-9]{8,10}:AA[\w-]{33}\b",
        "a signed token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    }.items()
)
_DEEPEST = 60
_LONGEST_LOOKED_AT = 200_000


class Secret(NamedTuple):
    """``what`` it is, in words that do not hold it."""

    what: str
    origin: Origin


def secrets_in(name: str, value: Any, origin: Origin) -> Iterator[Secret]:
    """The secrets in a variable; values inside of mappings and lists too."""
    yield from _look(name, value, origin, is_named=is_secret_name(name), depth=0)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: ``db_password``, never ``password_file``."""
    words = _CAMEL.sub("_", name[:200]).replace("-", "_").replace(" ", "_").lower()
    return bool(_LAST.search(words)) and not _HARMLESS.search(words)


def _look(name: str, value: Any, origin: Origin, *, is_named: bool, depth: int) -> Iterator[Secret]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        yield from _look_into(value, origin, is_named=is_named, depth=depth)
    elif isinstance(value, list):
        for each in value:
            place = origin_of(each) or origin
            yield from _look(name, each, place, is_named=is_named, depth=depth + 1)
    else:
        what = _what(name, value, is_named=is_named)
        if what:
            yield Secret(what, origin_of(value) or origin)


def _look_into(
    mapping: dict[Any, Any], origin: Origin, *, is_named: bool, depth: int
) -> Iterator[Secret]:
    for key, each in mapping.items():
        name = str(key)[:200] if isinstance(key, str) else "value"
        inner = is_secret_name(name) or (is_named and not _is_note(name))
        known = key_origin(mapping, name) if isinstance(mapping, Map) else None
        place = origin_of(each) or known or origin
        yield from _look(name, each, place, is_named=inner, depth=depth + 1)


def _is_note(name: str) -> bool:
    """What stands beside a secret in its mapping: whose it is, where it lies."""
    return bool(
        re.search(r"(^|_)(name|user|login|file|path|url|host|id|type|email)$", name.lower())
    )


def _what(name: str, value: Any, *, is_named: bool) -> str:
    if isinstance(value, str):
        if is_named and is_clear(value):
            return f"the secret {_shown(name)}"
        return _shape_of(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"the secret {_shown(name)}" if is_named and is_number else ""


def _shown(name: str) -> str:
    return repr(name[:60])


def is_clear(value: str) -> bool:
    """Whether a text is a secret itself: no template, no hash of one, no name of a file."""
    text = value.strip()
    if not text or _WORD.fullmatch(text) or is_template(text):
        return False
    return not (_HASHED.match(text) or _FILE.fullmatch(text[:4096]))


def _shape_of(value: str) -> str:
    for what, shape in _SHAPES:
        for found in shape.finditer(value[:_LONGEST_LOOKED_AT]):
            secret = found.groupdict().get("secret")
            if secret is None or is_clear(secret):
                return what
    return ""
