"""What a certificate of a web server says: for which names, from when, until when."""

import base64
import binascii
import ipaddress
import warnings
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Certificate:
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    is_self_signed: bool

    def fits(self, name: str) -> bool:
        """Whether it is for this host, by the rules of browsers (RFC 6125)."""
        wanted = name.lower().rstrip(".")
        first, _, rest = wanted.partition(".")
        return any(
            each == wanted or (each.startswith("*.") and bool(first) and each[2:] == rest)
            for each in self.names
        )


def parse_certificate(der: str) -> Certificate | None:
    """A certificate in base64; None if it is none."""
    try:
        raw = base64.b64decode(der, validate=True)
        if not 0 < len(raw) <= _MOST_BYTES:
            return None
        with warnings.catch_warnings():
            # About what others put into their certificates.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            found = x509.load_der_x509_certificate(raw)
            return Certificate(
                _names(found),
                found.not_valid_before_utc,
                found.not_valid_after_utc,
                found.issuer == found.subject,
            )
    except (binascii.Error, ValueError):
        return None


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    names = [each.lower() for each in extension.get_values_for_type(x509.DNSName)]
    addresses: list[ipaddress._IPAddressBase] = list(extension.get_values_for_type(x509.IPAddress))
    return (*names, *map(str, addresses))
