"""The certificate that this server shows, under each of its names.

Its dates are read where the facts go, as the standard library reads them of no certificate that it
does not trust.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import base64
import socket
import ssl
from typing import Any, Dict, Iterable, List, Tuple

from lpse_ops.agent.spsefacts.site import Page

_SECONDS = 5.0


def read_certificates(pages: Iterable[Page]) -> List[Dict[str, Any]]:
    return [_read(page) for page in pages]


def _read(page: Page) -> Dict[str, Any]:
    """``refused`` is why a client that knows only the host's authorities would not go on."""
    told: Dict[str, Any] = {"name": page.name, "address": page.address, "port": page.port}
    host, port = split_address(page.address, page.port)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    # Nothing is sent, nothing but the certificate is looked at.
    trusting.verify_mode = ssl.CERT_NONE
    try:
        shown = _shake_hands(trusting, host, port, page.name)
    except (OSError, ValueError) as error:
        return dict(told, trouble=str(getattr(error, "strerror", "") or error)[:200])
    told["der"] = base64.b64encode(shown).decode("ascii")
    try:
        strict = ssl.create_default_context(cafile=page.ca_file or None)
        _shake_hands(strict, host, port, page.name)
    except (OSError, ValueError) as error:
        told["refused"] = str(getattr(error, "verify_message", "") or error)[:200]
    return told


def _shake_hands(context: ssl.SSLContext, host: str, port: int, name: str) -> bytes:
    with socket.create_connection((host, port), _SECONDS) as line:
        line.settimeout(_SECONDS)
        with context.wrap_socket(line, server_hostname=name) as talk:
            return talk.getpeercert(binary_form=True) or b""


def split_address(address: str, port: int) -> Tuple[str, int]:
    """``HOST``, ``HOST:PORT`` or ``[IPv6]:PORT``."""
    host, colon, number = address.rpartition(":")
    if colon and number.isdigit() and (":" not in host or host.startswith("[")):
        return host.strip("[]"), int(number)
    return address.strip("[]"), port
