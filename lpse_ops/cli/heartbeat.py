"""Fetches a URL after each good backup: somebody else notices when that stops.

It never fails a backup.  The URL is a secret: no message repeats it.
"""

import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import IO
from urllib.parse import urlsplit

from lpse_ops.cli.notify_urls import read_urls
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

_KEY = "notify.heartbeat_file"
_SECONDS = 10
_SCHEMES = ("http", "https")


def beat(app: App) -> None:
    """Fetch the URL of ``notify.heartbeat_file``, if there is one; warn when that fails."""
    settings = app.settings_unless_empty
    if settings is None or settings.notify.heartbeat_file is None:
        return
    try:
        [url, *_] = read_urls(settings.notify.heartbeat_file, _KEY)
    except OpsError as error:
        app.console.warn(f"no heartbeat: {error.message}")
        return
    if (reason := fetch(url)) is not None:
        app.console.warn(f"no heartbeat: {reason}")


def fetch(url: str, seconds: float = _SECONDS) -> str | None:
    """GET the URL; return why that failed, without the URL, or None."""
    scheme = urlsplit(url).scheme
    if scheme not in _SCHEMES:
        return "the URL must begin with https:// or http://"
    opener = urllib.request.build_opener(_SameScheme(scheme))
    request = urllib.request.Request(url, headers={"User-Agent": "lpse-ops"})  # noqa: S310
    try:
        with opener.open(request, timeout=seconds) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        return f"the answer was {error.code}"
    except urllib.error.URLError as error:
        reason = error.reason
        return (
            reason.strerror or type(reason).__name__ if isinstance(reason, OSError) else "refused"
        )
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__
    return None


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to the scheme that it came from: never from https to http."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != self._scheme:
            raise urllib.error.URLError("a redirect to another scheme")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
