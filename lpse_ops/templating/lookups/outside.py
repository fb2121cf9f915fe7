"""Lookups of what programs print and servers send: plain strings, never templates."""

import base64
import subprocess
from typing import Any

from lpse_ops.templating.lookups.call import LookupCall, LookupProblem

_MAX_BYTES = 64 * 1024 * 1024


def lines(call: LookupCall) -> list[Any]:
    """The lines that commands print."""
    return [line for term in call.terms for line in _run(str(term)).splitlines()]


def pipe(call: LookupCall) -> list[Any]:
    """What commands print, without the newline at the end."""
    return [_run(str(term)).rstrip() for term in call.terms]


def _run(command: str) -> str:
    # A shell on purpose: that is what these lookups are for; the text is the site's own.
    done = subprocess.run(  # noqa: S602
        command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        # Not the command: a secret may be in it.
        raise LookupProblem(f"the command ended with status {done.returncode}")
    return done.stdout.decode("utf-8", "surrogateescape")


_URL_OPTIONS = ("validate_certs", "split_lines", "headers", "timeout", "username", "password")


def url(call: LookupCall) -> list[Any]:
    """What a server sends; by lines unless ``split_lines`` is false."""
    call.only(*_URL_OPTIONS)
    result: list[Any] = []
    for term in call.terms:
        text = _fetch(str(term), call)
        result += text.splitlines() if call.option("split_lines", True) else [text]
    return result


def _fetch(address: str, call: LookupCall) -> str:
    # Only here: together they take as long to import as everything else.
    import ssl
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    if not address.startswith(("http://", "https://", "ftp://", "file://")):
        raise LookupProblem(
            "the lookup 'url' needs an address that begins with https:// or http://"
        )
    request = Request(address, headers=dict(call.option("headers", {})))  # noqa: S310
    if call.option("username"):
        pair = f"{call.option('username')}:{call.option('password', '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    context = ssl.create_default_context()
    if not call.option("validate_certs", True):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    timeout = float(call.option("timeout", 10))
    try:
        with urlopen(request, timeout=timeout, context=context) as answer:  # noqa: S310
            content: bytes = answer.read(_MAX_BYTES)
    except (URLError, OSError, ValueError) as error:
        raise LookupProblem(f"the lookup 'url' failed: {getattr(error, 'reason', error)}") from None
    return content.decode("utf-8", "surrogateescape")


LOOKUPS = {"lines": lines, "pipe": pipe, "url": url}
