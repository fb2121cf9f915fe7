"""Which values of ``application.conf`` nobody may see.

Known keys (domain.md b.1) are ``db`` with its ``postgres://user:pwd@host``, ``securedb`` and
``db.pass``; all that sound like a secret or look like one are taken for one, too.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from lpse_ops.masking import MASK

_KEY = re.compile(
    r"pass|pwd|secret|secure|token|credential|private|salt|sandi|kunci|signature|auth|"
    r"api[._-]?key|(?:^|[._-])(?:db|key|pin|otp)$",
    re.IGNORECASE,
)
_USER_INFORMATION = re.compile(r"://([^/\s@:]*):([^/\s]*)@")
_PARAMETER = re.compile(r"(?:pass\w*|pwd|secret|token|key)=([^&;\s]+)", re.IGNORECASE)
_ARMOUR = re.compile(r"-----BEGIN |^ENC\(", re.IGNORECASE)
# Keys and digests in hex or base64 have no spaces, dots or colons.
_LOOKS_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/_-]{24,}={0,2}")


def is_secret(key: str, value: str) -> bool:
    """Whether a value must be masked, by its key or by its look."""
    return bool(
        _KEY.search(key)
        or _USER_INFORMATION.search(value)
        or _PARAMETER.search(value)
        or _ARMOUR.search(value)
        or _LOOKS_RANDOM.fullmatch(value)
    )


def show_value(key: str, value: str | None) -> str | None:
    """A value as it may be printed and logged; None where there is none."""
    if value is None:
        return None
    return MASK if value and is_secret(key, value) else value


def find_secrets(values: Mapping[str, str]) -> frozenset[str]:
    """All that must be masked in other output, too: for ``masking.Masker``."""
    found: set[str] = set()
    for key, value in values.items():
        if not is_secret(key, value):
            continue
        found.add(value)
        found |= {match[2] for match in _USER_INFORMATION.finditer(value)}
        found |= {match[1] for match in _PARAMETER.finditer(value)}
    return frozenset(form for each in found for form in (each, unquote(each)) if form)
