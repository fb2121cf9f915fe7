"""One request of the web and its answer, for the modules ``get_url`` and ``uri``.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  What comes
back is a stranger's: it is read in pieces, and no password is in any message.
"""

import http.client
import http.cookiejar
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from email.utils import collapse_rfc2231_value, formatdate
from typing import IO, Any, Dict, Mapping, NamedTuple, Optional, Sequence, Union

from lpse_ops.agent.context import Failed
from lpse_ops.agent.httpbody import Body
from lpse_ops.agent.httpopener import Route, open_route

# What get_url and uri take alike.
WEB_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "force": {"type": "bool", "default": False},
    "http_agent": {"type": "str", "default": "ansible-httpget"},
    "use_proxy": {"type": "bool", "default": True},
    "validate_certs": {"type": "bool", "default": True},
    "force_basic_auth": {"type": "bool", "default": False},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "unredirected_headers": {"type": "list", "elements": "str", "default": []},
    "decompress": {"type": "bool", "default": True},
    "ciphers": {"type": "list", "elements": "str"},
    "use_netrc": {"type": "bool", "default": True},
}
# Answers that are held in memory: what a result can carry.
LIMIT_BYTES = 32 << 20

Content = Union[None, bytes, IO[bytes]]


class Asked(NamedTuple):
    """What is asked of a server; ``modified_since`` is a time in seconds."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    content: Content = None
    modified_since: Optional[float] = None
    timeout: float = 10
    http_agent: Optional[str] = None
    force: bool = False
    decompress: bool = True
    unredirected_headers: Sequence[str] = ()


class Answer(NamedTuple):
    """What came back; ``status`` is -1 if it was nothing.

    ``info`` are the server's headers in lower case with ``url``, ``status`` and ``msg``, as results
    show them.  ``error_content`` is the content of an answer that is no success.
    """

    info: Dict[str, Any]
    body: Optional[Body] = None
    error_content: Optional[bytes] = None
    headers: Optional[Message] = None

    @property
    def status(self) -> int:
        """The status of HTTP; 0 where there is none, as with ``file://``."""
        return int(self.info["status"] or 0)


def asked_of(args: Mapping[str, Any], **more: Any) -> Asked:
    """The request that a module's arguments mean; ``more`` are fields to set."""
    names = ("url", "timeout", "http_agent", "force", "decompress", "unredirected_headers")
    fields = {name: args[name] for name in names}
    fields["headers"] = args.get("headers") or {}
    fields.update(more)
    return Asked(**fields)


def route_of(args: Mapping[str, Any]) -> Route:
    """The way to the server that a module's arguments mean."""
    known = {name: args[name] for name in Route._fields if args.get(name) is not None}
    return Route(**known)


def open_answer(asked: Asked, route: Route) -> Answer:
    """Ask; an answer of any status, and no answer at all, are values.

    ``Failed`` is a URL that is none, and a file for TLS that cannot be used.
    """
    shown = mask_url(asked.url)
    cookies = http.cookiejar.CookieJar()
    try:
        opener, url, headers = open_route(asked.url, route, cookies)
        request = _request(asked, url, headers)
    except ValueError as error:
        raise Failed(_without_password(str(error), asked.url), url=shown, status=-1) from error
    except (OSError, ssl.SSLError) as error:
        return _no_answer(shown, f"Connection failure: {error}")
    try:
        opened = opener.open(request, None, asked.timeout)
        return _success(opened, cookies, asked)
    except urllib.error.HTTPError as error:
        return _refusal(error, shown)
    except Exception as error:
        return _no_answer(shown, _without_password(_trouble(error), asked.url))


def _request(asked: Asked, url: str, headers: Mapping[str, str]) -> urllib.request.Request:
    method = asked.method.upper()
    # A file of this host is one of the places that a task may name.
    request = urllib.request.Request(url, data=asked.content, method=method)  # noqa: S310
    if asked.http_agent:
        request.add_header("User-agent", asked.http_agent)
    if asked.force:
        request.add_header("cache-control", "no-cache")
    elif asked.modified_since is not None:
        stamp = formatdate(asked.modified_since, usegmt=True)
        request.add_header("If-Modified-Since", stamp)
    stays = {name.lower() for name in asked.unredirected_headers}
    for name, value in {**asked.headers, **headers}.items():
        add = request.add_unredirected_header if name.lower() in stays else request.add_header
        add(name, str(value))
    return request


def _success(opened: Any, cookies: http.cookiejar.CookieJar, asked: Asked) -> Answer:
    info: Dict[str, Any] = {}
    for name, value in opened.headers.items():
        key = name.lower()
        info[key] = f"{info[key]}, {value}" if key in info else value
    found = [(cookie.name, cookie.value) for cookie in cookies]
    info["cookies_string"] = "; ".join(f"{name}={value}" for name, value in found)
    info["cookies"] = dict(found)
    length = opened.headers.get("Content-Length", "unknown")
    status = opened.getcode()
    info.update(msg=f"OK ({length} bytes)", url=mask_url(opened.geturl()), status=status)
    packing = opened.headers.get("Content-Encoding", "").lower()
    body = Body(
        opened,
        int(length) if length.isdigit() and asked.method.upper() != "HEAD" else None,
        is_packed=asked.decompress and packing == "gzip",
    )
    return Answer(info, body, None, opened.headers)


def _refusal(error: urllib.error.HTTPError, shown: str) -> Answer:
    info: Dict[str, Any] = {"url": shown}
    info.update((name.lower(), value) for name, value in (error.headers or {}).items())
    info.update(msg=str(error), status=error.code)
    content = b""
    if error.fp is not None:
        body = Body(error, None, is_packed=False)
        try:
            content = body.read(LIMIT_BYTES)
        except Failed as failed:
            return _no_answer(shown, str(failed))
        finally:
            body.close()
    return Answer(info, None, content, error.headers)


def _no_answer(shown: str, message: str) -> Answer:
    return Answer({"url": shown, "status": -1, "msg": message})


def _trouble(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return f"Request failed: {error}"
    if isinstance(error, OSError):
        return f"Connection failure: {error}"
    if isinstance(error, http.client.BadStatusLine):
        text = "Connection failure: connection was closed before a valid response was received: {}"
        return text.format(error)
    return f"An unknown error occurred: {error}"


def mask_url(url: str) -> str:
    """The URL as results show it: stars for a name and a password."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return url
    words, has_words, place = parts.netloc.rpartition("@")
    if not has_words or words in ("", ":"):
        return url
    stars = "****:****" if words.partition(":")[2] else "****"
    return urllib.parse.urlunsplit(parts._replace(netloc=f"{stars}@{place}"))


def _without_password(message: str, url: str) -> str:
    return message.replace(url, mask_url(url))


def named_in_header(headers: Optional[Message]) -> Optional[str]:
    """The name that ``Content-Disposition`` gives the content; it never leaves the folder."""
    value = headers.get_param("filename", header="content-disposition") if headers else None
    return plain_name(collapse_rfc2231_value(value)) if value else None


def plain_name(path: str) -> Optional[str]:
    """The last part of a path, if that can be the name of a file."""
    name = os.path.basename(path)
    return None if name in ("", ".", "..") or "\0" in name else name


class Watch:
    """How long something takes, in whole seconds, as results have it."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> int:
        return int(time.monotonic() - self._start)
