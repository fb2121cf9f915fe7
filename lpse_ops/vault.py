"""Ansible Vault 1.1 and 1.2: secrets at rest that ``ansible-vault`` reads and writes as well.

Format: a header line, then lines of 80 hexadecimal digits; they spell the hexadecimal salt, HMAC
and ciphertext, one a line.  PBKDF2-HMAC-SHA256 with 10 000 rounds gives the AES-256-CTR key, the
HMAC key and the first counter block; the HMAC-SHA256 is over the ciphertext.
"""

import hashlib
import hmac
import os
import threading
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lpse_ops.errors import VaultError
from lpse_ops.marked import Origin, Sealed

HEADER = b"$ANSIBLE_VAULT"
DEFAULT_ID = "default"
# Ciphertext as it is stored, four times the plaintext.
MAX_BYTES = 256 * 1024 * 1024

_CIPHER = "AES256"
_ROUNDS = 10_000
_SALT_BYTES = 32
_BLOCK_BYTES = 16
_LINE = 80
# No label of a person is longer; a header without end is damage.
_MAX_HEADER = 512
_DAMAGED_HINT = "restore the file from a backup, or encrypt the value again"


@dataclass(frozen=True)
class VaultSecret:
    """A password and the vault id it is for."""

    vault_id: str
    password: bytes = field(repr=False)


@dataclass(frozen=True)
class Envelope:
    """A ciphertext taken apart; ``vault_id`` is ``default`` where the header names none."""

    version: str
    vault_id: str
    salt: bytes
    digest: bytes
    ciphertext: bytes


@dataclass(frozen=True)
class Opened:
    """A plaintext, and the secret that opened it."""

    plaintext: bytes = field(repr=False)
    secret: VaultSecret
    envelope: Envelope = field(repr=False)


def is_sealed(content: bytes) -> bool:
    """Tell whether a file is vault-encrypted as a whole."""
    return content.startswith(HEADER)


class Vault:
    """Opens and seals with a list of secrets; any thread may use it."""

    def __init__(self, secrets: Sequence[VaultSecret]) -> None:
        self._secrets = tuple(secrets)
        self._lock = threading.Lock()
        self._opened: dict[str, str] = {}
        self._revealed: frozenset[str] = frozenset()

    @property
    def secrets(self) -> tuple[VaultSecret, ...]:
        return self._secrets

    @property
    def revealed(self) -> frozenset[str]:
        """Every string that was revealed so far: what must not be printed."""
        return self._revealed

    def decrypt(self, ciphertext: bytes | str, where: Origin | str) -> bytes:
        """Return the plaintext; ``where`` is named in the VaultError if no secret opens it."""
        return self.open(ciphertext, where).plaintext

    def open(self, ciphertext: bytes | str, where: Origin | str) -> Opened:
        """Try the secrets with the label of the header first, then all the others in order."""
        envelope = parse_envelope(ciphertext, where)
        for secret in order_secrets(self._secrets, envelope.vault_id):
            plaintext = _open_with(secret.password, envelope, where)
            if plaintext is not None:
                return Opened(plaintext, secret, envelope)
        raise _nothing_opens(self._secrets, envelope.vault_id, where)

    def reveal(self, sealed: Sealed) -> str:
        """Return a ``!vault`` string; each ciphertext is opened once and then remembered."""
        known = self._opened.get(sealed.ciphertext)
        if known is not None:
            return known
        where = sealed.origin or "a vault-encrypted value"
        plaintext = self.decrypt(sealed.ciphertext, where)
        try:
            text = plaintext.decode()
        except UnicodeDecodeError:
            # Not "from": the error holds the plaintext.
            raise VaultError(
                f"{where}: the secret is not UTF-8 text", hint="keep it in a vault-encrypted file"
            ) from None
        with self._lock:
            self._opened[sealed.ciphertext] = text
            self._revealed |= {text}
        return text

    def conceal(self, texts: Iterable[str]) -> None:
        """Count these as revealed too: values of a file that was encrypted as a whole."""
        with self._lock:
            self._revealed |= frozenset(texts)

    def encrypt(self, plaintext: bytes, *, vault_id: str | None) -> bytes:
        """Seal with the secret of ``vault_id``; None will do while there is only one secret."""
        secret = choose_secret(self._secrets, vault_id)
        return seal(plaintext, secret.password, vault_id=secret.vault_id)


def order_secrets(secrets: Sequence[VaultSecret], vault_id: str) -> Iterator[VaultSecret]:
    yield from (secret for secret in secrets if secret.vault_id == vault_id)
    yield from (secret for secret in secrets if secret.vault_id != vault_id)


def choose_secret(secrets: Sequence[VaultSecret], vault_id: str | None) -> VaultSecret:
    """Return the secret to encrypt with; VaultError when it is missing or not clear which."""
    names = ", ".join(dict.fromkeys(secret.vault_id for secret in secrets))
    if not secrets:
        raise VaultError(
            "there is no vault secret to encrypt with",
            hint="give --vault-password-file FILE or --vault-id LABEL@FILE",
        )
    if vault_id is None:
        if len(secrets) > 1:
            raise VaultError(
                f"there are several vault ids: {names}",
                hint="say which one encrypts: --encrypt-vault-id LABEL",
            )
        return secrets[0]
    for secret in secrets:
        if secret.vault_id == vault_id:
            return secret
    raise VaultError(
        f"there is no secret for the vault id {vault_id!r}, only for {names}",
        hint=f"give --vault-id {vault_id}@FILE",
    )


def seal(plaintext: bytes, password: bytes, *, vault_id: str = DEFAULT_ID) -> bytes:
    """Return the plaintext as a vault file: version 1.1, or 1.2 when it carries a label."""
    check_label(vault_id)
    salt = os.urandom(_SALT_BYTES)
    cipher_key, mac_key, counter = _derive_keys(password, salt)
    pad = _BLOCK_BYTES - len(plaintext) % _BLOCK_BYTES
    ciphertext = _apply_cipher(cipher_key, counter, plaintext + bytes([pad]) * pad)
    digest = hmac.digest(mac_key, ciphertext, "sha256")
    inner = b"\n".join(part.hex().encode() for part in (salt, digest, ciphertext))
    body = inner.hex()
    label = "" if vault_id == DEFAULT_ID else f";{vault_id}"
    lines = [f"{HEADER.decode()};{'1.2' if label else '1.1'};{_CIPHER}{label}"]
    lines += (body[at : at + _LINE] for at in range(0, len(body), _LINE))
    return "\n".join([*lines, ""]).encode()


def check_label(vault_id: str) -> None:
    """Raise VaultError for a label that a header cannot carry."""
    if not vault_id.isprintable() or ";" in vault_id or vault_id != vault_id.strip():
        raise VaultError(
            f"{vault_id!r} cannot be a vault id", hint="use letters, digits, '-' and '_'"
        )


def parse_envelope(sealed: bytes | str, where: Origin | str) -> Envelope:
    """Take a vault text apart without opening it; VaultError where it is damaged."""
    raw = sealed.encode("utf-8", "surrogateescape") if isinstance(sealed, str) else sealed
    if len(raw) > MAX_BYTES:
        raise VaultError(
            f"{where}: larger than {MAX_BYTES >> 20} MiB", hint="is it the right file?"
        )
    header, _, body = raw.strip().partition(b"\n")
    version, vault_id = _parse_header(header, where)
    # A value that was indented keeps spaces, a file from elsewhere "\r".
    parts = _unhex(b"".join(body.split()), where).split(b"\n")
    if len(parts) != 3:
        raise _damaged(where, "it does not hold a salt, an HMAC and a ciphertext")
    salt, digest, ciphertext = (_unhex(part, where) for part in parts)
    if not salt or len(digest) != hashlib.sha256().digest_size or len(ciphertext) % _BLOCK_BYTES:
        raise _damaged(where, "a part of it is cut off")
    return Envelope(version, vault_id, salt, digest, ciphertext)


def _parse_header(header: bytes, where: Origin | str) -> tuple[str, str]:
    line = header[:_MAX_HEADER].decode("utf-8", "replace")
    mark, *fields = (part.strip() for part in line.split(";"))
    if mark != HEADER.decode() or len(fields) < 2:
        raise VaultError(
            f"{where}: not vault-encrypted, there is no $ANSIBLE_VAULT header",
            hint="is it plain text already? encrypt it with lpse-ops vault encrypt",
        )
    version, cipher = fields[:2]
    if version not in ("1.1", "1.2") or cipher != _CIPHER:
        raise VaultError(
            f"{where}: vault version {version!r} with cipher {cipher!r} is not supported",
            hint="rekey it with an ansible-vault that can read it",
        )
    return version, fields[2] if version == "1.2" and len(fields) > 2 else DEFAULT_ID


def _unhex(digits: bytes, where: Origin | str) -> bytes:
    try:
        return unhexlify(digits)
    except (HexError, ValueError) as error:
        raise _damaged(where, "not all of it is hexadecimal digits") from error


def _damaged(where: Origin | str, how: str) -> VaultError:
    return VaultError(f"{where}: damaged vault data: {how}", hint=_DAMAGED_HINT)


def _nothing_opens(
    secrets: Sequence[VaultSecret], vault_id: str, where: Origin | str
) -> VaultError:
    source = "FILE" if vault_id == DEFAULT_ID else f"{vault_id}@FILE"
    if not secrets:
        return VaultError(
            f"{where}: vault-encrypted, and no vault secret was given",
            hint=f"give --vault-id {source}, --vault-password-file FILE or --ask-vault-pass",
        )
    tried = ", ".join(dict.fromkeys(secret.vault_id for secret in secrets))
    return VaultError(
        f"{where}: no vault secret opens this (vault id {vault_id!r}, tried: {tried})",
        hint=f"check the password, or give another one with --vault-id {source}",
    )


def _open_with(password: bytes, envelope: Envelope, where: Origin | str) -> bytes | None:
    """Return the plaintext, or None when the password is another one."""
    cipher_key, mac_key, counter = _derive_keys(password, envelope.salt)
    digest = hmac.digest(mac_key, envelope.ciphertext, "sha256")
    if not hmac.compare_digest(digest, envelope.digest):
        return None
    padded = _apply_cipher(cipher_key, counter, envelope.ciphertext)
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= _BLOCK_BYTES or padded[-pad:] != bytes([pad]) * pad:
        raise _damaged(where, "its padding is wrong")
    return padded[:-pad]


def _apply_cipher(key: bytes, counter: bytes, content: bytes) -> bytes:
    """AES-256-CTR, which is its own inverse."""
    # Imported here, because most runs have nothing to open.
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    cipher = Cipher(AES(key), CTR(counter)).encryptor()
    return cipher.update(content) + cipher.finalize()


def _derive_keys(password: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    keys = hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 32 + 32 + _BLOCK_BYTES)
    return keys[:32], keys[32:64], keys[64:]
