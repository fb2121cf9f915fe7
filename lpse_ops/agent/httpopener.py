"""How requests of the web travel: redirects, TLS, proxies, sockets and who we say we are.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  A redirect to
another place never takes credentials along, and leads to nothing but http and https.
"""

import base64
import http.client
import http.cookiejar
import netrc
import os
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from lpse_ops.agent.context import Failed

# What says who we are; and the name of the first place, which is not that of the second.
_FOR_ONE_PLACE = ("authorization", "cookie", "proxy-authorization", "host")
_ABOUT_BODY = ("content-length", "content-type", "transfer-encoding")
_WITH_BODY = (307, 308)
_PORTS = {"http": 80, "https": 443}


class Route(NamedTuple):
    """How to get to a server, in the words of the modules' arguments."""

    follow_redirects: str = "urllib2"
    use_proxy: bool = True
    validate_certs: bool = True
    ca_path: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    ciphers: Sequence[str] = ()
    url_username: Optional[str] = None
    url_password: Optional[str] = None
    force_basic_auth: bool = False
    use_netrc: bool = True
    unix_socket: Optional[str] = None


def open_route(
    url: str, route: Route, cookies: http.cookiejar.CookieJar
) -> Tuple[urllib.request.OpenerDirector, str, Dict[str, str]]:
    """What opens requests, the URL without its password, and the headers that say who we are."""
    url, headers, handlers = _authentication(url, route)
    context = _tls_context(route)
    if route.unix_socket:
        handlers += [_UnixHTTP(route.unix_socket), _UnixHTTPS(route.unix_socket, context)]
    else:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    if route.unix_socket or not route.use_proxy:
        handlers.append(urllib.request.ProxyHandler({}))
    handlers.append(Redirects(route.follow_redirects))
    handlers.append(urllib.request.HTTPCookieProcessor(cookies))
    return urllib.request.build_opener(*handlers), url, headers


def basic_authorization(username: str, password: Optional[str]) -> str:
    words = "{}:{}".format(username, password or "").encode("utf-8", "surrogateescape")
    return "Basic " + base64.b64encode(words).decode("ascii")


def _authentication(
    url: str, route: Route
) -> Tuple[str, Dict[str, str], List[urllib.request.BaseHandler]]:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _PORTS:
        return url, {}, []
    username, password = route.url_username, route.url_password
    netloc = parts.netloc
    if not username and "@" in netloc:
        words, _, netloc = netloc.rpartition("@")
        name, _, secret = words.partition(":")
        username, password = urllib.parse.unquote(name), urllib.parse.unquote(secret)
        url = urllib.parse.urlunsplit(parts._replace(netloc=netloc))
    if username and route.force_basic_auth:
        return url, {"Authorization": basic_authorization(username, password)}, []
    if username:
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        known.add_password(None, netloc, username, password or "")
        basic = urllib.request.HTTPBasicAuthHandler(known)
        return url, {}, [basic, urllib.request.HTTPDigestAuthHandler(known)]
    found = _in_netrc(parts.hostname or "") if route.use_netrc else None
    return url, {"Authorization": basic_authorization(*found)} if found else {}, []


def _in_netrc(host: str) -> Optional[Tuple[str, str]]:
    """Name and password that ``$NETRC`` or ``~/.netrc`` has for a host."""
    path = os.environ.get("NETRC") or os.path.join(os.path.expanduser("~"), ".netrc")
    try:
        entry = netrc.netrc(path).authenticators(host)
    except OSError:
        return None
    except (netrc.NetrcParseError, UnicodeDecodeError):
        # Its message may be a part of a password.
        raise Failed(
            f"cannot read {path} as a netrc file; use_netrc: false leaves it out"
        ) from None
    if not entry or not entry[0] or not entry[2]:
        return None
    return entry[0], entry[2]


def _tls_context(route: Route) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=route.ca_path)
    if not route.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if route.ciphers:
        context.set_ciphers(":".join(route.ciphers))
    if route.client_cert:
        if hasattr(context, "post_handshake_auth"):
            context.post_handshake_auth = True
        context.load_cert_chain(route.client_cert, keyfile=route.client_key)
    return context


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects as ``follow_redirects`` says; credentials stay at the first place."""

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302

    def __init__(self, follow: str) -> None:
        self._follow = follow

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Optional[urllib.request.Request]:
        if self._follow in ("no", "none"):
            raise urllib.error.HTTPError(newurl, code, msg, headers, fp)
        if not follows(self._follow, code, req.get_method()):
            raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)
        if urllib.parse.urlsplit(newurl).scheme not in _PORTS:
            text = f"{msg} - Redirection to url '{newurl}' is not allowed"
            raise urllib.error.HTTPError(newurl, code, text, headers, fp)
        return self._request(req, code, newurl.replace(" ", "%20"))

    def _request(
        self, req: urllib.request.Request, code: int, newurl: str
    ) -> urllib.request.Request:
        keeps_body = code in _WITH_BODY and self._follow != "urllib2"
        dropped = set(() if keeps_body else _ABOUT_BODY)
        if not is_same_place(req.full_url, newurl):
            dropped.update(_FOR_ONE_PLACE)
        if keeps_body and hasattr(req.data, "seek"):
            req.data.seek(0)  # type: ignore[union-attr]
        kept = {name: value for name, value in req.headers.items() if name.lower() not in dropped}
        return urllib.request.Request(  # noqa: S310
            newurl,
            data=req.data if keeps_body else None,
            headers=kept,
            origin_req_host=req.origin_req_host,
            unverifiable=True,
            method=method_after(self._follow, code, req.get_method()),
        )


def follows(follow: str, code: int, method: str) -> bool:
    """Whether a redirect is followed; ``urllib2`` is what Python's own library does."""
    if follow == "urllib2":
        return method in ("GET", "HEAD") or (code not in _WITH_BODY and method == "POST")
    return follow in ("all", "yes") or (follow == "safe" and method in ("GET", "HEAD"))


def method_after(follow: str, code: int, method: str) -> str:
    """The method of the request that a redirect leads to."""
    if follow == "urllib2":
        return "HEAD" if method == "HEAD" else "GET"
    if method != "HEAD" and (code in (302, 303) or (code == 301 and method == "POST")):
        return "GET"
    return method


def is_same_place(first: str, second: str) -> bool:
    """Whether credentials for one URL are for the other one too: it may only get safer."""
    (scheme, *place), (other_scheme, *other) = _place(first), _place(second)
    if (scheme, place) == (other_scheme, other):
        return True
    is_safer = (scheme, other_scheme) == ("http", "https")
    return is_safer and place[0] == other[0] and (place[1], other[1]) == (80, 443)


def _place(url: str) -> Tuple[Any, ...]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, host: str, *, path: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._path = path

    def connect(self) -> None:
        self.sock = _connected(self._path, self.timeout)


class _UnixTLSConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, path: str, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(host, context=context, **options)
        self._path = path
        self._tls = context

    def connect(self) -> None:
        plain = _connected(self._path, self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _connected(path: str, timeout: Any) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if isinstance(timeout, (int, float)):
        opened.settimeout(timeout)
    try:
        opened.connect(path)
    except OSError as error:
        opened.close()
        raise OSError(f"Invalid Socket File ({path}): {error}") from error
    return opened


class _UnixHTTP(urllib.request.HTTPHandler):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_UnixConnection, req, path=self._path)  # type: ignore[arg-type]


class _UnixHTTPS(urllib.request.HTTPSHandler):
    def __init__(self, path: str, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._path = path
        self._tls = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(
            _UnixTLSConnection,  # type: ignore[arg-type]
            req,
            path=self._path,
            context=self._tls,
        )
