"""Whether a password is the one that PostgreSQL keeps of a role: as SCRAM, MD5 or plain text.

Pure; Python 3.6, standard library only.
"""

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from typing import Optional

_SCRAM = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$")
_MD5_LENGTH = 35
# What a password may not hold, see RFC 4013, 2.3 and 2.5.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def is_scram(text: str) -> bool:
    return bool(_SCRAM.match(text))


def is_md5(text: str) -> bool:
    return text.startswith("md5") and len(text) == _MD5_LENGTH


def is_hash(text: str) -> bool:
    """Whether the server keeps a text as it is, because it is what it would make itself."""
    return is_scram(text) or is_md5(text)


def is_same(
    password: str, kept: Optional[str], role: str, *, encrypted: bool, server_makes: str
) -> bool:
    """Whether ``kept`` came from the password; an empty password is that nothing is kept.

    ``server_makes`` is the server's ``password_encryption``: an MD5 hash where it would make
    another one is not the same, so that the next run replaces it.
    """
    if password == "" or kept is None:
        return (password == "") == (kept is None)
    if is_scram(password):
        return password == kept
    if is_scram(kept):
        return fits_scram(password, kept)
    if is_md5(password) or not encrypted:
        return password == kept
    return server_makes != "scram-sha-256" and md5_of(password, role) == kept


def md5_of(password: str, role: str) -> str:
    text = (password + role).encode("utf-8", "surrogateescape")
    return "md5" + hashlib.md5(text).hexdigest()


def fits_scram(password: str, verifier: str) -> bool:
    """Whether the server would take the password, see RFC 5802, section 3."""
    match = _SCRAM.match(verifier)
    if not match:
        return False
    try:
        salt, server_key = (base64.b64decode(match.group(place)) for place in (2, 4))
    except (binascii.Error, ValueError):
        return False
    text = prepare(password).encode("utf-8", "surrogateescape")
    salted = hashlib.pbkdf2_hmac("sha256", text, salt, int(match.group(1)))
    return hmac.compare_digest(hmac.new(salted, b"Server Key", "sha256").digest(), server_key)


def prepare(password: str) -> str:
    """A password in the form that all clients agree on; what has none is used as it is."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if not prepared or any(check(char) for char in prepared for check in _PROHIBITED):
        return password
    return prepared if _has_one_direction(prepared) else password


def _has_one_direction(text: str) -> bool:
    if not any(stringprep.in_table_d1(char) for char in text):
        return True
    if any(stringprep.in_table_d2(char) for char in text):
        return False
    return stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
