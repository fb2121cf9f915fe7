"""Filters that hash, and those that seal and open vault strings."""

import hashlib
import secrets
import string
from typing import Any

from jinja2 import pass_context

from lpse_ops.errors import OpsError
from lpse_ops.templating.crypt import sha256_crypt, sha512_crypt
from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.templating.filters.texts import to_text
from lpse_ops.vault import DEFAULT_ID, Vault, VaultSecret, is_sealed, seal

_CRYPTS = {"sha512": sha512_crypt, "sha256": sha256_crypt}
_SALT_CHARACTERS = string.ascii_letters + string.digits + "./"
_SALT_LENGTH = 16
_FILTER_VAULT_ID = "filter_default"


def digest(value: Any, hashtype: str = "sha1") -> str:
    try:
        algorithm = hashlib.new(hashtype, usedforsecurity=False)
    except ValueError:
        raise FilterProblem(f"hash: there is no algorithm {hashtype!r}") from None
    algorithm.update(to_text(value).encode("utf-8", "surrogateescape"))
    return algorithm.hexdigest()


def md5(value: Any) -> str:
    return digest(value, "md5")


def sha1(value: Any) -> str:
    return digest(value, "sha1")


# With the context only so that Jinja never takes the result for a constant.
@pass_context
def password_hash(
    _context: Any,
    password: Any,
    hashtype: str = "sha512",
    salt: str | None = None,
    salt_size: int | None = None,
    rounds: int | None = None,
    ident: str | None = None,
) -> str:
    """Hash a password as /etc/shadow wants it; a new salt each time unless one is given."""
    if ident is not None:
        raise FilterProblem("password_hash: ident goes with bcrypt only, which is not supported")
    if not isinstance(password, str):
        raise FilterProblem("password_hash needs a string")
    salt = _make_salt(salt_size) if salt is None else _check_salt(salt)
    return hash_password(password, hashtype, salt, rounds)


def hash_password(
    password: str, hashtype: str, salt: str | None = None, rounds: int | None = None
) -> str:
    """Hash a password; without a salt, with a new one."""
    name = hashtype.removesuffix("_crypt")
    if name not in _CRYPTS:
        known = ", ".join(_CRYPTS)
        raise FilterProblem(f"password_hash: {hashtype!r} is not supported, only {known}")
    return _CRYPTS[name](password.encode(), salt or _make_salt(None), rounds)


def _make_salt(size: int | None) -> str:
    return "".join(secrets.choice(_SALT_CHARACTERS) for _ in range(size or _SALT_LENGTH))


def _check_salt(salt: str) -> str:
    if not isinstance(salt, str) or set(salt) - set(_SALT_CHARACTERS):
        raise FilterProblem("password_hash: a salt is made of letters, digits, '.' and '/'")
    return salt


def vault(
    data: Any,
    secret: Any,
    salt: str | None = None,
    vault_id: str = _FILTER_VAULT_ID,
    wrap_object: bool = False,  # noqa: ARG001
) -> str:
    if salt is not None:
        raise FilterProblem("vault: a salt of one's own is not supported, leave it out")
    if not isinstance(data, str) or not isinstance(secret, str):
        raise FilterProblem("vault needs strings, for the data and for the secret")
    try:
        return seal(data.encode(), secret.encode(), vault_id=vault_id or DEFAULT_ID).decode()
    except OpsError as error:
        raise FilterProblem(f"vault: {error.message}") from None


def unvault(data: Any, secret: Any, vault_id: str = _FILTER_VAULT_ID) -> str:
    """Open a sealed string; one that is not sealed stays as it is."""
    if not isinstance(data, str) or not isinstance(secret, str):
        raise FilterProblem("unvault needs strings, for the data and for the secret")
    if not is_sealed(data.encode("utf-8", "surrogateescape")):
        return data
    try:
        opener = Vault([VaultSecret(vault_id, secret.encode())])
        return opener.decrypt(data, "unvault").decode()
    except (OpsError, UnicodeDecodeError):
        raise FilterProblem("unvault: this secret does not open it") from None


FILTERS = {
    "checksum": sha1,
    "hash": digest,
    "md5": md5,
    "password_hash": password_hash,
    "sha1": sha1,
    "unvault": unvault,
    "vault": vault,
}
